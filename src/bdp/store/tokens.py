"""The embedded engine's log of the tokens of inserts, mended where it speaks of parts that are gone.

The log (`deduplication_logs` in a table's folder) is a text file: `1<TAB>part<TAB>token` for a part that came,
`2<TAB>part<TAB>token` for one that was dropped. The engine ignores a failing write there as well, so after a full disk
and a restart a token may stand for a part that is gone; an insert with it would be taken for a duplicate and lost. Only
while its table is detached may the log be written here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bdp.errors import StoreUnavailable

_FOLDER = "deduplication_logs"
_CAME, _DROPPED = "1", "2"
_FIELDS = 3
_PART = re.compile(r"([^_]+)_([0-9]+)_([0-9]+)_[0-9]+(?:_[0-9]+)?")


def lost(table: Path, active: Iterable[str]) -> dict[str, str]:
    """Return token -> part of the parts that no active part stands for.

    Args:
        table: the table's folder.
        active: names of its active parts. A merged one stands for all blocks from its first to its last.
    """
    blocks: dict[str, list[tuple[int, int]]] = {}
    for name in active:
        partition, first, last = _blocks(name)
        blocks.setdefault(partition, []).append((first, last))
    found = {}
    for token, name in _held(table).items():
        partition, block, _ = _blocks(name)
        if not any(first <= block <= last for first, last in blocks.get(partition, ())):
            found[token] = name
    return found


def forget(table: Path, gone: Mapping[str, str]) -> None:
    """Write into the log of a detached table that parts were dropped.

    Args:
        gone: token -> part, as `lost` gives them.

    Raises:
        StoreUnavailable: the disk did not take it.
    """
    file = _files(table)[-1]
    lines = "".join(f"{_DROPPED}\t{name}\t{token}\n" for token, name in gone.items())
    torn = not file.read_bytes().endswith(b"\n")
    try:
        with file.open("ab") as log:
            log.write((("\n" if torn else "") + lines).encode())
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:
        raise StoreUnavailable(
            f"The store's disk does not take writes: {error.strerror}.", "Check the disk; what waits is kept."
        ) from error


def _held(table: Path) -> dict[str, str]:
    held: dict[str, str] = {}
    for file in _files(table):
        for line in file.read_text("utf-8", "replace").splitlines():
            fields = line.split("\t")
            if len(fields) == _FIELDS and fields[0] == _CAME and _PART.fullmatch(fields[1]):
                held[fields[2]] = fields[1]
            elif len(fields) == _FIELDS and fields[0] == _DROPPED:
                held.pop(fields[2], None)
    return held


def _files(table: Path) -> list[Path]:
    """Return the log's files, the oldest first."""
    files = (table / _FOLDER).glob("deduplication_log_*.txt")
    return sorted(files, key=lambda file: int(file.stem.rpartition("_")[2]))


def _blocks(part: str) -> tuple[str, int, int]:
    """Return partition, first and last block of a part by its name: `<partition>_<first>_<last>_<level>`."""
    found = _PART.fullmatch(part)
    return (found[1], int(found[2]), int(found[3])) if found else ("", 0, 0)
