"""Zstandard, a little at a time: it notices an early end, and a bomb cannot swell far before its size is checked.

A block of 4 bytes may stand for 128 KiB, so 128 bytes of input give at most 4 MiB of output.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_INPUT = 128
_WINDOW = 1 << 27


def zstd_parts(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the content of all frames in parts of at most 4 MiB.

    Raises:
        zstandard.ZstdError: the data are damaged.
        EOFError: they end too early.
    """
    context = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    rest = read(_INPUT)
    while rest:
        frame = context.decompressobj()
        while rest:
            part = frame.decompress(rest)
            if part:
                yield part
            if frame.eof:
                break
            rest = read(_INPUT)
        if not frame.eof:
            raise EOFError("the compressed data end too early")
        rest = frame.unused_data or read(_INPUT)


class ZstdStream(io.RawIOBase):
    """A file's bytes after decompression."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._parts = zstd_parts(raw.read)
        self._part = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._part:
            self._part = memoryview(next(self._parts, b""))
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._part))
        target[:size] = self._part[:size]
        self._part = self._part[size:]
        return size
