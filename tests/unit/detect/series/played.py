"""Series played through one bank, many at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.bank import SIGNALS, SeriesBank, Verdicts
from bdp.detect.series.settings import SeriesSettings

Numbers = NDArray[np.float64]

MONDAY = 1_767_571_200.0
"""2026-01-05T00:00:00Z."""
STEP = 300.0
DAY = 288
"""Points of one day."""


@dataclass(frozen=True)
class Told:
    """What was said of one series, a row a point."""

    values: Numbers
    score: Numbers
    low: Numbers
    high: Numbers
    opened: NDArray[np.intp]
    closed: NDArray[np.intp]
    anomalous: NDArray[np.bool_]
    direction: NDArray[np.int8]
    reason: NDArray[np.uint8]
    taken: NDArray[np.bool_]

    def opened_from(self, begin: int, end: int | None = None) -> list[int]:
        """Return where anomalies began in this stretch."""
        return [int(at) for at in self.opened if begin <= at and (end is None or at < end)]

    def why(self, at: int) -> str:
        return SIGNALS[self.reason[at]]


def times(points: int, step: float = STEP, begin: float = MONDAY) -> Numbers:
    return begin + step * np.arange(points, dtype=np.float64)


def play(ts: Numbers, series: NDArray[np.float64], settings: SeriesSettings | None = None) -> list[Told]:
    """Return what is said of each row of `series`, shape (series, points); `ts` is (points,) or of the same shape."""
    bank = SeriesBank(settings or SeriesSettings(), len(series))
    return told(series, feed(bank, ts, series))


def feed(bank: SeriesBank, ts: Numbers, series: NDArray[np.float64]) -> list[Verdicts]:
    rows = np.arange(len(series))
    at = np.broadcast_to(ts, series.shape)
    return [bank.observe(rows, at[:, i].copy(), series[:, i].copy()) for i in range(series.shape[1])]


def told(series: NDArray[np.float64], verdicts: list[Verdicts]) -> list[Told]:
    """Return what was said, a series at a time."""
    columns = {field.name: np.stack([getattr(v, field.name) for v in verdicts], axis=1) for field in fields(Verdicts)}
    return [
        Told(
            series[row],
            columns["score"][row],
            columns["expected_low"][row],
            columns["expected_high"][row],
            np.flatnonzero(columns["opened"][row]),
            np.flatnonzero(columns["closed"][row]),
            columns["is_anomaly"][row],
            columns["direction"][row],
            columns["reason"][row],
            columns["taken"][row],
        )
        for row in range(len(columns["score"]))
    ]


def same(some: list[Verdicts], others: list[Verdicts]) -> None:
    """Check that every verdict is the same to the last bit."""
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for field in fields(Verdicts):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)
