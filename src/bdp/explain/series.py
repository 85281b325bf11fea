"""Metric series of one entity: what is usual, and how far a stretch went from it.

    usual   median of the points before the stretch (up to 6 hours); its range reaches from their 2nd to their 98th
            percentile
    moved   the farthest point of the stretch lies outside of that range by at least the range's own width
    counter a series that only grows is looked at by its growth a second; a fall means that it began again at 0

Bounds: 8 series, the farthest moved first; 24 hours of the stretch. Of an entity with more than 500,000 points before
(or in) the stretch that time is shortened; the one before to 30 minutes at least. The edges of bands and the buckets of
histograms are no series here.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bdp.model.incident import Incident
from bdp.model.metric import BAND_HIGH, BAND_LOW
from bdp.ports import Row, Store
from bdp.sql import equals, literal

MOST_SERIES = 8
LEAST_USUAL_POINTS = 10
"""With fewer points before the stretch no usual level is claimed."""

USUAL = timedelta(hours=6)
_SHORTEST_USUAL = timedelta(minutes=30)
_LONGEST_STRETCH = timedelta(hours=24)
_STILL_OPEN = timedelta(minutes=10)
"""Detectors do not repeat themselves at once: what has not ended may have gone on for so long since it was told."""

_MOST_POINTS = 500_000
_MOST_NAMES = 200
_LARGEST = 1e15
_FLAT = 0.02
"""A range is taken for at least this share of the usual level."""

_MOVED = 1.0
_NEAR = 0.5

_SERIES = "toString(mapSort(labels))"
_COUNTER = (
    "match(name, '(_total|_count|_sum)$|"
    "^(node_)?(infiniband|rdma)_.*(err|down|discard|drop|wait|recover|overrun|retr|timeout|packets|bytes)')"
)
_NO_SERIES = " AND ".join(f"NOT endsWith(name, '{ending}')" for ending in (BAND_LOW, BAND_HIGH, "_bucket"))
_FABRIC = " OR ".join(f"startsWith(name, '{prefix}')" for prefix in ("infiniband_", "node_infiniband_", "rdma_"))
_CUT = re.compile(r"(?s)(.{100})~[0-9a-f]{8}")
_LONG = 200


@dataclass(frozen=True)
class Span:
    """The time before (`since` to `onset`) and the stretch (`onset` to `until`), half-open."""

    since: datetime
    onset: datetime
    until: datetime

    @classmethod
    def of(cls, incident: Incident, margin: timedelta) -> Span:
        """Return the span of an incident."""
        still = timedelta() if incident.end_time else _STILL_OPEN
        end = max(incident.end_time or incident.last_seen, incident.start_time) + max(still, margin)
        onset = incident.start_time - margin
        return cls(onset - USUAL, onset, min(end, onset + _LONGEST_STRETCH) + timedelta(milliseconds=1))

    @property
    def sql(self) -> str:
        """SQL condition for all of it."""
        return f"ts >= {literal(self.since)} AND ts < {literal(self.until)}"


@dataclass(frozen=True)
class Found:
    """Where the points of an entity are.

    Attributes:
        where: SQL condition for them, with the time.
        names: names of its metrics, at most 200.
    """

    where: str
    span: Span
    names: tuple[str, ...]


@dataclass(frozen=True)
class Course:
    """How one series went.

    Attributes:
        labels: its labels as the store writes them; `{}` without any.
        counter: the levels are growth a second.
        usual, low, high: usual level and range; no numbers to rely on with fewer than `LEAST_USUAL_POINTS` before.
        level: median of the stretch.
        highest_at, lowest_at: when that value was there first.
        rise: of a counter, how much it grew in the stretch.
        query: SQL that gives all of this again.
    """

    name: str
    labels: str
    unit: str
    counter: bool
    usual_points: int
    usual: float
    low: float
    high: float
    points: int
    level: float
    highest: float
    highest_at: datetime
    lowest: float
    lowest_at: datetime
    rise: float
    query: str

    @property
    def known(self) -> bool:
        """There were enough points before to know what is usual."""
        return self.usual_points >= LEAST_USUAL_POINTS

    @property
    def width(self) -> float:
        """Width of the usual range."""
        return max(self.high - self.low, _FLAT * abs(self.usual))

    @property
    def up(self) -> bool:
        """The farthest point lies above."""
        return self.highest - self.high >= self.low - self.lowest

    @property
    def extreme(self) -> float:
        """The farthest value."""
        return self.highest if self.up else self.lowest

    @property
    def at(self) -> datetime:
        """When the farthest value was there first."""
        return self.highest_at if self.up else self.lowest_at

    @property
    def moved(self) -> bool:
        """The stretch left the usual range clearly."""
        excess = max(self.highest - self.high, self.low - self.lowest)
        return self.known and excess > 0 and excess >= _MOVED * self.width

    @property
    def ratio(self) -> float | None:
        """The farthest value as a multiple of the usual one; None where that says nothing."""
        return self.extreme / self.usual if self.known and self.usual > 0 and self.extreme >= 0 else None


def find(store: Store, entity: str, span: Span, *, exactly: bool = False) -> Found | None:
    """Return where the points of an entity are; None where the stretch has none.

    An entity that no point carries may be a metric's name (of points without an entity) or the path of a port, made of
    its labels' values; `exactly` leaves these two out, which cost more.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    # Points without an entity are not those of an incident without one.
    for owner in [] if not entity else [_same("entity", entity)] if exactly else _owners(entity):
        # Whose it is stands first: a reader of the query wants to know that.
        base = f"{owner} AND {_NO_SERIES} AND isFinite(value) AND abs(value) < {_LARGEST:.0f}"
        inside = f"ts >= {literal(span.onset)}"
        row = store.query(
            f"SELECT count() AS points, countIf({inside}) AS points_inside, "
            f"groupUniqArray({_MOST_NAMES})(name) AS names "
            f"FROM metrics WHERE {base} AND {span.sql}"
        )[0]
        if row["points_inside"]:
            shorter = _shortened(span, row["points"] - row["points_inside"], row["points_inside"])
            return Found(f"{base} AND {shorter.sql}", shorter, tuple(sorted(row["names"])))
    return None


