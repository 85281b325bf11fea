"""Topics of others as a way in: a consumer group whose messages come into custody exactly once.

Before a range of a partition is delivered, its end is written into the metadata of the group's committed offset; then
the range is delivered as one batch whose id is made of its bounds; the next commit moves the offset behind it. After a
crash, or on another consumer after a rebalance, the range is read again with the same bounds, so that its id is known.
A consumer that lost a partition cannot commit for it any more, so that no two plans hold at once.

Memory: what librdkafka has read ahead (`queue_mib`), and one round of messages (about `batch_bytes`).
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadSetting, MissingExtra
from bdp.intake.feeds.feed import Deliver, Stopped, deliver_surely
from bdp.intake.feeds.reading import FeedReader, Message
from bdp.telemetry import Absence

if TYPE_CHECKING:
    from confluent_kafka import Consumer, TopicPartition
    from confluent_kafka import Message as KafkaMessage

log = structlog.get_logger(__name__)

_PLAN = re.compile(r"to=(\d{1,19});at=(-?\d{1,19})")
_SECONDS = 10.0
_ASK_SECONDS = 1.0
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_FIRST_ROUND = 64
_OURS: Final = frozenset(
    {
        "bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof",
        "auto.offset.reset", "partition.assignment.strategy", "group.protocol", "queued.max.messages.kbytes",
    }
)  # fmt: skip


class KafkaFeedSettings(BaseModel):
    """Topics to read from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["kafka"] = "kafka"
    name: str = Field(
        default="kafka",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="source that the ledger shows; also part of the batches' ids, so it must not change or stand twice",
    )
    bootstrap_servers: str = Field(min_length=1, description="host:port,… of some brokers")
    topics: tuple[str, ...] = Field(min_length=1, description="names of topics")
    group: str = Field(default="bdp-feed", min_length=1, max_length=200, description="consumer group")
    format: str = Field(
        default="events",
        description="events, metrics, costs or changes as JSON; or a protocol, such as otlp_logs, loki, alerts_grafana",
    )
    start: Literal["earliest", "latest"] = Field(
        default="earliest", description="where a group begins that has read nothing yet"
    )
    poll_messages: int = Field(default=2000, ge=1, le=100_000, description="most messages of one round")
    poll_bytes: int = Field(default=8 << 20, ge=1024, description="about the most bytes of one round")
    poll_seconds: float = Field(default=0.5, gt=0, le=60, description="longest wait for a round to fill")
    queue_mib: int = Field(default=16, ge=1, le=2048, description="MiB read ahead")
    options: dict[str, str] = Field(
        default={}, description="further librdkafka options, such as security.protocol; a secret value as env:NAME"
    )


@dataclass
class _Line:
    """One partition that is ours.

    Attributes:
        next: offset behind what was delivered; None before anything was read or committed.
        plan: end of a range, and the time in its id, that an earlier life may have delivered.
        done: what was delivered is not committed yet.
    """

    next: int | None = None
    plan: tuple[int, int] | None = None
    done: bool = False
    waiting: list[KafkaMessage] = field(default_factory=list)
    end: int = -1


