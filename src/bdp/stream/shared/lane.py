"""One line of messages in a broker as a stream, with its progress in the books.

The place in the books counts, not what the broker knows of its readers: it moves in one transaction with the ledger,
the ids and the detector's rows. How messages come from a broker is a `Partition`: `kafka/partition.py` for Kafka,
`kinesis/shard.py` for Kinesis.

A message whose batch came before, or that holds only refused records, is never shown; it is counted where the lane
goes over it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from bdp.clock import Clock
from bdp.errors import BadRecord, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind, Stored
from bdp.stream.pack import unpack
from bdp.stream.shared.book_lanes import Place
from bdp.stream.shared.books import Passed, SqlBooks
from bdp.stream.shared.installation import is_foreign, refusal

log = structlog.get_logger(__name__)
AT_ONCE = 16
"""Messages unpacked together; bounds what is read over a limit."""
_PAUSE = 0.25
_RANGE_SECONDS = 30.0
_TRUST_SECONDS = 5.0
"""How long the lane is held to be ours without asking the books."""


class Spot(msgspec.Struct, frozen=True):
    """A place among a partition's messages.

    Attributes:
        offset: of the last message before it; 0 at the start.
        mark: what the broker calls that message; empty at the start, and where the broker counts offsets itself.
    """

    offset: int
    mark: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the broker holds it.

    Attributes:
        offset: grows by one or more with each message; the first has 1.
        value: a packed batch, or whatever somebody put there.
        producer_id: who sent it; empty if unknown.
        accepted: records that it brings into the ledger; None: as many as its batch counts.
        mark: what the broker calls it, if not by its offset.
    """

    offset: int
    value: bytes
    producer_id: str = ""
    accepted: int | None = None
    mark: str = ""


class Partition(Protocol):
    """What a lane reads from. Use from one thread. Each method raises StreamUnavailable if the broker is away."""

    source: str
    """Names the broker in dead letters."""
    reached: int
    """Offset up to which all was fetched, or is known to be gone."""

    @property
    def at_end(self) -> bool:
        """Say whether the last fetch came to the end of what there was."""

    @property
    def ended(self) -> bool:
        """Say whether all was fetched, and no more will ever come."""

    def seek(self, after: Spot, planned: Spot) -> None:
        """Fetch from behind a place on.

        Args:
            planned: where the range that was begun ends, if that lies behind `after`.
        """

    def fetch(self, seconds: float) -> Sequence[Message]:
        """Return the next messages, at most `AT_ONCE`; none if none come in the time."""

    def behind(self) -> bool:
        """Ask the broker whether it has messages that were not fetched."""

    def close(self) -> None:
        """Let go of the connection."""