def courses(store: Store, found: Found) -> list[Course]:
    """Return how the series went that moved farthest, at most 8; those that were usual last.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    ranked = [(row, counter) for counter in (False, True) for row in store.query(_ranking(found, counter=counter))]
    ranked.sort(key=lambda pair: (-pair[0]["deviation"], pair[0]["name"], pair[0]["series"]))
    return [_course(store, found, row, counter=counter) for row, counter in ranked[:MOST_SERIES]]


def is_back(store: Store, entity: str, course: Course, since: datetime, share: float) -> bool:
    """Return whether a series is near its usual level again; False where it has no point since then.

    The median lies within the usual range, widened by half of its width at both ends, and at most `share` of the points
    are as far off as what counts as moved.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    near, far = (
        f"{column} BETWEEN {literal(float(course.low - room))} AND {literal(float(course.high + room))}"
        for column, room in (("middle", _NEAR * course.width), ("value", _MOVED * course.width))
    )
    for owner in _owners(entity):
        where = f"{owner} AND {_one(course.name, course.labels)} AND isFinite(value) AND ts >= {literal(since)}"
        row = store.query(
            f"SELECT points, outside, {near} AS near FROM (SELECT count() AS points, countIf(NOT ({far})) AS outside, "
            f"quantileExactInclusive(0.5)(value) AS middle FROM {_source(where, counter=course.counter)})"
        )[0]
        if row["points"]:
            return bool(row["near"]) and row["outside"] <= share * row["points"]
    return False


def _owners(entity: str) -> Iterator[str]:
    yield _same("entity", entity)
    yield f"entity = '' AND {_same('name', entity)}"
    if "/" in entity:
        yield f"({_FABRIC}) AND {_port(entity)}"


def _port(path: str) -> str:
    """Return the condition for the port whose path is made of the values of its labels, its number last."""
    *places, last = (part.replace("%2F", "/").replace("%25", "%") for part in path.split("/")[:12])
    value = "arrayExists(v -> ({}), mapValues(labels))"
    said = [f"({value.format(_same('v', part))} OR {_same('entity', part)} OR {_pair(part)})" for part in places]
    number = "if(labels['port'] != '', labels['port'], labels['port_num'])"
    bare = f"{value.format(_same('v', last))} OR {_same('entity', last)} OR {_pair(last)}"
    return " AND ".join([*said, f"if({number} != '', {_same(number, last)}, {bare})"])


def _pair(part: str) -> str:
    key, separator, value = part.partition("=")
    if not separator:
        return "0"
    return f"(mapContains(labels, {literal(key)}) AND {_same(f'labels[{literal(key)}]', value)})"


def _same(column: str, text: str) -> str:
    """Return the condition that a column holds a text, or one that a detector cut to this."""
    cut = _CUT.fullmatch(text)
    if cut:
        return f"(startsWith({column}, {literal(cut[1])}) AND lengthUTF8({column}) > 100)"
    return equals(column, text) if len(text) < _LONG else f"startsWith({column}, {literal(text[:_LONG])})"


