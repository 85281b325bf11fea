"""A backlog in memory: for tests and for trying the chain out. It keeps nothing over an end of the process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from bdp.errors import DiskFull, StreamUnavailable
from bdp.model.batch import Batch, Waiting


class MemorySink:
    """`bdp.ports.Backlog` in a dict. Use from any thread.

    Memory: everything that it holds.

    Attributes:
        away: while True every call raises StreamUnavailable.
        full: while True `append` raises DiskFull.
        calls: how often `append` was called.
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.away = False
        self.full = False
        self.calls = 0
        self._lock = threading.Lock()
        self._held: dict[str, Batch] = {}
        self._seen: set[str] = set()

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        self.calls += 1
        self._check()
        if self.full:
            raise DiskFull(f"{self.name} is full.", "Make room.")
        with self._lock:
            return [self._take(batch) for batch in batches]

    def oldest(self, max_records: int, max_bytes: int) -> list[Waiting]:
        """See `bdp.ports.Backlog.oldest`."""
        self._check()
        found: list[Waiting] = []
        records = size = 0
        with self._lock:
            for place, batch in self._held.items():
                records, size = records + batch.count, size + len(batch.payload)
                if found and (records > max_records or size > max_bytes):
                    break
                found.append(Waiting(place=place, batch=batch))
        return found

    def remove(self, places: Sequence[str]) -> None:
        """See `bdp.ports.Backlog.remove`."""
        self._check()
        with self._lock:
            for place in places:
                self._held.pop(place, None)

    def waiting(self) -> dict[str, int]:
        """See `bdp.ports.Backlog.waiting`."""
        self._check()
        total: Counter[str] = Counter()
        with self._lock:
            for batch in self._held.values():
                total[batch.source] += batch.accepted
        return dict(total)

    def close(self) -> None:
        """See `bdp.ports.Sink.close`."""

    def _take(self, batch: Batch) -> bool:
        new = batch.batch_id not in self._seen
        if new:
            self._seen.add(batch.batch_id)
            self._held[batch.batch_id] = batch
        return new

    def _check(self) -> None:
        if self.away:
            raise StreamUnavailable(f"{self.name} is away.", "Try again later.")
