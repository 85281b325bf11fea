"""Workers share a Kinesis stream by leases: one is killed, shards split and merge, and nothing is lost or doubled."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bdp.clock import SystemClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.watch import Watch
from bdp.flow.pipeline import Pipeline
from bdp.flow.work import Worker, WorkSettings
from bdp.model.batch import Batch, Ledger, RecordKind
from bdp.ports import Row, Stream
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from bdp.store.state import State, open_state
from bdp.stream.kinesis.leases import Leases
from bdp.stream.kinesis.stream import KinesisStream
from tests.contract.kinesis_rig import client_of, stream_in

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

SESSION = 1.0
SERVICES = [f"service-{number}" for number in range(24)]
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
Gained = Callable[[Sequence[int]], None]
Lost = Callable[[Sequence[int], bool], None]


class Mortal:
    """The store of one worker, whose process may stand still behind an insert until it is woken."""

    def __init__(self, store: ClickHouseStore) -> None:
        self._store = store
        self.dying = threading.Event()
        self.woken = threading.Event()

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        self._store.insert(kind, payload, token)
        if self.dying.is_set():
            self.woken.wait()

    def query(self, sql: str) -> list[Row]:
        return self._store.query(sql)

    def close(self) -> None:
        """The crew closes it."""


class Hand:
    """One worker in a thread, with connections of its own."""

    def __init__(self, stream: KinesisStream, store: ClickHouseStore, state: State) -> None:
        self.stream = stream
        self.store = Mortal(store)
        self.lanes: list[int] = []
        self._state = state
        self._group: Leases | None = None
        settings = WorkSettings(linger_seconds=0.1, retry_seconds=0.2, tend_seconds=1.0)
        self.worker = Worker(
            self._join, stream.lane, self._pipeline, SystemClock(), settings, stream.tend, self._changed
        )
        self._thread = threading.Thread(target=self.worker.run, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Stand still in the middle of the next range: stored, not committed; no lease is given back or renewed."""
        self.store.dying.set()
        assert self._group
        self._group._closing.set()
        self._group.poll = lambda seconds: self.store.woken.wait()  # type: ignore[assignment,method-assign]

    def stop(self) -> None:
        self.worker.stop()
        self.store.woken.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.stream.close()

    def _join(self, gained: Gained, lost: Lost) -> Leases:
        self._group = self.stream.join(gained, lost)
        return self._group

    def _changed(self, lanes: Sequence[int]) -> None:
        self.lanes = list(lanes)

    def _pipeline(self, stream: Stream) -> Pipeline:
        detector = Watch(BurstSettings())
        return Pipeline(stream, self.store, detector, self._state.incidents, SystemClock())


class Crew:
    """Workers on one stream, one store and one state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
        self.state = open_state("sqlite://", lambda sighting, anomaly: False)
        self.front = self.open()
        self.hands: list[Hand] = []

    def open(self) -> KinesisStream:
        return stream_in(
            self._folder, shards=4, session_seconds=SESSION, shards_seconds=0.5, tally_seconds=0.1, keys=32
        )

    def hire(self) -> Hand:
        self.hands.append(Hand(self.open(), self.store, self.state))
        return self.hands[-1]

    def settle(self, batches: list[Batch], seconds: float = 25) -> None:
        """Wait until all is stored, and see that each event is there once."""
        records = sum(batch.count for batch in batches)
        until = time.monotonic() + seconds
        expected = Ledger(accepted=records, stored=records)
        while (found := self.front.books.ledger().get("http")) != expected:
            assert time.monotonic() < until, (found, expected, [hand.worker.troubles() for hand in self.hands])
            time.sleep(0.05)
        rows = self.store.query("SELECT event_id FROM events")
        ids = Counter(row["event_id"] for row in rows)
        sent = {json.loads(line)["event_id"] for batch in batches for line in batch.payload.split(b"\n")}
        assert not sent - ids.keys(), "lost"
        assert len(rows) == records, f"doubled: {[name for name, count in ids.items() if count > 1][:5]}"

    def close(self) -> None:
        for hand in self.hands:
            hand.stop()
        self.front.close()
        self.state.close()
        self.store.close()


@pytest.fixture
def crew(tmp_path: Path, kinesis: KinesisClient) -> Iterator[Crew]:
    with closing(Crew(tmp_path)) as opened:
        yield opened


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch) -> KinesisClient:
    return client_of(monkeypatch)


def events(chance: random.Random, number: int, count: int = 30) -> Batch:
    lines = [
        {
            "event_id": f"{number}-{index}",
            "ts": (START + timedelta(seconds=number)).isoformat(),
            "service": chance.choice(SERVICES),
            "level": "INFO",
            "message": f"{number} {index}",
        }
        for index in range(count)
    ]
    payload = b"\n".join(json.dumps(line).encode() for line in lines)
    return Batch(batch_id=f"batch-{number}", source="http", kind=RecordKind.EVENTS, count=count, payload=payload)


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.05)


def test_what_a_killed_worker_had_goes_on_elsewhere_once(crew: Crew) -> None:
    chance = random.Random(20261121)
    batches = [events(chance, number) for number in range(40)]
    first, second = crew.hire(), crew.hire()
    until(lambda: len(first.lanes) == len(second.lanes) == 2)
    for batch in batches[:20]:
        crew.front.sink.append([batch])
    first.kill()
    for batch in batches[20:]:
        crew.front.sink.append([batch])
    # As another process does that does not know what was sent.
    crew.front.sink._claims.forget()
    crew.front.sink.append(batches[::4])
    crew.settle(batches)
    assert second.lanes == [0, 1, 2, 3]
    # What was thought dead wakes and wants to commit.
    crew.hands.remove(first)
    first.stop()
    crew.settle(batches)


def test_shards_that_split_and_merge_lose_and_double_nothing(crew: Crew, kinesis: KinesisClient) -> None:
    chance = random.Random(7)
    batches = [events(chance, number) for number in range(60)]
    name = crew.front.settings.stream_name
    hands = [crew.hire(), crew.hire()]
    until(lambda: all(len(hand.lanes) == 2 for hand in hands))
    for batch in batches[:20]:
        crew.front.sink.append([batch])
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]
    limits = shard["HashKeyRange"]
    middle = (int(limits["StartingHashKey"]) + int(limits["EndingHashKey"])) // 2
    kinesis.split_shard(StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle))
    for batch in batches[20:40]:
        crew.front.sink.append([batch])
    kinesis.merge_shards(
        StreamName=name, ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000003"
    )
    # Records that came out of the old shards come again into the new ones.
    crew.front.sink._claims.forget()
    crew.front.sink.append(batches[:40:3])
    for batch in batches[40:]:
        crew.front.sink.append([batch])
    crew.settle(batches)
    until(lambda: sorted(hands[0].lanes + hands[1].lanes) == [0, 1, 2, 3, 4, 5, 6])
    assert sorted(int(lane.rpartition("/")[2]) for lane in crew.front.books.ended("kinesis:")) == [0, 2, 3]
