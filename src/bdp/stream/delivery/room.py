"""How much room a local sink's disk has, and so which classes of records it still takes.

As the disk fills, normal records stop first, then WARN, then ERROR, FATAL last; what is kept free serves the store, the
state and the books of what was let go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.model.batch import Priority
from bdp.stream.delivery.priority import ORDER

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.25
_FULL_SECONDS = 1.0
MIB = 1 << 20


class RoomSettings(BaseModel):
    """Free disk under which a class of records is let go: the smaller of the two bounds counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    normal_free_mib: int = Field(default=1024, ge=0, description="free MiB under which normal records stop")
    warn_free_mib: int = Field(default=512, ge=0, description="free MiB under which WARN stops as well")
    error_free_mib: int = Field(default=256, ge=0, description="free MiB under which ERROR stops as well")
    fatal_free_mib: int = Field(default=64, ge=0, description="free MiB under which FATAL stops as well")
    normal_free_percent: float = Field(default=4.0, ge=0, le=100, description="the same as a part of the disk")
    warn_free_percent: float = Field(default=3.0, ge=0, le=100, description="the same as a part of the disk")
    error_free_percent: float = Field(default=2.0, ge=0, le=100, description="the same as a part of the disk")
    fatal_free_percent: float = Field(default=0.5, ge=0, le=100, description="the same as a part of the disk")

    def bound(self, priority: Priority, total: int) -> float:
        """Return the free bytes that a class asks for on a disk of `total` bytes."""
        mib: int = getattr(self, f"{priority.value}_free_mib")
        percent: float = getattr(self, f"{priority.value}_free_percent")
        return min(mib * MIB, total * percent / 100)


class Disk:
    """The disk under one folder, looked at four times a second at most. Use from any thread."""

    def __init__(self, folder: Path, clock: Clock, settings: RoomSettings) -> None:
        self.folder = folder
        self._clock = clock
        self._settings = settings
        self._next = float("-inf")
        self._level: Priority | None = Priority.NORMAL

    def lowest(self) -> Priority | None:
        """Return the lowest class that it has room for; None if for none."""
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_SECONDS
            level = self._look()
            if level is not self._level:
                log.warning("disk.room", folder=str(self.folder), takes_from=level.value if level else "nothing")
            self._level = level
        return self._level

    def _look(self) -> Priority | None:
        try:
            found = os.statvfs(self.folder)
        except OSError:
            # The sink itself will say what is wrong.
            return Priority.NORMAL
        free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        return next((priority for priority in ORDER if free >= self._settings.bound(priority, total)), None)


class Room:
    """The room that one sink has on its disk. Use from any thread.

    Attributes:
        disk: what it looks at; sinks in one folder may share it (`share`).
    """

    def __init__(self, folder: Path, clock: Clock, settings: RoomSettings | None = None) -> None:
        self._clock = clock
        self._full_until = float("-inf")
        self.disk = Disk(folder, clock, settings or RoomSettings())

    def lowest(self) -> Priority | None:
        """Return the lowest class that is still taken; None if none is."""
        level = self.disk.lowest()
        if level is Priority.NORMAL and self._clock.monotonic() < self._full_until:
            return Priority.WARN
        return level

    def full(self) -> None:
        """A write found the disk full, whatever it says of itself (a quota): normal records stop for a moment."""
        self._full_until = self._clock.monotonic() + _FULL_SECONDS


def share(rooms: Iterable[Room | None]) -> None:
    """Let sinks in one folder look at their disk together, so that a change is told once and not for each of them."""
    disks: dict[Path, Disk] = {}
    for room in rooms:
        if room:
            room.disk = disks.setdefault(room.disk.folder, room.disk)
