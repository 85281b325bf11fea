"""Replaying: what the store, the stream or an earlier replay knows is left out, everything else comes in once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.watch import Watch
from bdp.errors import BadRequest
from bdp.flow.pipeline import Pipeline
from bdp.flow.replay import Chunk, Pace, Replay, Replayed
from bdp.ids import Ids
from bdp.intake.dump import batch_id
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Priority, RecordKind
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import open_state
from bdp.stream.journal.journal import Journal

NOW = datetime(2026, 5, 2, tzinfo=UTC)
TS = "2026-05-01T12:00:00.123456Z"
CHARGE = {"charge_period_start": TS, "charge_period_end": TS, "service_name": "ec2", "billed_cost": 2.5,
          "tags": {"a": "1", "b": "2"}}  # fmt: skip


class Bench:
    """A home: journal, pipeline, store. `fresh` stands for a new process on it."""

    def __init__(self, folder: Path, store: ClickHouseStore) -> None:
        self.store = store
        self.journal = Journal(folder / "journal.db")
        self.state = open_state("sqlite://")
        self.clock = ManualClock(NOW)
        self.pipeline = Pipeline(self.journal, store, Watch(BurstSettings()), self.state.incidents, self.clock)
        self.fresh()

    def fresh(self) -> None:
        self.replay = Replay(self.store, self.journal, self.clock, Ids(), IntakeSettings())

    def push(self, kind: RecordKind, records: list[Any], **given: Any) -> Replayed:
        payload = b"\n".join(msgspec.json.encode(record) for record in records)
        name = given.pop("name", batch_id(kind, payload))
        batch = Batch(batch_id=name, source="replay", kind=kind, count=len(records), payload=payload,
                      **given.pop("batch", {}))  # fmt: skip
        return self.replay.replay(Chunk(batch=batch, **given))

    def count(self, table: str) -> int:
        found: int = self.store.query(f"SELECT count() AS n FROM {table}")[0]["n"]
        return found

    def accepted(self) -> int:
        ledger = self.journal.ledger()
        return ledger["replay"].accepted if ledger else 0


@pytest.fixture
def bench(tmp_path: Path, store: ClickHouseStore) -> Iterator[Bench]:
    made = Bench(tmp_path, store)
    yield made
    made.journal.close()
    made.state.close()


def events(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"event_id": name, "ts": TS, "service": "shop", "message": name, **fields} for name in names]


def told(answer: Replayed) -> tuple[int, int, int]:
    assert answer.read == answer.new + answer.known + answer.refused
    return answer.new, answer.known, answer.refused


SAMPLES: dict[RecordKind, list[Any]] = {
    RecordKind.EVENTS: events("a", "b", "c"),
    RecordKind.CHANGES: [{"change_id": name, "ts": TS, "kind": "deploy", "service": "shop"} for name in "abc"],
    RecordKind.METRICS: [
        {"ts": TS, "name": "cpu", "entity": "h", "labels": {"core": core, "x": "y"}, "value": 0.1} for core in "012"
    ],
    RecordKind.COSTS: [CHARGE, CHARGE, CHARGE | {"tags": {}}],
}


@pytest.mark.parametrize("kind", list(RecordKind))
@pytest.mark.parametrize("stored_between", [True, False], ids=["stored", "in flight"])
@pytest.mark.parametrize("new_process", [True, False], ids=["new process", "same process"])
def test_twice_changes_nothing(bench: Bench, kind: RecordKind, stored_between: bool, new_process: bool) -> None:
    assert told(bench.push(kind, SAMPLES[kind])) == (3, 0, 0)
    if stored_between:
        bench.pipeline.drain()
    if new_process:
        bench.fresh()
    assert told(bench.push(kind, SAMPLES[kind])) == (0, 3, 0)
    bench.pipeline.drain()
    assert bench.count(kind.value) == 3
    assert bench.accepted() == 3


@pytest.mark.parametrize("kind", list(RecordKind))
def test_only_what_is_new_comes_in(bench: Bench, kind: RecordKind) -> None:
    bench.push(kind, SAMPLES[kind][:1])
    bench.pipeline.drain()
    bench.fresh()
    assert told(bench.push(kind, SAMPLES[kind])) == (2, 1, 0)
    bench.pipeline.drain()
    bench.fresh()
    assert told(bench.push(kind, SAMPLES[kind])) == (0, 3, 0)
    assert bench.count(kind.value) == bench.accepted() == 3


def test_equal_charges_in_several_parts_of_a_file(bench: Bench) -> None:
    def both() -> list[tuple[int, int, int]]:
        first = bench.push(RecordKind.COSTS, [CHARGE, CHARGE], occurrences=(1, 2))
        bench.pipeline.drain()
        second = bench.push(RecordKind.COSTS, [CHARGE, CHARGE], occurrences=(3, 4))
        bench.pipeline.drain()
        return [told(first), told(second)]

    assert both() == [(2, 0, 0), (2, 0, 0)]
    bench.fresh()
    assert both() == [(0, 2, 0), (0, 2, 0)]
    assert bench.count("costs") == 4


def test_doubles_within_a_file_come_once(bench: Bench) -> None:
    assert told(bench.push(RecordKind.EVENTS, events("a", "a", "b"))) == (2, 1, 0)
    assert told(bench.push(RecordKind.EVENTS, events("b", "c"))) == (1, 1, 0)
    bench.pipeline.drain()
    assert bench.count("events") == 3


def test_hostile_and_long_ids_are_known_again(bench: Bench) -> None:
    names = ["'); DROP TABLE events --", "\\", "\\'", "x" * 300, "x" * 301, "ü" * 250, "/*", "a\tb\n", "x" * 100_000]
    records = events(*names, service="s'\\" * 100)
    assert told(bench.push(RecordKind.EVENTS, records)) == (len(names), 0, 0)
    bench.pipeline.drain()
    bench.fresh()
    assert told(bench.push(RecordKind.EVENTS, records)) == (0, len(names), 0)
    assert bench.count("events") == len(names)


def test_the_same_id_at_another_time_is_another_event(bench: Bench) -> None:
    bench.push(RecordKind.EVENTS, events("a"))
    bench.pipeline.drain()
    bench.fresh()
    assert told(bench.push(RecordKind.EVENTS, events("a", ts="2026-05-01T12:00:00.123457Z"))) == (1, 0, 0)


def test_a_large_batch_is_looked_up_in_parts(bench: Bench) -> None:
    records = events(*(f"e{i}" for i in range(2345)))
    bench.push(RecordKind.EVENTS, records[::2])
    bench.pipeline.drain()
    bench.fresh()
    assert told(bench.push(RecordKind.EVENTS, records)) == (1172, 1173, 0)


def test_an_answer_over_the_stores_limit_is_asked_in_halves(bench: Bench) -> None:
    points = [{"ts": TS, "name": f"m{i}", "labels": {"l": str(j)}, "value": i} for i in range(60) for j in range(5)]
    bench.push(RecordKind.METRICS, points)
    bench.pipeline.drain()
    tight = _Tight(bench.store)
    replay = Replay(tight, bench.journal, bench.clock, Ids(), IntakeSettings())
    payload = b"\n".join(map(msgspec.json.encode, points))
    batch = Batch(batch_id="b", source="replay", kind=RecordKind.METRICS, count=300, payload=payload)
    assert told(replay.replay(Chunk(batch=batch))) == (0, 300, 0)
    assert tight.refused > 1


class _Tight:
    """A store that answers with at most 100 rows."""

    def __init__(self, store: ClickHouseStore) -> None:
        self._store = store
        self.refused = 0

    def query(self, sql: str) -> list[dict[str, Any]]:
        rows = self._store.query(sql)
        if len(rows) > 100:
            self.refused += 1
            raise BadRequest("too many rows")
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_dry_run_counts_and_changes_nothing(bench: Bench) -> None:
    bench.push(RecordKind.EVENTS, events("a"))
    bench.pipeline.drain()
    bench.fresh()
    for _ in range(2):
        answer = bench.push(RecordKind.EVENTS, [*events("a", "b"), {"ts": "nope"}], dry_run=True)
        assert told(answer) == (1, 1, 1)
        assert answer.reasons[0].startswith("ts: expected RFC 3339")
    assert bench.accepted() == 1


def test_a_segments_batch_keeps_its_id_so_that_the_stream_knows_it(bench: Bench) -> None:
    payload = b"\n".join(map(msgspec.json.encode, events("a", "b")))
    letter = DeadLetter(source="replay", cause=Cause.SCHEMA, reason="r", payload=b"x", index=2, first_seen=NOW)
    drop = Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=5)
    batch = Batch(batch_id="01J", source="replay", kind=RecordKind.EVENTS, count=2, payload=payload,
                  refused=(letter,), drops=(drop,))  # fmt: skip
    bench.journal.append([batch])
    assert told(bench.replay.replay(Chunk(batch=batch, keep_id=True))) == (0, 2, 0)
    assert bench.accepted() == 8


def test_a_segments_batch_comes_with_its_letters_and_drops_once(bench: Bench) -> None:
    letter = DeadLetter(source="replay", cause=Cause.SCHEMA, reason="r", payload=b"x", index=2, first_seen=NOW)
    drop = Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=5)
    extra = {"refused": (letter,), "drops": (drop,)}
    for _ in range(2):
        bench.push(RecordKind.EVENTS, events("a", "b"), name="01J", keep_id=True, batch=extra)
        bench.pipeline.drain()
        bench.fresh()
    entry = bench.journal.ledger()["replay"].as_dict()
    assert entry == {"accepted": 8, "stored": 2, "dead_lettered": 1, "dropped": 5, "in_flight": 0}


def test_a_redelivery_of_another_home_lifts_no_letter_of_this_one(bench: Bench) -> None:
    letter = DeadLetter(source="replay", cause=Cause.SCHEMA, reason="r", payload=b"x", index=0, first_seen=NOW)
    bench.journal.append([Batch(batch_id="x", source="replay", kind=RecordKind.EVENTS, count=0, payload=b"",
                                refused=(letter,))])  # fmt: skip
    [kept] = bench.journal.dead_letters()
    name = f"letter:{kept.letter_id}"
    bench.push(RecordKind.EVENTS, events("a"), name=name, keep_id=True, batch={"redelivers": (kept.letter_id,)})
    assert bench.journal.dead_letter(kept.letter_id) == kept
    assert bench.accepted() == 2


def test_a_forged_batch_is_refused(bench: Bench) -> None:
    with pytest.raises(BadRequest):
        bench.push(RecordKind.COSTS, [CHARGE, CHARGE], occurrences=(1,))


def test_pace_holds_a_rate_over_uneven_batches() -> None:
    clock, slept = ManualClock(NOW), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    pace = Pace(100, clock, sleep)
    for records in (50, 250, 1, 99):
        pace.take(records)
    pace.take(0)
    assert clock.monotonic() == pytest.approx(4.0)
    clock.advance(timedelta(seconds=60))
    pace.take(10)
    assert sum(slept) == pytest.approx(4.0), "what was not used is not saved up"
    free = Pace(0, clock, sleep)
    free.take(10**9)
    free.take(10**9)
    assert sum(slept) == pytest.approx(4.0)
