"""The stream on many machines: a Kafka topic as the primary sink.

An acknowledgement means that all in-sync replicas have the messages (`acks=all`, idempotent producer). Messages of many
threads share requests (librdkafka's `linger.ms`); each `append` waits for its own.

An outcome may stay unknown, by a time-out or a lost connection: then the same batch is sent again, here or by another
process, and its id counts once where it is read (`shared/lane.py`).
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bdp.errors import BadRecord, BadSetting, MissingExtra, StreamUnavailable
from bdp.model.batch import Batch
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.pack import pack
from bdp.stream.shared.claims import Claims
from bdp.stream.shared.confirmed import Confirmed
from bdp.stream.shared.parts import Part
from bdp.stream.shared.tally import Tally
from bdp.telemetry import Absence

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

log = structlog.get_logger(__name__)
PRODUCER_HEADER = "bdp-producer"
ACCEPTED_HEADER = "bdp-accepted"
_USUAL_LIMIT = 1_048_588 - 8192
_LEAST_MESSAGE = 64 << 10
"""As for the setting: under it records and dead letters would be cut to nothing."""


class KafkaSink:
    """`bdp.ports.Sink` on a topic. Connects at the first use; use from any thread.

    Memory: what callers hold themselves, `queue_mib` on its way, and the ids of the last 50,000 batches and of
    the messages of those that are half through.

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
        self._claims = Claims()
        self._confirmed = Confirmed()
        self._going: dict[str, list[_Delivery]] = {}
        """Who waits for each message that is on its way."""
        self._closed = False

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        until = time.monotonic() + self._settings.timeout_seconds
        client, most = self._ready(until)
        new, others = self._claims.take(batches)
        parts: dict[str, Sequence[Part]] = {}
        try:
            for name, batch in new.items():
                parts[name] = self._confirmed.split(batch, self._settings.partitions, most)
            # All is packed before anything is sent: a batch that never fits leaves nothing behind.
            missing = [(name, part) for name in parts for part in self._confirmed.missing(name, parts[name])]
            messages = [_Message(name, part, self._packed(name, part, most)) for name, part in missing]
            self._deliver(client, [message for message in messages if not message.part.closes], until)
            self._deliver(client, [message for message in messages if message.part.closes], until)
        finally:
            self._claims.release(new, self._confirmed.complete(parts))
        if not self._claims.await_sent(others, until):
            raise _away("Kafka did not confirm in time what was sent twice")
        return [new.pop(batch.batch_id, None) is not None for batch in batches]

    def pin(self, waiting: bool) -> None:
        """Say whether batches wait elsewhere that may be in the topic already: see `bdp.stream.delivery.chain`."""
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
            if self._client and (self._client.dead or self._client.most_bytes != self._most_bytes):
                # There are errors that a producer cannot live with, and it keeps its limits: another takes its place.
                log.warning("kafka.producer_renewed", reason=self._client.dead or "the topic takes other sizes now")
                self._client.give_up()
                self._client = None
                self._going = {}  # nobody may hear of what was on its way
            self._client = self._client or _Client(self._settings, self._most_bytes)
            return self._client, self._most_bytes

    def _deliver(self, client: _Client, messages: Sequence[_Message], until: float) -> None:
        if not messages:
            return
        delivery = _Delivery(len(messages))
        for message in messages:
            if self._joined(message.part.batch.batch_id, delivery):
                continue
            part = message.part
            headers = {PRODUCER_HEADER: self._producer_id.encode(), ACCEPTED_HEADER: b"%d" % part.accepted}
            report = functools.partial(self._delivered, message.batch_id, part)
            try:
                client.send(self._settings.topic, part.partition, message.packed, headers, report, until)
            except BaseException:
                with self._lock:
                    self._going.pop(part.batch.batch_id, None)
                raise
        if not delivery.done.wait(max(until - time.monotonic(), 0)):
            raise _away("Kafka did not confirm in time")
        if delivery.error is not None:
            self._look_again(delivery.error)
            raise _away(f"Kafka did not take the records: {delivery.error.str()}")

    def _packed(self, batch_id: str, part: Part, most: int) -> bytes:
        try:
            return _packed(part, most)
        except BadRecord as error:
            if not self._confirmed.halfway(batch_id):
                raise
            # Cut up anew, what is in the topic already would come again under other names.
            raise StreamUnavailable(
                f"The topic takes smaller messages than when half of the batch was sent: {error.what}", error.next_step
            ) from error

    def _joined(self, name: str, delivery: _Delivery) -> bool:
        """Have `delivery` told of a message; True if that is on its way since an earlier try."""
        with self._lock:
            waiting = self._going.get(name)
            if waiting is None:
                self._going[name] = [delivery]
                return False
            waiting.append(delivery)
            return True

    def _delivered(self, batch_id: str, part: Part, error: KafkaError | None, message: Message) -> None:
        # Also what is confirmed after its sender gave up is in the topic, and counts.
        if error is None:
            self._tally.add(part.batch.source, part.accepted)
            self._confirmed.add(batch_id, part.batch.batch_id)
        with self._lock:
            waiting = self._going.pop(part.batch.batch_id, [])
        for delivery in waiting:
            delivery.report(error)

    def _look_again(self, error: KafkaError) -> None:
        """Have the topic looked at again before the next message if the error is about the topic."""
        if error.code() in (error.UNKNOWN_TOPIC_OR_PART, error._UNKNOWN_TOPIC, error._UNKNOWN_PARTITION) or (
            error.code() == error.MSG_SIZE_TOO_LARGE
        ):
            with self._lock:
                self._most_bytes = 0


@dataclass(frozen=True)
class _Message:
    batch_id: str
    part: Part
    packed: bytes


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
        self.most_bytes = most_bytes
        self.dead = ""
        """Why it can send no more; empty while it can."""
        self._absence = Absence(log, "kafka.away", "kafka.back")  # what is sent tells that it is back
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
            self._absence.met(error.str() or "")


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


def check_options(settings: KafkaSettings) -> None:
    """Try the library's options without a connection.

    Raises:
        BadSetting: it refuses one.
    """
    kafka = library()
    try:
        _administration().AdminClient(client_options(settings))
    except kafka.KafkaException as error:
        raise BadSetting(f"Kafka's library refuses: {error.args[0].str()}.", "Correct stream.kafka.options.") from error


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
    """Return the topic's own limit; Kafka's usual one if we may not read it."""
    kafka, administration = library(), _administration()
    resource = administration.ConfigResource(administration.ResourceType.TOPIC, settings.topic)
    try:
        found = admin.describe_configs([resource], request_timeout=seconds)[resource].result()
        limit = int(found["max.message.bytes"].value) - 8192
    except kafka.KafkaException as error:
        if error.args[0].code() not in (
            kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED,
            kafka.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        ):
            raise
        return _USUAL_LIMIT
    except (KeyError, ValueError):
        return _USUAL_LIMIT
    if limit < _LEAST_MESSAGE:
        raise StreamUnavailable(
            f"The topic {settings.topic} takes messages of {limit + 8192} bytes at most, too little for a record.",
            f"Set its max.message.bytes to {settings.message_bytes + 8192}.",
        )
    return limit


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
