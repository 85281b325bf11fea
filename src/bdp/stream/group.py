"""Group commit: one thread writes, and what is asked for during one sync shares the next one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BdpError, StreamUnavailable

_log = structlog.get_logger()
Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupSettings(BaseModel):
    """How many requests share a sync, and how many may wait for one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group_tasks: int = Field(default=256, ge=1, description="most requests that share one sync")
    waiting_tasks: int = Field(default=1024, ge=1, description="requests that may wait; more are turned away")
    waiting_mib: int = Field(default=256, ge=1, description="MiB that may wait; a request more is turned away")
    answer_seconds: float = Field(default=15.0, gt=0, description="longest wait for an answer")


class Group(Generic[Item, Result]):
    """Runs `write` on what many threads ask for, group by group, in their order.

    Memory: `waiting_tasks` requests of together `waiting_mib` MiB, and one request more.

    Args:
        name: as it reads in errors, such as "the backlog table".
        write: does all items and makes them durable; returns one result for each, or the error that it ends with. What
            it raises is the end of all of them.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[list[Item]], Sequence[Result | BdpError]],
        settings: GroupSettings | None = None,
    ) -> None:
        self._name = name
        self._write = write
        self._settings = settings or GroupSettings()
        self._waiting: deque[tuple[Item, int, Future[Result]]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name.removeprefix("the "), daemon=True)
        self._thread.start()

    def submit(self, item: Item, size: int = 0) -> Result:
        """Have an item written and return its result.

        Args:
            size: bytes of memory that the item holds.

        Raises:
            StreamUnavailable: closed, too much waits, no answer in time (then it may have been written), or what
                `write` raised.
        """
        until = time.monotonic() + self._settings.answer_seconds
        future = self._enter(item, size, until)
        try:
            return future.result(max(until - time.monotonic(), 0))
        except (TimeoutError, CancelledError):
            future.cancel()
            raise self._unavailable("did not answer in time", "Look whether its disk or server hangs.") from None

    def close(self) -> None:
        """Finish what waits, then stop; what hangs is left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(self._settings.answer_seconds)

    def _enter(self, item: Item, size: int, until: float) -> Future[Result]:
        future: Future[Result] = Future()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room(size), max(until - time.monotonic(), 0))
            if self._closed:
                raise self._unavailable("is closed", "Start BDP again.")
            if not self._has_room(size):
                raise self._unavailable("has more waiting than it can sync", "Send again later.")
            self._waiting.append((item, size, future))
            self._bytes += size
            self._changed.notify_all()
        return future

    def _has_room(self, size: int) -> bool:
        fits = not self._waiting or self._bytes + size <= self._settings.waiting_mib << 20
        return fits and len(self._waiting) < self._settings.waiting_tasks

    def _run(self) -> None:
        while group := self._next():
            self._finish(group)

    def _next(self) -> list[tuple[Item, Future[Result]]]:
        """Wait for one item, then take what else waits; an empty list means: closed and nothing left."""
        group: list[tuple[Item, Future[Result]]] = []
        with self._changed:
            while not group:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return []
                group = self._take()
                self._changed.notify_all()
        return group

    def _take(self) -> list[tuple[Item, Future[Result]]]:
        group: list[tuple[Item, Future[Result]]] = []
        while self._waiting and len(group) < self._settings.group_tasks:
            item, size, future = self._waiting.popleft()
            self._bytes -= size
            if future.set_running_or_notify_cancel():  # False: its sender waits no longer
                group.append((item, future))
        return group

    def _finish(self, group: list[tuple[Item, Future[Result]]]) -> None:
        results: Sequence[Result | BdpError]
        try:
            results = self._write([item for item, _ in group])
        except BdpError as error:
            results = [type(error)(error.what, error.next_step) for _ in group]
        except Exception as error:
            cause = " ".join(str(error).split())[:300]
            _log.exception("group_failed", writer=self._thread.name)
            results = [self._unavailable(f"cannot be written: {cause}", "Check it; then send again.") for _ in group]
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(result, BdpError):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _unavailable(self, what: str, next_step: str) -> StreamUnavailable:
        return StreamUnavailable(f"{self._name[:1].upper()}{self._name[1:]} {what}.", next_step)
