"""The pipeline of a stream whose lanes several processes share: this process moves those that are its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from bdp.errors import Refuse, Retry
from bdp.flow.pipeline import told
from bdp.flow.work import Worker

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 15.0


class Moving(Protocol):
    """What moves records from the stream to the store: `Pipeline`, or `SharedPipeline` where lanes are shared."""

    @property
    def trouble(self) -> str: ...
    @property
    def away(self) -> bool: ...
    def recover(self) -> int: ...
    def step(self, wait_seconds: float = 0.0) -> int: ...
    def drain(self, progress: Callable[[int], None] = ...) -> int: ...
    def finish(self) -> None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...


class SharedPipeline:
    """What the product asks of its pipeline, over a worker.

    Records go through whichever process has their lane, so nothing can be moved by hand here, and waiting for all of
    it would be waiting for others: `step`, `drain` and `finish` do nothing.

    Args:
        worker: None where this process leaves the work to others.
        look: asks the stream whether it is there, for a process that has no other business with it; see
            `bdp.stream.shared.sharing.Shared.probe`.
    """

    def __init__(self, worker: Worker | None, look: Callable[[], None] = lambda: None) -> None:
        self._worker = worker
        self._look = look
        self._stopping = threading.Event()
        self._ended = ""
        self._absent = ""

    @property
    def trouble(self) -> str:
        """Why nothing moves, or a lane of ours does not; empty while all is well."""
        return self._ended or self._absent or (self._worker.trouble if self._worker else "")

    @property
    def away(self) -> bool:
        """Say whether the trouble is only that the stream is not reached: what is taken in waits elsewhere."""
        return not self._ended and (bool(self._absent) or (self._worker is not None and self._worker.away))

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
        try:
            if self._worker:
                self._worker.run()
            else:
                self._watch()
        except Refuse as error:
            # The process goes on and takes records; nobody here moves them.
            self._ended = error.what
            log.error("worker.ended", reason=str(error))

    def _watch(self) -> None:
        """Have others work; know whether the stream is there."""
        while not self._stopping.is_set():
            try:
                self._look()
                self._absent = ""
            except Retry as error:
                self._absent = told(error)
            self._stopping.wait(_LOOK_SECONDS)

    def stop(self) -> None:
        """Make `run` finish the present ranges and return."""
        self._stopping.set()
        if self._worker:
            self._worker.stop()
