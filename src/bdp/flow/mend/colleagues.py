"""Who else works on the same workflows, and who of them is gone.

Each worker raises its own count in the state database. Whose count has stood still for `lease_seconds`, as the watching
worker's own monotonic clock measures them, is gone: no clock of another machine is believed, and none that is set.
"""

from __future__ import annotations

import contextlib

from bdp.clock import Clock
from bdp.ports import Workers


class Colleagues:
    """The workers on one state database, as one of them sees them. Used from one thread, but for `leave`."""

    def __init__(self, workers: Workers, worker_id: str, version: str, clock: Clock, lease_seconds: float) -> None:
        self._workers = workers
        self._worker_id = worker_id
        self._version = version
        self._clock = clock
        self._lease = lease_seconds
        self._seen: dict[str, tuple[int, float]] = {}

    def beat(self) -> None:
        """Say that this worker is there, and look at the others.

        Raises:
            StoreUnavailable: the state database is away.
        """
        self._workers.beat(self._worker_id, self._version, self._clock.now())
        now, counts = self._clock.monotonic(), self._workers.counts()
        self._seen = {name: self._since(name, count, now) for name, count in counts.items()} | {
            name: seen for name, seen in self._seen.items() if name not in counts
        }

    def _since(self, name: str, count: int, now: float) -> tuple[int, float]:
        before = self._seen.get(name)
        return before if before is not None and before[0] == count else (count, now)

    def is_gone(self, worker_id: str) -> bool:
        """Return whether this worker's count has stood still for the lease; one never seen counts from now on."""
        now = self._clock.monotonic()
        _, since = self._seen.setdefault(worker_id, (-1, now))
        return now - since >= self._lease

    def leave(self) -> None:
        """Say that this worker is not there any more; where that cannot be said, its lease runs out."""
        with contextlib.suppress(Exception):
            self._workers.leave(self._worker_id)
