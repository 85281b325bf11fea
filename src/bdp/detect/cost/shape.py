"""How the days of a series differ by themselves: by the day of the week, and at the turn of the month.

    week    what a day of the week costs as a multiple of the week around it, over the last eight weeks, where three
            weeks know it. Days that do not differ by more than they scatter are one kind: most weeks have working days
            and weekends, and a kind is better known than each of its days.
    month   what a day at the turn of a month costs as a multiple of the days around that are not at a turn, or adds to
            them, as a monthly fee does: learnt from what was billed at up to three turns before, by the date and by the
            days that are left of the month. A rise that was seen at one turn only must have been clear.

Both are learnt from costs as they were billed: what comes again every Monday is to become known, however abnormal the
first of them was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import TURNS, Flags, Floats, Ints, center, middle
from bdp.detect.cost.window import WEEK, Window

_WEEKS: Final = 8
_LEAST_WEEKS: Final = 3
_LEAST_AROUND: Final = 4
_CLEAR: Final = 2.5
"""Standard errors by which a day of the week must differ."""
_LEAST_FACTOR: Final = 0.02
_TURN: Final = 1.1
_ONE_TURN: Final = 1.15
_TINY: Final = 1e-9
_AROUND: Final = (20, 14)
"""Days before and behind a turn that it is held against."""


@dataclass(frozen=True)
class Shape:
    """Multiples of the level.

    Attributes:
        week: by day of the week; shape (series, 7).
        month: by kind of turn, 1 at place 0; shape (series, 18).
        fee: by kind of turn, what it adds whichever day of the week it falls on, 0 at place 0; same shape. Of a day at
            a turn the larger one of both counts.
    """

    week: Floats
    month: Floats
    fee: Floats

    def past(self, window: Window) -> Floats:
        """Return the multiple of each day of a window; shape (series, days)."""
        calendar, past = window.calendar, window.past
        week = self.week[:, calendar.weekday[past]]
        return self._whole(week, calendar.by_date[past], calendar.by_end[past])

    def at(self, window: Window) -> Floats:
        """Return the multiple of the day in question; shape (series,)."""
        calendar, place = window.calendar, slice(window.place, window.place + 1)
        week = self.week[:, calendar.weekday[place]]
        return self._whole(week, calendar.by_date[place], calendar.by_end[place])[:, 0]

    def rows(self, chosen: Flags | NDArray[np.intp]) -> Shape:
        """Return the shape of some of the series."""
        return Shape(self.week[chosen], self.month[chosen], self.fee[chosen])

    def without_month(self) -> Shape:
        """Return the shape of the week alone."""
        return Shape(self.week, np.ones_like(self.month), np.zeros_like(self.fee))

    def _whole(self, week: Floats, by_date: Ints, by_end: Ints) -> Floats:
        month = np.maximum(self.month[:, by_date], self.month[:, by_end])
        fee = np.maximum(self.fee[:, by_date], self.fee[:, by_end])
        found: Floats = np.maximum(week * month, week + fee)
        return found


def joined(shapes: Sequence[Shape]) -> Shape:
    """Return the shapes of all series, one behind the other."""
    return Shape(
        *(np.concatenate(parts) for parts in zip(*((one.week, one.month, one.fee) for one in shapes), strict=True))
    )


def flat(series: int) -> Shape:
    """Return the shape of series whose days are all alike."""
    return Shape(np.ones((series, WEEK)), np.ones((series, TURNS)), np.zeros((series, TURNS)))


def learn(window: Window) -> Shape:
    """Return the shape of each series."""
    week = _week(window)
    return Shape(week, *_month(window, week))


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
    parts = [_usual(ratio[:, weekday == day]) for day in range(WEEK)]
    usual, error = (np.stack(column, axis=1) for column in zip(*parts, strict=True))
    return np.maximum(_alike(usual, error), _LEAST_FACTOR)


def _around(costs: Floats) -> Floats:
    """Return the mean of the seven days around each day; nan where most of them are missing."""
    total = np.cumsum(np.pad(np.nan_to_num(costs), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(~np.isnan(costs), ((0, 0), (1, 0))), axis=1)
    known = count[:, WEEK:] - count[:, :-WEEK]
    found: Floats = np.where(
        known >= _LEAST_AROUND, (total[:, WEEK:] - total[:, :-WEEK]) / np.maximum(known, 1), np.nan
    )
    return found


def _usual(ratio: Floats) -> tuple[Floats, Floats]:
    """Return what a day of the week usually costs, and the standard error of that; nan where too few weeks know it."""
    count = np.count_nonzero(~np.isnan(ratio), axis=1)
    usual = center(ratio)
    mean = np.nansum(ratio, axis=1) / np.maximum(count, 1)
    spread = np.sqrt(np.nansum((ratio - mean[:, None]) ** 2, axis=1) / np.maximum(count, 1))
    known = count >= _LEAST_WEEKS
    return np.where(known, usual, np.nan), np.where(known, spread / np.sqrt(np.maximum(count, 1)), np.nan)


def _alike(usual: Floats, error: Floats) -> Floats:
    """Return usual costs with those of days that do not clearly differ made one: most days of a week are alike.

    What differs from most days is held against the others that do, as Saturday and Sunday; where none does, there is no
    week.
    """
    found = np.ones_like(usual)
    known = ~np.isnan(usual)
    left = known
    differs = np.zeros(len(usual), np.bool_)
    for _ in range(2):
        chosen = np.where(left, usual, np.nan)
        alike = left & (np.abs(usual - middle(chosen)[:, None]) <= _CLEAR * error)
        mean = np.where(alike, usual, 0.0).sum(axis=1) / np.maximum(alike.sum(axis=1), 1)
        found = np.where(alike, mean[:, None], found)
        left = left & ~alike
        differs |= left.any(axis=1)
    found = np.where(left, usual, found)
    return np.where(differs[:, None], found, 1.0)


def _month(window: Window, week: Floats) -> tuple[Floats, Floats]:
    month, fee = np.ones((len(week), TURNS)), np.zeros((len(week), TURNS))
    calendar, past = window.calendar, window.past
    kinds = np.stack([calendar.by_date[past], calendar.by_end[past]])
    wanted = {int(calendar.by_date[window.place]), int(calendar.by_end[window.place]), *kinds.ravel().tolist()} - {0}
    if not wanted:
        return month, fee
    usual = week[:, calendar.weekday[past]]
    level = window.used_as_billed / usual
    turns = calendar.turns[past]
    seen = {int(at): _to_its_days(level, turns, int(at)) for at in np.flatnonzero(kinds.any(axis=0))}
    clear = np.maximum(_ONE_TURN, np.exp(_CLEAR * _scatter(level[:, ~turns])))
    for kind in wanted:
        places = np.flatnonzero((kinds == kind).any(axis=0)).tolist()
        if places:
            least, most = (np.stack([seen[at][side] for at in places], axis=1) for side in (0, 1))
            month[:, kind], fee[:, kind] = _expected(least, most, usual[:, places], clear)
    return month, fee


def _to_its_days(level: Floats, turns: Flags, at: int) -> tuple[Floats, Floats]:
    """Return a day's level as a multiple of that of the days before it that are at no turn, and of those behind it.

    The smaller multiple comes first. They differ where the level changed nearby.
    """
    sides = []
    for side in (slice(max(0, at - _AROUND[0]), at), slice(at, at + _AROUND[1])):
        calm = level[:, side][:, ~turns[side]]
        known = calm.shape[1] >= _LEAST_AROUND
        usual = middle(calm) if known else np.full(len(level), np.nan)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            sides.append(np.where(usual > _TINY, level[:, at] / usual, np.nan))
    return np.fmin(*sides), np.fmax(*sides)


def _scatter(level: Floats) -> Floats:
    """Return how far days usually are from their level, as the standard deviation of a logarithm."""
    if level.shape[1] < 2:
        return np.zeros(len(level))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        steps = np.abs(np.diff(np.log(np.maximum(level, _TINY)), axis=1))
    return np.nan_to_num(middle(steps))


def _expected(least: Floats, most: Floats, week: Floats, clear: Floats) -> tuple[Floats, Floats]:
    """Return what is to be expected of a day by what was seen of it: as a multiple, and as what is added.

    Args:
        least, most, week: shape (series, times); week what the days of the week cost on which it was seen.
        clear: multiple from which one time is enough.
    """
    count = np.count_nonzero(~np.isnan(most), axis=1)
    weakest, one = (np.where(np.isnan(side), np.inf, side).min(axis=1) for side in (most, least))
    again = (count >= 2) & (weakest > _TURN)
    once = (count == 1) & (one > clear)
    added = (most - 1) * week, (least - 1) * week
    return (
        np.where(again, middle(most), np.where(once, middle(least), 1.0)),
        np.where(again, middle(added[0]), np.where(once, middle(added[1]), 0.0)),
    )
