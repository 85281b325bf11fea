"""A range of the store read back: everything once, in the order of time, however small the pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.flow.history import History, Stretch
from bdp.model.batch import RecordKind
from bdp.model.change import ChangeKind
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint
from bdp.store.clickhouse import ClickHouseStore

START = datetime(2026, 5, 1, 11, 50, tzinfo=UTC)
END = START + timedelta(hours=3)


def fill(store: ClickHouseStore, kind: RecordKind, records: Sequence[Any]) -> None:
    store.insert(kind, b"\n".join(map(msgspec.json.encode, records)), kind.value)


def point(seconds: float, entity: str = "h", **fields: Any) -> MetricPoint:
    return MetricPoint(
        ts=START + timedelta(seconds=seconds), name="load", entity=entity, **{"value": seconds, **fields}
    )


def read(store: ClickHouseStore, stretch: Stretch, most: int) -> list[list[MetricPoint]]:
    history = History(store, most)
    hours = history.hours(RecordKind.METRICS, stretch)
    return [page for hour, count in hours for page in history.points(stretch, hour, count)]


@pytest.mark.parametrize("most", [2, 10, 50_000])
def test_every_point_once_by_time(store: ClickHouseStore, most: int) -> None:
    points = [point(270 * i + s / 4, f"h{s}", labels={"zone": "a"}, unit="%") for i in range(20) for s in range(7)]
    fill(store, RecordKind.METRICS, points[::-1])
    pages = read(store, Stretch(START, END), most)
    found = [one for page in pages for one in page]
    assert [one.ts for one in found] == sorted(one.ts for one in points)
    assert sorted(found, key=lambda one: (one.ts, one.entity)) == points
    assert max(map(len, pages)) <= most


def test_what_belongs_to_one_second_stays_together(store: ClickHouseStore) -> None:
    names = ("load", f"load{BAND_LOW}", f"load{BAND_HIGH}")
    points = [MetricPoint(ts=START + timedelta(seconds=i), name=name, value=1.0) for i in range(50) for name in names]
    fill(store, RecordKind.METRICS, points)
    pages = read(store, Stretch(START, END), 10)
    assert [len(page) for page in pages] == [9] * 16 + [6]
    assert all(len({one.name for one in page if one.ts == page[0].ts}) == 3 for page in pages)


def test_only_the_range_and_the_entity(store: ClickHouseStore) -> None:
    name = "x' OR 1=1 --\\"
    fill(store, RecordKind.METRICS, [point(i, name) for i in range(0, 200, 10)] + [point(50, "other")])
    within = Stretch(START + timedelta(seconds=20), START + timedelta(seconds=60), name)
    assert [one.value for page in read(store, within, 100) for one in page] == [20, 30, 40, 50]


def test_changes_by_time_whatever_the_service(store: ClickHouseStore) -> None:
    changes = [
        {"change_id": f"c{i}", "ts": (START + timedelta(minutes=9 - i)).isoformat(), "kind": "maintenance", "ref": "R1"}
        for i in range(5)
    ]
    fill(store, RecordKind.CHANGES, changes)
    history, stretch = History(store, 2), Stretch(START, END, "shop")
    [(hour, count)] = history.hours(RecordKind.CHANGES, stretch)
    found = [one for page in history.changes(stretch, hour, count) for one in page]
    assert [one.change_id for one in found] == ["c4", "c3", "c2", "c1", "c0"]
    assert {(one.kind, one.ref, one.ts.tzinfo) for one in found} == {(ChangeKind.MAINTENANCE, "R1", UTC)}


def test_an_empty_range_has_no_hours(store: ClickHouseStore) -> None:
    assert [History(store).hours(kind, Stretch(START, END)) for kind in RecordKind if kind != "costs"] == [[], [], []]
