"""How the days of a series differ by themselves: by the day of the week, and at the turn of the month.

    week    what a day of the week costs as a multiple of the week around it: the median over the last eight weeks,
            where it differs from 1 by more than it scatters, and three weeks know it
    month   what a day at the turn of a month costs as a multiple of the days around that are not at a turn: learnt from
            what was billed at up to three turns before, by the date and by the days that are left of the month. A rise
            that was seen at one turn only must have been clear.

Both are learnt from costs as they were billed: what comes again every Monday is to become known, however abnormal the
first of them was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import TURNS, Flags, Floats, middle
from bdp.detect.cost.window import WEEK, Window

_WEEKS: Final = 8
_LEAST_WEEKS: Final = 3
_LEAST_AROUND: Final = 4
_CLEAR: Final = 3.0
"""Standard errors by which a day of the week must differ."""
_LEAST_FACTOR: Final = 0.02
_TURN: Final = 1.1
_ONE_TURN: Final = 1.3
_TINY: Final = 1e-9
_AROUND: Final = (20, 14)
"""Days before and behind a turn that it is held against."""


@dataclass(frozen=True)
class Shape:
    """Multiples of the level.

    Attributes:
        week: by day of the week; shape (series, 7).
        month: by kind of turn, 1 at place 0; shape (series, 18).
    """

    week: Floats
    month: Floats

    def past(self, window: Window) -> Floats:
        """Return the multiple of each day of a window; shape (series, days)."""
        calendar, past = window.calendar, window.past
        month = np.maximum(self.month[:, calendar.by_date[past]], self.month[:, calendar.by_end[past]])
        found: Floats = self.week[:, calendar.weekday[past]] * month
        return found

    def at(self, window: Window) -> Floats:
        """Return the multiple of the day in question; shape (series,)."""
        found: Floats = self.week[:, window.calendar.weekday[window.place]] * self.turn(window)
        return found

    def turn(self, window: Window) -> Floats:
        """Return the part of the month in that."""
        calendar, place = window.calendar, window.place
        found: Floats = np.maximum(self.month[:, calendar.by_date[place]], self.month[:, calendar.by_end[place]])
        return found

    def rows(self, chosen: Flags | NDArray[np.intp]) -> Shape:
        """Return the shape of some of the series."""
        return Shape(self.week[chosen], self.month[chosen])

    def without_month(self) -> Shape:
        """Return the shape of the week alone."""
        return Shape(self.week, np.ones_like(self.month))


def flat(series: int) -> Shape:
    """Return the shape of series whose days are all alike."""
    return Shape(np.ones((series, WEEK)), np.ones((series, TURNS)))


def learn(window: Window) -> Shape:
    """Return the shape of each series."""
    week = _week(window)
    return Shape(week, _month(window, week))


def _week(window: Window) -> Floats:
    costs = window.used_as_billed
    found = np.ones((len(costs), WEEK))
    days = costs.shape[1]
    if days < _LEAST_WEEKS * WEEK:
        return found
    around = _around(costs)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = np.where(around > _TINY, costs[:, 3 : days - 3] / around, np.nan)[:, -_WEEKS * WEEK :]
    weekday = window.calendar.weekday[window.past][3 : days - 3][-_WEEKS * WEEK :]
    for day in range(WEEK):
        found[:, day] = _clear(ratio[:, weekday == day])
    return np.maximum(found, _LEAST_FACTOR)


def _around(costs: Floats) -> Floats:
    """Return the mean of the seven days around each day; nan where most of them are missing."""
    total = np.cumsum(np.pad(np.nan_to_num(costs), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(~np.isnan(costs), ((0, 0), (1, 0))), axis=1)
    known = count[:, WEEK:] - count[:, :-WEEK]
    found: Floats = np.where(
        known >= _LEAST_AROUND, (total[:, WEEK:] - total[:, :-WEEK]) / np.maximum(known, 1), np.nan
    )
    return found


def _clear(ratio: Floats) -> Floats:
    """Return the median of a day's ratios where it is clear that it is not 1."""
    if ratio.shape[1] < _LEAST_WEEKS:
        return np.ones(len(ratio))
    count = np.count_nonzero(~np.isnan(ratio), axis=1)
    usual = middle(ratio)
    mean = np.nansum(ratio, axis=1) / np.maximum(count, 1)
    spread = np.sqrt(np.nansum((ratio - mean[:, None]) ** 2, axis=1) / np.maximum(count, 1))
    differs = np.abs(usual - 1) > _CLEAR * spread / np.sqrt(np.maximum(count, 1))
    found: Floats = np.where((count >= _LEAST_WEEKS) & differs, usual, 1.0)
    return found


def _month(window: Window, week: Floats) -> Floats:
    found = np.ones((len(week), TURNS))
    calendar, past = window.calendar, window.past
    kinds = np.stack([calendar.by_date[past], calendar.by_end[past]])
    wanted = {int(calendar.by_date[window.place]), int(calendar.by_end[window.place]), *kinds.ravel().tolist()} - {0}
    if not wanted:
        return found
    level = window.used_as_billed / week[:, calendar.weekday[past]]
    relative = {int(at): _to_its_days(level, calendar.turns[past], int(at)) for at in np.flatnonzero(kinds.any(axis=0))}
    for kind in wanted:
        seen = [relative[int(at)] for at in np.flatnonzero((kinds == kind).any(axis=0))]
        if seen:
            found[:, kind] = _expected(np.stack(seen, axis=1))
    return found


def _to_its_days(level: Floats, turns: np.ndarray[tuple[int], np.dtype[np.bool_]], at: int) -> Floats:
    """Return a day's level as a multiple of that of the days around it that are at no turn."""
    begin, end = max(0, at - _AROUND[0]), at + _AROUND[1]
    calm = (
        middle(level[:, begin:end][:, ~turns[begin:end]]) if not turns[begin:end].all() else np.full(len(level), np.nan)
    )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        found: Floats = np.where(calm > _TINY, level[:, at] / calm, np.nan)
    return found


def _expected(seen: Floats) -> Floats:
    count = np.count_nonzero(~np.isnan(seen), axis=1)
    least = np.where(np.isnan(seen), np.inf, seen).min(axis=1)
    usual = middle(seen)
    again = (count >= 2) & (least > _TURN)
    once = (count == 1) & (least > _ONE_TURN)
    found: Floats = np.where(again | once, usual, 1.0)
    return found
