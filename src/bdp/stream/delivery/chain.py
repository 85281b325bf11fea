"""The delivery chain: the order of sinks for a batch, from the primary to the counted drop.

    primary -> (a moment in memory) -> the sinks behind it, in order -> drop by priority where disks are short, counted

What this acknowledges is durable in one of the sinks, or counted as dropped. What waits behind the primary flows back
to it (`recovery.py`). A batch may come into two sinks when an outcome was unknown; its id counts once where it is
stored.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.breaker import Breaker, BreakerSettings, BreakerState
from bdp.clock import Clock
from bdp.errors import BadRecord, DiskFull, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, Ledger, Priority
from bdp.ports import Backlog, Books, Sink
from bdp.stream.delivery.buffer import Buffer, BufferSettings, Memory
from bdp.stream.delivery.drops import DropFile
from bdp.stream.delivery.held import Held
from bdp.stream.delivery.priority import ORDER, lowest, without
from bdp.stream.delivery.room import Room, RoomSettings
from bdp.telemetry import SINK_BATCHES, SINK_FAILURES, Absence

log = structlog.get_logger(__name__)
_DOUBTED = 50_000
_SHOWN_LETTER = 64 * 1024


class DrainSettings(BaseModel):
    """The pace at which what waited flows back to the primary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    records_per_second: int = Field(default=100_000, ge=1, description="most records that flow back in a second")
    portion_records: int = Field(default=20_000, ge=1, description="most records given to the primary at once")
    portion_mib: int = Field(default=16, ge=1, le=128, description="most MiB given to the primary at once")
    look_seconds: float = Field(default=1.0, gt=0, description="how often waiting batches are looked for")


class DeliverySettings(BaseModel):
    """How a batch goes down the chain, and back up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    breaker: BreakerSettings = BreakerSettings()
    buffer: BufferSettings = BufferSettings()
    room: RoomSettings = RoomSettings()
    drain: DrainSettings = DrainSettings()


@dataclass(frozen=True)
class Link:
    """One sink in its place.

    Attributes:
        room: watches the sink's disk; None for a sink elsewhere.
        takes: it is given batches; else it is only emptied.
    """

    sink: Sink
    breaker: Breaker
    room: Room | None = None
    takes: bool = True

    def lowest(self) -> Priority | None:
        """Return the lowest class that the sink's disk has room for."""
        return self.room.lowest() if self.room else Priority.NORMAL


class SinkState(msgspec.Struct, kw_only=True, frozen=True):
    """How one sink is, for people.

    Attributes:
        waiting: records that wait in it for the primary; None if it cannot be asked now.
        takes_from: lowest class of records that its disk has room for; empty if none.
        takes: it is given batches; else it is only emptied.
    """

    name: str
    state: BreakerState
    reason: str
    waiting: int | None
    takes_from: str
    takes: bool = True


