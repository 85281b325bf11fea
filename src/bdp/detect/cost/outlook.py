"""What a day would cost by its past, and how far series usually are from that.

    level     median of the last 21 days, each divided by the multiple of its day (`shape.py`)
    drift     steady growth or decline by week: the median slope between the weekly medians of up to eight weeks (Sen,
              1968), where they agree on its direction (Mann-Kendall's share); at most 7 % a week upward
    expected  level x drift x multiple of the day
    misses    logarithms of past days against what the two weeks before them made likely, so that a change of level long
              ago is a few misses and not a wide range; low ones are cut, for they say nothing of rises
    spread    their standard deviation (ddof 1) beside a prior of 8 %, as if fifteen days had that, and wider for a
              short past
    run       the mean of the last four and seven days against the level before them, in its own standard
              deviations; one dear day makes no run

Logarithms are taken of at least a tenth of what is expected.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from bdp.detect.cost.daily import TO_SIGMA, Flags, Floats, middle
from bdp.detect.cost.shape import Shape
from bdp.detect.cost.window import RUN, WEEK, Window

_LEVEL_DAYS: Final = 21
_FLOOR: Final = 0.1
_TINY: Final = 1e-9
_STEEPEST: Final = 0.07
_STEEPEST_FALL: Final = -0.1
_AGREED: Final = 0.7
_DRIFT_WEEKS: Final = 8
_LEAST_DRIFT_WEEKS: Final = 6
_NEW_WEEKS: Final = 2
_LEAST_MISSES: Final = 10
_LOW: Final = 3.0
_NEWEST: Final = 14
_LONG_PAST: Final = 70
"""Days from which the newest two weeks are not needed to know how days scatter."""
_LEAST_SPREAD: Final = 0.02
_PRIOR_DAYS: Final = 15.0
_PRIOR_SPREAD: Final = 0.08
_SHORT_PAST: Final = 2.0
_MOST_BIAS: Final = 0.05
_RUNS: Final = (4, 7)
_RUN_WEEKS: Final = 5
_RUN_MEMORY: Final = 1.3
"""A run scatters at least by so much more than independent days would."""


@dataclass(frozen=True)
class Outlook:
    """See the module; each of shape (series,) but `misses`, of (series, days).

    Attributes:
        expected: in money.
        average: mean of the last eight weeks, in money.
        miss: the day's own, as a logarithm.
        spread: of misses; `bias` their mean.
        run: how far the last days are above the level before, in standard deviations; 0 where there is no run.
        base: that level, to be multiplied by the shape of a day.
        weekly: weekly drift, as a logarithm.
        today: the day's cost.
    """

    expected: Floats
    average: Floats
    miss: Floats
    misses: Floats
    spread: Floats
    bias: Floats
    run: Floats
    base: Floats
    weekly: Floats
    today: Floats
    short: Floats
    """What a short past widens everything by, from 1 up."""

    def rows(self, chosen: Flags) -> Outlook:
        """Return the outlook of some of the series."""
        return Outlook(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def look(window: Window, shape: Shape, *, drifting: bool = True) -> Outlook:
    """Return the outlook of each series of a window on its day.

    Args:
        drifting: see growth and decline; False takes the level as it is.
    """
    multiple, today = shape.past(window), window.today / shape.at(window)
    level = window.used / multiple
    weekly = _by_week(level)
    drift = _drift(weekly) if drifting else np.zeros(len(level))
    now = middle(level[:, -_LEVEL_DAYS:])
    now = np.where(np.isnan(now), weekly[:, -1], now)
    ahead = now * np.exp(drift * (_LEVEL_DAYS / 2 + 0.5) / WEEK)
    least = np.maximum(_FLOOR * np.nan_to_num(ahead), _TINY)
    misses = _settled(_misses(level, weekly, drift, now, least))
    # Against nothing every cost is endlessly dear: such days say nothing of how costs scatter.
    misses[window.resting] = np.nan
    known = np.count_nonzero(~np.isnan(misses), axis=1)
    misses = _cut(misses)
    bias = np.clip(_mean(misses), -_MOST_BIAS, _MOST_BIAS)
    short = np.sqrt(1 + _SHORT_PAST / np.maximum(known / WEEK, 1))
    spread = np.sqrt(
        (known * _deviation(misses) ** 2 + _PRIOR_DAYS * _PRIOR_SPREAD**2) / (known + _PRIOR_DAYS)
    ) * short  # fmt: skip
    expected = np.nan_to_num(ahead)
    miss = np.log(np.maximum(today, least) / np.maximum(expected, least))
    run, base = _run(window, shape, level, expected, drift, misses - bias[:, None], spread)
    return Outlook(
        expected=expected * shape.at(window),
        average=_mean(window.billed[:, -_DRIFT_WEEKS * WEEK :]),
        miss=miss,
        misses=misses,
        spread=spread,
        bias=bias,
        run=run,
        base=base,
        weekly=drift,
        today=window.today,
        short=short,
    )


def _by_week(level: Floats) -> Floats:
    """Return the median of each week; one without data has that of the week before."""
    weeks = middle(level.reshape(len(level), level.shape[1] // WEEK, WEEK))
    for place in range(1, weeks.shape[1]):
        weeks[:, place] = np.where(np.isnan(weeks[:, place]), weeks[:, place - 1], weeks[:, place])
    return weeks


def _drift(weekly: Floats) -> Floats:
    """Return the steady change by week, as a logarithm; 0 where there is none."""
    if weekly.shape[1] < _LEAST_DRIFT_WEEKS + _NEW_WEEKS:
        return np.zeros(len(weekly))
    # Without the last two weeks: a ramp that has just begun is no steady growth.
    logs = np.log(np.maximum(weekly[:, -_DRIFT_WEEKS - _NEW_WEEKS : -_NEW_WEEKS], _TINY))
    earlier, later = np.triu_indices(logs.shape[1], 1)
    rises = logs[:, later] - logs[:, earlier]
    agreed = np.abs(_mean(np.sign(rises))) > _AGREED
    slope = np.nan_to_num(middle(rises / (later - earlier)))
    found: Floats = np.where(agreed, np.clip(slope, _STEEPEST_FALL, _STEEPEST), 0.0)
    return found


def _misses(level: Floats, weekly: Floats, drift: Floats, now: Floats, least: Floats) -> Floats:
    """Return what past days were against the weeks before them; where those are few, against the present level."""
    before = np.full_like(weekly, np.nan)
    before[:, 1:2] = weekly[:, 0:1]
    before[:, 2:] = (weekly[:, 1:-1] + weekly[:, :-2]) / 2
    likely = np.repeat(before * np.exp(1.5 * drift)[:, None], WEEK, axis=1)
    floor = least[:, None]
    held = np.maximum(level, floor)
    found = np.log(held / np.maximum(likely, floor))
    few = np.count_nonzero(~np.isnan(found), axis=1) < _LEAST_MISSES
    if few.any():
        found[few] = np.log(held[few] / np.maximum(now[few, None], floor[few]))
    return found


def _settled(misses: Floats) -> Floats:
    """Leave out the newest two weeks where enough others are known: a ramp there is not to widen the range."""
    known = np.count_nonzero(~np.isnan(misses), axis=1) >= _LONG_PAST
    found = misses.copy()
    found[known, -_NEWEST:] = np.nan
    return found


def _cut(misses: Floats) -> Floats:
    center = middle(misses)
    spread = TO_SIGMA * middle(np.abs(misses - center[:, None]))
    lowest = center - _LOW * np.maximum(spread, _LEAST_SPREAD)
    found: Floats = np.where(np.isnan(misses), np.nan, np.maximum(misses, lowest[:, None]))
    return found


def _run(
    window: Window, shape: Shape, level: Floats, expected: Floats, drift: Floats, misses: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Return how far the last days are above the level of the weeks before them, and that level."""
    found = np.zeros(len(level))
    if level.shape[1] < _RUN_WEEKS * WEEK:
        return found, expected
    before = middle(level[:, -_RUN_WEEKS * WEEK : -RUN])
    before = np.where(np.isnan(before), expected, before * np.exp(2 * drift))
    least = np.maximum(_FLOOR * np.nan_to_num(before), _TINY)
    recent = window.billed[:, -RUN:] / shape.past(window)[:, -RUN:]
    days = np.column_stack([recent, window.today / shape.at(window)])
    rises = np.log(np.maximum(days, least[:, None]) / np.maximum(before, least)[:, None])
    today = rises[:, -1]
    rises = np.minimum(rises, 1.5 * np.maximum(today, 0)[:, None] + _LEAST_SPREAD)
    total = np.cumsum(np.nan_to_num(misses), axis=1)
    for length in _RUNS:
        part = rises[:, -length:]
        mean = part.mean(axis=1)
        usual = np.maximum(
            np.std((total[:, length:] - total[:, :-length]) / length, axis=1, ddof=1),
            _RUN_MEMORY * spread / np.sqrt(length),
        )
        lasts = (today > 0.5 * mean) & (part.min(axis=1) > 0)
        found = np.maximum(found, np.where(lasts, mean / usual, 0.0))
    return np.nan_to_num(found), before


def _mean(values: Floats) -> Floats:
    count = np.count_nonzero(~np.isnan(values), axis=1)
    found: Floats = np.nansum(values, axis=1) / np.maximum(count, 1)
    return found


def _deviation(values: Floats) -> Floats:
    """Return the standard deviation, ddof 1; 0 where there are fewer than two values."""
    count = np.count_nonzero(~np.isnan(values), axis=1)
    square = np.nansum((values - _mean(values)[:, None]) ** 2, axis=1)
    found: Floats = np.sqrt(square / np.maximum(count - 1, 1))
    return found
