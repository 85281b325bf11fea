"""What a power cut does to files, done to a killed process' files.

`kill -9` loses nothing that was written: the kernel has it. A power cut may lose every byte that no sync has covered,
in any part and order, and leave anything in its place. The shim keeps those ranges, and here some of them are kept,
some become zeros or garbage, and a tail may be gone. What was synced is never touched: a disk that lies about syncs is
not among the faults that one machine can be asked to survive. New names and renames are not undone.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

_NOT_OURS = frozenset({"token", "lock", "serve.json", "serve.log"})


def tear(unsynced: Mapping[Path, Iterable[tuple[int, int]]], chance: random.Random) -> int:
    """Damage the ranges of dead processes' files and return how many were touched."""
    return sum(_tear(path, list(ranges), chance) for path, ranges in unsynced.items() if _may(path))


def _may(path: Path) -> bool:
    return path.is_file() and path.name not in _NOT_OURS and not path.name.endswith("-shm")


def _tear(path: Path, ranges: list[tuple[int, int]], chance: random.Random) -> int:
    touched = 0
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for offset, length in ranges:
            length = min(length, size - offset)
            if length <= 0 or chance.random() < 0.3:
                continue
            # Part of it may have reached the disk.
            start = offset + chance.randrange(length)
            file.seek(start)
            rest = offset + length - start
            file.write(bytes(rest) if chance.random() < 0.5 else chance.randbytes(rest))
            touched += 1
        tails = [offset + chance.randrange(length + 1) for offset, length in ranges if offset + length >= size]
        if tails and chance.random() < 0.5:
            file.truncate(min(max(tails), size))
            touched += 1
    return touched
