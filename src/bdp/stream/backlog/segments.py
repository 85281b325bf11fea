"""What lies in the folder of the files sink: which segments, how much of each still waits, and which ids were taken."""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import structlog

from bdp.stream.backlog.marks import LENGTH, Mark, add_marks, read_marks, read_synced, write_synced
from bdp.stream.backlog.remains import is_countable
from bdp.stream.backlog.segment import Damage, Frame, damage_of, frames

_COPY = 1 << 20
_log = structlog.get_logger()


@dataclass
class Segment:
    """One file of batches.

    Attributes:
        size: bytes that are known to be good and durable; nothing behind them is read.
        left: batches that wait.
        start: before it nothing waits.
        done: begin and end of the batches behind `start` that are done.
        holds_torn: it holds damaged bytes of which there is no copy.
        acknowledged: up to where it was, as far as an earlier process could note that; None if all of it was.
    """

    number: int
    path: Path
    size: int = 0
    left: int = 0
    start: int = 0
    done: dict[int, int] = field(default_factory=dict)
    holds_torn: bool = False
    acknowledged: int | None = None

    @property
    def marks(self) -> Path:
        """The file of its marks."""
        return self.path.with_suffix(".done")

    @property
    def synced(self) -> Path:
        """The file that says up to where it was synced."""
        return self.path.with_suffix(".synced")

    def torn(self, start: int) -> Path:
        """The file for the damaged bytes that begin at `start`."""
        return self.path.with_name(f"{self.path.stem}-{start}.torn")

    def counts(self, found: Frame) -> bool:
        """Say whether a damaged batch stays in the accounts: it was acknowledged, and it is no letter's second try."""
        known = self.acknowledged is None or found.start < self.acknowledged
        return known and is_countable(found.head)

    def finish(self, start: int, end: int) -> None:
        """Note that a batch is done."""
        self.done[start] = end
        while self.start in self.done:
            self.start = self.done.pop(self.start)


