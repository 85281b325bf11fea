"""Which partitions of the topic this process works on: its membership in the consumer group.

It reads no records: each partition has a reader of its own (`shared/lane.py`). Partitions move one by one (cooperative
rebalancing), so that the others go on while a worker comes or goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from bdp.errors import StreamUnavailable
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.sink import client_options, library
from bdp.telemetry import Absence

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, TopicPartition

log = structlog.get_logger(__name__)
_ASK_SECONDS = 1.0


class Membership:
    """One member of the group. Use from one thread; the callbacks come from inside `poll` and `close`.

    Args:
        gained: called with partitions that are ours from now on.
        lost: called with partitions that must be let go, and True if another member may have them already.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        gained: Callable[[Sequence[int]], None],
        lost: Callable[[Sequence[int], bool], None],
    ) -> None:
        self._gained = gained
        self._lost = lost
        self._topic = settings.topic
        self._doubtful = False
        """The library said that no broker is there; it does not say when one is again."""
        self._absence = Absence(log, "group.trouble", "group.well")
        session = int(settings.session_seconds * 1000)
        options = {
            "group.id": settings.group,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": session,
            "heartbeat.interval.ms": max(session // 4, 100),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "latest",
            "topic.metadata.refresh.interval.ms": 30_000,
            "error_cb": self._note,
        }
        self._kafka = library()
        self._consumer: Any = self._kafka.Consumer(client_options(settings) | options)
        self._consumer.subscribe(
            [settings.topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def poll(self, seconds: float) -> None:
        """Take part in the group for a while; must be called at least every five minutes.

        Raises:
            StreamUnavailable: the broker refuses us, or none is there.
        """
        try:
            message = self._consumer.poll(seconds)
            if self._doubtful:
                self._consumer.list_topics(self._topic, timeout=_ASK_SECONDS)
                self._doubtful = False
                self._absence.over()
        except self._kafka.KafkaException as error:
            reason = error.args[0].str()
            if self._doubtful:
                raise StreamUnavailable(f"Kafka does not answer: {reason}.", "Check the broker.") from error
            raise StreamUnavailable(f"The group cannot be joined: {reason}.", "Check the broker.") from error
        if message is not None and message.error() is not None:
            raise StreamUnavailable(f"The group cannot be joined: {message.error().str()}.", "Check the broker.")

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close()

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            partition.offset = self._kafka.OFFSET_END
        consumer.incremental_assign(partitions)
        if partitions:
            consumer.pause(partitions)
            self._gained([partition.partition for partition in partitions])

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._lost([partition.partition for partition in partitions], False)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._lost([partition.partition for partition in partitions], True)
        consumer.incremental_unassign(partitions)

    def _note(self, error: KafkaError) -> None:
        self._doubtful = self._doubtful or error.code() == error._ALL_BROKERS_DOWN
        self._absence.met(error.str() or "")
