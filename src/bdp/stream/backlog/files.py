"""The third place for batches: rotated, checksummed files of NDJSON on the local disk (see `segment.py`)."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock, SystemClock
from bdp.errors import BadSetting, BdpError, DiskFull, StreamUnavailable
from bdp.model.batch import Batch, Waiting
from bdp.stream.backlog.marks import write_all, write_synced
from bdp.stream.backlog.remains import read_remains
from bdp.stream.backlog.segment import Damage, Frame, damage_of, frame, read_batch, read_stretch
from bdp.stream.backlog.segments import Segment, Segments, key_of
from bdp.stream.group import Group, GroupSettings


class FilesSettings(BaseModel):
    """The files that take what neither primary nor table could: where they are, and how much they hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(default="", description="folder for the files; empty: spill in the home")
    segment_mib: int = Field(default=64, ge=1, description="MiB after which a new file begins")
    segment_seconds: int = Field(default=3600, ge=1, description="age after which a new file begins")
    max_mib: int = Field(default=20_480, ge=1, description="MiB of files; then the last resort, counted drops")
    remembered_ids: int = Field(default=200_000, ge=1000, description="newest batch ids kept to recognise a repeat")
    group: GroupSettings = Field(default=GroupSettings(), description="how requests share a sync")


@dataclass(frozen=True)
class _Written:
    """A batch as it will stand in the file."""

    text: bytes
    key: int
    source: str
    accepted: int


@dataclass(frozen=True)
class _Take:
    batches: list[_Written]


@dataclass(frozen=True)
class _Remove:
    places: list[tuple[int, int]]


@dataclass(frozen=True)
class _SetAside:
    """Damaged bytes; where they are a batch that stays in the accounts, they stay in the file too."""

    segment: Segment
    damage: Damage
    frame: Frame | None = None


_Item = _Take | _Remove | _SetAside


