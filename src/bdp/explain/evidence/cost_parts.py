"""What a rise in cost is made of, and what moved against it: parts of the bill, other accounts, other services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bdp.explain.bilingual import Bilingual
from bdp.explain.case import Case
from bdp.explain.costs.attribution import ACCOUNT, SERVICE, parts
from bdp.explain.costs.bill import Bill, Shown
from bdp.explain.costs.usual import account_of, service_of, usual
from bdp.explain.evidence.cost_rise import edges, rounded
from bdp.explain.sentences import say
from bdp.explain.wording import clean, money, name, percent, sample
from bdp.model.cost_result import Driver
from bdp.model.evidence import Evidence, EvidenceKind

MAIN: Final = 0.6
"""A part that makes up so much of a rise singles itself out."""
_TOLD: Final = 0.1
_LIFT: Final = 0.2
"""A part that was there before must have so much more of the rise than it has of the usual cost."""
_APART: Final = 0.15
_CHURN: Final = 1.3
_FELL: Final = -0.5
_ALSO_ROSE: Final = 0.3
_MOST: Final = 3
_KEYS: Final = {"usage type": "usage_type", "charge category": "charge_category"}


def collect(case: Case) -> None:
    """Add the largest parts of the rise by dimension, then what fell elsewhere."""
    bill = case.bill
    if bill is None or not bill.rose:
        return
    bill.parts = parts(case.store, bill.key, bill.whole, bill.column)
    own, elsewhere = ((SERVICE,), (ACCOUNT,)) if bill.key.is_whole else ((), (ACCOUNT, SERVICE))
    for dimension in (*own, "usage type", "resource", "region", "charge category", "tag"):
        for one in bill.of(dimension)[:_MOST]:
            if abs(one.share) >= _TOLD and (dimension == "usage type" or _tells(bill, one)):
                _add(case, bill, one)
        _add_new(case, bill, dimension)
    moved = [one for one in bill.of(*elsewhere) if one.share <= _FELL or one.share >= _ALSO_ROSE]
    moved = [] if case.is_open else moved  # all else costs less on a day that is not over
    for one in moved[:_MOST]:
        _add(case, bill, one)
    if moved:
        _add_wholes(case, bill)
    if _is_new_account(bill):
        bill.shown.append(Shown("new_account", _add_whole(case, bill, "all_services").id))
    bill.shown += _shown(bill)


def _is_new_account(bill: Bill) -> bool:
    """Return whether an account had no cost before: then none of its parts had, and that says nothing more."""
    return bill.key.is_whole and not any(bill.whole.costs[day] for day in bill.whole.before)


def _tells(bill: Bill, one: Driver) -> bool:
    """Return whether a part has another share of the rise than of the usual cost; else it says nothing."""
    return abs(one.share - one.usual / max(bill.whole.level, 1e-9)) >= _APART


def _add(case: Case, bill: Bill, one: Driver) -> Evidence:
    start, end = edges(bill.whole)
    key = _KEYS.get(one.dimension, one.dimension)
    value: dict[str, Any] = {
        key: sample(clean(one.name)),
        "currency": sample(clean(bill.key.currency)),
        "cost": rounded(one.cost),
        "cost_usual": rounded(one.usual),
        "cost_difference": rounded(one.change),
        "share": round(abs(one.share), 4),
        "is_new": one.is_new,
        "first_day": bill.whole.first.isoformat(),
    }
    added = case.add(EvidenceKind.COST, value, _told(bill, one), bill.parts.query, source="costs", start=start, end=end)
    bill.proof[one.dimension, one.name] = added.id
    return added


def _told(bill: Bill, one: Driver) -> Bilingual:
    currency = bill.key.currency
    told = {
        "what": say(f"cost_of_{_KEYS.get(one.dimension, one.dimension)}", part=name(one.name)),
        "cost": money(one.cost, currency),
        "usual": money(one.usual, currency),
        "share": percent(abs(one.share)),
    }
    if one.change < 0:
        return say("cost_part_fell", **told, change=money(-one.change, currency))
    return say("cost_part_new" if one.is_new else "cost_part", **told)


def _add_new(case: Case, bill: Bill, dimension: str) -> None:
    """Add what many small new parts cost together; each of them alone says little."""
    count, cost = bill.parts.new.get(dimension, (0, 0.0))
    change = bill.whole.change
    alone = any(one.is_new and one.share >= MAIN for one in bill.of(dimension))
    if alone or count < 2 or not MAIN * change <= cost <= _CHURN * change:
        return
    start, end = edges(bill.whole)
    key = _KEYS.get(dimension, dimension)
    value = {
        "dimension": dimension, f"new_{key}_count": count, "currency": sample(clean(bill.key.currency)),
        "cost": rounded(cost), "share": round(cost / change, 4),
    }  # fmt: skip
    told = {"count": f"{count:,}", "cost": money(cost, bill.key.currency), "share": percent(cost / change)}
    text = say(f"cost_new_{key}", **told)
    added = case.add(EvidenceKind.COST, value, text, bill.parts.query, source="costs", start=start, end=end)
    if dimension != SERVICE and not _is_new_account(bill):
        bill.shown.append(Shown(f"new_{key}", added.id))


def _add_wholes(case: Case, bill: Bill) -> None:
    """Add how the service went over all accounts, and the account over all services."""
    _add_whole(case, bill, "all_accounts")
    if bill.key.account_id and not bill.key.is_whole:
        _add_whole(case, bill, "all_services")


def _add_whole(case: Case, bill: Bill, key: str) -> Evidence:
    of = {
        "all_accounts": (service_of, {"service": sample(clean(bill.key.service_name))}),
        "all_services": (account_of, {"account": sample(clean(bill.key.account))}),
    }
    where, named = of[key]
    whole = usual(case.store, where(bill.key), bill.whole.first, bill.whole.last, bill.column)
    currency = bill.key.currency
    value = {
        **named, "currency": sample(clean(currency)), "cost": rounded(whole.cost),
        "cost_usual": rounded(whole.level), "cost_difference": rounded(whole.change),
    }  # fmt: skip
    start, end = edges(whole)
    told = {"cost": money(whole.cost, currency), "usual": money(whole.level, currency)}
    text = say(f"cost_{key}", part=name(next(iter(named.values()))), **told)
    added = case.add(EvidenceKind.COST, value, text, whole.query, source="costs", start=start, end=end)
    if abs(whole.change) < 0.3 * bill.whole.change:
        bill.shown.append(Shown(f"steady_{key}", added.id))
    return added


def _shown(bill: Bill) -> Iterable[Shown]:
    """Yield what the parts show."""
    new, own = _is_new_account(bill), bill.key.is_whole
    for one in bill.parts.drivers:
        proof = bill.proof.get((one.dimension, one.name), "")
        key = _KEYS.get(one.dimension, one.dimension)
        if not proof or (own and one.dimension == SERVICE):
            continue
        if one.dimension in {ACCOUNT, SERVICE}:
            yield Shown(f"{key}_fell" if one.share <= _FELL else f"{key}_rose_too", proof, one.name)
        elif one.dimension == "charge category":
            if one.share >= MAIN and one.name != "Usage":
                yield Shown(f"category_{one.name.lower()}", proof, one.name)
        elif new:
            continue
        elif one.share >= MAIN and one.is_new:
            yield Shown(f"new_{key}", proof, one.name)
        elif one.share >= MAIN and one.share >= one.usual / max(bill.whole.level, 1e-9) + _LIFT:
            yield Shown(f"one_{key}", proof, one.name)
        elif one.share >= MAIN and key == "usage_type":
            yield Shown("same_usage_type", proof, one.name)
