"""Time as an argument: everything that needs "now" is given a `Clock`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC, and monotonic seconds for durations."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring durations."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's wall time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


@dataclass
class ManualClock:
    """A clock that stands still until it is moved: for tests, replays and the demo."""

    at: datetime
    elapsed: float = 0.0

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self.at

    def monotonic(self) -> float:
        """Return the seconds moved so far."""
        return self.elapsed

    def advance(self, by: timedelta) -> None:
        """Move both wall and monotonic time forward."""
        self.at += by
        self.elapsed += by.total_seconds()
