"""What a process has given to the broker, brought to the books in the background.

The totals are absolute, so that a repeated or late report changes nothing. Nobody waits for the books here: while they
are away the totals grow in memory (one number a source), and go with the process if it is killed; then what the books
have seen of it counts.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

import structlog

from bdp.errors import StreamUnavailable
from bdp.telemetry import Absence

log = structlog.get_logger(__name__)
_REFRESH_SECONDS = 600.0
"""A pin that is not renewed loses its force after a day."""


class Reports(Protocol):
    """What the tally needs of the books."""

    def acknowledge(self, producer_id: str, totals: Mapping[str, int], *, waiting: bool, closed: bool) -> None:
        """Keep a producer's totals by source; `waiting`: it holds batches that may have been sent before."""


class Tally:
    """Totals of one producer. `add` and `pin` from any thread; they never block on the books."""

    def __init__(self, producer_id: str, reports: Reports, seconds: float) -> None:
        self._producer_id = producer_id
        self._reports = reports
        self._seconds = seconds
        self._totals: Counter[str] = Counter()
        self._waiting = False
        self._lock = threading.Lock()
        self._absence = Absence(log, "tally.not_reported", "tally.reported")
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tally", daemon=True)
        self._thread.start()

    def add(self, source: str, records: int) -> None:
        """Count records that the broker has acknowledged."""
        with self._lock:
            self._totals[source] += records
        self._changed.set()

    def pin(self, waiting: bool) -> None:
        """Say whether batches wait elsewhere that may have been sent before; then no id is forgotten."""
        if waiting != self._waiting:
            self._waiting = waiting
            self._changed.set()

    def close(self) -> None:
        """Report for the last time; what the books do not take is lost with the process."""
        self._closed.set()
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._changed.wait(_REFRESH_SECONDS)
            if not self._closed.wait(self._seconds):
                self._report(closed=False)
        self._report(closed=True)

    def _report(self, *, closed: bool) -> None:
        self._changed.clear()
        with self._lock:
            totals = dict(self._totals)
        if not totals and not self._waiting:
            return
        try:
            self._reports.acknowledge(self._producer_id, totals, waiting=self._waiting, closed=closed)
        except StreamUnavailable as error:
            self._absence.met(error.what)
            self._changed.set()
        else:
            self._absence.over()