def _shortened(span: Span, before: int, inside: int) -> Span:
    """Return a span with about as many points as are looked at; the times are whole seconds, for they are shown."""
    usual, stretch = span.onset - span.since, span.until - span.onset
    if before > _MOST_POINTS:
        usual = max(_SHORTEST_USUAL, timedelta(seconds=round(usual.total_seconds() * _MOST_POINTS / before)))
    if inside > _MOST_POINTS:
        stretch = timedelta(seconds=max(1, round(stretch.total_seconds() * _MOST_POINTS / inside)))
    return replace(span, since=span.onset - usual, until=span.onset + stretch)


def _one(name: str, labels: str) -> str:
    return f"{equals('name', name)} AND {equals(_SERIES, labels)}"


def _source(where: str, *, counter: bool) -> str:
    """Return what stands behind FROM: points with ts, name, labels, unit, value (and rise, of counters)."""
    if not counter:
        return f"metrics WHERE {where}"
    window = f"(PARTITION BY name, {_SERIES} ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    before = (
        f"SELECT ts, name, labels, unit, value AS count, lagInFrame(value) OVER {window} AS earlier, "
        f"toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(lagInFrame(ts) OVER {window}) AS passed, "
        f"row_number() OVER {window} AS place FROM metrics WHERE {where}"
    )
    return (
        "(SELECT ts, name, labels, unit, if(count < earlier, count, count - earlier) AS rise, "
        f"1000 * rise / passed AS value FROM ({before}) WHERE place > 1 AND passed > 0)"
    )


def _ranking(found: Found, *, counter: bool) -> str:
    onset = literal(found.span.onset)
    where = f"{found.where} AND {'' if counter else 'NOT '}{_COUNTER}"
    summary = (
        f"SELECT name, {_SERIES} AS series, countIf(ts < {onset}) AS earlier_points, "
        f"quantilesExactInclusiveIf(0.02, 0.5, 0.98)(value, ts < {onset}) AS range, "
        f"maxIf(value, ts >= {onset}) AS highest, minIf(value, ts >= {onset}) AS lowest "
        f"FROM {_source(where, counter=counter)} GROUP BY name, series HAVING countIf(ts >= {onset}) > 0"
    )
    return (
        f"SELECT name, series, greatest(highest - range[3], range[1] - lowest) AS excess, "
        f"greatest(range[3] - range[1], {_FLAT} * abs(range[2])) AS width, "
        # Levels off at 10: what was never other than 0 is not infinitely farther away than anything else.
        f"if(earlier_points < {LEAST_USUAL_POINTS:d} OR excess <= 0, 0, excess / (width + 0.1 * excess)) AS deviation "
        f"FROM ({summary}) ORDER BY deviation DESC, name, series LIMIT {MOST_SERIES:d}"
    )


def _course(store: Store, found: Found, ranked: Row, *, counter: bool) -> Course:
    onset = literal(found.span.onset)
    inside, before = f"ts >= {onset}", f"ts < {onset}"
    levels = ", ".join(
        f"quantileExactInclusiveIf({share})(value, {when}) AS {name}"
        for share, when, name in (
            (0.5, before, "usual"),
            (0.02, before, "usual_low"),
            (0.98, before, "usual_high"),
            (0.5, inside, "level"),
        )
    )
    source = _source(f"{_one(ranked['name'], ranked['series'])} AND {found.where}", counter=counter)
    query = (
        f"SELECT countIf({before}) AS usual_points, countIf({inside}) AS points, {levels}, "
        f"maxIf(value, {inside}) AS highest, "
        f"argMaxIf(ts, (value, -toUnixTimestamp64Milli(ts)), {inside}) AS highest_time, "
        f"minIf(value, {inside}) AS lowest, "
        f"argMinIf(ts, (value, toUnixTimestamp64Milli(ts)), {inside}) AS lowest_time, "
        f"{f'sumIf(rise, {inside})' if counter else '0'} AS growth, max(unit) AS of_unit FROM {source}"
    )
    row = store.query(query)[0]
    return Course(
        name=ranked["name"],
        labels=ranked["series"],
        unit=row["of_unit"],
        counter=counter,
        usual_points=row["usual_points"],
        usual=row["usual"],
        low=row["usual_low"],
        high=row["usual_high"],
        points=row["points"],
        level=row["level"],
        highest=row["highest"],
        highest_at=_aware(row["highest_time"]),
        lowest=row["lowest"],
        lowest_at=_aware(row["lowest_time"]),
        rise=float(row["growth"]),
        query=query,
    )


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
