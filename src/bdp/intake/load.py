"""How busy this process and its machine are, and how many steps down that puts the sampling rate.

Hysteresis by two marks and two times: load at or above `high` for `lower_after_seconds` is one step down, load at or
below `low` for `raise_after_seconds` one step up, and each further step waits as long again. Between the marks, and
after a glance over them, nothing moves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bdp.clock import Clock
from bdp.intake.sampling import SamplingPolicy

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Load:
    """One look, each from 0 (idle) to 1 (full).

    Attributes:
        buffer: how full the buffer of batches is that wait for a sink.
        cpu: of the machine, or of what this process may use of it, whichever is busier.
        memory: of the machine, or of the container's limit, whichever is fuller.
    """

    buffer: float
    cpu: float
    memory: float

    @property
    def highest(self) -> float:
        """The one that counts: the scarcest means is what gives way first."""
        return max(self.buffer, self.cpu, self.memory)


class Steps:
    """Turns loads into a number of steps down. It starts nothing: feed it one load after another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._direction = 0
        self._since = 0.0
        self.level = 0

    def observe(self, load: float, policy: SamplingPolicy, lowest: int) -> int:
        """Return the level after one more look.

        Args:
            load: 0 to 1.
            lowest: steps down beyond this one change nothing and are not taken.
        """
        if not policy.adaptive:
            self.level = self._direction = 0
            return 0
        self.level = min(self.level, lowest)
        now = self._clock.monotonic()
        direction = 1 if load >= policy.high else -1 if load <= policy.low else 0
        if direction != self._direction:
            self._direction, self._since = direction, now
        hold = policy.lower_after_seconds if direction > 0 else policy.raise_after_seconds
        if direction and now - self._since >= hold:
            self.level = min(lowest, max(0, self.level + direction))
            self._since = now
        return self.level


class Machine:
    """Reads the load of this process and its machine. Ask from one thread, about once a second.

    Args:
        buffer_fill: gives 0 to 1.
    """

    def __init__(self, buffer_fill: Callable[[], float]) -> None:
        import psutil  # here, so that verbs that only ask a server do without

        self._buffer_fill = buffer_fill
        self._system = psutil
        self._process = psutil.Process()
        self._cpu()  # the first answer is since the last call, of which there was none

    def __call__(self) -> Load:
        """Return the load since the last look."""
        return Load(_share(self._buffer_fill()), self._cpu(), self._memory())

    def _cpu(self) -> float:
        machine = self._system.cpu_percent() / 100
        own = self._process.cpu_percent() / 100 / _usable_cpus()
        return _share(max(machine, own))

    def _memory(self) -> float:
        return _share(max(self._system.virtual_memory().percent / 100, container_memory(_CGROUP)))


def container_memory(cgroup: Path) -> float:
    """Return the used share of a container's memory limit (cgroup v2), page cache left out; 0 without a limit."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        cached = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return 0.0 if limit == "max" else (used - int(cached["inactive_file"])) / int(limit)
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return 0.0  # not in a container, or not of this kind


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
