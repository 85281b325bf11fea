"""A Kafka feed between interruptions: how long it waits before it asks for its partitions anew."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.intake.feeds.kafka import KafkaFeed, KafkaFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch

FAILS = False
GOES = True


class Record:
    """A message as the library gives it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return confluent_kafka.TIMESTAMP_CREATE_TIME, 1_767_225_600_000

    def value(self) -> bytes:
        return json.dumps({"ts": "2026-01-01T00:00:00Z", "service": "shop", "message": f"m{self._offset}"}).encode()


class Consumer:
    """Stands for a broker's end: each round either fails or brings a message, as the plan says."""

    plan: Iterator[bool]
    offset = 0

    def __init__(self, options: dict[str, object]) -> None:
        self._joined: Callable[[], None] | None = None

    def subscribe(
        self,
        topics: list[str],
        on_assign: Callable[[Consumer, list[TopicPartition]], None],
        on_revoke: object,
        on_lost: object,
    ) -> None:
        self._joined = lambda: on_assign(self, [TopicPartition("orders", 0)])

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return partitions

    def assign(self, partitions: list[TopicPartition]) -> None:
        """It reads what the plan brings."""

    def consume(self, most: int, seconds: float) -> Sequence[Record]:
        if self._joined:
            self._joined()
            self._joined = None
        if next(self.plan) is FAILS:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        Consumer.offset += 1
        return [Record(Consumer.offset)]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        return offsets

    def close(self) -> None:
        """Nothing is held."""


class Waits(threading.Event):
    """Notes how long it is waited for, without waiting; is set at the end of the plan."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout or 0)
        if len(self.asked) == self._most:
            self.set()
        return self.is_set()


def test_the_wait_after_an_interruption_is_short_again_once_records_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confluent_kafka, "Consumer", Consumer)
    monkeypatch.setattr(Consumer, "plan", iter([FAILS] * 8 + [GOES] + [FAILS] * 3), raising=False)
    settings = KafkaFeedSettings(bootstrap_servers="localhost:1", topics=("orders",))
    reader = FeedReader("kafka", "events", IntakeSettings(), SystemClock(), Ids())
    taken: list[Batch] = []
    stop = Waits(11)
    KafkaFeed(settings, reader, taken.append).run(stop)
    assert [batch.count for batch in taken] == [1]
    assert stop.asked == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5, 1, 2]
