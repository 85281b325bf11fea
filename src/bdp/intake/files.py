"""Files and folders as batches: walked, sniffed, merged by event time, ready for the stream.

Bills are read after all else, by `bdp.intake.bills`.

The same files read again give the same batches with the same ids, so that repeating an interrupted reading doubles
nothing. Files that changed in between give other batches from the first changed record on.

Memory: one batch (`batch_records`, `batch_bytes`) being built and one being used, plus per open file (`max_open_files`)
a block of about 64 KiB as text and as events, and for zstd its window. A JSON array is held whole. A list of the files'
names and first times is kept.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from bdp.errors import BadRequest, MissingExtra, Reject, UnknownFormat
from bdp.intake.bills.files import BillReading, format_of
from bdp.intake.bills.formats import BILLS
from bdp.intake.bills.parquet import is_parquet
from bdp.intake.event import EventRecord
from bdp.intake.events import Refuse
from bdp.intake.formats import EXPOSITION, FORMATS
from bdp.intake.formats.line import LineContext
from bdp.intake.formats.text import compile_pattern
from bdp.intake.inputs import Input, Opened, find, open_input, service_of
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.merge import Pending, merged
from bdp.intake.refusal import RefusedRecord
from bdp.intake.samples import sample_batches
from bdp.intake.sniff import HEAD_BYTES, sniff
from bdp.intake.sources import Origin, Sized, read
from bdp.intake.times import EPOCH
from bdp.model.batch import Batch, DeadLetter, RecordKind

SOURCE = "file"
Progress = Callable[[Path, int, int], None]
"""Called with a file, its bytes read so far (on disk) and its records so far."""
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class FileInfo:
    """What is known of a file before it is read.

    Attributes:
        size: bytes on disk; 0 for a stream, whose size and format show only when it is read.
        format: one of `FORMATS` or `BILLS`; empty for a stream or an empty file.
        problem: why it will not be read; empty if it will.
    """

    path: Path
    label: str
    size: int
    format: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Wish:
    """How the user wants files to be read.

    Attributes:
        format: one of `FORMATS` or `BILLS`; empty to sniff each file.
        pattern: a regular expression with named groups, for any text log; implies the format `text`.
        time_format: `strptime` format of the pattern's group `ts`; empty for RFC 3339 and numbers.
        service: the service of records that name none themselves; for text logs, of all.
    """

    format: str = ""
    pattern: str = ""
    time_format: str = ""
    service: str = ""

    def __post_init__(self) -> None:
        known = (*FORMATS, *BILLS)
        if self.format and self.format not in known:
            raise UnknownFormat(f"There is no format {self.format!r}.", f"Use one of {', '.join(known)}.")
        if self.pattern or self.format == "text":
            compile_pattern(self.pattern)
            object.__setattr__(self, "format", "text")


def scan(
    paths: Sequence[str | Path], wish: Wish, now: datetime, settings: IntakeSettings, *, bills: bool = False
) -> list[FileInfo]:
    """Return the files under the paths, in order, each with its size and format.

    A file in a folder that cannot be read is returned with its problem; one that the user named raises it.

    Args:
        bills: they are read too; else one is a problem.

    Raises:
        NotFound, BadRequest, UnknownEncoding, UnknownFormat: of files that the user named.
    """
    return [_looked_at(found, wish, Edge(now, settings), bills=bills) for found in find(paths)]


def read_files(
    paths: Sequence[str | Path],
    *,
    wish: Wish,
    now: datetime,
    settings: IntakeSettings,
    progress: Progress | None = None,
    bills: BillReading | None = None,
) -> Iterator[Batch]:
    """Yield batches of events, merged by time over all files; then of metric points, then of bills.

    `-` is standard input.

    Args:
        now: arrival, aware UTC. Records without a time get the file's time of modification, or `now` in a stream.
        bills: reads them, all under its statement; without it a bill is a problem.

    Raises:
        NotFound, BadRequest, UnknownEncoding, UnknownFormat: of files that the user named.
    """
    return _Reading(wish, Edge(now, settings), progress, bills).batches(find(paths))


def _looked_at(found: Input, wish: Wish, edge: Edge, *, bills: bool) -> FileInfo:
    info = FileInfo(found.path, found.label, found.size)
    if found.stream:
        return info
    try:
        name = _format(found, wish, edge)
        _check_bill(name, found.label, bills=bills)
    except (Reject, MissingExtra, OSError, EOFError) as error:
        return _problem(info, found, error)
    return FileInfo(found.path, found.label, found.size, name)


def _format(found: Input, wish: Wish, edge: Edge) -> str:
    if is_parquet(found.path):
        return format_of(found)
    opened = open_input(found)
    try:
        return wish.format or sniff(opened.data.read(HEAD_BYTES), found.label, _context(found, wish, edge))
    finally:
        opened.close()


def _check_bill(format: str, label: str, *, bills: bool) -> None:
    if format in BILLS and not bills:
        raise BadRequest(f"{label} is a bill, not a log.", "Look into it with: bdp cost analyze FILE.")


def _problem(info: FileInfo, found: Input, error: Exception) -> FileInfo:
    if found.given:
        raise error
    return FileInfo(info.path, info.label, info.size, problem=str(error))


def _context(found: Input, wish: Wish, edge: Edge) -> LineContext:
    if found.modified is not None:
        edge = Edge(edge.now, edge.settings, min(found.modified, edge.now), "file_modified")
    return LineContext(edge, wish.service, service_of(found.path), wish.pattern, wish.time_format)


@dataclass
class _Reading:
    """One reading of several files."""

    wish: Wish
    edge: Edge
    progress: Progress | None
    bills: BillReading | None = None
    refused: list[DeadLetter] = field(default_factory=list)
    open: dict[Path, Opened] = field(default_factory=dict)
    records: dict[Path, int] = field(default_factory=dict)
    metrics: list[Input] = field(default_factory=list)
    """Files of metric points."""
    billed: list[tuple[Input, str]] = field(default_factory=list)
    """Bills, with their formats."""

    def batches(self, inputs: Sequence[Input]) -> Iterator[Batch]:
        """Yield the batches; closes every file, also when it is left early."""
        try:
            files = [self._pending(found, alone=len(inputs) == 1) for found in inputs]
            due = [file for file in files if file is not None]
            yield from self._cut(merged(due, self.edge.settings.max_open_files))
            for found in self.metrics:
                yield from self._samples(found)
            if self.bills is not None:
                self.bills.several = len(self.billed) > 1
                for found, format in self.billed:
                    yield from self._bill(self.bills, found, format)
        finally:
            for opened in self.open.values():
                opened.close()

    def _cut(self, events: Iterator[Sized]) -> Iterator[Batch]:
        settings = self.edge.settings
        ready: list[EventRecord] = []
        size = 0
        for event, weight in events:
            ready.append(event)
            size += weight
            if len(ready) + len(self.refused) >= settings.batch_records or size >= settings.batch_bytes:
                yield self._batch(ready)
                ready, size = [], 0
        if ready or self.refused:
            yield self._batch(ready)

    def _batch(self, events: list[EventRecord]) -> Batch:
        payload = _ENCODER.encode_lines(events)
        digest = hashlib.sha256(payload)
        for letter in self.refused:
            digest.update(f"\0{letter.index}\0{letter.reason}\0".encode() + letter.payload)
        refused, self.refused = tuple(self.refused), []
        for path, opened in self.open.items():
            self._tell(path, opened.position())
        return Batch(
            batch_id=digest.hexdigest(),
            source=SOURCE,
            kind=RecordKind.EVENTS,
            count=len(events),
            payload=payload,
            refused=refused,
        )

    def _pending(self, found: Input, *, alone: bool) -> Pending | None:
        """Return the file with the time of its first record; None for one that is empty or has a problem."""
        if found.stream:
            return self._stream(found)
        info = _looked_at(found, self.wish, self.edge, bills=self.bills is not None)
        if self._is_apart(found, info.format):
            return None
        first = EPOCH if alone else self._first(found, info.format)
        return Pending(first, lambda: self._events(found, open_input(found), info.format, self._refuse))

    def _first(self, found: Input, format: str) -> datetime:
        """Return the time of the first record; a file without a good one comes first."""
        opened = open_input(found)
        try:
            return next(read(opened.data, self._origin(found, format, _ignore)), (EventRecord(ts=EPOCH), 0))[0].ts
        finally:
            opened.close()

    def _stream(self, found: Input) -> Pending | None:
        """Open what can be read only once, and keep it open."""
        opened = open_input(found)
        head = opened.data.peek(HEAD_BYTES)
        format = self.wish.format or sniff(head, found.label, _context(found, self.wish, self.edge))
        _check_bill(format, found.label, bills=self.bills is not None)
        if self._is_apart(found, format):
            self.open[found.path] = opened
            return None
        events = self._events(found, opened, format, self._refuse)
        first = list(itertools.islice(events, 1))
        return Pending(first[0][0].ts if first else EPOCH, lambda: itertools.chain(first, events))

    def _is_apart(self, found: Input, format: str) -> bool:
        """Return whether a file holds no events; if it holds something else, note it for later."""
        if format == EXPOSITION:
            self.metrics.append(found)
        elif format in BILLS:
            self.billed.append((found, format))
        return format in ("", EXPOSITION, *BILLS)

    def _bill(self, reading: BillReading, found: Input, format: str) -> Iterator[Batch]:
        for batch in reading.batches(found, format, self.open.pop(found.path, None)):
            self.records[found.path] = reading.records[found.path]
            self._tell(found.path, reading.position)
            yield batch
        self.records[found.path] = reading.records[found.path]
        self._tell(found.path, found.size)

    def _events(self, found: Input, opened: Opened, format: str, refuse: Refuse) -> Iterator[Sized]:
        self.open[found.path] = opened
        self.records.setdefault(found.path, 0)
        for sized in read(opened.data, self._origin(found, format, refuse)):
            self.records[found.path] += 1
            yield sized
        self._tell(found.path, found.size)
        self.open.pop(found.path).close()

    def _samples(self, found: Input) -> Iterator[Batch]:
        opened = self.open[found.path] = self.open.get(found.path) or open_input(found)
        count = 0
        for batch in sample_batches(opened.data, found.label, _context(found, self.wish, self.edge), SOURCE):
            count += batch.count
            self.records[found.path] = count
            self._tell(found.path, opened.position())
            yield batch
        self.records.setdefault(found.path, 0)
        self._tell(found.path, found.size)
        self.open.pop(found.path).close()

    def _origin(self, found: Input, format: str, refuse: Refuse) -> Origin:
        return Origin(found.label, format, _context(found, self.wish, self.edge), refuse)

    def _refuse(self, error: RefusedRecord, item: bytes, index: int) -> None:
        self.refused.append(error.letter(item, index, SOURCE, self.edge.now, RecordKind.EVENTS))

    def _tell(self, path: Path, position: int) -> None:
        if self.progress is not None:
            self.progress(path, position, self.records[path])


def _ignore(error: RefusedRecord, item: bytes, index: int) -> None:
    """Forget a refusal: the file is only looked at; it is read in full later."""
