"""A simple detector of many series in lockstep, to try the yardsticks with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks._detectors import Flags, Floats, Rows, Stream, Told, lockstep

MEMORY = 0.05
THRESHOLD = 0.9


@dataclass(frozen=True)
class Seen:
    score: Floats
    is_anomaly: Flags
    opened: Flags


class RollingBank:
    """The distance from a decaying mean in decaying deviations, squeezed into 0 to 1."""

    def __init__(self, series: int) -> None:
        self.mean = np.zeros(series)
        self.spread = np.zeros(series)
        self.seen = np.zeros(series)
        self.open = np.zeros(series, bool)

    def observe(self, rows: Rows, ts: Floats, values: Floats) -> Seen:
        distance = np.abs(values - self.mean[rows])
        rank = distance / (4 * self.spread[rows] + 1e-9)
        score = np.where(self.seen[rows] > 20, rank / (1 + rank), 0.0)
        rate = np.maximum(MEMORY, 1 / (self.seen[rows] + 1))
        self.mean[rows] += rate * (values - self.mean[rows])
        self.spread[rows] += rate * (distance - self.spread[rows])
        self.seen[rows] += 1
        above = score >= THRESHOLD
        opened = above & ~self.open[rows]
        self.open[rows] = above
        return Seen(score, above, opened)


def rolling(streams: Sequence[Stream]) -> list[Told]:
    return lockstep(streams, RollingBank(len(streams)).observe)
