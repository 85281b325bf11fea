"""Alarms: from scores to what people are told.

A surprise raises an alarm if it reaches the threshold and tops the bar that the latest ones have set. The bar falls by
half in `rest_hours`, so a weaker echo of the same trouble stays quiet and a stronger one does not. An anomaly stays
open while its surprise stays near the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Rows, Shape

Flags = NDArray[np.bool_]

_HIGHER = 1.1
"""By how much the bar must be topped."""
_HIGHEST_BAR = 2.5
"""In surprise: an extreme outlier does not silence the series for long."""
_OPEN_SHARE = 0.6
"""An anomaly is over when the surprise stays under this share of the threshold …"""
_CALM_POINTS = 3
"""… for so many points."""
HIGHEST_ECHO = 0.45
"""Score of a point that does not top the bar, at most: it stays visible beside calm points, and below any alarm."""


def layout() -> dict[str, Shape]:
    """Return what the alarms of one series need."""
    return {
        "bar": ((), np.float32, 0.0),
        "open": ((), np.bool_, False),
        "calm": ((), np.uint8, 0),
    }


@dataclass(frozen=True)
class Alarms:
    """One row a point.

    Attributes:
        fresh: the surprise tops the bar.
        opened: an anomaly begins with this point.
        closed: the anomaly is over.
        going: an anomaly is open at this point.
    """

    fresh: Flags
    opened: Flags
    closed: Flags
    going: Flags


def judge(
    columns: Columns, rows: Rows, surprise: Floats, itself: Flags, passed: Floats, bound: float, rest: float
) -> Alarms:
    """Judge the surprise of one point each.

    Args:
        itself: the point is odd by itself; else what surprises is a mean that points before it have moved.
        passed: seconds since the point before.
        bound: surprise from which a point is an anomaly.
        rest: seconds in which the bar halves.
    """
    bar = columns["bar"][rows] * np.exp2(-passed / np.float32(rest))
    fresh = surprise > bar * _HIGHER
    columns["bar"][rows] = np.maximum(bar, np.minimum(surprise, _HIGHEST_BAR))
    open_, calm = columns["open"][rows], columns["calm"][rows]
    loud = itself & (surprise >= bound * _OPEN_SHARE)
    calm = np.where(loud, 0, np.minimum(calm, 254) + 1)
    opened = ~open_ & fresh & (surprise >= bound)
    closed = open_ & (calm >= _CALM_POINTS)
    columns["open"][rows] = (open_ | opened) & ~closed
    columns["calm"][rows] = calm
    return Alarms(fresh, opened, closed, (open_ & ~closed & loud) | opened)
