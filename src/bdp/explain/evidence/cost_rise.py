"""How far a cost rose: what the days cost, what such days usually cost, and whether the data can be relied on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from bdp.explain.bilingual import Bilingual
from bdp.explain.case import Case
from bdp.explain.costs.bill import Bill, keys_of, measured
from bdp.explain.costs.delivery import delivered
from bdp.explain.costs.usual import BEFORE_DAYS, LEAST_DAYS, Usual, midnight, whose
from bdp.explain.evidence.count import whose as whom
from bdp.explain.sentences import say
from bdp.explain.wording import clean, money, name, sample
from bdp.model.evidence import EvidenceKind
from bdp.model.incident import Incident

_INSTANT: Final = timedelta(microseconds=1)


def collect(case: Case) -> None:
    """Add how the cost of the subject rose, then what is wrong with the data, where something is."""
    first, last = case.stretch.days
    keys, query = keys_of(case.store, case.incident.subject, first, last)
    if not keys:
        _add_nothing(case, query)
        return
    column, whole = measured(case.store, keys[0], first, last, _told(case.incident))
    case.bill = bill = Bill(keys[0], column, whole)
    _add(case, bill)
    _add_currencies(case, [key.currency for key in keys], query)
    _add_quality(case, bill)


def rounded(value: float) -> float:
    """Return money as it is kept in evidence."""
    return round(value, 4) + 0.0


def edges(whole: Usual) -> tuple[datetime, datetime]:
    """Return the stretch of time that evidence of a rise covers: the days before and those of it."""
    return midnight(min(whole.before, default=whole.first)), midnight(whole.last + timedelta(days=1)) - _INSTANT


def when(whole: Usual) -> Bilingual:
    """Return the days of a rise as they stand in a sentence."""
    if whole.first == whole.last:
        return say("on_day", day=whole.first.isoformat())
    return say("on_days", first=whole.first.isoformat(), last=whole.last.isoformat())


def shown_account(case: Case) -> dict[str, Any]:
    """Return whose costs they are, for the value of evidence."""
    subject = case.incident.subject
    account = {"account": sample(clean(subject.account))} if subject.account else {}
    return {"subject": sample(clean(str(subject))), "service": sample(clean(subject.service)), **account}


def _told(incident: Incident) -> float | None:
    """Return what an incident says that its day cost."""
    counts = [one.data.get("count") for one in incident.timeline if one.kind == "detected"]
    return next((float(one) for one in counts if isinstance(one, int | float) and one), None)


def _add_nothing(case: Case, query: str) -> None:
    value = {**shown_account(case), "cost_lines": 0}
    text = say("cost_nothing", subject=whom(value), when=_days(case))
    case.add(EvidenceKind.COST, value, text, query, source="costs", end=case.stretch.end - _INSTANT)


def _days(case: Case) -> Bilingual:
    first, last = case.stretch.days
    if first == last:
        return say("on_day", day=first.isoformat())
    return say("on_days", first=first.isoformat(), last=last.isoformat())


def _add(case: Case, bill: Bill) -> None:
    whole, currency = bill.whole, bill.key.currency
    start, end = edges(whole)
    value: dict[str, Any] = {
        **shown_account(case),
        "currency": sample(clean(currency)),
        "column": bill.column,
        "first_day": whole.first.isoformat(),
        "last_day": whole.last.isoformat(),
        "cost": rounded(whole.cost),
        "observed_days": len(whole.days),
        "usual_days": len(whole.held),
        "same_weekday": whole.weekly,
    }
    if len(whole.before) < LEAST_DAYS:
        text = say("cost_young", subject=whom(value), cost=money(whole.cost, currency), when=when(whole))
        case.add(EvidenceKind.COST, value, text, whole.query, source="costs", start=start, end=end)
        return
    levels = {
        "cost_usual": whole.level,
        "cost_usual_low": min(whole.held),
        "cost_usual_high": max(whole.held),
        "cost_difference": whole.change,
    }
    value |= {key: rounded(level) for key, level in levels.items()}
    if whole.level > 0:
        value["ratio"] = round(whole.cost / whole.level, 4)
    told = {key: money(value[key], currency) for key in ("cost", *levels)}
    text = say("cost_rise", subject=whom(value), when=when(whole), days=f"{len(whole.held)}", **told)
    case.add(EvidenceKind.COST, value, text, whole.query, source="costs", start=start, end=end)


def _add_currencies(case: Case, currencies: list[str], query: str) -> None:
    """Say that the same costs come in several currencies: sums of one say nothing of the other."""
    found = sorted({sample(clean(one)) for one in currencies})
    if len(found) > 1:
        value = {**shown_account(case), "currencies": found}
        text = say("cost_currencies", currencies=Bilingual.alike(", ".join(map(name, found))))
        case.add(EvidenceKind.COST, value, text, query, source="costs")


def _add_quality(case: Case, bill: Bill) -> None:
    """Add that the newest day is not whole yet, or that days before are missing."""
    whole = bill.whole
    start, end = edges(whole)
    delivery = delivered(case.store, whose(bill.key), start.date(), whole.last)
    if delivery.is_partial(whole.last, whole.before):
        lines = int(delivery.rows[whole.last]["found"]), delivery.lines(whole.before)
        day = whole.last.isoformat()
        value = {**shown_account(case), "last_day": day, "cost_lines": lines[0], "usual_cost_lines": lines[1]}
        text = say("cost_partial", day=day, lines=lines[0], usual=lines[1])
        case.add(EvidenceKind.COST, value, text, delivery.query, source="costs", start=start, end=end)
    _add_gaps(case, whole, delivery.query)


def _add_gaps(case: Case, whole: Usual, query: str) -> None:
    start, end = edges(whole)
    days = (whole.last - start.date()).days + 1
    missing = [day for at in range(days) if (day := start.date() + timedelta(days=at)) not in whole.costs]
    if missing and len(missing) < days:
        value = {**shown_account(case), "missing_days": [_iso(day) for day in missing[:BEFORE_DAYS]]}
        text = say("cost_gaps", count=len(missing), first=_iso(missing[0]))
        case.add(EvidenceKind.COST, value, text, query, source="costs", start=start, end=end)


def _iso(day: date) -> str:
    return day.isoformat()
