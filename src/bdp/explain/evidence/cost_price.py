"""Price or use: what was billed against what was used, for a purchase raises the one and an ended commitment both."""

from __future__ import annotations

from typing import Any, Final

from bdp.explain.case import Case
from bdp.explain.costs.bill import Bill, Shown
from bdp.explain.costs.usual import Usual, usual, whose
from bdp.explain.evidence.cost_rise import edges, rounded, shown_account
from bdp.explain.sentences import say
from bdp.explain.wording import clean, money, sample
from bdp.model.evidence import EvidenceKind

_COVERED: Final = 0.8
"""Of use that a commitment covers, so much or less is billed."""
_UNCOVERED: Final = 0.95
_STEADY: Final = 0.3
_LEAST: Final = 1e-6


def collect(case: Case) -> None:
    """Add billed and effective cost beside one another, of all charges and of use alone, where they differ."""
    bill = case.bill
    if bill is None or not bill.rose:
        return
    used = f"{whose(bill.key)} AND charge_category = 'Usage'"
    first, last = bill.whole.first, bill.whole.last
    billed, effective = (usual(case.store, whose(bill.key), first, last, f"{kind}_cost") for kind in _KINDS)
    if effective.cost <= _LEAST or effective.level <= _LEAST:
        return  # nobody delivers it
    if _apart(billed, effective):
        proof = _add(case, bill, billed, effective, "cost_prices")
        if billed.change > _LEAST and abs(effective.change) <= _STEADY * billed.change:
            bill.shown.append(Shown("effective_steady", proof))
    billed, effective = (usual(case.store, used, first, last, f"{kind}_cost") for kind in _KINDS)
    if not billed.days or effective.level <= _LEAST or effective.cost <= _LEAST:
        return
    before, now = billed.level / effective.level, billed.cost / effective.cost
    if before <= _COVERED and now >= _UNCOVERED:
        bill.shown.append(Shown("commitment_ended", _add(case, bill, billed, effective, "cost_prices_of_use")))


_KINDS: Final = ("billed", "effective")


def _apart(billed: Usual, effective: Usual) -> bool:
    room = 0.02 * max(abs(billed.cost), abs(effective.cost))
    return abs(billed.cost - effective.cost) > room or abs(billed.level - effective.level) > room


def _add(case: Case, bill: Bill, billed: Usual, effective: Usual, key: str) -> str:
    """Add both, and return the number of the evidence."""
    currency = bill.key.currency
    value: dict[str, Any] = {
        **shown_account(case),
        "currency": sample(clean(currency)),
        "billed_cost": rounded(billed.cost),
        "billed_cost_usual": rounded(billed.level),
        "effective_cost": rounded(effective.cost),
        "effective_cost_usual": rounded(effective.level),
    }
    told = {one: money(value[one], currency) for one in value if one.startswith(_KINDS)}
    start, end = edges(billed)
    text = say(key, **told)
    return case.add(EvidenceKind.COST, value, text, effective.query, source="costs", start=start, end=end).id