class Lane:
    """`bdp.ports.Stream` over one partition; use from one thread (`close` too). Opening it ends every other reader's.

    Memory: what one read may return, 16 messages, and what the partition reads ahead.

    Args:
        name: of the lane in the books.
        timeout_seconds: longest wait for messages that the broker says it has.
        also: other lanes out of which batches may have come that come again here.

    Raises:
        StreamUnavailable: the books cannot be reached.
    """

    def __init__(
        self,
        name: str,
        partition: Partition,
        books: SqlBooks,
        clock: Clock,
        timeout_seconds: float,
        also: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._partition = partition
        self._books = books
        self._clock = clock
        self._timeout = timeout_seconds
        self._also = also
        self._place: Place = books.enter(name)
        self._installation = books.installation()
        self._epoch = self._place.epoch
        self._asked_at = clock.monotonic()
        self._sure = True
        self._entries: deque[Passed] = deque()
        self._ids: set[str] = set()
        self._closed = threading.Event()
        self.lost = False
        """Another reader has the lane; this one can do nothing more."""
        self._seek()

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """See `bdp.ports.Stream.read`. A range that was begun is returned with its old bounds, whatever the limits."""
        plan = self.plan()
        if self.committed() <= after < plan:
            return self._planned(after, plan)
        found, full = self._within(after, max_records, max_bytes)
        while not full and self._gets_more(bool(found)):
            found, full = self._within(after, max_records, max_bytes)
        return found

    def _gets_more(self, some: bool) -> bool:
        """Fetch more; what keeps it away is no reason to hold back what is here."""
        try:
            return self._more(some)
        except StreamUnavailable:
            if not some:
                raise
            return False

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
                return self._more(False) and bool(next(self._visible(after), None))
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
        self._reach(upto)
        mark = self._mark_of(upto)
        self._sure = False  # until it is known whether the books have it
        self._books.begin(self.name, place, upto, mark)
        self._now_at(msgspec.structs.replace(place, plan=upto, plan_mark=mark))

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
        passed = [entry for entry in self._entries if place.committed < entry.offset <= upto and entry.batch.source]
        mark = self._mark_of(upto)
        self._sure = False
        self._books.commit(self.name, place, upto, passed, stored, dead, detector_rows, mark)
        self._now_at(msgspec.structs.replace(place, committed=upto, mark=mark))
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
        self._partition.close()

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

    def _planned(self, after: int, plan: int) -> list[Stored]:
        """Return the range that was begun; goes on behind one that the broker has deleted.

        Raises:
            StreamUnavailable: nothing of it is there.
        """
        self._reach(plan)
        found = [_shown(entry) for entry in self._visible(after) if entry.offset <= plan]
        if not found:
            # Offsets that the broker never gave again may be passed over; those that it may give again may not.
            if self._partition.reached >= plan and after == self._place.committed:
                log.error("lane.range_lost", lane=self.name, first=after + 1, last=plan)
                self.commit(plan, {}, (), {})
            raise StreamUnavailable(
                f"The records {after + 1} to {plan} of the lane {self.name} are gone.", "Look at the broker."
            )
        return found

    def _more(self, some: bool) -> bool:
        """Fetch more; waits for what the broker has only while there is nothing here."""
        if some:
            return self._fetch(0)
        return self._partition.behind() and self._fetch(self._timeout)

    def _settle(self) -> None:
        """Move the offset over what is never shown, and write down the end of the lane where that is reached."""
        place = self._known()
        if self._entries and next(self._visible(place.committed), None) is None:
            self.commit(self._entries[-1].offset, {}, (), {})
        elif self._partition.ended and not self._entries and not place.ended:
            self._books.end(self.name, place)
            self._now_at(msgspec.structs.replace(place, ended=True))

    def _reach(self, upto: int) -> None:
        """Have every message up to `upto` here, as far as the broker still has them."""
        until = self._clock.monotonic() + _RANGE_SECONDS
        partition = self._partition
        while partition.reached < upto and not (partition.at_end and not partition.behind()):
            if not self._fetch(_PAUSE) and self._clock.monotonic() > until:
                raise StreamUnavailable(f"The lane {self.name} cannot be read up to {upto}.", "Check the broker.")

    def _fetch(self, seconds: float) -> bool:
        """Take in what the broker has sent; False if that is nothing."""
        messages = self._partition.fetch(seconds)
        if messages:
            self._enter(messages)
        return bool(messages)

    def _enter(self, messages: Sequence[Message]) -> None:
        try:
            self._add(messages)
        except BaseException:
            self._seek()  # they come again
            raise

    def _add(self, messages: Sequence[Message]) -> None:
        entries = [self._entry(message) for message in self._until_foreign(messages)]
        known = self._books.taken(self.name, [entry.batch.batch_id for entry in entries], self._also)
        for entry in entries:
            if entry.batch.batch_id in known or entry.batch.batch_id in self._ids:
                entry = msgspec.structs.replace(entry, repeated=True, batch=_emptied(entry.batch))
            else:
                self._ids.add(entry.batch.batch_id)
            self._entries.append(entry)
        if len(entries) < len(messages):
            self._seek()

    def _until_foreign(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return what may be read; what comes behind another installation's message waits until that may be passed."""
        if self._books.foreign != "stop":
            return messages
        for index, message in enumerate(messages):
            if is_foreign(message.producer_id, self._installation):
                if not index:
                    raise refusal(self.name, message.producer_id)
                return messages[:index]
        return messages

    def _entry(self, message: Message) -> Passed:
        if self._books.foreign == "skip" and is_foreign(message.producer_id, self._installation):
            nothing = Batch(batch_id="", source="", kind=RecordKind.EVENTS, count=0, payload=b"")
            return Passed(
                offset=message.offset, producer_id="", batch=nothing, accepted=0, repeated=True, mark=message.mark
            )
        batch = self._unpacked(message)
        return Passed(
            offset=message.offset,
            producer_id=message.producer_id,
            batch=batch,
            accepted=batch.accepted if message.accepted is None else message.accepted,
            repeated=False,
            mark=message.mark,
        )

    def _unpacked(self, message: Message) -> Batch:
        """Return the batch; a message that is none becomes a dead letter, so that the lane goes on behind it."""
        try:
            return unpack(message.value)
        except BadRecord as error:
            source = self._partition.source
            letter = DeadLetter(
                source=source,
                cause=Cause.ENCODING,
                reason=error.what,
                payload=message.value,
                index=0,
                first_seen=self._clock.now(),
            )
            name = f"{self.name}@{message.mark or message.offset - 1}"
            return Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=0, payload=b"", refused=(letter,))

    def _mark_of(self, upto: int) -> str:
        """Return what the broker calls the last message up to `upto`; empty where it counts offsets itself."""
        place = self._place
        if upto in (place.committed, place.plan):
            return place.mark if upto == place.committed else place.plan_mark
        return next((entry.mark for entry in reversed(self._entries) if entry.offset <= upto), place.mark)

    def _drop(self, upto: int) -> None:
        while self._entries and self._entries[0].offset <= upto:
            entry = self._entries.popleft()
            self._ids.discard(entry.batch.batch_id)
        if self._partition.reached < upto:
            self._seek()

    def _seek(self) -> None:
        """Fetch from behind what is here on."""
        place = self._place
        last = Spot(place.committed, place.mark)
        if self._entries:
            last = Spot(self._entries[-1].offset, self._entries[-1].mark)
        self._partition.seek(last, Spot(place.plan, place.plan_mark))


def _shown(entry: Passed) -> Stored:
    return Stored(offset=entry.offset, batch=entry.batch)


def _emptied(batch: Batch) -> Batch:
    return Batch(batch_id=batch.batch_id, source=batch.source, kind=batch.kind, count=0, payload=b"")
