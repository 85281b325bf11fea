"""The stream on many machines: a Kafka topic as the primary sink.

An acknowledgement means that all in-sync replicas have the messages (`acks=all`, idempotent producer). Messages of many
threads share requests (librdkafka's `linger.ms`); each `append` waits for its own.

An outcome may stay unknown, by a time-out or a lost connection: then the same batch is sent again, here or by another
process, and its id counts once where it is read (`lane.py`).
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRecord, BadSetting, MissingExtra, StreamUnavailable
from bdp.model.batch import Batch
from bdp.stream.pack import pack
from bdp.stream.parts import Part, split
from bdp.stream.tally import Tally

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

log = structlog.get_logger(__name__)
PRODUCER_HEADER = "bdp-producer"
ACCEPTED_HEADER = "bdp-accepted"
_RECENT_IDS = 50_000
_OURS = frozenset(
    {
        "bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "acks",
        "enable.idempotence", "enable.partition.eof", "isolation.level", "partition.assignment.strategy",
        "group.protocol", "allow.auto.create.topics", "message.timeout.ms", "message.max.bytes", "session.timeout.ms",
    }
)  # fmt: skip
"""Options that would break what is promised here, or that have a setting of their own."""


class KafkaSettings(BaseModel):
    """A Kafka topic as the stream, and how its readers share it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap_servers: str = Field(default="", description="host:port,… of some brokers")
    topic: str = Field(default="bdp.records", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="topic of all records")
    group: str = Field(default="bdp", min_length=1, max_length=200, description="consumer group of the workers")
    partitions: int = Field(
        default=12,
        ge=1,
        le=10_000,
        description="partitions that records are spread over: most workers at once; the topic may have more, not less",
    )
    replication_factor: int = Field(
        default=-1, ge=-1, le=100, description="copies of a topic that BDP makes; -1: as the broker is set"
    )
    min_insync_replicas: int = Field(
        default=0,
        ge=0,
        le=100,
        description="copies that must have a message, in a topic that BDP makes; 0: the broker's",
    )
    retention_hours: int = Field(default=168, ge=1, description="how long a topic that BDP makes keeps messages")
    message_bytes: int = Field(
        default=4 << 20,
        ge=64 << 10,
        le=64 << 20,
        description="most bytes in a message; the topic's own limit holds too",
    )
    timeout_seconds: float = Field(
        default=5.0, ge=0.5, le=300, description="longest wait for the broker's word; then the next sink is asked"
    )
    linger_ms: int = Field(default=2, ge=0, le=1000, description="how long messages wait for others to share a request")
    queue_mib: int = Field(default=64, ge=1, le=2048, description="MiB of messages that may be on their way")
    session_seconds: float = Field(
        default=10.0, ge=1, le=300, description="a worker silent for so long loses its partitions to others"
    )
    read_mib: int = Field(default=16, ge=1, le=1024, description="MiB read ahead for each partition")
    tally_seconds: float = Field(default=1.0, ge=0.05, le=60, description="how often acknowledged totals are reported")
    options: dict[str, str] = Field(
        default={}, description="further librdkafka options, such as security.protocol; a secret value as env:NAME"
    )

    def resolved(self, secret: Callable[[str], str | None]) -> KafkaSettings:
        """Return the settings with each option `env:NAME` replaced by what `secret(NAME)` gives.

        Raises:
            BadSetting: it gives nothing, or an option is one that BDP sets itself.
        """
        for name in self.options:
            if name in _OURS:
                raise BadSetting(f"Kafka's option {name} is set by BDP.", "Take it out of stream.kafka.options.")
        options = {name: _resolved(name, value, secret) for name, value in self.options.items()}
        return self.model_copy(update={"options": options})