class Files:
    """`bdp.ports.Backlog` in files. Use from any thread; one process at a time holds the folder.

    What `append` returned for is on disk. A crash or a failed write leaves at most a torn end, which no checksum fits:
    it is set aside in a `.torn` file at the next start. So is a batch that the disk damaged; as long as its head is
    whole it is given back all the same, as dead letters and counted drops (see `remains.py`). `remove` marks batches as
    done and deletes a file when all of it is; on a full disk the marks may be lost, so that after a restart a batch is
    offered twice, which its id makes harmless. The folder is read at first use: a disk that is away then is no error
    until something is asked of it.

    Memory: what `GroupSettings` lets wait, one answer of `oldest`, and what `Segments` states; it does not grow with
    the batches that wait. Ids behind the newest `remembered_ids` are forgotten even while their batches wait.

    Args:
        home: where the folder `spill` is made if the settings name none.

    Raises:
        BadSetting: another process holds the folder.
    """

    name = "files"

    def __init__(self, settings: FilesSettings, home: Path, clock: Clock | None = None) -> None:
        self._settings = settings
        self._folder = Path(settings.folder) if settings.folder else home / "spill"
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._segments: Segments | None = None
        self._active: Segment | None = None
        self._opened = 0.0
        self._handle = self._held = -1
        with suppress(OSError):
            self._hold()
        self._group: Group[_Item, list[bool]] = Group("the backlog's folder", self._write, settings.group)

    @property
    def torn(self) -> list[Path]:
        """Files of damaged bytes that were set aside since the start, newest last, at most 1000."""
        return list(self._segments.torn) if self._segments else []

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        written = [_Written(frame(batch), key_of(batch.batch_id), batch.source, batch.accepted) for batch in batches]
        return self._group.submit(_Take(written), sum(len(batch.text) for batch in written))

    def oldest(self, max_records: int, max_bytes: int) -> list[Waiting]:
        """See `bdp.ports.Backlog.oldest`."""
        found: list[Waiting] = []
        records = size = 0
        with self._guarded(), closing(self._batches()) as batches:
            for segment, frame, read in batches:
                records += frame.head.count + frame.head.refused
                size += frame.head.body
                if found and (records > max_records or size > max_bytes):
                    break
                if batch := read():
                    found.append(Waiting(place=f"{segment.number}:{frame.start}", batch=batch))
        return found

    def remove(self, places: Sequence[str]) -> None:
        """See `bdp.ports.Backlog.remove`."""
        known = [place for text in places if (place := _place(text))]
        if known:
            self._group.submit(_Remove(known))

    def waiting(self) -> dict[str, int]:
        """See `bdp.ports.Backlog.waiting`; a source of batches that count no records is there with 0.

        Raises:
            StreamUnavailable: the folder cannot be read now.
        """
        segments = self._read()
        with self._lock:
            return {source: records for source, (_, records) in segments.waits.items()}

    def close(self) -> None:
        """See `bdp.ports.Sink.close`."""
        self._group.close()
        self._seal()
        if self._held >= 0:
            os.close(self._held)
        self._segments, self._held = None, -1

    # Reading, in the caller's thread.

    def _read(self) -> Segments:
        if self._segments is None:
            self._group.submit(_Remove([]))  # any item makes the writer load the folder
        assert self._segments is not None  # noqa: S101 the writer raised otherwise
        return self._segments

    def _batches(self) -> Generator[tuple[Segment, Frame, Callable[[], Batch | None]]]:
        """Yield what waits, oldest first, each with a function that reads it."""
        for segment in self._read():
            with suppress(FileNotFoundError), segment.path.open("rb") as file:  # all of it was removed meanwhile
                at = segment.start
                while at < segment.size:
                    end = segment.done.get(at)
                    if end is None:
                        found = read_stretch(file, at, segment.size)
                        end = found.end
                        if isinstance(found, Frame):
                            yield segment, found, partial(self._batch, segment, file, found)
                        else:  # what it held counts as waiting until the next start: nobody can tell
                            self._group.submit(_SetAside(segment, found))
                    at = end

    def _batch(self, segment: Segment, file: IO[bytes], frame: Frame) -> Batch | None:
        """Return a batch, or what is left of it; None if the accounts do not need that. Damage is set aside."""
        batch = None if frame.damage else read_batch(file, frame)
        if batch:
            return batch
        counts = segment.counts(frame)
        if not (counts and (segment.holds_torn or segment.torn(frame.start).exists())):
            self._group.submit(_SetAside(segment, damage_of(frame), frame))
        if not counts:
            return None
        written = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        return read_remains(file, frame, segment.path.name, written)

    # Writing, in the group's thread.

    def _write(self, items: list[_Item]) -> list[list[bool] | BdpError]:
        with self._guarded():
            segments = self._load()
        for item in items:
            if isinstance(item, _SetAside):
                self._set_aside(segments, item)
        # Removing goes first: it makes room.
        self._remove(segments, [place for item in items if isinstance(item, _Remove) for place in item.places])
        return self._take(segments, items)

    def _load(self) -> Segments:
        if self._segments is None:
            self._hold()
            segments = Segments(self._folder, self._settings.remembered_ids)
            segments.load()
            self._segments = segments
        return self._segments

    def _hold(self) -> None:
        if self._held >= 0:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise BadSetting(
                f"Another process writes into {self._folder}.", "Give each process a folder of its own."
            ) from None
        self._held = handle

    def _take(self, segments: Segments, items: list[_Item]) -> list[list[bool] | BdpError]:
        new: dict[int, _Written] = {}
        room = (self._settings.max_mib << 20) - segments.size
        results: list[list[bool] | BdpError] = []
        for item in items:
            mine = _new(item, segments, new)
            need = sum(len(batch.text) for batch in mine.values())
            if need > room:
                results.append(DiskFull("The backlog's files are full.", "Mend the primary sink."))
                continue
            room -= need
            new.update(mine)
            batches = item.batches if isinstance(item, _Take) else []
            results.append([mine.get(batch.key) is batch for batch in batches])
        try:
            with self._guarded():
                self._append(segments, list(new.values()))
        except StreamUnavailable as error:
            return [error if isinstance(item, _Take) else [] for item in items]
        return results

    def _append(self, segments: Segments, batches: list[_Written]) -> None:
        if not batches:
            return
        segment = self._segment(segments)
        end = segment.size
        try:
            for batch in batches:
                write_all(self._handle, batch.text, end)
                end += len(batch.text)
        except OSError:
            self._cut(segments, segment)
            raise
        try:
            os.fsync(self._handle)
        except OSError:  # nobody knows what is on disk now: this file takes nothing more
            self._cut(segments, segment)
            self._give_up(segments, segment)
            raise
        with self._lock:
            segments.add(segment, end)
            for batch in batches:
                segments.count(segment, batch.source, batch.accepted)
                segments.remember(batch.key)
        segments.note_synced(segment)

    def _segment(self, segments: Segments) -> Segment:
        """Return the segment to write into, a new one if the last is long or old enough."""
        active, settings = self._active, self._settings
        if active is not None:
            is_old = self._clock.monotonic() - self._opened >= settings.segment_seconds
            if not is_old and active.size < settings.segment_mib << 20:
                return active
            self._seal()
        segment = segments.new()
        self._handle = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_synced(segment.synced, 0, segment.number)  # its room is taken now: on a full disk it is written over
            _sync_folder(self._folder)
        except OSError:
            self._seal()
            for path in (segment.path, segment.synced):
                path.unlink(missing_ok=True)
            raise
        self._active, self._opened = segment, self._clock.monotonic()
        with self._lock:
            segments.enter(segment)
        return segment

    def _cut(self, segments: Segments, segment: Segment) -> None:
        """Take back what a failed write left behind the good part."""
        try:
            os.ftruncate(self._handle, segment.size)
            os.fsync(self._handle)
        except OSError:  # it stays, and is never read in this process
            self._give_up(segments, segment)

    def _give_up(self, segments: Segments, segment: Segment) -> None:
        self._seal()
        if not segment.left:
            with suppress(OSError), self._lock:
                segments.delete(segment)

    def _seal(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle, self._active = -1, None

    def _remove(self, segments: Segments, places: Sequence[tuple[int, int]]) -> None:
        for number in dict.fromkeys(number for number, _ in places):
            segment = segments.get(number)
            if segment is None:
                continue
            with self._guarded():
                found = list(_frames(segment, {start for where, start in places if where == number}))
            if found:
                self._finish(segments, segment, found)

    def _set_aside(self, segments: Segments, item: _SetAside) -> None:
        if item.damage.start in item.segment.done or item.damage.start < item.segment.start:
            return
        segments.set_aside(item.segment, item.damage)
        if item.frame is None:
            with self._lock:
                item.segment.finish(item.damage.start, item.damage.end)
        elif not item.segment.counts(item.frame):
            with self._lock:
                segments.let_go(item.segment, item.frame)
            self._delete_if_done(segments, item.segment)

    def _finish(self, segments: Segments, segment: Segment, found: Sequence[Frame]) -> None:
        segments.mark(segment, found)
        with self._lock:
            segments.finish(segment, found)
        self._delete_if_done(segments, segment)

    def _delete_if_done(self, segments: Segments, segment: Segment) -> None:
        if not segment.left:
            if segment is self._active:
                self._seal()
            with self._guarded(), self._lock:
                segments.delete(segment)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            unavailable = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StreamUnavailable
            raise unavailable(
                f"The backlog's folder {self._folder} cannot be used: {error.strerror or error}.",
                "Free the disk or mend it; it is tried again.",
            ) from error


def _new(item: _Item, segments: Segments, others: dict[int, _Written]) -> dict[int, _Written]:
    """Return the batches of a request that were not taken before, by key."""
    new: dict[int, _Written] = {}
    for batch in item.batches if isinstance(item, _Take) else ():
        if batch.key not in others and not segments.taken(batch.key):
            new.setdefault(batch.key, batch)
    return new


def _frames(segment: Segment, starts: set[int]) -> Iterator[Frame]:
    """Yield the batches that begin at these places and wait."""
    with segment.path.open("rb") as file:
        for start in sorted(starts):
            if segment.start <= start < segment.size and start not in segment.done:
                found = read_stretch(file, start, segment.size)
                if isinstance(found, Frame):
                    yield found


def _place(text: str) -> tuple[int, int] | None:
    number, _, start = text.partition(":")
    if len(text) > 40 or not (number.isdecimal() and start.isdecimal()):
        return None
    place = int(number), int(start)
    return place if f"{place[0]}:{place[1]}" == text else None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
