"""CSV files of any dialect as blocks of whole rows, by columns.

A quoted value may hold line ends. Where a quotation mark is never closed, or closes what it did not open, the line it
stands in is refused and the next one is read by itself: one bad row does not take those behind it along.

Memory: one block, which has as many rows and half as many bytes as a batch.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from bdp.intake.bills.manner import Manner
from bdp.intake.bills.table import Table
from bdp.intake.inputs import DAMAGED
from bdp.intake.limits import IntakeSettings
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause

DELIMITERS: Final = ",;\t|"
_MOST_JOINED = 1_000
_CHUNK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
Refused = tuple[RefusedRecord, int, bytes]
"""Why, the row's number in its file (the header is 1), and the row."""


@dataclass
class Block:
    """Some rows of a file.

    Attributes:
        numbers: of the table's rows, as a spreadsheet counts them.
        refused: rows that could not even be told into columns.
        mark: the same for the same rows at the same place, whatever the file is called.
        named: gives a row of the table whole, by names.
        share: of the file that has been read with it; 0 where its position says so.
    """

    table: Table
    numbers: Sequence[int]
    refused: list[Refused]
    mark: str
    named: Callable[[int], Mapping[str, object]]
    share: float = 0.0


def header_of(head: bytes) -> tuple[list[str], str]:
    """Return the names in a file's first line that is not blank, and what is between them."""
    line = next((line for line in head.removeprefix(_BOM).split(b"\n") if line.strip()), b"")
    text = line.decode("utf-8", "replace").strip("\r\n")
    outside = "".join(text.split('"')[::2])
    delimiter = max(DELIMITERS, key=outside.count)
    rows = _parsed([text], delimiter)
    return [name.strip() for name in rows[0]] if rows else [], delimiter


def blocks(data: io.BufferedReader, wanted: Callable[[Table], object], settings: IntakeSettings) -> Iterator[Block]:
    """Yield the rows of an open file below its header; of a damaged one those before the damage, and a refusal.

    Args:
        wanted: looks for its columns in a table; the others are left out.
    """
    yield from _Rows(data, wanted, settings).blocks()


