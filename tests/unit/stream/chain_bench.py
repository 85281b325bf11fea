"""A delivery chain with a real journal in front and sinks in memory behind, whose parts can be taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bdp.breaker import Breaker
from bdp.clock import ManualClock
from bdp.errors import DiskFull, StreamUnavailable
from bdp.model.batch import Batch, RecordKind
from bdp.stream.backlog.memory import MemorySink
from bdp.stream.delivery.buffer import BufferSettings
from bdp.stream.delivery.chain import Chain, DeliverySettings, DrainSettings, Link
from bdp.stream.delivery.drops import DropFile
from bdp.stream.delivery.recovery import Recovery
from bdp.stream.delivery.room import Room, RoomSettings
from bdp.stream.journal.journal import Journal, JournalSettings

NO_WAIT = DeliverySettings(buffer=BufferSettings(patience_seconds=0, least_free_mib=0))
FREE = {f"{name}_free_mib": 0 for name in ("normal", "warn", "error", "fatal")}


class Primary(Journal):
    """A journal that can be away, full, or not heard of after it took something."""

    trouble: str = ""

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        if self.trouble == "away":
            raise StreamUnavailable("the primary is away", "")
        if self.trouble == "full":
            raise DiskFull("the primary's disk is full", "")
        taken = super().append(batches)
        if self.trouble == "silent":
            raise StreamUnavailable("no answer from the primary", "")
        return taken


@dataclass
class Bench:
    folder: Path
    settings: DeliverySettings = NO_WAIT
    room: RoomSettings = field(default_factory=lambda: RoomSettings(**FREE))
    remote: bool = False
    """The primary is on no disk of ours."""
    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 5, 1, tzinfo=UTC)))

    def __post_init__(self) -> None:
        self.primary = Primary(self.folder / "journal.db", JournalSettings(remembered_ids=1000))
        self.behind = [MemorySink("table"), MemorySink("files")]
        self.drop_file = DropFile(self.folder / "drops")
        self.chain = Chain(
            Link(self.primary, Breaker(self.clock), None if self.remote else Room(self.folder, self.clock, self.room)),
            [(Link(sink, Breaker(self.clock), Room(self.folder, self.clock, self.room)), sink) for sink in self.behind],
            self.drop_file,
            self.primary,
            self.clock,
            self.settings,
            pinned=self._pin,
        )
        self.recovery = Recovery(self.chain, self.clock, DrainSettings(portion_records=10), self._pin)

    def _pin(self, waiting: bool) -> None:
        self.primary.forgets = not waiting

    def stored(self) -> list[str]:
        return [item.batch.batch_id for item in self.primary.read(0, 1 << 30, 1 << 40)]

    def held(self) -> list[list[str]]:
        return [[item.place for item in sink.oldest(1 << 30, 1 << 40)] for sink in self.behind]

    def total(self) -> dict[str, int]:
        return self.chain.ledger()["http"].as_dict()

    def balanced(self) -> bool:
        """In flight is what waits behind the primary and what the store has not got yet: nothing else."""
        waits = sum(sum(sink.waiting().values()) for sink in self.behind)
        unread = sum(item.batch.count for item in self.primary.read(0, 1 << 30, 1 << 40))
        return self.total()["in_flight"] == waits + unread


def batch(name: str, *levels: str) -> Batch:
    lines = [
        b'{"event_id":"%s-%d","level":"%s"}' % (name.encode(), n, level.encode()) for n, level in enumerate(levels)
    ]
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=len(lines), payload=b"\n".join(lines))