class Segments:
    """The folder's index. One thread changes it.

    Memory: a few hundred bytes a segment, the done batches of a segment that is done in part, and `remembered` ids of
    about 200 bytes; not a byte for a batch that waits.

    Attributes:
        waits: batches and records that wait, by source.
        size: bytes of all segments.
        torn: what was set aside because it is no whole batch: files, newest last, at most 1000.
    """

    def __init__(self, folder: Path, remembered: int) -> None:
        self.folder = folder
        self.waits: dict[str, list[int]] = {}
        self.size = 0
        self.torn: deque[Path] = deque(maxlen=1000)
        self._by_number: dict[int, Segment] = {}
        self._next = 1
        self._remembered = remembered
        self._keys: OrderedDict[int, None] = OrderedDict()
        self._old_marks: deque[tuple[Path, int]] = deque()
        self._old = 0

    def load(self) -> None:
        """Read what an earlier process left. The newest segment is read whole, of others the heads alone.

        Raises:
            OSError: the folder cannot be read.
        """
        paths, marks, torn = (self._numbered(suffix) for suffix in ("ndjson", "done", "torn"))
        for number, path in self._numbered("synced").items():
            if number not in paths:
                path.unlink(missing_ok=True)
        for number in sorted(paths.keys() | marks.keys()):
            done = read_marks(marks[number]) if number in marks else []
            if number in paths:
                self._load_segment(Segment(number, paths[number]), done, check=number == max(paths))
            else:
                self._keep_marks(marks[number], len(done))
            for mark in done:
                self.remember(mark.key)
        self._next = max((*paths, *marks, *torn), default=0) + 1

    def __iter__(self) -> Iterator[Segment]:
        """Go through the segments that hold something, oldest first."""
        return iter(list(self._by_number.values()))

    def get(self, number: int) -> Segment | None:
        """Return a segment; None if there is none with this number."""
        return self._by_number.get(number)

    def new(self) -> Segment:
        """Return a segment with a number that was never used, whose file is not there yet."""
        number, self._next = self._next, self._next + 1
        return Segment(number, self.folder / f"{number:08d}.ndjson")

    def enter(self, segment: Segment) -> None:
        """Take up a segment whose file is there."""
        self._by_number[segment.number] = segment

    def taken(self, key: int) -> bool:
        """Say whether a batch with this id's key was taken, as far as ids are remembered."""
        return key in self._keys

    def remember(self, key: int) -> None:
        """Remember an id as the newest; the oldest is forgotten when there are too many."""
        self._keys[key] = None
        self._keys.move_to_end(key)
        while len(self._keys) > self._remembered:
            self._keys.popitem(last=False)

    def add(self, segment: Segment, end: int) -> None:
        """Note that a segment is good up to `end`."""
        self.size += end - segment.size
        segment.size = end

    def note_synced(self, segment: Segment) -> None:
        """Note for the next start that all of a segment was synced; else damage at its end may pass for a torn one."""
        try:
            write_synced(segment.synced, segment.size, segment.number)
        except OSError as error:
            _log.warning("segment_marks_not_written", file=segment.synced.name, reason=str(error))

    def count(self, segment: Segment, source: str, records: int, sign: int = 1) -> None:
        """Note that a batch waits; with sign -1, that it waits no more."""
        waits = self.waits.setdefault(source, [0, 0])
        waits[0] += sign
        waits[1] += sign * records
        segment.left += sign
        if not waits[0]:
            del self.waits[source]

    def mark(self, segment: Segment, found: Sequence[Frame]) -> None:
        """Make it durable that batches are done, if the disk lets us: else a restart may offer them again."""
        try:
            add_marks(segment.marks, [Mark(frame.start, key_of(frame.head.batch_id)) for frame in found])
        except OSError as error:
            _log.warning("segment_marks_not_written", file=segment.marks.name, reason=str(error))

    def finish(self, segment: Segment, found: Sequence[Frame]) -> None:
        """Note that batches are done."""
        for frame in found:
            segment.finish(frame.start, frame.end)
            self.count(segment, frame.head.source, frame.head.accepted, -1)
            self.remember(key_of(frame.head.batch_id))

    def let_go(self, segment: Segment, found: Frame) -> None:
        """Note that a damaged batch waits no more though nothing of it was given back; its id may come again."""
        self.finish(segment, [found])
        self._keys.pop(key_of(found.head.batch_id), None)

    def delete(self, segment: Segment) -> None:
        """Delete a segment of which nothing waits; its marks stay while its ids are remembered.

        Raises:
            OSError: it is still there.
        """
        if segment.holds_torn:
            segment.path.replace(segment.path.with_suffix(".torn"))
        else:
            segment.path.unlink(missing_ok=True)
        segment.synced.unlink(missing_ok=True)
        self._by_number.pop(segment.number, None)
        self.size -= segment.size
        if segment.marks.exists():
            self._keep_marks(segment.marks, segment.marks.stat().st_size // LENGTH)

    def set_aside(self, segment: Segment, damage: Damage) -> bool:
        """Copy damaged bytes into a `.torn` file and report them, once; False if the disk does not take them.

        Then they stay in the segment, which becomes a `.torn` file itself when nothing of it waits.
        """
        target = segment.torn(damage.start)
        try:
            if target.exists():
                return True
            _copy(segment.path, damage.start, damage.end, target)
        except OSError as error:
            _log.error("segment_torn", file=segment.path.name, start=damage.start, reason=f"not set aside: {error}")
            segment.holds_torn = True
            return False
        _log.error("segment_torn", file=segment.path.name, start=damage.start, reason=damage.reason, kept=target.name)
        self.torn.append(target)
        return True

    def _numbered(self, suffix: str) -> dict[int, Path]:
        numbers = ((path.stem.partition("-")[0], path) for path in self.folder.glob(f"*.{suffix}"))
        return {int(number): path for number, path in numbers if number.isdecimal()}

    def _load_segment(self, segment: Segment, done: Sequence[Mark], check: bool) -> None:
        finished = {mark.start for mark in done}
        size = segment.path.stat().st_size
        self.enter(segment)
        segment.acknowledged = read_synced(segment.synced)
        with segment.path.open("rb") as file:
            for found in frames(file, size, check):
                if isinstance(found, Frame) and (not found.damage or segment.counts(found)):
                    self._load_frame(segment, found, found.start in finished)
                else:
                    damage = found if isinstance(found, Damage) else damage_of(found)
                    self._load_damage(segment, damage, is_tail=found.end == size)
        if not segment.left:
            with suppress(OSError):  # tried again at the next start
                self.delete(segment)

    def _load_frame(self, segment: Segment, found: Frame, is_done: bool) -> None:
        self.add(segment, found.end)
        self.count(segment, found.head.source, found.head.accepted)
        self.remember(key_of(found.head.batch_id))
        if found.damage and not is_done:
            self.set_aside(segment, damage_of(found))
        if is_done:
            segment.finish(found.start, found.end)
            self.count(segment, found.head.source, found.head.accepted, -1)

    def _load_damage(self, segment: Segment, damage: Damage, is_tail: bool) -> None:
        is_kept = self.set_aside(segment, damage)
        if not is_tail:
            self.add(segment, damage.end)
            segment.finish(damage.start, damage.end)
        elif is_kept:  # else it stays where it is, behind the size that is read
            with suppress(OSError):
                os.truncate(segment.path, damage.start)

    def _keep_marks(self, path: Path, count: int) -> None:
        self._old_marks.append((path, count))
        self._old += count
        while self._old_marks and self._old - self._old_marks[0][1] >= self._remembered:
            path, count = self._old_marks.popleft()
            self._old -= count
            path.unlink(missing_ok=True)


def key_of(batch_id: str) -> int:
    """Return 64 bits of hash, by which an id is remembered."""
    return int.from_bytes(blake2b(batch_id.encode(), digest_size=8).digest())


def _copy(source: Path, start: int, end: int, target: Path) -> None:
    try:
        with source.open("rb") as old, target.open("xb") as new:
            old.seek(start)
            for at in range(start, end, _COPY):
                new.write(old.read(min(_COPY, end - at)))
            new.flush()
            os.fsync(new.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        raise
