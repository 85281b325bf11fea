"""Forecasts: five simple ones run side by side, and the one that erred least lately speaks.

    the last value | short, middle and long exponential mean | the same time of the day | of the week

The band around it is widened when it is missed and narrowed slowly when it is not, so that it holds about 99 % of the
points (a stochastic quantile; Robbins and Monro, "A stochastic approximation method", 1951).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Rows, Shape
from bdp.detect.series.season import DAY, WEEK

_SHORT, _MIDDLE, _LONG = 6.0, 24.0, 288.0
_JUDGED = 576.0
"""Half-lives in points: of the means, and of the memory for errors."""
_MISSED = 0.01
_STEP = 0.1
_FIRST_WIDTH = 4.0
_STEADY = 0.002
_WILD = 100.0
"""Steps from point to point count as so many usual ones at the most."""

FORECASTS = 5


def layout() -> dict[str, Shape]:
    """Return what the forecasts of one series need."""
    return {
        "last": ((), np.float32, 0.0),
        "short": ((), np.float32, 0.0),
        "middle": ((), np.float32, 0.0),
        "long": ((), np.float32, 0.0),
        "erred": ((FORECASTS,), np.float32, 0.0),
        "moves": ((), np.float32, 0.0),
        "width": ((), np.float32, 0.0),
        **DAY.layout(),
        **WEEK.layout(),
    }


@dataclass(frozen=True)
class Forecast:
    """What was expected of one point each, before it was known.

    Attributes:
        error: value less forecast.
        season: value less what is usual at this time of the week.
        width: half of the expected band.
    """

    value: Floats
    error: Floats
    season: Floats
    width: Floats


def half_life(points: float) -> float:
    """Return the weight of a new value in an exponential mean."""
    return float(1.0 - 0.5 ** (1.0 / points))


def forecast(
    columns: Columns, rows: NDArray[np.intp], ts: NDArray[np.float64], value: Floats, young: Floats, after_gap: Floats
) -> Forecast:
    """Judge values against their forecasts, and learn from them.

    Args:
        young: 1 / points of the series so far, this one included: the least weight of a new value.
        after_gap: 1 where the series was silent for long, so the last value says nothing; else 0.
    """
    long = columns["long"][rows]
    day = DAY.predict(columns, rows, ts, long)
    week = WEEK.predict(columns, rows, ts, day)
    for season in (DAY, WEEK):
        season.add(columns, rows, value)
    offers = np.stack([columns["last"][rows], columns["short"][rows], columns["middle"][rows], day, week], axis=1)
    erred = columns["erred"][rows]
    best = erred.argmin(axis=1)
    chosen = np.take_along_axis(offers, best[:, None], axis=1)[:, 0]
    last = offers[:, 0]
    moves = columns["moves"][rows]
    # A start is often a sentinel, or a state that never occurs again: then the first step says nothing.
    sentinel = (young < 0.4) & (young > 0.3) & (moves > _WILD * np.abs(value - last))
    erred, moves = np.where(sentinel[:, None], 0, erred), np.where(sentinel, 0, moves)
    columns["erred"][rows] = erred + np.float32(half_life(_JUDGED)) * (np.abs(value[:, None] - offers) - erred)
    first = young >= 1
    weight = np.maximum(_STEADY, young / np.maximum(1 - young, young)) * (1 - after_gap) * ~first
    # One wild value must not make all others look like nothing beside it.
    step = np.abs(value - last)
    step = np.where(moves > 0, np.minimum(step, _WILD * moves), step)
    columns["moves"][rows] = moves + weight * (step - moves)
    _follow(columns, rows, value, young)
    error = value - chosen
    return Forecast(chosen, error, value - week, _widen(columns, rows, error, erred.min(axis=1), young))


def _follow(columns: Columns, rows: Rows, value: Floats, young: Floats) -> None:
    columns["last"][rows] = value
    for name, points in (("short", _SHORT), ("middle", _MIDDLE), ("long", _LONG)):
        mean = columns[name][rows]
        columns[name][rows] = mean + np.maximum(np.float32(half_life(points)), young) * (value - mean)


def _widen(columns: Columns, rows: Rows, error: Floats, usual: Floats, young: Floats) -> Floats:
    """Return the width that held before this point, and learn from it."""
    width = columns["width"][rows]
    # The errors begin at nought and grow into their mean over their half-life; so does the first width.
    grown = 1 - (1 - half_life(_JUDGED)) ** np.maximum(1 / young - 1, 1)
    width = np.where(width > 0, width, (_FIRST_WIDTH * usual / grown).astype(np.float32))
    missed = np.abs(error) > width
    factor = np.where(missed, 1 + _STEP * (1 - _MISSED), 1 - _STEP * _MISSED).astype(np.float32)
    columns["width"][rows] = np.where(young < 0.1, width * factor, 0)
    return width
