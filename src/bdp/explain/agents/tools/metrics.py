"""Look-ups over metrics: which there are, and how those of one entity went."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import Field

from bdp.explain.agents.bench import Bench, aware
from bdp.explain.agents.bench import Span as Asked
from bdp.explain.agents.tools.scope import Name, Times
from bdp.explain.evidence.metric import rounded, unit_of
from bdp.explain.series import USUAL, Course, Found, Span, courses, find
from bdp.explain.wording import amount, clean, clock_time, figure, moment, name, number, sample
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import equals, literal

_MOST: Final = 4
"""Series that are told."""


class Listing(Times):
    """Which metrics there are."""

    entity: Name = Field(default="", description="exact; empty: all")
    limit: int | None = Field(default=None, ge=1, le=100)


class Going(Times):
    """How the metrics of an entity went."""

    entity: str = Field(min_length=1, max_length=200, description="a host, a service or a stream, exact")
    metric: Name = Field(default="", description="part of a metric's name; empty: those that moved farthest")


def metric_names(bench: Bench, given: Listing) -> Evidence:
    """List entities with their metrics."""
    span = given.span(bench)
    where = f"{span.sql} AND {equals('entity', given.entity)}" if given.entity else span.sql
    query = (
        f"SELECT entity, count() AS found, groupUniqArray(10)(name) AS names FROM metrics WHERE {where} "
        f"GROUP BY entity ORDER BY found DESC, entity LIMIT {bench.rows(given.limit)}"
    )
    rows: list[dict[str, Any]] = [
        {
            "entity": sample(clean(row["entity"])) or "(empty)",
            "points": number(row["found"]),
            "metrics": sorted(sample(clean(one)) for one in row["names"]),
        }
        for row in bench.query(query)
    ]
    count = bench.say("{} points", "{}개 지점")
    parts = [f"{name(row['entity'])} {count.format(figure(row['points']))}" for row in rows[:5]]
    head = bench.say(f"{len(rows)} entities with metrics", f"메트릭이 있는 대상 {len(rows)}개")
    value = {"rows": rows, "entities": len(rows)}
    return bench.add(EvidenceKind.METRIC, value, "; ".join([head, *parts]) + ".", query, span, source="metrics")


def metric_series(bench: Bench, given: Going) -> Evidence:
    """Say how an entity's metrics went in a span, against what was usual before, and since when."""
    asked = given.span(bench)
    span = Span(asked.start - USUAL, asked.start, asked.end)
    found = find(bench.store, given.entity, span)
    looked = courses(bench.store, found) if found else []
    wanted = [one for one in looked if given.metric.lower() in one.name.lower()][:_MOST]
    if found is None or not wanted:
        text = bench.say(f"0 metrics of {name(given.entity)} were found.", f"{name(given.entity)}의 메트릭 0개.")
        query = f"SELECT count() AS points FROM metrics WHERE {equals('entity', given.entity)} AND {asked.sql}"
        return bench.add(
            EvidenceKind.METRIC, {"metrics": 0, "entity": given.entity}, text, query, asked, source="metrics"
        )
    rows = [_row(bench, found, one) for one in wanted]
    text = "; ".join(_told(bench, one, row) for one, row in zip(wanted, rows, strict=True))
    value = {"entity": sample(clean(given.entity)), "rows": rows}
    covered = Asked(found.span.since, found.span.until)
    return bench.add(EvidenceKind.METRIC, value, f"{text}.", wanted[0].query, covered, source="metrics")


def _row(bench: Bench, found: Found, course: Course) -> dict[str, Any]:
    row: dict[str, Any] = {
        "metric": sample(clean(course.name)),
        "unit": sample(clean(course.unit)),
        "points": course.points,
        "highest": rounded(course.highest),
        "lowest": rounded(course.lowest),
        "level": rounded(course.level),
        "moved": course.moved,
    }
    if course.known:
        row |= {"usual": rounded(course.usual), "usual_low": rounded(course.low), "usual_high": rounded(course.high)}
        row |= {"extreme": rounded(course.extreme), "extreme_time": moment(course.at)}
        if (onset := _onset(bench, found, course)) is not None:
            row["onset_time"] = moment(onset)
    return row


def _onset(bench: Bench, found: Found, course: Course) -> datetime | None:
    """Return when a level first left its usual range in the stretch; None for counters and for what never did."""
    if course.counter or not course.moved:
        return None
    outside = f"NOT (value BETWEEN {literal(float(course.low))} AND {literal(float(course.high))})"
    same = f"{equals('name', course.name)} AND {equals('toString(mapSort(labels))', course.labels)}"
    row = bench.query(
        f"SELECT min(ts) AS onset, count() AS points FROM metrics WHERE {found.where} AND {same} AND {outside} "
        f"AND ts >= {literal(found.span.onset)}"
    )[0]
    return aware(row["onset"]) if row["points"] else None


def _told(bench: Bench, course: Course, row: dict[str, Any]) -> str:
    unit, what = unit_of(course), name(course.name)
    if not course.known:
        low, high = amount(row["lowest"], unit), amount(row["highest"], unit)
        return bench.say(f"{what} was between {low} and {high}", f"{what}: {low} ~ {high}")
    extreme, usual, at = amount(row["extreme"], unit), amount(row["usual"], unit), clock_time(course.at)
    since = ""
    if "onset_time" in row:
        onset = clock_time(datetime.fromisoformat(row["onset_time"]))
        since = bench.say(f", outside its usual range since {onset}", f", {onset}부터 평소 범위를 벗어남")
    return bench.say(
        f"{what} {'reached' if course.up else 'fell to'} {extreme} at {at}, against a usual {usual}{since}",
        f"{what}: {at} 에 {extreme}, 평소 {usual}{since}",
    )
