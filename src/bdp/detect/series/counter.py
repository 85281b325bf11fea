"""Counters: what only grows is judged by how fast it grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Shape


def layout() -> dict[str, Shape]:
    """Return what the counter of one series needs."""
    return {"counted": ((), np.float64, np.nan), "counted_at": ((), np.float64, -np.inf)}


def rates(
    columns: Columns, rows: NDArray[np.intp], ts: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return growth per second since the point before; NaN for the first point and for one that is not later.

    A counter that fell began again at 0, as Prometheus takes it.
    """
    before, at = columns["counted"][rows], columns["counted_at"][rows]
    later = (ts > at) & np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        growth = np.where(values < before, values, values - before)
        rate = np.where(later & np.isfinite(before), growth / (ts - at), np.nan)
    taken = rows[later]
    columns["counted"][taken], columns["counted_at"][taken] = values[later], ts[later]
    return rate
