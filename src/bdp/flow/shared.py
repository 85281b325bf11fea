"""The pipeline of a stream whose lanes several processes share: this process moves those that are its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bdp.flow.work import Worker


class SharedPipeline:
    """What the product asks of its pipeline, over a worker.

    Records go through whichever process has their lane, so nothing can be moved by hand here, and waiting for all of
    it would be waiting for others: `step`, `drain` and `finish` do nothing.

    Args:
        worker: None where this process leaves the work to others.
    """

    def __init__(self, worker: Worker | None) -> None:
        self._worker = worker
        self._stopping = threading.Event()

    @property
    def trouble(self) -> str:
        """Why a lane of ours makes no progress; empty while all do."""
        troubles = self._worker.troubles() if self._worker else {}
        return next((f"partition {number}: {reason}" for number, reason in sorted(troubles.items())), "")

    def recover(self) -> int:
        """A lane finishes what a crash cut off when it is opened."""
        return 0

    def step(self, wait_seconds: float = 0.0) -> int:
        """Move nothing."""
        return 0

    def drain(self, progress: Callable[[int], None] = lambda records: None) -> int:
        """Move nothing."""
        return 0

    def finish(self) -> None:
        """The input of a shared stream is never over."""

    def run(self) -> None:
        """Work on the lanes of ours until `stop` is called."""
        if self._worker:
            self._worker.run()
        else:
            self._stopping.wait()

    def stop(self) -> None:
        """Make `run` finish the present ranges and return."""
        self._stopping.set()
        if self._worker:
            self._worker.stop()
