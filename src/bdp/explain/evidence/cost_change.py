"""What changed from three days before a cost rose to its end, and what connects a change with the rise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from bdp.explain.bilingual import Bilingual
from bdp.explain.case import Case, aware
from bdp.explain.costs.attribution import CHANGE_DAYS, changes_query, connected
from bdp.explain.costs.bill import Shown
from bdp.explain.costs.connection import WELL, Tie
from bdp.explain.costs.usual import midnight
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import moment, name, sample
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.ports import Row

_MOST: Final = 3


def collect(case: Case) -> None:
    """Add the changes that something connects with the rise, or that none is; nothing where no change is fed in."""
    bill = case.bill
    if bill is None or not bill.whole.days:
        return
    first, last = bill.whole.first, bill.whole.last
    query = changes_query(first, last)
    tied, seen = connected(case.store, bill.key, first, last, bill.parts.drivers)
    told = [(_add(case, tie, row, query), tie) for tie, row in tied[:_MOST]]
    well = [(one, tie) for one, tie in told if tie.strength >= WELL and one.value["change_kind"] != "maintenance"]
    if well and sum(tie.strength == well[0][1].strength for _, tie in well) == 1:
        evidence, tie = well[0]
        bill.culprit = str(evidence.value["ref"])
        bill.shown.append(Shown("change", evidence.id, bill.culprit))
        bill.shown += [Shown(f"change_{lever}", evidence.id, bill.culprit) for lever in tie.levers]
    elif not tied and seen:
        _add_none(case, seen, query)


def _add(case: Case, tie: Tie, row: Row, query: str) -> Evidence:
    at, start = aware(row["ts"]), case.stretch.start
    value: dict[str, Any] = {
        "ref": sample(str(row["ref"])),
        "change_kind": str(row["kind"]),
        "changed_service": sample(str(row["service"])),
        "change_summary": str(row["summary"])[:200],
        "time": moment(at),
        "first_day": case.stretch.days[0].isoformat(),
        "strength_of_connection": tie.strength,
        "connection": tie.why.en,
    }
    what = {"kind": kind_of(str(row["kind"])), "ref": name(str(row["ref"])), "service": name(str(row["service"]))}
    order = "cost_change_before" if at < start else "cost_change_during"
    text = say(order, **what, time=f"{at:%Y-%m-%d %H:%M}", day=value["first_day"])
    whole = text + Bilingual.alike(" ") + tie.why
    end = max(at, case.stretch.end)
    return case.add(EvidenceKind.CHANGE, value, whole, query, source="changes", start=at, end=end)


def _add_none(case: Case, seen: int, query: str) -> None:
    first, _ = case.stretch.days
    since = midnight(first - timedelta(days=CHANGE_DAYS))
    value = {"changes": seen, "connected_changes": 0, "looked_back_days": CHANGE_DAYS}
    text = say("cost_no_change", seen=seen, days=CHANGE_DAYS)
    case.add(EvidenceKind.CHANGE, value, text, query, start=since, source="changes")
