"""The way back: what waited behind the primary flows to it again, paced, oldest first.

A batch leaves its sink only after the primary has it. Killed in between, it is given again, and its id counts once.
Memory: one portion.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from bdp.clock import Clock
from bdp.errors import Retry, StreamUnavailable
from bdp.ports import Backlog
from bdp.stream.delivery.chain import Chain, DrainSettings, Link
from bdp.telemetry import DRAINED_RECORDS, Absence

log = structlog.get_logger(__name__)


class Recovery:
    """Empties the sinks behind the primary. `step` from one thread."""

    def __init__(
        self,
        chain: Chain,
        clock: Clock,
        settings: DrainSettings | None = None,
        pinned: Callable[[bool], None] = lambda waiting: None,
    ) -> None:
        self._chain = chain
        self._clock = clock
        self._settings = settings or DrainSettings()
        self._pinned = pinned
        self._stopping = threading.Event()
        self._defect = Absence(log, "recovery.waiting", "recovery.moving", clock.monotonic)
        self._absences = {
            link.sink.name: Absence(log, "recovery.waiting", "recovery.moving", clock.monotonic, sink=link.sink.name)
            for link, _ in chain.behind
        }
        self._since = {link.sink.name: 0.0 for link, _ in chain.behind}
        """When each sink began to hold something, in monotonic seconds; 0 from before the start."""

    def step(self) -> int:
        """Move one portion and return its records; 0 if nothing waits or the primary takes nothing."""
        self._chain.spilled.clear()
        moved = 0
        waiting = False
        for link, backlog in sorted(self._chain.behind, key=lambda pair: self._since[pair[0].sink.name]):
            try:
                records = self._move(link, backlog)
            except StreamUnavailable as error:
                self._absences[link.sink.name].met(error.what)
                self._chain.held.failed(link.sink.name, error.what)
                waiting = True
                self._pinned(True)
                continue
            self._absences[link.sink.name].over()
            self._chain.held.answered(link.sink.name)
            if records is None:
                self._since[link.sink.name] = self._clock.monotonic()
                continue
            # The oldest first: what came later waits until this sink is empty.
            waiting, moved = True, records
            break
        if not waiting and not self._chain.spilled.is_set():
            self._pinned(False)
        return moved

    def run(self) -> None:
        """Work until `stop` is called."""
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            try:
                moved = self.step()
                self._defect.over()
            except Exception as error:
                # Also a defect of ours must not end the thread: records would wait for ever.
                self._defect.met(str(error), trace=not isinstance(error, Retry))
                moved = 0
            self._rest(moved, self._clock.monotonic() - started)

    def stop(self) -> None:
        """Make `run` return after its present portion."""
        self._stopping.set()

    def _move(self, link: Link, backlog: Backlog) -> int | None:
        """Give the oldest portion to the primary; None if the sink is empty, 0 if it did not take it."""
        portion = backlog.oldest(self._settings.portion_records, self._settings.portion_mib << 20)
        if not portion:
            return None
        self._pinned(True)
        if self._chain.retry(self._chain.primary, [item.batch for item in portion]) is None:
            return 0
        backlog.remove([item.place for item in portion])
        records = sum(item.batch.accepted for item in portion)
        DRAINED_RECORDS.labels(sink=link.sink.name).inc(records)
        return records

    def _rest(self, moved: int, took: float) -> None:
        pace = moved / self._settings.records_per_second - took if moved else self._settings.look_seconds
        if pace > 0:
            self._stopping.wait(pace)
