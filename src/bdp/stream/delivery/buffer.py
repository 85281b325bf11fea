"""The bounded memory in which batches wait while the primary is tried again.

A batch that the primary did not take waits here, not yet acknowledged, for a short blip to pass. When the buffer is
full, the process or the machine is short of memory, or patience is over, the batch goes to the next sink instead.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import psutil
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.model.batch import Batch

_LOOK_SECONDS = 0.5
MIB = 1 << 20


class BufferSettings(BaseModel):
    """How much may wait in memory, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_mib: int = Field(default=64, ge=0, description="MiB of records that may wait in memory; 0: none waits")
    patience_seconds: float = Field(default=2.0, ge=0, description="how long a batch waits for the first sink")
    pause_seconds: float = Field(default=0.2, gt=0, description="time between two tries")
    least_free_mib: int = Field(default=256, ge=0, description="MiB of memory that must stay free on the machine")
    most_process_mib: int = Field(default=0, ge=0, description="MiB that this process may take; 0: no bound")


class Memory:
    """Says whether memory is short, at most twice a second."""

    def __init__(self, clock: Clock, settings: BufferSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._process = psutil.Process()
        self._next = float("-inf")
        self._short = False

    def __call__(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_SECONDS
            self._short = self._look()
        return self._short

    def _look(self) -> bool:
        most = self._settings.most_process_mib
        if most and self._process.memory_info().rss > most * MIB:
            return True
        return bool(psutil.virtual_memory().available < self._settings.least_free_mib * MIB)


class Buffer:
    """Counts the bytes that wait. Use from any thread.

    Args:
        short: says whether memory is short.
    """

    def __init__(self, settings: BufferSettings, short: Callable[[], bool]) -> None:
        self._most = settings.max_mib * MIB
        self._short = short
        self._lock = threading.Lock()
        self.size = 0

    @property
    def fill(self) -> float:
        """The part in use, 0 to 1."""
        return self.size / self._most if self._most else 0.0

    @contextlib.contextmanager
    def room(self, batches: Sequence[Batch]) -> Iterator[bool]:
        """Hold room for batches as long as the context lasts; gives False if there is none."""
        size = sum(len(batch.payload) for batch in batches)
        with self._lock:
            fits = self.size + size <= self._most and not self._short()
            if fits:
                self.size += size
        try:
            yield fits
        finally:
            if fits:
                with self._lock:
                    self.size -= size