@dataclass
class _Rows:
    data: io.BufferedReader
    wanted: Callable[[Table], object]
    settings: IntakeSettings
    names: list[str] = field(default_factory=list)
    manner: Manner = field(default_factory=Manner)
    delimiter: str = ","
    refused: list[Refused] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)
    tail: bytes = b""
    """The beginning of a line whose end was not read yet."""
    number: int = 0
    """Of the row read last."""

    def blocks(self) -> Iterator[Block]:
        first = next((line for line in iter(self._line, b"") if line.strip()), b"")
        self._begin(first)
        known = first
        ended = not first
        while not ended:
            records: list[bytes] = []
            numbers: list[int] = []
            ended = self._fill(records, numbers)
            if records or self.refused:
                known = hashlib.sha256(known + b"".join(records)).digest()
                yield self._block(records, numbers, known.hex())

    def _begin(self, header: bytes) -> None:
        self.number = 1
        self.names, self.delimiter = header_of(header)
        self.manner.likely = self.delimiter == ";"
        probe = Table(self.names, [()] * len(self.names), 0)
        if self.names:
            self.wanted(probe)
        self._places = sorted(probe.asked)
        self._first = True

    def _fill(self, records: list[bytes], numbers: list[int]) -> bool:
        """Take the next rows up to the limits; return whether that was all."""
        size = 0
        try:
            while line := self._line():
                self.number += 1
                if line.count(b'"') % 2:
                    line = self._joined(line)
                elif line.isspace():
                    continue
                records.append(line)
                numbers.append(self.number)
                size += len(line)
                if len(records) >= self.settings.batch_records or size >= self.settings.batch_bytes // 2:
                    return False
        except DAMAGED as error:
            reason = f"the file is damaged, the rest is not read: {error}"
            self.refused.append((RefusedRecord(reason, Cause.ENCODING), self.number + 1, b""))
        return True

    def _line(self) -> bytes:
        """Return the next line; empty at the end. One over the limit is refused."""
        limit = self.settings.max_record_bytes
        while self.waiting or self._more(limit):
            line = self.waiting.popleft()
            if len(line) <= limit:
                return line
            self.number += 1
            reason = f"the row has more than {limit} bytes"
            self.refused.append((RefusedRecord(reason, Cause.TOO_LARGE), self.number, line[: limit + 1]))
        return b""

    def _more(self, limit: int) -> bool:
        """Read some lines ahead; of one over the limit at least a byte more than that, so that it can be told."""
        while chunk := self.data.read1(_CHUNK):
            end = chunk.rfind(b"\n") + 1
            if end:
                self.waiting.extend(io.BytesIO(self.tail + chunk[:end]).readlines())
                self.tail = chunk[end:]
                return True
            self.tail = (self.tail + chunk)[: limit + 1]
        self.waiting.extend([self.tail] if self.tail else [])
        self.tail = b""
        return bool(self.waiting)

    def _joined(self, line: bytes) -> bytes:
        """Return a row with all the lines that its quoted values span; the line alone if they give no row."""
        taken = [line]
        size, odd = len(line), True
        while odd and len(taken) < _MOST_JOINED and size <= self.settings.max_record_bytes:
            more = self._line()
            if not more:
                break
            taken.append(more)
            size += len(more)
            odd ^= bool(more.count(b'"') % 2)
        whole = b"".join(taken)
        if not odd and self._row(whole) is not None:
            return whole
        self.waiting.extendleft(reversed(taken[1:]))
        return line

    def _row(self, record: bytes) -> list[str] | None:
        rows = self._parsed([_text(record)])
        return rows[0] if len(rows) == 1 and len(rows[0]) == len(self.names) else None

    def _block(self, records: list[bytes], numbers: list[int], mark: str) -> Block:
        rows = self._picked(records)
        if len(rows) != len(records):
            records, numbers = self._sound(records, numbers)
            rows = [row for record in records for row in self._picked([record])]
        columns: list[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(self._places)
        table = Table([self.names[place] for place in self._places], columns, len(rows), self._first, self.manner)
        refused, self.refused, self._first = self.refused, [], False
        return Block(table, numbers, refused, mark, lambda place: self._named(records[place]))

    def _picked(self, records: list[bytes]) -> list[tuple[str, ...]]:
        """Return what is wanted of the rows that have as many columns as the header; the rest is dropped at once."""
        pick, width = itemgetter(*self._places), len(self.names)
        try:
            text = io.StringIO(_text(b"".join(records)), newline="\n")
            reader = csv.reader(text, delimiter=self.delimiter)
            return [pick(row) for row in reader if len(row) == width]
        except csv.Error:
            return []

    def _sound(self, records: list[bytes], numbers: list[int]) -> tuple[list[bytes], list[int]]:
        """Return the records that are rows, each looked at by itself; the others are refused."""
        rows: list[bytes] = []
        kept: list[int] = []
        for record, number in zip(records, numbers, strict=True):
            if self._row(record) is None:
                self.refused.append((self._misfit(record), number, record))
            else:
                rows.append(record)
                kept.append(number)
        return rows, kept

    def _named(self, record: bytes) -> dict[str, object]:
        return dict(zip(self.names, self._row(record) or (), strict=False))

    def _parsed(self, records: list[str]) -> list[list[str]]:
        return _parsed(records, self.delimiter)

    def _misfit(self, record: bytes) -> RefusedRecord:
        found = self._parsed([_text(record)])
        if len(found) == 1:
            return RefusedRecord(f"the row has {len(found[0])} columns, the header {len(self.names)}")
        return RefusedRecord(f"the row is no CSV, or a value has more than {csv.field_size_limit()} characters")


def _text(record: bytes) -> str:
    return record.decode("utf-8", "replace").replace("\0", "\ufffd")


def _parsed(records: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(records, delimiter=delimiter))
    except csv.Error:
        return []
