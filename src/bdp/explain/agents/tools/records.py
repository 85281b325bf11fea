"""Look-ups over the rest: one request's way, changes, and incidents with what was found of them."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRequest
from bdp.explain.agents.bench import Bench, Span, aware
from bdp.explain.agents.tools.scope import Name, Times
from bdp.explain.wording import clean, clock_time, figure, moment, name, number, plural, sample
from bdp.model.analysis import Check
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import equals

_DIFF: Final = 600
_CLAIMS: Final = 6
_LISTED: Final = 200


class Trace(BaseModel):
    """One request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trace_id: str = Field(min_length=1, max_length=128)


class Changes(Times):
    """What changed."""

    service: Name = Field(default="", description="exact; empty: all")
    with_diff: bool = Field(default=False, description="with the beginning of each diff")
    limit: int | None = Field(default=10, ge=1, le=50)


class Incidents(BaseModel):
    """Which incidents there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Name = Field(default="", description="exact; empty: all")
    limit: int | None = Field(default=10, ge=1, le=50)


class One(BaseModel):
    """One incident."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incident_id: str = Field(min_length=1, max_length=64)


def trace(bench: Bench, given: Trace) -> Evidence:
    """Follow one request, in order."""
    query = (
        f"SELECT ts, service, route, level, status, error_code, duration_ms, "
        f"substringUTF8(message, 1, 201) AS message, {ABNORMAL_SQL} AS abnormal FROM events "
        f"WHERE {equals('trace_id', given.trace_id)} "
        f"ORDER BY ts, span_id LIMIT {bench.rows()}"
    )
    found = bench.query(query)
    rows = [_step(row) for row in found]
    failing = next((sample(clean(row["service"])) for row in found if row["abnormal"]), "")
    value: dict[str, Any] = {"trace_id": given.trace_id, "steps": rows, "events": len(rows)}
    value |= {"first_failing_service": failing} if failing else {}
    span = Span(aware(found[0]["ts"]), aware(found[-1]["ts"])) if found else bench.span
    count = figure(len(rows))
    text = bench.say(
        f"Trace {name(given.trace_id)} has {count} events", f"추적 {name(given.trace_id)}: 이벤트 {count}건"
    )
    if failing:
        text += bench.say(f"; {name(failing)} fails first", f"; {name(failing)} 먼저 실패")
    return bench.add(EvidenceKind.TRACE_ORDER, value, f"{text}.", query, span)


def _step(row: dict[str, Any]) -> dict[str, Any]:
    told = {"time": moment(aware(row["ts"])), "service": sample(clean(row["service"])), "level": str(row["level"])}
    texts = {key: sample(clean(row[key])) for key in ("route", "error_code", "message") if row[key]}
    figures = {key: number(row[key]) for key in ("status", "duration_ms") if row[key]}
    return {**told, **texts, **figures}


def changes(bench: Bench, given: Changes) -> Evidence:
    """List changes, newest first."""
    span = given.span(bench)
    where = f"{span.sql} AND {equals('service', given.service)}" if given.service else span.sql
    query = (
        f"SELECT ts, kind, service, ref, author, substringUTF8(summary, 1, 201) AS summary, "
        f"substringUTF8(diff, 1, {_DIFF}) AS diff FROM changes WHERE {where} ORDER BY ts DESC "
        f"LIMIT {min(50, bench.rows(given.limit))}"
    )
    rows = []
    for row in bench.query(query):
        told = {key: sample(clean(row[key])) for key in ("kind", "service", "ref", "author", "summary") if row[key]}
        told |= {"diff": clean(row["diff"])} if given.with_diff and row["diff"] else {}
        rows.append({"time": moment(aware(row["ts"])), **told})
    parts = [
        f"{row['kind']} {name(row.get('ref', ''))} {name(row.get('service', ''))} {_clock(row['time'])}"
        for row in rows[:5]
    ]
    head = bench.say(plural(len(rows), "change"), f"변경 {len(rows)}건")
    value = {"rows": rows, "changes": len(rows)}
    return bench.add(EvidenceKind.CHANGE, value, "; ".join([head, *parts]) + ".", query, span, source="changes")


def _clock(text: str) -> str:
    return clock_time(datetime.fromisoformat(text))


def incidents(bench: Bench, given: Incidents) -> Evidence:
    """List incidents, newest start first."""
    if bench.incidents is None:
        raise BadRequest("There is no record of incidents here.")
    most = min(50, bench.rows(given.limit))
    listed = bench.incidents.list(since=bench.span.start, limit=_LISTED)
    about = [one for one in listed if not given.service or one.subject.service == given.service]
    rows = [
        {
            "incident_id": one.incident_id,
            "title": sample(clean(one.title)),
            "service": sample(clean(one.subject.service)),
            "severity": one.severity.value,
            "status": one.status.value,
            "start_time": moment(one.start_time),
            "events": number(one.events),
        }
        for one in about[:most]
    ]
    event = bench.say("{} events", "이벤트 {}건")
    parts = [f"{name(str(row['title']))} {event.format(figure(float(row['events'])))}" for row in rows[:5]]
    head = bench.say(plural(len(about), "incident"), f"인시던트 {len(about)}개")
    value = {"rows": rows, "incidents": len(about)}
    return bench.add(EvidenceKind.PAST_CASE, value, "; ".join([head, *parts]) + ".", "", bench.span, source="state")


def incident(bench: Bench, given: One) -> Evidence:
    """Tell what was found of one incident."""
    if bench.incidents is None:
        raise BadRequest("There is no record of incidents here.")
    report = bench.incidents.report(given.incident_id)
    one, analysis = report.incident, report.analysis
    value: dict[str, Any] = {
        "incident_id": one.incident_id,
        "title": sample(clean(one.title)),
        "status": one.status.value,
    }
    value |= {
        "severity": one.severity.value,
        "events": number(one.events),
        "service": sample(clean(one.subject.service)),
    }
    if analysis:
        held = [claim.text for claim in analysis.claims if claim.check is Check.SUPPORTED]
        value |= {"verdict": analysis.verdict.value, "mechanism": analysis.mechanism, "claims": held[:_CLAIMS]}
        value |= {"culprit_change": analysis.culprit_change} if analysis.culprit_change else {}
    found = bench.say("not analysed yet", "아직 분석되지 않음")
    if analysis:
        found = f"{analysis.verdict.value} {name(analysis.mechanism) if analysis.mechanism else ''}".rstrip()
    span = Span(one.start_time, max(one.last_seen, one.start_time))
    return bench.add(EvidenceKind.PAST_CASE, value, f"{name(one.title)}: {found}.", "", span, source="state")
