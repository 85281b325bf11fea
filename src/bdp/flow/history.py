"""What the store holds of a time range, read in the order of time: a page at a time, in bounded statements.

A range is first counted by the hour. An hour with more rows than a page is cut between its seconds, so that what was
measured at one instant stays together and no statement sorts more than it returns; only a second that alone has more
rows than a page is read in several. Metrics lie in the store by series, not by time: each slice is found by its time
column and then read once.

Memory: one page of rows, and one count an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.event import ABNORMAL_SQL, EventSignal, Level
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint
from bdp.ports import Row, Store
from bdp.sql import equals, literal

_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_MOST_HOURS = 900


class Stretch(NamedTuple):
    """A time range, of one service (of metrics: one entity) or of all.

    Attributes:
        start: first instant, aware UTC.
        end: first instant behind it.
        service: empty for all.
    """

    start: datetime
    end: datetime
    service: str = ""


class _Table(NamedTuple):
    """How one kind of records is read.

    Attributes:
        place: what orders the rows of one instant; rows that have all of it in common count once at a page's edge.
        service: the column that `Stretch.service` means; empty where it means none.
        page: most rows in one answer; more of small records, for finding a slice costs as much as reading it.
    """

    columns: str
    place: str
    service: str
    page: int
    terms: str = ""


# What belongs to one series comes together: a value and the edges of its band.
_SERIES = f"entity, replaceRegexpOne(name, '(\\\\{BAND_LOW}|\\\\{BAND_HIGH})$', ''), name, mapKeys(labels)"
_TABLES = {
    RecordKind.EVENTS: _Table(
        "service, route, level, error_code, status, message, trace_id, weight",
        "cityHash64(event_id)",
        "service",
        10_000,
        ABNORMAL_SQL,
    ),
    RecordKind.METRICS: _Table(
        "name, entity, labels, value, unit", f"cityHash64({_SERIES}, mapValues(labels), value)", "entity", 50_000
    ),
    RecordKind.CHANGES: _Table("change_id, kind, service, ref, author, summary", "cityHash64(change_id)", "", 10_000),
}


class History:
    """Reads ranges of one store. Events: the abnormal ones. Use from any thread.

    Args:
        most: most rows that the store gives in one answer.
    """

    def __init__(self, store: Store, most: int = 50_000) -> None:
        self._store = store
        self._most = most

    def hours(self, kind: RecordKind, stretch: Stretch) -> list[tuple[datetime, int]]:
        """Return the hours that hold something, with how many records of the stretch they hold, by time."""
        found: list[tuple[datetime, int]] = []
        start = stretch.start
        while True:
            rows = self._store.query(
                f"SELECT toStartOfHour(ts) AS hour, count() AS n FROM {kind.value}"  # noqa: S608 escaped
                f" WHERE {_terms(kind, stretch._replace(start=start))} GROUP BY hour ORDER BY hour LIMIT {_MOST_HOURS}"
            )
            found += [(row["hour"].astimezone(UTC), row["n"]) for row in rows]
            if len(rows) < _MOST_HOURS:
                return found
            start = found[-1][0] + _HOUR

    def signals(self, stretch: Stretch, hour: datetime, count: int) -> Iterator[list[EventSignal]]:
        """Yield an hour's abnormal events in the order of their time.

        Args:
            count: how many `hours` said there are.
        """
        return (list(map(_signal, rows)) for rows in self._pages(RecordKind.EVENTS, stretch, hour, count))

    def points(self, stretch: Stretch, hour: datetime, count: int) -> Iterator[list[MetricPoint]]:
        """Yield an hour's metric points in the order of their time; arguments as for `signals`."""
        return (list(map(_point, rows)) for rows in self._pages(RecordKind.METRICS, stretch, hour, count))

    def changes(self, stretch: Stretch, hour: datetime, count: int) -> Iterator[list[Change]]:
        """Yield an hour's changes in the order of their time, without their diffs; arguments as for `signals`."""
        return (list(map(_change, rows)) for rows in self._pages(RecordKind.CHANGES, stretch, hour, count))

    def _pages(self, kind: RecordKind, stretch: Stretch, hour: datetime, count: int) -> Iterator[list[Row]]:
        within = stretch._replace(start=max(hour, stretch.start), end=min(hour + _HOUR, stretch.end))
        for part in [within] if count <= self._page(kind) else self._slices(kind, within):
            yield from self._slice(kind, part)

    def _slices(self, kind: RecordKind, within: Stretch) -> Iterator[Stretch]:
        """Cut between seconds, so that each part has at most a page of rows where a second allows it."""
        page = self._page(kind)
        rows = self._store.query(
            f"SELECT toUnixTimestamp(ts) AS second, count() AS n FROM {kind.value}"  # noqa: S608 escaped
            f" WHERE {_terms(kind, within)} GROUP BY second ORDER BY second"
        )
        start, held = within.start, 0
        for row in rows:
            if held and held + row["n"] > page:
                cut = datetime.fromtimestamp(row["second"], UTC)
                yield within._replace(start=start, end=cut)
                start, held = cut, 0
            held += row["n"]
        yield within._replace(start=start)

    def _slice(self, kind: RecordKind, part: Stretch) -> Iterator[list[Row]]:
        table, page, behind = _TABLES[kind], self._page(kind), ""
        while True:
            rows = self._store.query(
                f"SELECT ts, {table.columns}, {table.place} AS place FROM {kind.value}"  # noqa: S608 escaped
                f" WHERE {_terms(kind, part)}{behind} ORDER BY ts, place LIMIT {page:d}"
            )
            if rows:
                yield rows
            if len(rows) < page:
                return
            behind = f" AND (ts, {table.place}) > ({literal(rows[-1]['ts'])}, {rows[-1]['place']:d})"

    def _page(self, kind: RecordKind) -> int:
        return min(_TABLES[kind].page, self._most)


def _terms(kind: RecordKind, stretch: Stretch) -> str:
    table = _TABLES[kind]
    terms = [f"ts >= {literal(stretch.start)} AND ts < {literal(stretch.end)}", table.terms]
    if stretch.service and table.service:
        terms.append(equals(table.service, stretch.service))
    return " AND ".join(term for term in terms if term)


def _signal(row: Row) -> EventSignal:
    fields: dict[str, Any] = {name: row[name] for name in EventSignal.__struct_fields__}
    return EventSignal(**{**fields, "ts": fields["ts"].astimezone(UTC), "level": Level(fields["level"])})


def _point(row: Row) -> MetricPoint:
    return MetricPoint(
        ts=row["ts"].astimezone(UTC),
        name=row["name"],
        entity=row["entity"],
        labels=row["labels"],
        value=row["value"],
        unit=row["unit"],
    )


def _change(row: Row) -> Change:
    fields: dict[str, Any] = {name: row[name] for name in Change.__struct_fields__ if name != "diff"}
    return Change(**{**fields, "ts": fields["ts"].astimezone(UTC), "kind": ChangeKind(fields["kind"])})
