"""One partition of a Kafka topic, as a lane reads it. An offset here is Kafka's plus one, so that 0 is the start."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import structlog

from bdp.errors import StreamUnavailable
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.sink import ACCEPTED_HEADER, PRODUCER_HEADER, client_options, library
from bdp.stream.shared.lane import AT_ONCE, Message, Spot

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka import Message as KafkaMessage

log = structlog.get_logger(__name__)


class KafkaPartition:
    """`bdp.stream.shared.lane.Partition` on a topic; a connection of its own, outside the group.

    Memory: `read_mib` read ahead.
    """

    source = "kafka"
    ended = False

    def __init__(self, settings: KafkaSettings, number: int) -> None:
        self._settings = settings
        self._number = number
        self.reached = 0
        self.at_end = False

    def seek(self, after: Spot, planned: Spot) -> None:
        """See `bdp.stream.shared.lane.Partition.seek`."""
        self.reached = after.offset
        self._assign()

    def fetch(self, seconds: float) -> Sequence[Message]:
        """See `bdp.stream.shared.lane.Partition.fetch`."""
        kafka = library()
        try:
            messages = self._consumer.consume(AT_ONCE, seconds)
        except kafka.KafkaException as error:
            raise StreamUnavailable(f"Kafka cannot be read: {error.args[0].str()}.", "Check the broker.") from error
        whole: list[Message] = []
        for message in messages:
            problem = message.error()
            if problem is not None:
                self._meet(problem)
            elif (message.offset() or 0) >= self.reached:
                whole.append(_plain(message))
        if whole:
            self.at_end = False
            self.reached = whole[-1].offset
        return whole

    def behind(self) -> bool:
        """See `bdp.stream.shared.lane.Partition.behind`."""
        return self._watermarks()[1] > self.reached

    def close(self) -> None:
        """See `bdp.stream.shared.lane.Partition.close`."""
        self._consumer.close()

    def _meet(self, error: KafkaError) -> None:
        """What came before the error in the same answer is not taken yet: it is to come again."""
        try:
            self._trouble(error)
        except StreamUnavailable:
            self._assign()
            raise

    def _trouble(self, error: KafkaError) -> None:
        if error.code() == error._PARTITION_EOF:
            self.at_end = True
        elif error.code() in (error._AUTO_OFFSET_RESET, error.OFFSET_OUT_OF_RANGE):
            self._find_way()
        else:
            raise StreamUnavailable(f"Kafka cannot be read: {error.str()}.", "Check the broker.")

    def _find_way(self) -> None:
        """The broker has nothing at our place: go on behind what it has deleted, or say that the topic is another."""
        low, high = self._watermarks()
        name = f"{self._settings.topic}/{self._number}"
        if self.reached > high:
            raise StreamUnavailable(
                f"The topic ends at {high}, before our place {self.reached} in {name}: it was cut or made anew.",
                "Give the new topic another name in stream.kafka.topic.",
            )
        if self.reached < low:
            log.error("lane.messages_lost", partition=name, first=self.reached, last=low - 1)
            self.reached = low
        self._assign()

    def _watermarks(self) -> tuple[int, int]:
        kafka = library()
        try:
            found: tuple[int, int] | None = self._consumer.get_watermark_offsets(
                self._spot(), timeout=self._settings.timeout_seconds
            )
        except kafka.KafkaException as error:
            raise StreamUnavailable(f"Kafka does not answer: {error.args[0].str()}.", "Check the broker.") from error
        if found is None:
            raise StreamUnavailable("Kafka does not answer in time.", "Check the broker.")
        return found

    def _assign(self) -> None:
        self.at_end = False
        self._consumer.assign([self._spot(self.reached)])

    def _spot(self, *offset: int) -> Any:
        return library().TopicPartition(self._settings.topic, self._number, *offset)

    @cached_property
    def _consumer(self) -> Any:
        kib = self._settings.read_mib << 10
        options = {
            "group.id": self._settings.group,  # asked for by the library; this consumer joins no group
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": kib,
            "fetch.message.max.bytes": min(kib << 10, 8 << 20),
            "fetch.max.bytes": max(min(kib << 10, 16 << 20), self._settings.message_bytes + 8192),
            "message.max.bytes": self._settings.message_bytes + 8192,
            "fetch.wait.max.ms": 500,
        }
        return library().Consumer(client_options(self._settings) | options)


def _plain(message: KafkaMessage) -> Message:
    headers = dict(message.headers() or ())
    accepted = headers.get(ACCEPTED_HEADER)
    return Message(
        offset=(message.offset() or 0) + 1,
        value=message.value() or b"",
        producer_id=_text(headers.get(PRODUCER_HEADER)),
        accepted=int(accepted) if isinstance(accepted, bytes) and accepted.isdigit() else None,
    )


def _text(value: object) -> str:
    return value.decode(errors="replace")[:200] if isinstance(value, bytes) else ""