class KafkaSink:
    """`bdp.ports.Sink` on a topic. Connects at the first use; use from any thread.

    Memory: what callers hold themselves, `queue_mib` on its way, and the ids of the last 50,000 batches.

    Args:
        tally: where acknowledged records are counted.
        producer_id: names this process in its messages; a new one for each process.
    """

    name = "kafka"

    def __init__(self, settings: KafkaSettings, tally: Tally, producer_id: str) -> None:
        library()
        if not settings.bootstrap_servers:
            raise BadSetting("There is no Kafka broker to talk to.", "Set stream.kafka.bootstrap_servers.")
        self._settings = settings
        self._tally = tally
        self._producer_id = producer_id
        self._lock = threading.Lock()
        self._client: _Client | None = None
        self._most_bytes = 0
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._going: dict[str, threading.Event] = {}
        self._closed = False

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        until = time.monotonic() + self._settings.timeout_seconds
        client, most = self._ready(until)
        new, others = self._claim(batches)
        sent = False
        try:
            # All is packed before anything is sent: a batch that never fits leaves nothing behind.
            parts = [part for batch in new.values() for part in split(batch, self._settings.partitions, most)]
            messages = [(part, _packed(part, most)) for part in parts]
            self._deliver(client, [message for message in messages if not message[0].closes], until)
            self._deliver(client, [message for message in messages if message[0].closes], until)
            sent = True
        finally:
            self._release(new, sent)
        self._await(others, until)
        return [new.pop(batch.batch_id, None) is not None for batch in batches]

    def pin(self, waiting: bool) -> None:
        """Say whether batches wait elsewhere that may be in the topic already: see `bdp.stream.chain.Chain`."""
        self._tally.pin(waiting)

    def close(self) -> None:
        """Give what is on its way its time, then report the totals."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client:
            client.close(self._settings.timeout_seconds)
        self._tally.close()

    def _ready(self, until: float) -> tuple[_Client, int]:
        with self._lock:
            if self._closed:
                raise StreamUnavailable("The way to Kafka is closed.", "Start BDP again.")
            if not self._most_bytes:
                self._most_bytes = ensure_topic(self._settings, max(until - time.monotonic(), 0.1))
            if self._client and self._client.dead:
                # There are errors that a producer cannot live with: another takes its place.
                log.warning("kafka.producer_renewed", reason=self._client.dead)
                self._client.give_up()
                self._client = None
            self._client = self._client or _Client(self._settings, self._most_bytes)
            return self._client, self._most_bytes

    def _deliver(self, client: _Client, messages: Sequence[tuple[Part, bytes]], until: float) -> None:
        if not messages:
            return
        delivery = _Delivery(len(messages))
        for part, packed in messages:
            headers = {PRODUCER_HEADER: self._producer_id.encode(), ACCEPTED_HEADER: b"%d" % part.accepted}
            report = functools.partial(self._delivered, delivery, part)
            client.send(self._settings.topic, part.partition, packed, headers, report, until)
        if not delivery.done.wait(max(until - time.monotonic(), 0)):
            raise _away("Kafka did not confirm in time")
        if delivery.error is not None:
            self._look_again(delivery.error)
            raise _away(f"Kafka did not take the records: {delivery.error.str()}")

    def _delivered(self, delivery: _Delivery, part: Part, error: KafkaError | None, message: Message) -> None:
        # Also what is confirmed after its sender gave up is in the topic, and counts.
        if error is None:
            self._tally.add(part.batch.source, part.accepted)
        delivery.report(error)

    def _look_again(self, error: KafkaError) -> None:
        """Have the topic looked at again before the next message if the error is about the topic."""
        if error.code() in (error.UNKNOWN_TOPIC_OR_PART, error._UNKNOWN_TOPIC, error._UNKNOWN_PARTITION) or (
            error.code() == error.MSG_SIZE_TOO_LARGE
        ):
            with self._lock:
                self._most_bytes = 0

    def _claim(self, batches: Sequence[Batch]) -> tuple[dict[str, Batch], dict[str, threading.Event]]:
        """Return the batches that are ours to send, and the ids that another thread is sending now."""
        new: dict[str, Batch] = {}
        others: dict[str, threading.Event] = {}
        with self._lock:
            for batch in batches:
                name = batch.batch_id
                if name in self._going and name not in new:
                    others[name] = self._going[name]
                elif name not in self._recent and name not in new:
                    new[name] = batch
                    self._going[name] = threading.Event()
        return new, others

    def _release(self, new: Iterable[str], sent: bool) -> None:
        with self._lock:
            for name in new:
                if sent:
                    self._recent[name] = None
                self._going.pop(name).set()
            while len(self._recent) > _RECENT_IDS:
                self._recent.popitem(last=False)

    def _await(self, others: Mapping[str, threading.Event], until: float) -> None:
        """Wait for what another thread sends: it is not taken before that."""
        for name, ended in others.items():
            if not ended.wait(max(until - time.monotonic(), 0)) or name not in self._recent:
                raise _away("Kafka did not confirm in time what was sent twice")


class _Delivery:
    """What is known of one append's messages. Reports come from one thread."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.error: KafkaError | None = None
        self.done = threading.Event()

    def report(self, error: KafkaError | None) -> None:
        """Take the word on one message."""
        self._left -= 1
        self.error = self.error or error
        if self._left <= 0:
            self.done.set()


