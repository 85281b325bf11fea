"""Parquet files as blocks of rows, by columns; only the columns that their format looks for are read.

Memory: one row group of these columns, and one block. Needs pyarrow, which brings a format that asks for random access:
such a file cannot come from a pipe.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bdp.errors import BadRequest, MissingExtra
from bdp.intake.bills.cells import Block
from bdp.intake.bills.manner import Manner
from bdp.intake.bills.table import Column, Table
from bdp.intake.flatten import text_of

MAGIC: Final = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def names_of(path: Path, label: str) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        BadRequest: it is damaged.
        MissingExtra: pyarrow is not installed.
    """
    with _opened(path, label) as file:
        return list(file.schema_arrow.names)


def blocks(path: Path, label: str, wanted: Callable[[Table], Any], rows: int) -> Iterator[Block]:
    """Yield the rows of a file.

    Args:
        wanted: looks for its columns in a table; the others are not read.
        rows: most rows in a block.

    Raises:
        BadRequest: it is damaged.
        MissingExtra: pyarrow is not installed.
    """
    mark = _mark(path)
    with _opened(path, label) as file:
        every = list(file.schema_arrow.names)
        probe = Table(every, [()] * len(every), 0)
        wanted(probe)
        names = [every[place] for place in sorted(probe.asked)]
        number, manner = 0, Manner()
        for batch in _batches(file, label, names, rows):
            own = batch.schema.names
            columns = [_column(batch.column(place)) for place in range(len(own))]
            table = Table(own, columns, batch.num_rows, number == 0, manner)
            numbers = range(number + 1, number + 1 + batch.num_rows)
            mark_here = f"{mark}:{number}"
            number += batch.num_rows
            share = number / file.metadata.num_rows
            yield Block(table, numbers, [], mark_here, functools.partial(_named, table), share)


def _named(table: Table, place: int) -> dict[str, object]:
    return {name: column[place] for name, column in zip(table.names, table.columns, strict=True)}


def _opened(path: Path, label: str) -> Any:
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtra(
            f"{label} is a Parquet file, and pyarrow, which reads them, is not installed.",
            "Install it: pip install 'bdp-agent[parquet]'.",
        ) from error
    try:
        return ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise BadRequest(f"{label} is a damaged Parquet file: {error}.", "Fetch it again.") from None


def _batches(file: Any, label: str, names: Sequence[str], rows: int) -> Iterator[Any]:
    import pyarrow as pa

    try:
        yield from file.iter_batches(batch_size=rows, columns=names)
    except (pa.ArrowException, OSError) as error:
        raise BadRequest(f"{label} is a damaged Parquet file: {error}.", "Fetch it again.") from None


def _column(array: Any) -> Column:
    """Return the values as Python has them: texts, floats, instants; a map as pairs."""
    from pyarrow import types

    kind = array.type
    if types.is_map(kind) or types.is_nested(kind):
        return [_pairs(value) for value in array.to_pylist()]
    if types.is_floating(kind) or types.is_decimal(kind):
        return list(array.cast("float64", safe=False).to_pylist())
    if types.is_date(kind):
        array = array.cast("string")
    elif types.is_timestamp(kind):
        array = _as_micros(array)
    return _by_values(array)


def _as_micros(array: Any) -> Any:
    import pyarrow as pa

    return array.cast(pa.timestamp("us", array.type.tz), safe=False)


def _by_values(array: Any) -> Column:
    """Bills repeat their values, so each different one is made once."""
    from pyarrow import types

    encoded = array if types.is_dictionary(array.type) else array.dictionary_encode()
    try:
        values = encoded.dictionary.to_pylist()
    except (UnicodeDecodeError, OverflowError, ValueError):
        values = [_one(value) for value in encoded.dictionary]
    return [None if place is None else values[place] for place in encoded.indices.to_pylist()]


def _one(value: Any) -> object:
    """Return a value that may be no text and no instant; then what stands for it will be refused where it matters."""
    try:
        return value.as_py()
    except (UnicodeDecodeError, OverflowError, ValueError):
        return value.as_buffer().to_pybytes().decode("utf-8", "replace") if hasattr(value, "as_buffer") else "?"


def _pairs(value: object) -> object:
    """Return a map or an object as pairs of texts, which can be told apart as a whole; a list as text."""
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        return value
    if not all(isinstance(pair, tuple) for pair in pairs):
        return text_of(pairs)
    return tuple((text_of(key), text_of(item)) for key, item in pairs if item not in (None, ""))


def _mark(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
