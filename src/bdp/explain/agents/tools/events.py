"""Look-ups over events: how many are abnormal, what they say, whose they are, how long they took."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from bdp.explain.agents.bench import Bench, aware
from bdp.explain.agents.tools.scope import Name, Scope
from bdp.explain.templates import SHAPE, learn
from bdp.explain.wording import clean, clock_time, figure, moment, name, number, percent, sample
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import literal

_SHAPES: Final = 1_000
_SHOWN: Final = 5


class Counting(Scope):
    """Counts of abnormal events."""

    by: Literal["service", "route", "error_code", "level", "status", "minute", "hour", "day"] = "service"
    limit: int | None = Field(default=None, ge=1, le=100)


class Saying(Scope):
    """What messages say."""

    only_abnormal: bool = True


class Reading(Scope):
    """Single messages."""

    contains: Name = Field(default="", description="text that the message has, upper or lower case")
    only_abnormal: bool = True
    limit: int | None = Field(default=5, ge=1, le=20)


class Ranking(Scope):
    """Values of a field."""

    field: str = Field(
        default="client_ip",
        pattern=r"^(service|route|error_code|user_id|client_ip|status|level|attributes\.[A-Za-z0-9_.-]{1,100})$",
        description="service, route, error_code, user_id, client_ip, status, level, or attributes.NAME",
    )
    only_abnormal: bool = True
    limit: int | None = Field(default=None, ge=1, le=100)


class Timing(Scope):
    """How long requests took."""

    by: Literal["service", "route"] = "service"
    limit: int | None = Field(default=None, ge=1, le=100)


def abnormal_events(bench: Bench, given: Counting) -> Evidence:
    """Count abnormal events by something, beside the same span before."""
    span = given.span(bench)
    buckets = {"minute": "toStartOfMinute(ts)", "hour": "toStartOfHour(ts)", "day": "toStartOfDay(ts)"}
    column = buckets.get(given.by, f"toString({given.by})")
    order = "part" if given.by in buckets else "abnormal DESC, part"
    query = (
        f"SELECT {column} AS part, sumIf(weight, {ABNORMAL_SQL}) AS abnormal, sum(weight) AS total FROM events "
        f"WHERE {given.where(span)} GROUP BY part HAVING abnormal > 0 ORDER BY {order} LIMIT {bench.rows(given.limit)}"
    )
    whole = (
        f"SELECT sumIf(weight, {ABNORMAL_SQL}) AS abnormal, sum(weight) AS total, "
        f"(SELECT sumIf(weight, {ABNORMAL_SQL}) FROM events WHERE {given.where(span.before)}) AS before "
        f"FROM events WHERE {given.where(span)}"
    )
    total = bench.query(whole)[0]
    abnormal, events, before = (number(total[key] or 0) for key in ("abnormal", "total", "before"))
    rows = [_part(given.by, row, bucket=given.by in buckets) for row in bench.query(query)] if abnormal else []
    value: dict[str, Any] = {
        "abnormal_events": abnormal,
        "events": events,
        "abnormal_events_before": before,
        "rows": rows,
        **given.about,
    }
    value |= {"share": round(abnormal / events, 4)} if events else {}
    return bench.add(EvidenceKind.COUNT, value, _counted(bench, given, value), query, span)


def _part(by: str, row: dict[str, Any], *, bucket: bool) -> dict[str, Any]:
    what = moment(aware(row["part"])) if bucket else sample(clean(str(row["part"])))
    return {by: what, "abnormal_events": number(row["abnormal"]), "events": number(row["total"])}


def _counted(bench: Bench, given: Counting, value: dict[str, Any]) -> str:
    abnormal, events, before = (figure(value[key]) for key in ("abnormal_events", "events", "abnormal_events_before"))
    of = " ".join(name(text) for text in given.about.values())
    head = bench.say(
        f"{abnormal} abnormal events of {events} events{f' at {of}' if of else ''}, {before} in the span before",
        f"{f'{of}에서 ' if of else ''}이벤트 {events}건 중 비정상 {abnormal}건, 그 전 같은 기간에는 {before}건",
    )
    count = bench.say("{} abnormal events", "비정상 {}건")
    parts = [f"{_told(row, given.by)} {count.format(figure(row['abnormal_events']))}" for row in value["rows"][:_SHOWN]]
    return "; ".join([head, *parts]) + "."


def _told(row: dict[str, Any], by: str) -> str:
    return str(row[by]) if by in {"minute", "hour", "day"} else name(str(row[by]))


def message_templates(bench: Bench, given: Saying) -> Evidence:
    """Say what messages say most, with the parts that vary left out."""
    span = given.span(bench)
    where = f"{given.where(span, abnormal=given.only_abnormal)} AND message != ''"
    query = (
        f"SELECT {SHAPE} AS shape, sum(weight) AS events, min(substringUTF8(message, 1, 201)) AS raw FROM events "
        f"WHERE {where} GROUP BY shape ORDER BY events DESC, shape LIMIT {_SHAPES}"
    )
    learned = learn([(row["shape"], row["events"], row["raw"]) for row in bench.query(query)])
    rows: list[dict[str, Any]] = [
        {"template": sample(clean(one.shown)), "events": number(one.learned)}
        for one in learned[: min(10, bench.rows())]
    ]
    samples = [sample(clean(one.samples[0])) for one in learned[:3] if one.samples]
    count = bench.say("{} events read", "{}건의 메시지:")
    parts = [f"{count.format(figure(row['events']))} {name(row['template'])}" for row in rows[:3]]
    text = "; ".join(parts) if parts else bench.say("0 messages were found", "메시지 0건")
    return bench.add(
        EvidenceKind.TEMPLATE, {"rows": rows, "templates": len(learned)}, f"{text}.", query, span, samples=samples
    )


def messages(bench: Bench, given: Reading) -> Evidence:
    """Give the newest messages, cut at 200 characters."""
    span = given.span(bench)
    where = f"{given.where(span, abnormal=given.only_abnormal)} AND message != ''"
    if given.contains:
        where += f" AND positionCaseInsensitiveUTF8(message, {literal(given.contains)}) > 0"
    query = (
        f"SELECT ts, service, level, error_code, trace_id, substringUTF8(message, 1, 201) AS message FROM events "
        f"WHERE {where} ORDER BY ts DESC LIMIT {min(20, bench.rows(given.limit))}"
    )
    rows = [
        {"time": moment(aware(row["ts"])), "level": str(row["level"])}
        | {key: sample(clean(row[key])) for key in ("service", "error_code", "trace_id", "message") if row[key]}
        for row in bench.query(query)
    ]
    newest = f", {clock_time(datetime.fromisoformat(str(rows[0]['time'])))}" if rows else ""
    text = bench.say(f"The newest {len(rows)} messages{newest}.", f"최근 메시지 {len(rows)}건{newest}.")
    samples = [row["message"] for row in rows[:3]]
    return bench.add(EvidenceKind.TEMPLATE, {"messages": rows}, text, query, span, samples=samples)


def top_values(bench: Bench, given: Ranking) -> Evidence:
    """Rank the values of one field."""
    span = given.span(bench)
    column = given.field
    if column.startswith("attributes."):
        column = f"attributes[{literal(column.removeprefix('attributes.'))}]"
    where = given.where(span, abnormal=given.only_abnormal)
    query = (
        f"SELECT substringUTF8(toString({column}), 1, 201) AS part, sum(weight) AS found, "
        f"(SELECT sum(weight) FROM events WHERE {where}) AS total FROM events WHERE {where} "
        f"AND toString({column}) NOT IN ('', '0') GROUP BY part ORDER BY found DESC, part "
        f"LIMIT {bench.rows(given.limit)}"
    )
    found = bench.query(query)
    rows = [
        {
            "value": sample(clean(row["part"])),
            "events": number(row["found"]),
            "share": round(row["found"] / row["total"], 4),
        }
        for row in found
    ]
    what = bench.say("abnormal events" if given.only_abnormal else "events", "건")
    parts = [f"{name(row['value'])} {figure(row['events'])} {what} ({percent(row['share'])})" for row in rows[:_SHOWN]]
    head = bench.say(f"Most frequent {name(given.field)}", f"가장 많은 {name(given.field)}")
    text = f"{head}: {'; '.join(parts)}." if parts else bench.say(f"{head}: 0 values.", f"{head}: 0개.")
    return bench.add(EvidenceKind.ATTRIBUTE, {"field": given.field, "rows": rows}, text, query, span)


def latency(bench: Bench, given: Timing) -> Evidence:
    """Give percentiles of how long requests took, beside the same span before."""
    span = given.span(bench)
    both = f"({given.where(span)}) OR ({given.where(span.before)})"
    now, before = span.sql, span.before.sql
    levels = ", ".join(
        f"quantileIf({share})(duration_ms, {when}) AS {key}"
        for key, share, when in (("p50", 0.5, now), ("p95", 0.95, now), ("p99", 0.99, now), ("was", 0.95, before))
    )
    query = (
        f"SELECT {given.by} AS part, countIf({now}) AS found, countIf({before}) AS earlier, {levels} FROM events "
        f"WHERE duration_ms > 0 AND ({both}) GROUP BY part HAVING found > 0 ORDER BY p95 DESC, part "
        f"LIMIT {bench.rows(given.limit)}"
    )
    rows = [_timed(given.by, row) for row in bench.query(query)]
    parts = [_slow(bench, row, given.by) for row in rows[:_SHOWN]]
    text = "; ".join(parts) if parts else bench.say("0 events tell how long they took", "소요 시간이 있는 이벤트 0건")
    return bench.add(EvidenceKind.METRIC, {"rows": rows}, f"{text}.", query, span)


def _timed(by: str, row: dict[str, Any]) -> dict[str, Any]:
    told = {"median_ms": row["p50"], "p95_ms": row["p95"], "p99_ms": row["p99"]}
    told |= {"p95_before_ms": row["was"]} if row["earlier"] else {}
    rounded = {key: round(float(level), 1) for key, level in told.items()}
    return {by: sample(clean(row["part"])) or "(empty)", "requests": number(row["found"]), **rounded}


def _slow(bench: Bench, row: dict[str, Any], by: str) -> str:
    was = row.get("p95_before_ms")
    before = bench.say(f", {was:g} ms before", f", 이전 {was:g} ms") if was is not None else ""
    requests = figure(row["requests"])
    return bench.say(
        f"{name(row[by])}: p95 {row['p95_ms']:g} ms{before}, {requests} requests",
        f"{name(row[by])}: p95 {row['p95_ms']:g} ms{before}, 요청 {requests}건",
    )
