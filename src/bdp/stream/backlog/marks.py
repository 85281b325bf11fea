"""Small files beside a segment: the marks of its batches that are done, and up to where it was synced.

A mark is one line of fixed length: where the batch begins and a hash of its id, both in hex, and a CRC-32 of these. A
line that does not fit its CRC counts for nothing: its batch is offered once more, which its id makes harmless.

How far a segment was synced is one such line, written over in place after each sync and not synced itself. So it never
says too much: what lies before it was acknowledged, and damage there is a loss; a torn end behind it is none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32


class Mark(NamedTuple):
    """A batch that is done: its first byte in the segment, and its id's key."""

    start: int
    key: int


_TEXT = b"%016x %016x"
LENGTH = 16 + 1 + 16 + 1 + 8 + 1
"""Bytes of a mark."""


def read_marks(path: Path) -> list[Mark]:
    """Return the marks in a file, oldest first; none if there is no file.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    return [mark for at in range(0, len(text), LENGTH) if (mark := _parse(text[at : at + LENGTH]))]


def add_marks(path: Path, marks: Sequence[Mark]) -> None:
    """Add marks and return when they are durable.

    Raises:
        OSError: they are not known to be; the file is as good as it was.
    """
    lines = b"".join(_line(mark) for mark in marks)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        size -= size % LENGTH  # a line that a crash cut
        try:
            write_all(handle, lines, size)
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


def read_synced(path: Path) -> int | None:
    """Return up to where a segment was synced, 0 if that cannot be read; None if there is no such file.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        mark = _parse(path.read_bytes())
    except FileNotFoundError:
        return None
    return mark.start if mark else 0


def write_synced(path: Path, end: int, key: int) -> None:
    """Note up to where a segment was synced.

    Raises:
        OSError: it may not be noted.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        write_all(handle, _line(Mark(end, key)), 0)
    finally:
        os.close(handle)


def write_all(handle: int, content: bytes, at: int) -> None:
    """Write all of it at a place in a file, however little the system takes at a time.

    Raises:
        OSError: some of it may be written.
    """
    rest = memoryview(content)
    while rest:
        written = os.pwrite(handle, rest, at)
        rest, at = rest[written:], at + written


def _line(mark: Mark) -> bytes:
    text = _TEXT % mark
    return b"%b %08x\n" % (text, crc32(text))


def _parse(line: bytes) -> Mark | None:
    text = line[:33]
    if len(line) != LENGTH or line[33:] != b" %08x\n" % crc32(text):
        return None
    return Mark(start=int(text[:16], 16), key=int(text[17:], 16))
