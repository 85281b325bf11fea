"""Seasons: what a series is like at this time of the day, and of the week.

A season is a row of bins, each with the running mean of the means of its visits, so that a bin that is visited often
within one day learns no faster than one that is visited once. Between the middles of bins the prediction is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Rows, Shape


@dataclass(frozen=True)
class Season:
    """One season.

    Attributes:
        period: seconds.
        rate: weight of the latest visit once there were 1 / rate visits.
    """

    name: str
    period: float
    bins: int
    rate: float

    def layout(self) -> dict[str, Shape]:
        """Return what the season of one series needs."""
        return {
            f"{self.name}_mean": ((self.bins,), np.float32, 0.0),
            f"{self.name}_visits": ((self.bins,), np.uint8, 0),
            f"{self.name}_bin": ((), np.int16, -1),
            f"{self.name}_sum": ((), np.float32, 0.0),
            f"{self.name}_count": ((), np.float32, 0.0),
        }

    def predict(self, columns: Columns, rows: NDArray[np.intp], ts: NDArray[np.float64], other: Floats) -> Floats:
        """Return what is usual at `ts` (unix seconds), or `other` where that is not known yet.

        A visit that has ended by `ts` is learnt first.
        """
        place = (ts % self.period) / self.period * self.bins
        now = np.minimum(place.astype(np.intp), self.bins - 1)
        self._close(columns, rows, now)
        mean, visits = columns[f"{self.name}_mean"], columns[f"{self.name}_visits"]
        offset = (place - now - 0.5).astype(np.float32)
        neighbour = (now + np.where(offset > 0, 1, -1)) % self.bins
        here = mean[rows, now]
        known = visits[rows, neighbour] > 0
        usual = here + np.where(known, np.abs(offset) * (mean[rows, neighbour] - here), 0)
        found: Floats = np.where(visits[rows, now] > 0, usual, other).astype(np.float32)
        return found

    def add(self, columns: Columns, rows: Rows, value: Floats) -> None:
        """Add values to the present visits."""
        columns[f"{self.name}_sum"][rows] += value
        columns[f"{self.name}_count"][rows] += 1

    def _close(self, columns: Columns, rows: NDArray[np.intp], now: NDArray[np.intp]) -> None:
        bins = columns[f"{self.name}_bin"]
        moved = np.flatnonzero(bins[rows] != now)
        if not moved.size:
            return
        at = rows[moved]
        sums, counts = columns[f"{self.name}_sum"], columns[f"{self.name}_count"]
        ended = at[counts[at] > 0]
        where = bins[ended].astype(np.intp)
        mean, visits = columns[f"{self.name}_mean"], columns[f"{self.name}_visits"]
        visits[ended, where] = np.minimum(visits[ended, where], 254) + 1
        weight = np.maximum(self.rate, 1.0 / visits[ended, where]).astype(np.float32)
        mean[ended, where] += weight * (sums[ended] / counts[ended] - mean[ended, where])
        bins[at], sums[at], counts[at] = now[moved], 0, 0


DAY = Season("day", 86_400.0, 48, 0.15)
WEEK = Season("week", 604_800.0, 168, 0.5)
