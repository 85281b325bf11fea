"""Reading a CSV file that holds one metric series: a column of times and a column of values.

Memory: one row; fields are at most 128 KiB.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bdp.errors import BadRequest
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import read_time

_TIMES: Final = ("timestamp", "ts", "time", "@timestamp", "_time", "datetime", "date")
_VALUES: Final = ("value", "val", "v", "_value")
_DELIMITERS: Final = ",;\t"
_ENOUGH: Final = 2
_EXAMPLE: Final = "Give rows such as 2026-05-01T12:00:00Z,17.5 with or without the header timestamp,value."


@dataclass(frozen=True, slots=True)
class Row:
    """One point as it stands in the file.

    Attributes:
        time: as it was given.
        ts: unix seconds.
        value: NaN or infinite where the file says so.
    """

    time: str
    ts: float
    value: float


@dataclass
class Heard:
    """What the reader has to say besides the points.

    Attributes:
        bad: rows that could not be read.
        first_bad: line number and why, of the first of them.
        ignored: names of columns that were not read; numbers from 1 where there is no header.
    """

    bad: int = 0
    first_bad: str = ""
    ignored: list[str] = field(default_factory=list)

    def note_bad(self, line: int, why: str) -> None:
        """Count a row that could not be read."""
        self.bad += 1
        self.first_bad = self.first_bad or f"line {line}: {why}"


@dataclass(frozen=True)
class _Place:
    """Which columns are read, and whether commas are decimal points."""

    time: int
    value: int
    comma: bool


def read_series(lines: Iterable[str], heard: Heard, column: str = "") -> Iterator[Row]:
    """Yield the points, in the order of the file.

    Args:
        heard: is told what was left out, while the file is read.
        column: name of the column of values; by default it is told from the header.

    Raises:
        BadRequest: the header names no column of times or of values.
    """
    source = iter(lines)
    first = next((line for line in source if line.strip()), "").lstrip("\ufeff")
    delimiter = max(_DELIMITERS, key=first.count) if first else ","
    place: _Place | None = None
    for number, cells in _rows(_again(first, source), delimiter, heard):
        if place is None:
            found = _header(cells, column, delimiter == ";")
            place = found or _Place(0, 1, delimiter == ";")
            heard.ignored = _ignored(cells, place, named=found is not None)
            if found:
                continue
        try:
            yield _row(cells, place)
        except RefusedRecord as error:
            heard.note_bad(number, str(error))


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _rows(lines: Iterator[str], delimiter: str, heard: Heard) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and rows that hold something; one that is no CSV is counted.

    Each line is read alone: a quotation mark that is never closed costs its line, not all that follow.
    """
    for number, line in enumerate(lines, 1):
        try:
            cells = next(csv.reader((line,), delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            heard.note_bad(number, str(error))
            continue
        if any(cell.strip() for cell in cells):
            yield number, cells


def _header(cells: Sequence[str], column: str, comma: bool) -> _Place | None:
    """Return the columns by their names; None if the row is no header.

    Raises:
        BadRequest: it is one, and does not name what is needed.
    """
    names = [cell.strip().lower() for cell in cells]
    time = next((names.index(name) for name in _TIMES if name in names), None)
    if time is None:
        if column or not any(_holds(cell) for cell in cells):
            raise BadRequest(f"No column of times among: {_listed(cells)}.", _EXAMPLE)
        return None
    wanted = [column.strip().lower()] if column else list(_VALUES)
    value = next((names.index(name) for name in wanted if name in names), None)
    if value is None and not column and len(names) == _ENOUGH:
        value = 1 - time
    if value is None:
        raise BadRequest(f"Which column holds the values? There are: {_listed(cells)}.", "Name it with --column.")
    return _Place(time, value, comma)


def _holds(cell: str) -> bool:
    """Return whether a cell holds any digit: a row without one is a header that names nothing we know."""
    return any(character.isdigit() for character in cell)


def _ignored(cells: Sequence[str], place: _Place, *, named: bool) -> list[str]:
    return [
        cell.strip() if named else str(number + 1)
        for number, cell in enumerate(cells)
        if number not in (place.time, place.value)
    ]


def _row(cells: Sequence[str], place: _Place) -> Row:
    if len(cells) <= max(place.time, place.value):
        raise RefusedRecord(f"{len(cells)} columns, and column {max(place.time, place.value) + 1} is wanted")
    time, text = cells[place.time].strip(), cells[place.value].strip()
    ts = read_time(time).timestamp()
    try:
        return Row(time, ts, float(text.replace(",", ".") if place.comma else text))
    except ValueError:
        raise RefusedRecord(f"value: expected a number, got {shown(text)}") from None


def _listed(cells: Sequence[str]) -> str:
    return ", ".join(shown(cell.strip()) for cell in cells[:20])
