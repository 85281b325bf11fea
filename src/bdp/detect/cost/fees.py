"""What comes next of series that hardly ever cost anything, such as monthly fees and single purchases.

A charge is expected again on its date as far as one came a month before or after it; what came once, a purchase or a
yearly fee, is not. What has not come for longer than a month has stopped.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import Calendar, DailyCosts, Flags, Floats
from bdp.detect.cost.window import WEEK, Window

FEE_SPREAD: Final = 0.1
_MONTHS: Final = range(26, 36)
"""Days between two charges of a monthly fee, which may come some days earlier or later."""
_MONTHS_SEEN: Final = 3
_STOPPED: Final = 40


def rests(daily: DailyCosts) -> Flags:
    """Return which series hardly ever cost anything; shape (series,)."""
    length = daily.costs.shape[1]
    past = daily.costs[:, length % WEEK :]
    found = Window(daily.calendar, length, past, past, past[:, -1], past[:, -1]).resting
    return found


def fees(daily: DailyCosts, rows: NDArray[np.intp], days: int) -> Floats:
    """Return what such series cost in the days behind their last; shape (rows, days)."""
    costs = daily.costs[rows]
    monthly = _monthly(np.nan_to_num(costs))
    monthly[~(np.nan_to_num(costs[:, -_STOPPED:]) != 0).any(axis=1)] = 0.0
    ends = np.flatnonzero([_is_end(day) for day in daily.days])[-_MONTHS_SEEN:]
    at_end = monthly[:, ends].min(axis=1) if len(ends) > 1 else np.zeros(len(rows))
    monthly[:, ends] -= at_end[:, None]
    dates = np.array([day.day for day in daily.days])
    found = np.zeros((len(rows), days))
    ahead = Calendar(daily.calendar.first, costs.shape[1] + days).days[costs.shape[1] :]
    for place, day in enumerate(ahead):
        same = np.flatnonzero(dates == day.day)[-_MONTHS_SEEN:]
        if len(same):
            found[:, place] = monthly[:, same].mean(axis=1)
        found[:, place] += at_end * _is_end(day)
    return found


def _monthly(costs: Floats) -> Floats:
    """Return of each charge as much as came a month before or after it, too; of credits likewise."""
    return _again(np.maximum(costs, 0.0)) - _again(np.maximum(-costs, 0.0))


def _again(costs: Floats) -> Floats:
    other = np.zeros_like(costs)
    for lag in _MONTHS:
        if lag < costs.shape[1]:
            other[:, lag:] = np.maximum(other[:, lag:], costs[:, :-lag])
            other[:, :-lag] = np.maximum(other[:, :-lag], costs[:, lag:])
    found: Floats = np.minimum(costs, other)
    return found


def _is_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1
