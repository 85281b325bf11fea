"""Files of bills as batches of cost lines.

What one statement says of an account's day is all of that day, so all files of one reading share a statement: the same
files read again under a new one take the place of what they said before, and add nothing. Within a reading lines add
up, but for files that are the same to the byte, which count once. An interrupted reading is repeated under its own
statement: its batches then have the same ids.

Memory: one batch being built and one being used, times what a wide table has of columns; a JSON file is held whole
(`max_json_file_bytes`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bdp.errors import BadRequest, MissingExtra, Reject, TooLarge, UnknownFormat
from bdp.ids import Ids, derived
from bdp.intake.bills import cells, cost_explorer, parquet
from bdp.intake.bills.alike import Alike, Sample
from bdp.intake.bills.cells import Block, Refused
from bdp.intake.bills.formats import BILLS, COST_EXPLORER, KNOWN, TABLES, is_bill, table_format
from bdp.intake.bills.remarks import Remark, remarks
from bdp.intake.bills.table import Delivery, Table
from bdp.intake.inputs import DAMAGED, Input, Opened, find, open_input
from bdp.intake.limits import IntakeSettings
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Batch, RecordKind
from bdp.model.cost import CostLine

SOURCE: Final = "file"
HEAD_BYTES: Final = 64 * 1024
Progress = Callable[[Path, int, int], None]
"""Called with a file, its bytes read so far (on disk) and its records so far."""
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_Part = tuple[list[CostLine], list[Refused], str]
"""Lines, refused rows, and the mark of where they come from."""


@dataclass(frozen=True)
class BillInfo:
    """What is known of a file before it is read.

    Attributes:
        format: one of `BILLS`; empty for an empty file, or a stream that was not looked at.
        problem: why it will not be read; empty if it will.
    """

    path: Path
    label: str
    size: int
    format: str = ""
    problem: str = ""


def delivery_at(now: datetime, ids: Ids) -> Delivery:
    """Return a new delivery: what is read under it takes the place of what earlier ones said of the same days."""
    return Delivery(f"file:{ids.new(now)}", now)


def scan(paths: Sequence[str | Path], settings: IntakeSettings, format: str = "") -> list[BillInfo]:
    """Return the files under the paths, in order, each with its size and format.

    A file in a folder that is no bill is returned with its problem; one that the user named raises it.

    Raises:
        NotFound, BadRequest, MissingExtra, UnknownEncoding, UnknownFormat: of files that the user named.
    """
    _check_format(format)
    return [_looked_at(found, format) for found in find(paths)]


def read_bills(
    paths: Sequence[str | Path],
    *,
    statement: str,
    stated_at: datetime,
    now: datetime,
    settings: IntakeSettings,
    format: str = "",
    progress: Progress | None = None,
    took: Took | None = None,
) -> Iterator[Batch]:
    """Yield batches of cost lines, file by file. `-` is standard input.

    Args:
        statement: the name of this delivery; new for each reading, the same to repeat an interrupted one.
        stated_at: when it was said: a later one takes the place of an earlier one, day by day.
        now: arrival, aware UTC.
        format: one of `BILLS`; empty to tell each file's by its columns.
        took: learns what was found.

    Raises:
        NotFound, BadRequest, MissingExtra, UnknownEncoding, UnknownFormat: of files that the user named; those in
            folders are left out, see `scan`.
    """
    _check_format(format)
    inputs = find(paths)
    reading = BillReading(Delivery(statement, stated_at), now, settings, took=took or Took())
    reading.several = len(inputs) > 1
    for found in inputs:
        info = _looked_at(found, format)
        if info.problem or not (info.format or found.stream):
            continue
        for batch in reading.batches(found, info.format or format):
            if progress is not None:
                progress(found.path, reading.position, reading.records[found.path])
            yield batch
        if progress is not None:
            progress(found.path, found.size, reading.records[found.path])


def _check_format(format: str) -> None:
    if format and format not in BILLS:
        raise UnknownFormat(f"There is no format {format!r} of bills.", f"Use one of {', '.join(BILLS)}.")


def _looked_at(found: Input, format: str) -> BillInfo:
    info = BillInfo(found.path, found.label, found.size)
    if found.stream:
        return info
    try:
        return BillInfo(found.path, found.label, found.size, format or format_of(found))
    except (Reject, MissingExtra, OSError, EOFError) as error:
        if found.given:
            raise
        return BillInfo(found.path, found.label, found.size, problem=str(error))


def format_of(found: Input) -> str:
    """Return the format of a file; empty for an empty one.

    Raises:
        BadRequest, MissingExtra, UnknownEncoding: it cannot be read.
        UnknownFormat: it is no bill.
    """
    if parquet.is_parquet(found.path):
        return _known(table_format(parquet.names_of(found.path, found.label)), found.label)
    opened = open_input(found)
    try:
        head = opened.data.read(HEAD_BYTES)
    except DAMAGED as error:
        raise BadRequest(f"{found.label} is damaged: {error}.", "Fetch it again.") from None
    finally:
        opened.close()
    return _known(is_bill(head, found.label), found.label) if head.strip() else ""


def _known(name: str, label: str) -> str:
    if not name:
        raise UnknownFormat(f"{label} is not a bill.", f"{KNOWN} Name one with --format ({', '.join(BILLS)}).")
    return name


@dataclass
class Took:
    """What a reading found.

    Attributes:
        files: those with a line, by their labels.
        repeated: records of files that were given twice, which count once.
        refused: rows that could not be read.
        billed: by currency.
        copies: files that count once with another, by their labels.
        guessed: files in which no number shows that decimals follow a comma, as was taken as likely.
        sample: of what the files say, where there are several.
    """

    files: set[str] = field(default_factory=set)
    lines: int = 0
    repeated: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None
    billed: dict[str, float] = field(default_factory=dict)
    copies: dict[str, None] = field(default_factory=dict)
    guessed: dict[str, None] = field(default_factory=dict)
    sample: Sample = field(default_factory=Sample)

    @property
    def remarks(self) -> Sequence[Remark]:
        """What whoever gave the files must know."""
        return tuple(remarks(self.alike, self.copies, self.guessed))

    @property
    def alike(self) -> Sequence[Alike]:
        """Files that seem to be two forms of one bill, whose costs then count twice."""
        return self.sample.alike()

    def add(self, label: str, lines: Sequence[CostLine], *, several: bool = False) -> None:
        """Count the lines of a batch.

        Args:
            several: more files are read, which may tell the same costs.
        """
        if not lines:
            return
        if several:
            self.sample.add(label, lines)
        self.files.add(label)
        self.lines += len(lines)
        starts = {line.charge_period_start for line in lines}
        self.first = min(starts | {self.first or max(starts)})
        self.last = max(starts | {self.last or min(starts)})
        for line in lines:
            self.billed[line.billing_currency] = self.billed.get(line.billing_currency, 0.0) + line.billed_cost


@dataclass
class BillReading:
    """One reading of several bills, under one statement.

    Attributes:
        records: rows of each file so far.
        position: bytes read of the present file, on disk.
        took: what was found in all of them.
        several: more than one file is read.
    """

    delivery: Delivery
    now: datetime
    settings: IntakeSettings
    records: dict[Path, int] = field(default_factory=dict)
    position: int = 0
    took: Took = field(default_factory=Took)
    several: bool = False
    _known: set[str] = field(default_factory=set)

    def batches(self, found: Input, format: str, opened: Opened | None = None) -> Iterator[Batch]:
        """Yield the batches of one file; closes it.

        Args:
            opened: the file, where it was opened before.

        Raises:
            BadRequest, MissingExtra, TooLarge: it cannot be read.
            UnknownFormat: it is a stream that is no bill.
        """
        self.records[found.path], self.position = 0, 0
        if not found.stream and parquet.is_parquet(found.path):
            for part in self._tables(found, format, self._parquet(found, format)):
                yield from self._cut(part, found)
        else:
            opened = opened or open_input(found)
            try:
                for part in self._text(found, opened, format):
                    self.position = opened.position()
                    yield from self._cut(part, found)
            finally:
                opened.close()

    def _text(self, found: Input, opened: Opened, format: str) -> Iterator[_Part]:
        format = format or _known(is_bill(opened.data.peek(HEAD_BYTES), found.label), found.label)
        if format == COST_EXPLORER:
            return self._answers(found, opened)
        return self._tables(found, format, cells.blocks(opened.data, self._wanted(found, format), self.settings))

    def _parquet(self, found: Input, format: str) -> Iterator[Block]:
        if format not in TABLES:
            raise BadRequest(f"{found.label} is a Parquet file, not {format}.", "Leave out --format.")
        wanted = self._wanted(found, format)
        return parquet.blocks(found.path, found.label, wanted, self.settings.batch_records)

    def _wanted(self, found: Input, format: str) -> Callable[[Table], None]:
        """Return what makes a format look for its columns in an empty table that has those of the file."""

        def look(table: Table) -> None:
            if not TABLES[format].fits(table.names):
                raise UnknownFormat(f"{found.label} has not the columns of {format}.", KNOWN)
            TABLES[format].lines(table, self.delivery)

        return look

    def _tables(self, found: Input, format: str, blocks: Iterator[Block]) -> Iterator[_Part]:
        for block in blocks:
            table = block.table
            lines = TABLES[format].lines(table, self.delivery)
            if table.manner.guessed:
                self.took.guessed[found.label] = None
            refused = block.refused
            for place, error in sorted(table.refused.items()):
                refused.append((error, block.numbers[place], self._raw(block.named(place))))
            self.records[found.path] += table.size
            self.position = max(self.position, int(found.size * block.share))
            yield lines, refused, block.mark

    def _raw(self, row: Mapping[str, object]) -> bytes:
        """Return a row as its dead letter keeps it: with names, and with the delivery that it came with."""
        given = {name: value for name, value in row.items() if value not in ("", None)}
        return _ENCODER.encode({**given, "statement": self.delivery.statement, "stated_at": self.delivery.stated_at})

    def _answers(self, found: Input, opened: Opened) -> Iterator[_Part]:
        limit = self.settings.max_json_file_bytes
        body = opened.data.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"{found.label} has more than {limit} bytes.", "Ask Cost Explorer for fewer days at once.")
        mark = hashlib.sha256(body).hexdigest()
        for number, answer in enumerate(_parsed(body, found.label)):
            refused: list[Refused] = []
            refuse = functools.partial(_note, refused, number + 1)
            name, at = self.delivery.statement, self.delivery.stated_at
            lines = list(cost_explorer.lines_of(answer, statement=name, stated_at=at, refuse=refuse))
            self.records[found.path] += len(lines)
            yield lines, refused, f"{mark}:{number}"

    def _cut(self, part: _Part, found: Input) -> Iterator[Batch]:
        lines, refused, mark = part
        most = self.settings.batch_records
        for start in range(0, max(len(lines), 1), most):
            letters = refused if not start else []
            if lines or letters:
                batch = self._batch(lines[start : start + most], letters, f"{mark}:{start}", found)
                if batch.batch_id in self._known:
                    self.took.repeated += batch.accepted
                    self.took.copies[found.label] = None
                else:
                    self._known.add(batch.batch_id)
                    self.took.refused += len(batch.refused)
                    self.took.add(found.label, lines[start : start + most], several=self.several)
                    yield batch

    def _batch(self, lines: Sequence[CostLine], refused: Sequence[Refused], mark: str, found: Input) -> Batch:
        letters = (
            RefusedRecord(f"{found.label} row {number}: {error.what}", error.cause).letter(
                raw, max(0, number - 1), SOURCE, self.now, RecordKind.COSTS
            )
            for error, number, raw in refused
        )
        key = derived(self.delivery.stated_at, self.delivery.statement, mark)
        return Batch(
            batch_id=f"bill:{key}",
            source=SOURCE,
            kind=RecordKind.COSTS,
            count=len(lines),
            payload=_ENCODER.encode_lines(lines),
            refused=tuple(letters),
        )


def _note(refused: list[Refused], number: int, error: RefusedRecord, raw: bytes) -> None:
    refused.append((error, number, raw))


def _parsed(body: bytes, label: str) -> Iterator[Mapping[str, Any]]:
    """Yield the answers in a file: one, a list of them, or one a line."""
    try:
        whole = msgspec.json.decode(body)
        answers = whole if isinstance(whole, list) else [whole]
    except (ValueError, RecursionError) as error:
        try:
            answers = [msgspec.json.decode(line) for line in body.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise BadRequest(f"{label} is not valid JSON: {error}.", "Check the file.") from None
    for answer in answers:
        if not isinstance(answer, dict):
            raise BadRequest(f"{label} holds something else than answers of Cost Explorer.", KNOWN)
        yield answer
