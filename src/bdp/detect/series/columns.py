"""The state of many series: one array a quantity, one row a series, so that one numpy call serves them all.

All numbers of a series are kept as distances from its first value, in 32 bits: that keeps the resolution of a series
that varies little about a large value, at half the memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]
Rows = NDArray[np.intp] | slice
"""Which series: distinct row numbers, or a slice where they lie side by side (which saves a copy)."""

Shape = tuple[tuple[int, ...], Any, float]
"""Shape of one row, type, value of a fresh row."""


class Columns:
    """Named arrays that grow together."""

    def __init__(self, layout: dict[str, Shape], rows: int) -> None:
        self._layout = layout
        self._arrays = {name: _fresh(shape, rows) for name, shape in layout.items()}
        self.rows = rows

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def grow(self, rows: int) -> None:
        """Make room for so many rows; the new ones are fresh."""
        if rows <= self.rows:
            return
        for name, shape in self._layout.items():
            self._arrays[name] = np.concatenate([self._arrays[name], _fresh(shape, rows - self.rows)])
        self.rows = rows

    def clear(self, rows: Array) -> None:
        """Make rows fresh again."""
        for name, (_, _, fill) in self._layout.items():
            self._arrays[name][rows] = fill

    def dump(self, row: int) -> bytes:
        """Return one row as bytes."""
        return b"".join(self._arrays[name][row].tobytes() for name in self._layout)

    def load(self, row: int, data: bytes) -> bool:
        """Put one row back; False if the bytes are of another layout."""
        if len(data) != self.row_bytes:
            return False
        begin = 0
        for name, (shape, kind, _) in self._layout.items():
            size = int(np.prod(shape, dtype=int)) * np.dtype(kind).itemsize
            piece = np.frombuffer(data[begin : begin + size], dtype=kind)
            self._arrays[name][row] = piece.reshape(shape) if shape else piece[0]
            begin += size
        return True

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return sum(int(np.prod(shape, dtype=int)) * np.dtype(kind).itemsize for shape, kind, _ in self._layout.values())


def _fresh(shape: Shape, rows: int) -> Array:
    dimensions, kind, fill = shape
    return np.full((rows, *dimensions), fill, dtype=kind)
