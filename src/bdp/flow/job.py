"""One long task at a time in a thread of its own, which can be asked how far it is, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import structlog

from bdp.errors import NotPossible

log = structlog.get_logger(__name__)


class JobState(StrEnum):
    """How far a job has come."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Progress(Protocol):
    """What a job tells of itself.

    Attributes:
        reason: why it failed.
    """

    state: JobState
    reason: str


P = TypeVar("P", bound=Progress)


class Job(Generic[P]):
    """Runs one task at a time.

    Args:
        name: of the thread, and of the event in the log.
        busy: what to say to somebody who wants another one meanwhile.
    """

    def __init__(self, name: str, busy: str) -> None:
        self._name = name
        self._busy = busy
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.latest: P | None = None
        """What runs, or what ran last."""

    @property
    def stopping(self) -> bool:
        """Whether the task is to end as soon as it can."""
        return self._stop.is_set()

    def start(self, progress: P, body: Callable[[P], None]) -> None:
        """Begin a task.

        Args:
            body: runs in the thread; it looks at `stopping` now and then, and sets the progress's state at its end.

        Raises:
            NotPossible: another one runs.
        """
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                raise NotPossible(self._busy, "Wait for it, or stop it.")
            self.latest = progress
            self._stop.clear()
            self._thread = threading.Thread(target=self._guarded, args=(progress, body), name=self._name)
            self._thread.start()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until somebody stops the task."""
        self._stop.wait(seconds)

    def stop(self) -> None:
        """Ask the task to end."""
        self._stop.set()

    def wait(self) -> None:
        """Return when the task is over."""
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        self.wait()

    def _guarded(self, progress: P, body: Callable[[P], None]) -> None:
        try:
            body(progress)
        except Exception as error:
            progress.state, progress.reason = JobState.FAILED, str(error) or type(error).__name__
            log.warning(f"{self._name}.failed", reason=progress.reason, exc_info=True)
