"""The window: the latest values of a series, and what they say of its recent level and unrest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Rows, Shape

WINDOW = 96
TROUGH = 24
"""Points over which a level is called sustained."""


def layout() -> dict[str, Shape]:
    """Return what the window of one series needs. A fresh window holds the first value, which is nought."""
    return {"window": ((WINDOW,), np.float32, 0.0)}


def push(columns: Columns, rows: Rows, value: Floats) -> Floats:
    """Add the newest values and return the windows, newest first, shape (rows, `WINDOW`)."""
    window = columns["window"][rows]
    window = np.concatenate([value[:, None], window[:, :-1]], axis=1)
    columns["window"][rows] = window
    return window


def trough(window: Floats, ago: int = 0) -> Floats:
    """Return the least of the `TROUGH` values that ended `ago` points before the newest."""
    least: Floats = window[:, ago : ago + TROUGH].min(axis=1)
    return least


def unrest(window: Floats, points: NDArray[np.intp], least: Floats) -> Floats:
    """Return the logarithm of the standard deviation over the points that the window holds.

    Args:
        points: of the series so far; the window holds no more.
        least: added to the deviation, so that a constant series has a logarithm.
    """
    held = np.minimum(points, WINDOW)
    inside = np.arange(WINDOW)[None, :] < held[:, None]
    mean = np.where(inside, window, 0).sum(axis=1) / held
    spread = np.where(inside, window - mean[:, None], 0)
    deviation = np.sqrt(np.einsum("ij,ij->i", spread, spread) / held)
    found: Floats = np.log(deviation + least).astype(np.float32)
    return found
