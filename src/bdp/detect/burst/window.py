"""The sliding window of one key: counts by second of event time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

import msgspec


class Cell(msgspec.Struct, array_like=True):
    """The abnormal events of one second.

    Attributes:
        count: weighted events; errors: those of them at ERROR, FATAL or status >= 500.
        first, last: earliest and latest event, microseconds since 1970.
    """

    count: float
    errors: float
    first: int
    last: int

    def merge(self, other: Cell) -> None:
        """Add the other's events to this second."""
        self.count += other.count
        self.errors += other.errors
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)


Cells = dict[int, Cell]


def add(cells: Cells, second: int, cell: Cell) -> None:
    """Add a cell to the second; the cell may be kept, so hand over a fresh one."""
    known = cells.get(second)
    if known is None:
        cells[second] = cell
    else:
        known.merge(cell)


def pieces(cells: Cells, length: int, start: int, stop: int) -> Iterator[tuple[int, int, float]]:
    """Yield (first second, last second, count) over start..stop: the stretches in which the window's count is constant.

    The count at second s is the weight of the seconds s-length+1 … s. Whole seconds make the window between
    length-1 and length seconds long: it never counts events that a window of exactly `length` seconds would not hold
    together, and it may miss those at its far end by less than one second.
    """
    if start > stop:
        return
    seconds = sorted(cells)
    sums = [0.0, *accumulate(cells[second].count for second in seconds)]
    turns = [s for t in seconds for s in (t, t + length) if start < s <= stop]
    turns = sorted({start, *turns})
    for first, after in zip(turns, [*turns[1:], stop + 1], strict=True):
        count = sums[bisect_right(seconds, first)] - sums[bisect_right(seconds, first - length)]
        # Differences of sums of fractional weights carry noise of about 1e-12; ten must stay ten.
        yield first, after - 1, round(count, 6)


def held(cells: Cells, length: int, second: int) -> list[int]:
    """Return the seconds that the window ending at `second` holds, in order."""
    return sorted(s for s in cells if second - length < s <= second)


def drop_before(cells: Cells, second: int) -> None:
    """Forget the seconds before `second`."""
    for old in [s for s in cells if s < second]:
        del cells[old]