class Chain:
    """Takes batches into custody whatever is down. Use from any thread.

    Memory: what callers hold themselves; `buffer` bounds how much of it waits here.

    Args:
        books: the primary's.
        pinned: told True while batches wait behind the primary, so that ids which may come again are kept.
    """

    name = "chain"

    def __init__(
        self,
        primary: Link,
        behind: Sequence[tuple[Link, Backlog]],
        drops: DropFile,
        books: Books,
        clock: Clock,
        settings: DeliverySettings | None = None,
        pinned: Callable[[bool], None] = lambda waiting: None,
    ) -> None:
        self._settings = settings or DeliverySettings()
        self.primary = primary
        self.behind = tuple(behind)
        self.held = Held({link.sink.name: backlog for link, backlog in behind}, clock)
        self._links = (primary, *(link for link, _ in behind))
        self._taking = tuple(link for link in self._links if link.takes)
        self._drops = drops
        self._books = books
        self._clock = clock
        self._pinned = pinned
        self._closed = threading.Event()
        self._doubting = threading.Lock()
        self._doubted: OrderedDict[str, None] = OrderedDict()
        """Batches that a sink may have although it failed."""
        self._absences = {
            id(link): Absence(log, "sink.failed", "sink.back", clock.monotonic, sink=link.sink.name)
            for link in self._links
        }
        self.buffer = Buffer(self._settings.buffer, Memory(clock, self._settings.buffer))
        self.spilled = threading.Event()
        """Set when a batch went behind the primary."""

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        return [new for _, new in self.deliver(batches)]

    def deliver(self, batches: Sequence[Batch]) -> list[tuple[Batch, bool]]:
        """Take batches into custody.

        Returns:
            per batch: what of it was taken (its `drops` say what was let go for want of disk), and False if its id
            was taken before.

        Raises:
            StreamUnavailable: nothing of it was taken; send again later.
        """
        pending = list(batches)
        while True:
            reasons: list[str] = []
            answer = self._through(pending, reasons)
            if answer is not None:
                return list(zip(pending, answer, strict=True))
            # A sink that failed may have the batch all the same: a lighter one with its id would be another batch.
            lighter = None if self._is_doubted(pending) else self._lighter(pending)
            if lighter is None:
                why = "; ".join(reason.rstrip(".") for reason in reasons)
                raise StreamUnavailable(f"No sink takes records now ({why}).", "Send again later.")
            pending = lighter
            if not any(batch.count or batch.refused for batch in pending):
                return list(zip(pending, self._drops.take(pending), strict=True))

    def ledger(self) -> dict[str, Ledger]:
        """Return the ledger by source over all sinks: what waits behind the primary is in flight.

        A sink that cannot be asked counts with what it last said.
        """
        found = dict(self._books.ledger())
        for source, records in self._waiting().items():
            found[source] = _more(found.get(source, Ledger()), accepted=records)
        for source, drops in self._drops.drops().items():
            dropped = sum(drop.count for drop in drops)
            found[source] = _more(found.get(source, Ledger()), accepted=dropped, dropped=dropped)
        return found

    def drops(self) -> dict[str, list[Drop]]:
        """Return what was let go, by source, one `Drop` per reason and class."""
        counts: dict[str, Counter[tuple[str, str]]] = {}
        for kept in (self._books.drops(), self._drops.drops()):
            for source, drops in kept.items():
                for drop in drops:
                    counts.setdefault(source, Counter())[drop.reason, drop.priority] += drop.count
        return {source: [_drop(key, count) for key, count in found.items()] for source, found in counts.items()}

    def states(self) -> list[SinkState]:
        """Return how each sink is, in order."""
        return [
            SinkState(
                name=link.sink.name,
                state=link.breaker.state,
                reason=link.breaker.reason,
                waiting=0 if link is self.primary else self.held.records(link.sink.name),
                takes_from=link.lowest() or "",
                takes=link.takes,
            )
            for link in self._links
        ]

    def retry(self, link: Link, batches: Sequence[Batch]) -> list[bool] | None:
        """Give batches to one sink if its breaker lets it; None if it did not take them."""
        if not link.breaker.allows():
            return None
        try:
            taken = self._given(link, batches)
        except DiskFull as error:
            # A full disk is not an absence: what is more important may still find room.
            if link.room:
                link.room.full()
            link.breaker.succeeded()
            self._note(link, error)
            return None
        except StreamUnavailable as error:
            self._doubt(batches)
            link.breaker.failed(error.what)
            self._note(link, error)
            return None
        link.breaker.succeeded()
        self._absences[id(link)].over()
        SINK_BATCHES.labels(sink=link.sink.name).inc(len(batches))
        return taken

    def close(self) -> None:
        """Let nobody wait any more. The sinks are closed by who opened them."""
        self._closed.set()

    def _through(self, batches: Sequence[Batch], reasons: list[str]) -> list[bool] | None:
        """Offer batches to each sink in order; None if none takes them."""
        for link in self._taking:
            if not _has_room(link, batches):
                reasons.append(f"{link.sink.name}: its disk is short of room")
                continue
            taken = self._patient(batches) if link is self.primary else self.retry(link, batches)
            if taken is not None:
                if link is not self.primary:
                    self._pinned(True)
                    self.spilled.set()
                return taken
            reasons.append(f"{link.sink.name}: {link.breaker.reason or 'its disk is full'}")
        return None

    def _patient(self, batches: Sequence[Batch]) -> list[bool] | None:
        """Give batches to the primary; while that looks like a blip, wait in memory and try again."""
        until = self._clock.monotonic() + self._settings.buffer.patience_seconds
        taken = self.retry(self.primary, batches)
        if taken is not None or not self._is_blip():
            return taken
        with self.buffer.room(batches) as fits:
            while fits and self._is_blip() and self._clock.monotonic() < until:
                if self._closed.wait(self._settings.buffer.pause_seconds):
                    break
                taken = self.retry(self.primary, batches)
                if taken is not None:
                    return taken
        return None

    def _doubt(self, batches: Sequence[Batch]) -> None:
        with self._doubting:
            self._doubted.update(dict.fromkeys(batch.batch_id for batch in batches))
            while len(self._doubted) > _DOUBTED:
                self._doubted.popitem(last=False)

    def _is_doubted(self, batches: Sequence[Batch]) -> bool:
        with self._doubting:
            return any(batch.batch_id in self._doubted for batch in batches)

    def _is_blip(self) -> bool:
        """Say whether the primary has failed, but not so often yet that it counts as away."""
        breaker = self.primary.breaker
        return breaker.reason != "" and breaker.state is BreakerState.CLOSED

    def _given(self, link: Link, batches: Sequence[Batch]) -> list[bool]:
        try:
            return link.sink.append(batches)
        except BadRecord:
            if link is not self.primary:
                raise
            return [self._sifted(batch) for batch in batches]

    def _sifted(self, batch: Batch) -> bool:
        """Give the primary a batch of which it will never take some record: that one becomes a dead letter."""
        try:
            return self.primary.sink.append([batch])[0]
        except BadRecord as error:
            lines = [line for line in batch.payload.split(b"\n") if line]
            if len(lines) < 2:
                return self.primary.sink.append([self._refused(batch, error)])[0]
        middle = len(lines) // 2
        first = _part(batch, "0", lines[:middle])
        rest = _part(msgspec.structs.replace(batch, refused=(), drops=(), redelivers=()), "1", lines[middle:])
        return all([self._sifted(first), self._sifted(rest)])

    def _refused(self, batch: Batch, error: BadRecord) -> Batch:
        """Return the batch with its one record as a dead letter; cut, since whole it would not pass either.

        Its own letters come along without what could be the trouble with them.
        """
        known = tuple(
            msgspec.structs.replace(letter, index=0, attempts=1, payload=letter.payload[:_SHOWN_LETTER], cut=True)
            for letter in batch.refused
        )
        if not batch.count:
            return msgspec.structs.replace(batch, refused=known)
        letter = DeadLetter(
            source=batch.source,
            kind=batch.kind,
            cause=Cause.SINK_REFUSED,
            reason=error.what,
            payload=batch.payload[:_SHOWN_LETTER],
            cut=len(batch.payload) > _SHOWN_LETTER,
            index=0,
            first_seen=self._clock.now(),
            attempts=batch.attempts + 1,
        )
        return msgspec.structs.replace(batch, count=0, payload=b"", refused=(*known, letter))

    def _lighter(self, batches: Sequence[Batch]) -> list[Batch] | None:
        """Return batches without the classes that no disk has room for; None if that would change nothing.

        A letter that comes again is not let go: it stays a letter.
        """
        if any(batch.redelivers for batch in batches):
            return None
        levels = [link.room.lowest() for link in self._taking if link.room]
        if not levels:
            return None
        first = min(ORDER.index(level) if level else len(ORDER) for level in levels)
        if not first:
            return None
        lighter = [without(batch, ORDER[first - 1]) for batch in batches]
        changed = any(len(new.drops) > len(old.drops) for new, old in zip(lighter, batches, strict=True))
        return lighter if changed else None

    def _waiting(self) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for link, _ in self.behind:
            total.update(self.held.counts(link.sink.name))
        return total

    def _note(self, link: Link, error: StreamUnavailable) -> None:
        SINK_FAILURES.labels(sink=link.sink.name).inc()
        self._absences[id(link)].met(error.what, state=link.breaker.state.value)


def _has_room(link: Link, batches: Sequence[Batch]) -> bool:
    level = link.lowest()
    if level is Priority.NORMAL:
        return True
    if level is None:
        return False
    return all(ORDER.index(lowest(batch)) >= ORDER.index(level) for batch in batches)


def _part(batch: Batch, name: str, lines: list[bytes]) -> Batch:
    return msgspec.structs.replace(
        batch, batch_id=f"{batch.batch_id}/{name}", count=len(lines), payload=b"\n".join(lines)
    )


def _more(ledger: Ledger, *, accepted: int = 0, dropped: int = 0) -> Ledger:
    return msgspec.structs.replace(ledger, accepted=ledger.accepted + accepted, dropped=ledger.dropped + dropped)


def _drop(key: tuple[str, str], count: int) -> Drop:
    return msgspec.convert({"reason": key[0], "priority": key[1], "count": count}, Drop)
