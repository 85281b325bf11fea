"""A copy of every stored batch in files, to be kept elsewhere and replayed with `bdp replay --archive`.

The files have the format of `backlog/segment.py` and are never changed after they are full. A copy is synced before its
range is committed, so each stored batch is there at least once; a range that a crash cut off may be there twice, which
a replay sees through. An archive that takes no writes holds nothing up: what it misses is counted and told.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.model.batch import Batch
from bdp.stream.backlog.segment import frame
from bdp.telemetry import ARCHIVE_MISSED, Absence

log = structlog.get_logger(__name__)
_ENDING = ".archive.ndjson"
_TIDY_SECONDS = 3600.0


class ArchiveSettings(BaseModel):
    """Where copies of stored batches go, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(default="", description="folder for the copies, best on another disk; empty: none are kept")
    segment_mib: int = Field(default=64, ge=1, description="MiB after which a new file begins")
    keep_days: int = Field(default=30, ge=0, description="days after which a file is deleted; 0: for ever")


class Archive:
    """Appends batches to the newest file of a folder. Use from any thread.

    Memory: one batch as text.

    Args:
        process: names this process; its files begin with it, so several may share a folder.
    """

    def __init__(self, settings: ArchiveSettings, process: str, clock: Clock) -> None:
        self._settings = settings
        self._folder = Path(settings.folder)
        self._process = process
        self._clock = clock
        self._lock = threading.Lock()
        self._absence = Absence(log, "archive.misses_records", "archive.takes_records", clock.monotonic)
        self._file: IO[bytes] | None = None
        self._number = 0
        self._tidied_at = float("-inf")

    def add(self, batches: Sequence[Batch]) -> None:
        """Keep a copy, if copies are kept; what cannot be written is counted as missed."""
        if not self._settings.folder:
            return
        with self._lock:
            try:
                self._write(batches)
            except OSError as error:
                ARCHIVE_MISSED.inc(sum(batch.count for batch in batches))
                self._absence.met(f"{self._folder}: {error.strerror}")
                self._let_go()
            else:
                self._absence.over()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _write(self, batches: Sequence[Batch]) -> None:
        file = self._current()
        for batch in batches:
            file.write(frame(batch))
        file.flush()
        os.fsync(file.fileno())

    def _current(self) -> IO[bytes]:
        if self._file and self._file.tell() >= self._settings.segment_mib << 20:
            self._let_go()
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._number += 1
            name = f"{self._clock.now():%Y%m%dT%H%M%S}-{self._process}-{self._number:06}{_ENDING}"
            self._file = (self._folder / name).open("xb")
            self._tidy()
        return self._file

    def _tidy(self) -> None:
        """Delete what is older than it may be, at most once an hour."""
        now = self._clock.monotonic()
        if not self._settings.keep_days or now - self._tidied_at < _TIDY_SECONDS:
            return
        self._tidied_at = now
        oldest = (self._clock.now() - timedelta(days=self._settings.keep_days)).timestamp()
        for path in self._folder.glob(f"*{_ENDING}"):
            with contextlib.suppress(FileNotFoundError):  # another process tidies as well
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file:
            try:
                file.close()
            except OSError as error:
                log.warning("archive.not_closed", reason=str(error))