class KafkaFeed:
    """`feed.Feed` on topics.

    Args:
        secret: gives the value of an environment variable that an option names.
    """

    def __init__(
        self,
        settings: KafkaFeedSettings,
        reader: FeedReader,
        deliver: Deliver,
        secret: Callable[[str], str | None] = lambda name: None,
    ) -> None:
        self.name = settings.name
        self.trouble = ""
        self._absence = Absence(log, "feed.interrupted", "feed.resumed", feed=settings.name)
        self._doubtful = False
        """The library said that no broker is there; it does not say when one is again."""
        self._wait = _FIRST_WAIT
        self._settings = settings
        self._reader = reader
        self._deliver = deliver
        self._options = _options(settings, secret)
        self._lines: dict[tuple[str, int], _Line] = {}
        self._largest = max(settings.poll_bytes // _FIRST_ROUND, 1)

    def run(self, stop: threading.Event) -> None:
        """See `feed.Feed.run`."""
        kafka = _library()
        while not stop.is_set():
            try:
                self._consume(stop)
            except Stopped:
                return
            except kafka.KafkaException as error:
                self._interrupted(error.args[0])
                stop.wait(self._wait)
                self._wait = min(self._wait * 2, _LONGEST_WAIT)

    def _consume(self, stop: threading.Event) -> None:
        self._lines.clear()
        consumer: Consumer = _library().Consumer(self._options | {"error_cb": self._note})
        try:
            consumer.subscribe(
                list(self._settings.topics), on_assign=self._gain, on_revoke=self._yield, on_lost=self._lose
            )
            while not stop.is_set():
                self._round(consumer, stop)
            self._commit(consumer, self._settled())
        finally:
            consumer.close()

    def _round(self, consumer: Consumer, stop: threading.Event) -> None:
        most = max(1, min(self._settings.poll_messages, self._settings.poll_bytes // self._largest))
        messages = consumer.consume(most, self._settings.poll_seconds)
        self._sort(messages)
        ranges = [found for place, line in self._lines.items() if (found := self._range(place, line))]
        if not ranges:
            if not messages:
                self._commit(consumer, self._settled())
                self._ask(consumer)
            return
        while ranges:
            self._commit(consumer, [found.planned() for found in ranges])
            for found in ranges:
                found.line.done = False  # what came before is committed with the plan, which nothing may overwrite now
            for found in ranges:
                deliver_surely(self, self._deliver, found.run.batch(found.batch_id), stop)
                found.settle()
            ranges = [more for found in ranges if (more := self._range(found.place, found.line))]
        self._resumed()
        self._wait = _FIRST_WAIT  # only now: one that joins its group and fails again must not do so all the time

    def _sort(self, messages: Sequence[KafkaMessage]) -> None:
        kafka = _library()
        sizes = [1]
        for message in messages:
            error = message.error()
            line = self._lines.get((message.topic() or "", message.partition() or 0))
            if error is not None and error.code() != kafka.KafkaError._PARTITION_EOF:
                raise kafka.KafkaException(error)
            if line is None:
                continue
            if error is not None:
                line.end = message.offset() or 0
                continue
            line.waiting.append(message)
            sizes.append(len(message.value() or b""))
        self._largest = max(sizes) if len(sizes) > 1 else self._largest

    def _range(self, place: tuple[str, int], line: _Line) -> _Range | None:
        """Return the next range of a partition that can be delivered."""
        if line.plan and not line.waiting and line.end > line.plan[0]:
            line.plan = None  # all of it is gone from the topic since
        if not line.waiting:
            return None
        if line.plan is None:
            return _Range(self.name, place, line, self._reader, len(line.waiting), None)
        inside = [message for message in line.waiting if (message.offset() or 0) <= line.plan[0]]
        last = line.waiting[-1].offset() or 0
        if last < line.plan[0] and line.end <= line.plan[0]:
            return None
        if not inside:
            line.plan = None
            return self._range(place, line)
        return _Range(self.name, place, line, self._reader, len(inside), line.plan)

    def _gain(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        kafka = _library()
        begin = kafka.OFFSET_BEGINNING if self._settings.start == "earliest" else kafka.OFFSET_END
        for found in consumer.committed(partitions, timeout=_SECONDS):
            if found.error is not None:
                raise kafka.KafkaException(found.error)
            line = _Line()
            if found.offset >= 0:
                plan = _PLAN.fullmatch(found.metadata or "")
                line = _Line(found.offset, (int(plan[1]), int(plan[2])) if plan else None)
            self._lines[found.topic, found.partition] = line
        consumer.assign(
            [
                kafka.TopicPartition(part.topic, part.partition, begin if next is None else next)
                for part in partitions
                for next in [self._lines[part.topic, part.partition].next]
            ]
        )
        self._resumed()
        log.info("feed.partitions", feed=self.name, count=len(self._lines))

    def _yield(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = {(part.topic, part.partition) for part in partitions}
        settled = [part for part in self._settled() if (part.topic, part.partition) in ours]
        try:
            self._commit(consumer, settled)
        finally:
            self._lose(consumer, partitions)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for part in partitions:
            self._lines.pop((part.topic, part.partition), None)

    def _settled(self) -> list[TopicPartition]:
        partition = _library().TopicPartition
        found = []
        for (topic, number), line in self._lines.items():
            if line.done and line.next is not None:
                found.append(partition(topic, number, line.next))
                line.done = False
        return found

    def _commit(self, consumer: Consumer, offsets: Sequence[TopicPartition]) -> None:
        """Raises: KafkaException if any of them was not taken, such as when the group went on without us."""
        if not offsets:
            return
        for found in consumer.commit(offsets=list(offsets), asynchronous=False) or []:
            if found.error is not None:
                raise _library().KafkaException(found.error)

    def _note(self, error: Any) -> None:
        if error.code() == error._ALL_BROKERS_DOWN or error.fatal():
            self._doubtful = True
            self._interrupted(error)

    def _ask(self, consumer: Consumer) -> None:
        """Find out whether a broker that was away is back: a topic may stay silent for long."""
        if self._doubtful:
            with contextlib.suppress(_library().KafkaException):
                consumer.list_topics(timeout=_ASK_SECONDS)
                self._resumed()

    def _interrupted(self, error: Any) -> None:
        self.trouble = f"Kafka: {error.str()}"
        self._absence.met(self.trouble)

    def _resumed(self) -> None:
        self.trouble, self._doubtful = "", False
        self._absence.over()


class _Range:
    """Messages of one partition that are one batch."""

    def __init__(
        self,
        name: str,
        place: tuple[str, int],
        line: _Line,
        reader: FeedReader,
        most: int,
        plan: tuple[int, int] | None,
    ) -> None:
        self.place = place
        self.line = line
        taken = line.waiting[:most]
        self.run = reader.run([_message(message) for message in taken], whole=plan is not None)
        first = taken[0]
        self._begin = line.next if line.next is not None else first.offset() or 0
        self._to = plan[0] if plan else taken[self.run.used - 1].offset() or 0
        # A topic made anew counts from 0 again; the time tells its ranges from those of the old one.
        self._at = plan[1] if plan else first.timestamp()[1]
        self.batch_id = f"{name}:{_short(place[0])}:{place[1]}:{self._begin}-{self._to}@{self._at}"

    def planned(self) -> TopicPartition:
        """Return the offset to commit before the range is delivered."""
        partition: TopicPartition = _library().TopicPartition(
            *self.place, self._begin, metadata=f"to={self._to};at={self._at}"
        )
        return partition

    def settle(self) -> None:
        """Note that it is in custody."""
        del self.line.waiting[: self.run.used]
        self.line.next, self.line.plan, self.line.done = self._to + 1, None, True


def _message(message: KafkaMessage) -> Message:
    kind, milliseconds = message.timestamp()
    at = None
    if kind != _library().TIMESTAMP_NOT_AVAILABLE and 0 < milliseconds < 4_102_444_800_000:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    place = f"{message.topic()}/{message.partition()}@{message.offset()}"
    return Message(place, message.value() or b"", at)


def _short(topic: str) -> str:
    """Topic names may have 249 characters; a batch's id must stay short."""
    return topic if len(topic) <= 80 else hashlib.sha256(topic.encode()).hexdigest()[:32]


def _options(settings: KafkaFeedSettings, secret: Callable[[str], str | None]) -> dict[str, Any]:
    given = {}
    for name, value in settings.options.items():
        if name in _OURS:
            raise BadSetting(f"Kafka's option {name} is set by BDP.", f"Take it out of the feed {settings.name}.")
        found = secret(value.removeprefix("env:")) if value.startswith("env:") else value
        if not found:
            raise BadSetting(f"Kafka's option {name} names {value}, which is not set.", "Set that variable.")
        given[name] = found
    return {
        "client.id": "bdp-feed",
        "log_level": 2,
        "reconnect.backoff.max.ms": 5000,
        **given,
        "bootstrap.servers": settings.bootstrap_servers,
        "group.id": settings.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",  # what expired unread is jumped over, not waited for
        "queued.max.messages.kbytes": settings.queue_mib << 10,
    }


def _library() -> Any:
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtra(
            "A Kafka feed needs a library that is not installed.", "Install it: pip install 'bdp-agent[kafka]'."
        ) from error
    return confluent_kafka
