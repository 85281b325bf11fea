"""A circuit breaker for what may be away: after failures in a row nobody waits for it; single calls find its return.

Pattern: Nygard, Release It!, 2nd ed. (2018), chapter 5. It counts monotonic time, so that a step of the wall clock
neither opens nor holds it; the published libraries looked at use the wall clock (docs/decisions/delivery.md).
"""

from __future__ import annotations

import threading
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock


class BreakerSettings(BaseModel):
    """When something counts as away, and how often it is tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: int = Field(default=3, ge=1, description="failures in a row after which a sink counts as away")
    probe_seconds: float = Field(default=1.0, gt=0, description="first wait before it is tried again; doubles")
    longest_probe_seconds: float = Field(default=15.0, gt=0, description="longest wait between two tries")


class BreakerState(StrEnum):
    """CLOSED: calls pass. OPEN: none does until the wait is over. PROBING: one call is finding out."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Breaker:
    """Ask `allows` before a call and tell how it went: `succeeded`, `failed` or `abandoned`. Use from any thread."""

    def __init__(self, clock: Clock, settings: BreakerSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or BreakerSettings()
        self._lock = threading.Lock()
        self._failures = 0
        self._wait = self._settings.probe_seconds
        self._until = 0.0
        self.state = BreakerState.CLOSED
        self.reason = ""
        """The latest failure; empty while all is well."""

    def allows(self) -> bool:
        """Say whether a call may be made now. Where it is a probe, only this caller gets True until it has told."""
        with self._lock:
            if self.state is BreakerState.CLOSED:
                return True
            if self._clock.monotonic() < self._until:
                return False
            # A probe that never told (its thread died) must not keep it away for ever: another may try later.
            self.state = BreakerState.PROBING
            self._until = self._clock.monotonic() + self._settings.longest_probe_seconds
            return True

    @property
    def passes(self) -> bool:
        """Say whether a call may be made now, without making this caller the one that finds out."""
        with self._lock:
            return self.state is BreakerState.CLOSED or self._clock.monotonic() >= self._until

    def succeeded(self) -> None:
        """The call went well: all calls may pass."""
        # Nearly every call ends here with nothing to change.
        if self.state is BreakerState.CLOSED and not self._failures:
            return
        with self._lock:
            self.state, self.reason = BreakerState.CLOSED, ""
            self._failures = 0
            self._wait = self._settings.probe_seconds

    def abandoned(self) -> None:
        """The call ended without showing anything: if it was the probe, another may be at once."""
        with self._lock:
            if self.state is BreakerState.PROBING:
                self.state, self._until = BreakerState.OPEN, self._clock.monotonic()

    def failed(self, reason: str) -> None:
        """The call failed; a failed probe doubles the wait."""
        with self._lock:
            self._failures += 1
            self.reason = reason
            if self.state is BreakerState.OPEN:
                return
            if self.state is BreakerState.PROBING:
                self._wait = min(self._wait * 2, self._settings.longest_probe_seconds)
            elif self._failures < self._settings.failures:
                return
            self.state = BreakerState.OPEN
            self._until = self._clock.monotonic() + self._wait
