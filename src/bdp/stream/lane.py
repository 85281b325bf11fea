"""One partition of the topic as a stream, with its progress in the books.

An offset here is Kafka's offset plus one, so that 0 is the start. The place in the books counts, not the consumer
group's offsets: it moves in one transaction with the ledger, the ids and the detector's rows.

A message whose batch came before, or that holds only refused records, is never shown; it is counted where the lane
goes over it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from bdp.clock import Clock
from bdp.errors import BadRecord, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind, Stored
from bdp.stream.books import Passed, Place, SqlBooks
from bdp.stream.kafka import ACCEPTED_HEADER, PRODUCER_HEADER, KafkaSettings, client_options, library
from bdp.stream.pack import unpack

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

log = structlog.get_logger(__name__)
_AT_ONCE = 16
"""Messages unpacked together; bounds what is read over a limit."""
_PAUSE = 0.25
_RANGE_SECONDS = 30.0
_TRUST_SECONDS = 5.0
"""How long the lane is held to be ours without asking the books."""


class Lane:
    """`bdp.ports.Stream` over one partition; use from one thread (`close` too). Opening it ends every other reader's.

    Memory: what one read may return, `read_mib` behind it, and 16 messages.

    Raises:
        StreamUnavailable: the books cannot be reached.
    """

    def __init__(self, settings: KafkaSettings, partition: int, books: SqlBooks, clock: Clock) -> None:
        self.name = f"{settings.group}/{settings.topic}/{partition}"
        self._settings = settings
        self._partition = partition
        self._books = books
        self._clock = clock
        self._place: Place = books.enter(self.name)
        self._epoch = self._place.epoch
        self._asked_at = clock.monotonic()
        self._sure = True
        self._entries: deque[Passed] = deque()
        self._ids: set[str] = set()
        self._floor = self._next = self._place.committed
        self._at_end = False
        self._consumer = self._open()
        self._closed = threading.Event()
        self.lost = False
        """Another reader has the lane; this one can do nothing more."""
        self._assign()

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """See `bdp.ports.Stream.read`. A range that was begun is returned with its old bounds, whatever the limits."""
        plan = self.plan()
        if self.committed() <= after < plan:
            self._reach(plan)
            return [_shown(entry) for entry in self._visible(after) if entry.offset <= plan]
        if after < self._floor:
            self._start_at(after)
        found, full = self._within(after, max_records, max_bytes)
        while not full and self._more(bool(found)):
            found, full = self._within(after, max_records, max_bytes)
        return found

    def wait(self, after: int, seconds: float) -> bool:
        """See `bdp.ports.Stream.wait`. Moves the offset over what nobody needs to see.

        Raises:
            StreamUnavailable: the broker or the books cannot be reached.
        """
        until = self._clock.monotonic() + seconds
        while not self._closed.is_set():
            if next(self._visible(after), None):
                return True
            self._settle()
            left = until - self._clock.monotonic()
            if not self._fetch(max(min(left, _PAUSE), 0)) and left <= 0:
                # A silent broker is no silent world: the caller takes time to pass only if there is nothing to read.
                return self._end() > self._next and bool(self._more(False)) and bool(next(self._visible(after), None))
        return False

    def committed(self) -> int:
        """See `bdp.ports.Stream.committed`.

        Raises:
            StreamUnavailable: another reader has the lane.
        """
        return self._known().committed

    def plan(self) -> int:
        """See `bdp.ports.Stream.plan`."""
        known = self._known()
        return max(known.plan, known.committed)

    def begin(self, upto: int) -> None:
        """See `bdp.ports.Stream.begin`."""
        place = self._known()
        self._sure = False  # until it is known whether the books have it
        self._books.begin(self.name, place, upto)
        self._now_at(msgspec.structs.replace(place, plan=upto))

    def commit(
        self,
        upto: int,
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
    ) -> None:
        """See `bdp.ports.Stream.commit`."""
        place = self._known()
        self._reach(upto)
        passed = [entry for entry in self._entries if place.committed < entry.offset <= upto]
        self._sure = False
        self._books.commit(self.name, place, upto, passed, stored, dead, detector_rows)
        self._now_at(msgspec.structs.replace(place, committed=upto))
        self._drop(upto)

    def detector_rows(self) -> dict[str, bytes]:
        """See `bdp.ports.Stream.detector_rows`."""
        return self._books.detector_rows(self.name)

    def stop(self) -> None:
        """Make `wait` return; from any thread."""
        self._closed.set()

    def close(self) -> None:
        """Let go of the connection to the broker."""
        self._closed.set()
        self._consumer.close()

    def _known(self) -> Place:
        """Return our place; asks the books when they may know better."""
        if self._sure and self._clock.monotonic() - self._asked_at < _TRUST_SECONDS:
            return self._place
        place = self._books.place(self.name)
        if place.epoch != self._epoch:
            self.lost = True
            raise StreamUnavailable(f"This process has lost the lane {self.name}.", "Another worker reads it now.")
        self._now_at(place)
        self._drop(place.committed)
        return place

    def _now_at(self, place: Place) -> None:
        self._place, self._sure, self._asked_at = place, True, self._clock.monotonic()

    def _visible(self, after: int) -> Iterator[Passed]:
        return (entry for entry in self._entries if entry.offset > after and not entry.repeated and entry.batch.count)

    def _within(self, after: int, max_records: int, max_bytes: int) -> tuple[list[Stored], bool]:
        """Return what fits of what is here, and whether the limits are reached."""
        found: list[Stored] = []
        records = size = 0
        for entry in self._visible(after):
            records, size = records + entry.batch.count, size + len(entry.batch.payload)
            if found and (records > max_records or size > max_bytes):
                return found, True
            found.append(_shown(entry))
        return found, records >= max_records or size >= max_bytes

    def _more(self, some: bool) -> bool:
        """Fetch more; waits for what the broker has only while there is nothing here."""
        if some:
            return self._fetch(0)
        end = self._end()
        return self._next < end and self._fetch(self._settings.timeout_seconds)

    def _settle(self) -> None:
        """Move the offset over what is never shown."""
        place = self._known()
        if self._entries and next(self._visible(place.committed), None) is None:
            self.commit(self._entries[-1].offset, {}, (), {})

    def _reach(self, upto: int) -> None:
        """Have every message up to `upto` here."""
        if self._place.committed < self._floor:
            self._start_at(self._place.committed)
        until = self._clock.monotonic() + _RANGE_SECONDS
        while self._next < upto and not (self._at_end and self._end() <= self._next):
            if not self._fetch(_PAUSE) and self._clock.monotonic() > until:
                raise StreamUnavailable(f"The lane {self.name} cannot be read up to {upto}.", "Check the broker.")

    def _fetch(self, seconds: float) -> bool:
        """Take in what the broker has sent; False if that is nothing."""
        kafka = library()
        try:
            messages = self._consumer.consume(_AT_ONCE, seconds)
        except kafka.KafkaException as error:
            raise StreamUnavailable(f"Kafka cannot be read: {error.args[0].str()}.", "Check the broker.") from error
        whole: list[Message] = []
        for message in messages:
            problem = message.error()
            if problem is not None:
                self._trouble(problem)
            elif (message.offset() or 0) >= self._next:
                whole.append(message)
        if whole:
            self._at_end = False
            self._enter(whole)
        return bool(whole)

    def _enter(self, messages: list[Message]) -> None:
        entries = [self._entry(message) for message in messages]
        try:
            known = self._books.taken(self.name, [entry.batch.batch_id for entry in entries])
        except StreamUnavailable:
            self._assign()  # they come again
            raise
        for entry in entries:
            if entry.batch.batch_id in known or entry.batch.batch_id in self._ids:
                entry = msgspec.structs.replace(entry, repeated=True, batch=_emptied(entry.batch))
            else:
                self._ids.add(entry.batch.batch_id)
            self._entries.append(entry)
        self._next = entries[-1].offset

    def _entry(self, message: Message) -> Passed:
        headers = dict(message.headers() or ())
        batch = self._unpacked(message)
        accepted = headers.get(ACCEPTED_HEADER)
        return Passed(
            offset=(message.offset() or 0) + 1,
            producer_id=_text(headers.get(PRODUCER_HEADER)),
            batch=batch,
            accepted=int(accepted) if isinstance(accepted, bytes) and accepted.isdigit() else batch.accepted,
            repeated=False,
        )

    def _unpacked(self, message: Message) -> Batch:
        """Return the batch; a message that is none becomes a dead letter, so that the lane goes on behind it."""
        value = message.value() or b""
        try:
            return unpack(value)
        except BadRecord as error:
            letter = DeadLetter(
                source="kafka",
                cause=Cause.ENCODING,
                reason=error.what,
                payload=value,
                index=0,
                first_seen=self._clock.now(),
            )
            name = f"{self.name}@{message.offset()}"
            return Batch(batch_id=name, source="kafka", kind=RecordKind.EVENTS, count=0, payload=b"", refused=(letter,))

    def _trouble(self, error: KafkaError) -> None:
        if error.code() == error._PARTITION_EOF:
            self._at_end = True
        elif error.code() in (error._AUTO_OFFSET_RESET, error.OFFSET_OUT_OF_RANGE):
            self._find_way()
        else:
            raise StreamUnavailable(f"Kafka cannot be read: {error.str()}.", "Check the broker.")

    def _find_way(self) -> None:
        """The broker has nothing at our place: go on behind what it has deleted, or say that the topic is another."""
        low, high = self._watermarks()
        if self._next > high:
            raise StreamUnavailable(
                f"The topic ends at {high}, before our place {self._next} in {self.name}: it was cut or made anew.",
                "Give the new topic another name in stream.kafka.topic.",
            )
        if self._next < low:
            log.error("lane.messages_lost", lane=self.name, first=self._next, last=low - 1)
            self._next = low
        self._assign()

    def _end(self) -> int:
        return self._watermarks()[1]

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

    def _start_at(self, after: int) -> None:
        """Forget what was read ahead and read again behind `after`."""
        self._entries.clear()
        self._ids.clear()
        self._floor = self._next = after
        self._assign()

    def _drop(self, upto: int) -> None:
        while self._entries and self._entries[0].offset <= upto:
            entry = self._entries.popleft()
            self._ids.discard(entry.batch.batch_id)
        self._floor = max(self._floor, upto)
        if self._next < upto:
            self._start_at(upto)

    def _assign(self) -> None:
        self._at_end = False
        self._consumer.assign([self._spot(self._next)])

    def _spot(self, *offset: int) -> Any:
        return library().TopicPartition(self._settings.topic, self._partition, *offset)

    def _open(self) -> Any:
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


def _shown(entry: Passed) -> Stored:
    return Stored(offset=entry.offset, batch=entry.batch)


def _emptied(batch: Batch) -> Batch:
    return Batch(batch_id=batch.batch_id, source=batch.source, kind=batch.kind, count=0, payload=b"")


def _text(value: object) -> str:
    return value.decode(errors="replace")[:200] if isinstance(value, bytes) else ""
