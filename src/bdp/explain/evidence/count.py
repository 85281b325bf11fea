"""How many abnormal events, against the stretch before."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bdp.explain.bilingual import Bilingual, Count, lasting
from bdp.explain.case import Case, aware, between
from bdp.explain.sentences import say
from bdp.explain.wording import clock_time, moment, name, number, sample
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import EvidenceKind
from bdp.sql import literal


def whose(value: Mapping[str, Any]) -> Bilingual:
    """Return whose events a count holds, as people read it."""
    return say("all_services") if value.get("all_services") else Bilingual.alike(name(value["subject"]))


def collect(case: Case) -> None:
    """Add the counts of the subject's abnormal events; weighted, so that sampling does not bias them."""
    stretch = case.stretch
    inside, before = f"ts >= {literal(stretch.start)}", f"ts < {literal(stretch.start)}"
    query = (
        f"SELECT sumIf(weight, {inside}) AS abnormal_events, sumIf(weight, {before}) AS abnormal_events_before, "
        f"minIf(ts, {inside}) AS first_time, maxIf(ts, {inside}) AS last_time FROM events "
        f"WHERE {case.subject} AND {ABNORMAL_SQL} AND {between(stretch.before, stretch.end)}"
    )
    row = case.query(query)[0]
    events, earlier = number(row["abnormal_events"]), number(row["abnormal_events_before"])
    length = round((stretch.end - stretch.start).total_seconds())
    value = {
        "service": sample(case.service),
        "subject": sample(str(case.incident.subject)),
        "abnormal_events": events,
        "abnormal_events_before": earlier,
        "stretch_seconds": length,
        "margin_seconds": stretch.margin_seconds,
    }
    everything = not (case.exactly or case.service)
    if everything:
        value["all_services"] = True
    when = Bilingual()
    if events:
        first, last = aware(row["first_time"]), aware(row["last_time"])
        value |= {"first_time": moment(first), "last_time": moment(last)}
        when = say("from_to", first=clock_time(first), last=clock_time(last))
    if earlier:
        value["ratio"] = round(events / earlier, 2)
    text = say(
        "count", events=Count(events), subject=whose(value), length=lasting(length), when=when,
        before=f"{earlier:,}",
    )  # fmt: skip
    case.add(EvidenceKind.COUNT, value, text, query, start=stretch.before)