class _Client:
    """One producer with the thread that hands out its reports."""

    def __init__(self, settings: KafkaSettings, most_bytes: int) -> None:
        self.dead = ""
        """Why it can send no more; empty while it can."""
        milliseconds = int(settings.timeout_seconds * 1000)
        options = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": settings.linger_ms,
            "message.timeout.ms": milliseconds,
            "request.timeout.ms": milliseconds,
            "message.max.bytes": most_bytes + 4096,
            "queue.buffering.max.kbytes": max(settings.queue_mib << 10, (most_bytes >> 10) + 64),
            "queue.buffering.max.messages": 100_000,
            "compression.type": "none",  # it is packed already
            "error_cb": self._note,
        }
        self._producer: Producer = library().Producer(client_options(settings) | options)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._thread.start()

    def send(
        self,
        topic: str,
        partition: int,
        packed: bytes,
        headers: Mapping[str, bytes],
        report: Callable[[KafkaError | None, Message], None],
        until: float,
    ) -> None:
        """Put one message on its way; waits for room while there is time.

        Raises:
            StreamUnavailable: there was no room in time, or the producer is at its end.
        """
        kafka = library()
        while not self.dead:
            try:
                self._producer.produce(
                    topic, packed, partition=partition, headers=list(headers.items()), on_delivery=report
                )
                return
            except BufferError:
                if time.monotonic() >= until:
                    raise _away("Kafka takes records slower than they come") from None
                time.sleep(0.005)
            except kafka.KafkaException as error:
                raise _away(f"Kafka does not take the records: {error.args[0].str()}") from error
        raise _away(f"The way to Kafka broke: {self.dead}")

    def give_up(self) -> None:
        """Report everything on its way as failed, without waiting."""
        self._producer.purge()
        self._ending.set()

    def close(self, seconds: float) -> None:
        """Wait for what is on its way, then end."""
        self._producer.flush(seconds)
        self.give_up()
        self._thread.join(seconds + 1)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._producer.poll(0.2)
        self._producer.flush(1.0)

    def _note(self, error: KafkaError) -> None:
        if error.fatal():
            self.dead = error.str() or "fatal error"
        elif error.code() == error._ALL_BROKERS_DOWN:
            log.warning("kafka.away", reason=error.str())


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every client of ours is given."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "bdp",
        "socket.timeout.ms": max(int(settings.timeout_seconds * 1000), 1000),
        "reconnect.backoff.max.ms": 2000,
        "log_level": 2,  # what goes wrong comes as an error, and is logged where it is met
        **settings.options,
    }


def ensure_topic(settings: KafkaSettings, seconds: float) -> int:
    """Make the topic if it is not there, and return the most bytes that a message may have.

    Raises:
        StreamUnavailable: the broker does not answer, refuses, or the topic has too few partitions.
    """
    kafka = library()
    admin = _administration().AdminClient(client_options(settings))
    try:
        topics = admin.list_topics(timeout=seconds).topics
        if settings.topic not in topics:
            _create_topic(admin, settings, seconds)
            return settings.message_bytes
        found = len(topics[settings.topic].partitions)
        if found < settings.partitions:
            raise StreamUnavailable(
                f"The topic {settings.topic} has {found} partitions, the settings say {settings.partitions}.",
                "Add partitions to the topic, or lower stream.kafka.partitions.",
            )
        return min(settings.message_bytes, _limit_of(admin, settings, seconds))
    except kafka.KafkaException as error:
        raise _away(f"Kafka does not answer: {error.args[0].str()}") from error


def _create_topic(admin: Any, settings: KafkaSettings, seconds: float) -> None:
    kafka = library()
    config = {
        "retention.ms": str(settings.retention_hours * 3_600_000),
        "max.message.bytes": str(settings.message_bytes + 8192),
        "cleanup.policy": "delete",
    }
    if settings.min_insync_replicas:
        config["min.insync.replicas"] = str(settings.min_insync_replicas)
    topic = _administration().NewTopic(settings.topic, settings.partitions, settings.replication_factor, config=config)
    try:
        admin.create_topics([topic], operation_timeout=seconds, request_timeout=seconds)[settings.topic].result()
    except kafka.KafkaException as error:
        if error.args[0].code() != kafka.KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    log.info("kafka.topic_ready", topic=settings.topic, partitions=settings.partitions)


def _limit_of(admin: Any, settings: KafkaSettings, seconds: float) -> int:
    """Return the topic's own limit; ours if we may not read it."""
    kafka, administration = library(), _administration()
    resource = administration.ConfigResource(administration.ResourceType.TOPIC, settings.topic)
    try:
        found = admin.describe_configs([resource], request_timeout=seconds)[resource].result()
        return max(int(found["max.message.bytes"].value) - 8192, 16_384)
    except (kafka.KafkaException, KeyError, ValueError):
        return settings.message_bytes


def _administration() -> Any:
    return importlib.import_module("confluent_kafka.admin")


def _packed(part: Part, most_bytes: int) -> bytes:
    packed = pack(part.batch)
    if len(packed) > most_bytes:
        raise BadRecord(
            f"A record of {len(part.batch.payload)} bytes is too large for a message of Kafka's, at most {most_bytes}.",
            "Raise stream.kafka.message_bytes and the topic's max.message.bytes.",
        )
    return packed


def _away(what: str) -> StreamUnavailable:
    return StreamUnavailable(f"{what.rstrip('.')}.", "Check the broker; the records may be sent again.")


def _resolved(name: str, value: str, secret: Callable[[str], str | None]) -> str:
    if not value.startswith("env:"):
        return value
    found = secret(value.removeprefix("env:"))
    if not found:
        raise BadSetting(f"Kafka's option {name} names {value}, which is not set.", "Set that environment variable.")
    return found


def library() -> Any:
    """Return the client library.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtra(
            "Kafka needs a library that is not installed.", "Install it: pip install 'bdp-agent[kafka]'."
        ) from error
    return confluent_kafka
