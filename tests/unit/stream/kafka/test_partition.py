"""Reading a partition: an error in the middle of an answer costs nothing of what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bdp.errors import StreamUnavailable
from bdp.stream.kafka.partition import KafkaPartition
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.shared.lane import Spot

kafka = pytest.importorskip("confluent_kafka")


class Heard:
    """A message or an error, as the library hands it out."""

    def __init__(self, offset: int, error: Any = None) -> None:
        self._offset, self._error = offset, error

    def error(self) -> Any:
        return self._error

    def offset(self) -> int:
        return self._offset

    def headers(self) -> Sequence[tuple[str, bytes]]:
        return ()

    def value(self) -> bytes:
        return b"%d" % self._offset


class Consumer:
    """What was handed out is not handed out again unless a place is assigned, as with librdkafka."""

    def __init__(self) -> None:
        self._place = 0
        self._failed = False

    def assign(self, spots: Sequence[Any]) -> None:
        self._place = spots[0].offset

    def consume(self, most: int, seconds: float) -> list[Heard]:
        found = [Heard(number) for number in range(self._place, 6)]
        if not self._failed:
            self._failed = True
            found = [*found[:2], Heard(0, kafka.KafkaError(kafka.KafkaError._BAD_MSG))]
        self._place += sum(heard.error() is None for heard in found)
        return found


def test_messages_before_an_error_come_again() -> None:
    partition = KafkaPartition(KafkaSettings(bootstrap_servers="localhost:1"), 0)
    partition.__dict__["_consumer"] = Consumer()
    partition.seek(Spot(0, ""), Spot(0, ""))
    with pytest.raises(StreamUnavailable):
        partition.fetch(0.1)
    assert [message.value for message in partition.fetch(0.1)] == [b"0", b"1", b"2", b"3", b"4", b"5"]
