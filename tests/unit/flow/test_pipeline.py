"""The pipeline: exactly once into the store, poison apart, restarts at every point."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.detect.watch import Finding, Watch
from bdp.errors import StoreUnavailable, StreamUnavailable
from bdp.flow.pipeline import Pipeline, PipelineSettings, Range
from bdp.model.batch import Batch, RecordKind
from bdp.model.event import Event, Level
from bdp.model.insight import Insight
from bdp.ports import Row
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from bdp.store.state import State, open_state
from bdp.stream.journal.journal import Journal
from tests.contract.test_inquiries import asked

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Killed(BaseException):
    """Stands for the process ending at that line."""


@dataclass
class Bench:
    """One home whose process can be "killed" at a named call and started again."""

    folder: Path
    store: ClickHouseStore
    state: State
    opened: list[str] = field(default_factory=list)

    def start(self, kill_at: str = "") -> Pipeline:
        self.stream = Fragile(self.folder / "journal.db", kill_at)
        pipeline = Pipeline(
            self.stream,
            FragileStore(self.store, kill_at),
            Watch(BurstSettings()),
            self.state.incidents,
            ManualClock(START),
            PipelineSettings(range_records=40),
            on_incident=lambda incident: self.opened.append(incident.incident_id),
        )
        pipeline.recover()
        return pipeline


class Fragile(Journal):
    def __init__(self, path: Path, kill_at: str) -> None:
        super().__init__(path)
        self._kill_at = kill_at

    def begin(self, upto: int) -> None:
        _die(self._kill_at, "before begin")
        super().begin(upto)
        _die(self._kill_at, "after begin")

    def commit(self, upto, stored, dead, detector_rows) -> None:  # type: ignore[no-untyped-def]
        _die(self._kill_at, "before commit")
        super().commit(upto, stored, dead, detector_rows)
        _die(self._kill_at, "after commit")


class FragileStore:
    def __init__(self, store: ClickHouseStore, kill_at: str) -> None:
        self._store = store
        self._kill_at = kill_at

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        _die(self._kill_at, "before insert")
        if self._kill_at == "store away":
            raise StoreUnavailable("The store is away.")
        self._store.insert(kind, payload, token)
        _die(self._kill_at, "after insert")

    def query(self, sql: str) -> list[Row]:
        return self._store.query(sql)

    def close(self) -> None:
        self._store.close()


def _die(kill_at: str, here: str) -> None:
    if kill_at == here:
        raise Killed(here)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    state = open_state("sqlite://", lambda known, anomaly: judge(known, anomaly, DedupSettings()) is Judgement.REPEAT)
    yield Bench(tmp_path, store, state)
    state.close()
    store.close()


def events(name: str, count: int, *, level: Level = Level.INFO, after: float = 0.0, code: str = "") -> Batch:
    made = [
        Event(
            event_id=f"{name}-{index}",
            ts=START + timedelta(seconds=after + index),
            service="shop",
            level=level,
            error_code=code,
            message=f"{name} {index}",
        )
        for index in range(count)
    ]
    return _batch(name, made)


def _batch(name: str, records: Sequence[msgspec.Struct]) -> Batch:
    payload = msgspec.json.Encoder().encode_lines(records).rstrip(b"\n")
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=len(records), payload=payload)


def counts(bench: Bench) -> tuple[int, int]:
    row = bench.store.query("SELECT count() AS n, uniqExact(event_id) AS u FROM events")[0]
    return row["n"], row["u"]


KILLS = ["before begin", "after begin", "before insert", "after insert", "before commit", "after commit"]


@pytest.mark.parametrize("kill_at", KILLS)
def test_killed_anywhere_nothing_is_lost_or_doubled(bench: Bench, kill_at: str) -> None:
    pipeline = bench.start(kill_at)
    bench.stream.append([events("a", 30), events("b", 12, level=Level.ERROR, after=30, code="E1"), events("c", 30)])
    with pytest.raises(Killed):
        pipeline.drain()
    bench.stream.close()
    pipeline = bench.start()
    bench.stream.append([events("d", 5)])
    pipeline.drain()
    assert counts(bench) == (77, 77)
    assert bench.stream.ledger()["http"].as_dict() == {
        "accepted": 77, "stored": 77, "dead_lettered": 0, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    incidents = bench.state.incidents.list()
    assert [(found.subject.error_code, found.sightings) for found in incidents] == [("E1", 1)]
    assert bench.opened == [incidents[0].incident_id]
    bench.stream.close()


def test_a_window_goes_on_after_a_restart(bench: Bench) -> None:
    pipeline = bench.start()
    bench.stream.append([events("a", 6, level=Level.ERROR, code="E1")])
    pipeline.drain()
    assert not bench.opened
    bench.stream.close()
    pipeline = bench.start()
    bench.stream.append([events("b", 5, level=Level.ERROR, after=60, code="E1")])
    pipeline.drain()
    assert len(bench.opened) == 1, "6 before and 5 after the restart are 11 in one window"
    bench.stream.close()


def test_poison_goes_to_the_dead_letters_alone(bench: Bench) -> None:
    pipeline = bench.start()
    good = events("a", 20)
    lines = good.payload.split(b"\n")
    lines[7] = b'{"ts":"2026-05-01T12:00:00Z","status":"not a number"}'
    bench.stream.append([msgspec.structs.replace(good, payload=b"\n".join(lines)), events("b", 3)])
    pipeline.drain()
    assert counts(bench) == (22, 22)
    assert bench.stream.ledger()["http"].as_dict() == {
        "accepted": 23, "stored": 22, "dead_lettered": 1, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    letter = bench.stream.dead_letters()[0]
    assert (letter.payload, letter.cause.value) == (lines[7], "poison")
    bench.stream.close()


def test_a_store_that_is_away_loses_nothing(bench: Bench) -> None:
    pipeline = bench.start("store away")
    bench.stream.append([events("a", 30)])
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            pipeline.step()
    assert bench.stream.ledger()["http"].in_flight == 30
    bench.stream.close()
    bench.start()
    assert counts(bench) == (30, 30)
    bench.stream.close()


def test_quiet_time_closes_an_anomaly_without_new_events(bench: Bench) -> None:
    clock = ManualClock(START)
    bench.stream = Fragile(bench.folder / "journal.db", "")
    pipeline = Pipeline(bench.stream, bench.store, Watch(BurstSettings()), bench.state.incidents, clock)
    bench.stream.append([events("a", 12, level=Level.ERROR, code="E1")])
    pipeline.drain()
    assert bench.state.incidents.list()[0].end_time is None
    clock.advance(timedelta(minutes=30))
    pipeline.idle()
    assert bench.state.incidents.list()[0].end_time == START + timedelta(seconds=11)
    bench.stream.close()


def test_a_defect_is_told_and_tried_again(bench: Bench) -> None:
    pipeline = bench.start()
    broken = threading.Event()

    def fail(moving: Range) -> None:
        broken.set()
        raise ZeroDivisionError("a defect")

    order, pipeline.order = pipeline.order, (fail,)
    worker = threading.Thread(target=pipeline.run)
    worker.start()
    bench.stream.append([events("a", 3)])
    assert broken.wait(10)
    while not pipeline.trouble:
        broken.wait(0.01)
    assert pipeline.trouble == "a defect"
    pipeline.order = order
    while bench.stream.ledger()["http"].in_flight:
        bench.stream.wait(bench.stream.committed(), 0.05)
    pipeline.stop()
    worker.join()
    assert pipeline.trouble == ""
    assert counts(bench) == (3, 3)
    bench.stream.close()


def test_an_incident_grows_with_its_anomaly(bench: Bench) -> None:
    pipeline = bench.start()
    bench.stream.append([events("a", 12, level=Level.ERROR, code="E1")])
    pipeline.drain()
    assert bench.state.incidents.list()[0].events == 12
    for number in range(4):
        bench.stream.append([events(f"b{number}", 40, level=Level.ERROR, after=12 + 40 * number, code="E1")])
        pipeline.drain()
    (grown,) = bench.state.incidents.list()
    assert 100 < grown.events <= 172
    assert grown.last_seen > START + timedelta(seconds=100)
    pipeline.finish()
    assert bench.state.incidents.list()[0].events == 172, "the end tells the exact count"
    bench.stream.close()


def test_what_comes_back_after_more_than_an_hour_is_another_incident(bench: Bench) -> None:
    pipeline = bench.start()
    for number, minutes in enumerate((0, 30, 150)):
        bench.stream.append([events(f"r{number}", 15, level=Level.ERROR, after=60 * minutes, code="E1")])
        pipeline.drain()
    found = sorted(bench.state.incidents.list(), key=lambda incident: incident.start_time)
    assert [(incident.sightings, incident.status.value) for incident in found] == [(2, "resolved"), (1, "open")]
    bench.stream.close()


class Stubborn(Journal):
    """Its commit fails a few times."""

    failures = 3

    def commit(self, upto, stored, dead, detector_rows) -> None:  # type: ignore[no-untyped-def]
        if self.failures:
            self.failures -= 1
            raise StreamUnavailable("The disk is full.")
        super().commit(upto, stored, dead, detector_rows)


def test_a_range_is_archived_once_however_often_its_commit_is_tried(bench: Bench, tmp_path: Path) -> None:
    stream = Stubborn(tmp_path / "stubborn.db")
    stream.append([events("a", 3), events("b", 2)])
    kept: list[str] = []
    pipeline = Pipeline(
        stream,
        bench.store,
        Watch(BurstSettings()),
        bench.state.incidents,
        ManualClock(START),
        archive=lambda batches: kept.extend(batch.batch_id for batch in batches),
    )
    for _ in range(3):
        with pytest.raises(StreamUnavailable):
            pipeline.step()
    assert pipeline.step() == 5
    assert kept == ["a", "b"]


def test_what_is_to_be_asked_is_kept_behind_the_insights_and_again_after_a_crash(bench: Bench) -> None:
    order: list[tuple[str, int]] = []

    class Asks(Watch):
        def observe(self, *records: object) -> list[Finding]:
            one = asked("a", 50)
            assert one.insight is not None
            return [one, one.insight]

    class Insights:
        def add_all(self, found: list[Insight], now: object) -> None:
            order.append(("insights", len(found)))

    for kill in ("before commit", ""):
        bench.stream = Fragile(bench.folder / "journal.db", kill)
        pipeline = Pipeline(
            bench.stream, bench.store, Asks(BurstSettings()), bench.state.incidents, ManualClock(START),
            insights=Insights(),  # type: ignore[arg-type]
            inquire=lambda found: order.append(("inquiries", len(found))),
        )  # fmt: skip
        if kill:
            bench.stream.append([events("a", 3)])
            with pytest.raises(Killed):
                pipeline.step()
        else:
            pipeline.recover()
        bench.stream.close()
    assert order == [("insights", 1), ("inquiries", 1)] * 2
