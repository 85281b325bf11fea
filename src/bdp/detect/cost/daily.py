"""Daily costs of many series, and what the calendar says of their days.

A day on which an account has charges, but none of a service, costs 0 there. A day on which it has none at all is a gap:
nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.model.cost_result import CostKey

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

_REACH: Final = 1.5
"""Standard deviations."""
TO_SIGMA: Final = 1.4826
"""Of a median absolute deviation, for a normal distribution."""
TURNS: Final = 18
"""Kinds of days at the turn of a month: 1-5 are its first days, 6-11 the 26th to the 31st, 12-17 its last six days."""


@dataclass(frozen=True)
class Calendar:
    """Days in a row.

    Attributes:
        weekday: 0 is Monday; shape (days,).
        by_date: 1-5 for the first days of a month, 6-11 for the 26th to the 31st, else 0; shape (days,).
        by_end: 12-17 for the last six days of a month, else 0; shape (days,).
    """

    first: date
    length: int

    @cached_property
    def days(self) -> list[date]:
        """All of them."""
        return [self.first + timedelta(days=place) for place in range(self.length)]

    @cached_property
    def weekday(self) -> Ints:
        """See the class."""
        return (np.arange(self.length) + self.first.weekday()) % 7

    @cached_property
    def by_date(self) -> Ints:
        """See the class."""
        number = np.array([day.day for day in self.days], np.int64)
        return np.where(number <= 5, number, np.where(number >= 26, number - 20, 0))

    @cached_property
    def by_end(self) -> Ints:
        """See the class."""
        left = np.array([(_next_month(day) - day).days for day in self.days], np.int64)
        return np.where(left <= 6, 18 - left, 0)

    @cached_property
    def turns(self) -> Flags:
        """Days at the turn of a month."""
        found: Flags = (self.by_date > 0) | (self.by_end > 0)
        return found


@dataclass(frozen=True)
class DailyCosts:
    """What each account and service cost, day by day.

    Attributes:
        costs: shape (series, days); nan where nothing is known.
    """

    keys: Sequence[CostKey]
    calendar: Calendar
    costs: Floats

    @property
    def days(self) -> list[date]:
        """The days of the columns."""
        return self.calendar.days


def middle(values: Floats) -> Floats:
    """Return the median along the last axis without regard to nan; nan where there is nothing else.

    numpy's own takes ten times as long on short rows.
    """
    ordered = np.sort(values, axis=-1)
    count = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, -1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), -1)
    found: Floats = ((low + high) / 2)[..., 0]
    return found


def center(values: Floats) -> Floats:
    """Return the mean along the last axis, with what lies far from the median moved to the edge of what does not.

    Huber's estimator with one step (Huber, 1964): outliers move it little, and noise hardly more than it moves a mean.
    Without regard to nan; nan where there is nothing else.
    """
    usual = middle(values)[..., None]
    off = values - usual
    reach = _REACH * TO_SIGMA * middle(np.abs(off))[..., None]
    count = np.count_nonzero(~np.isnan(values), axis=-1)
    found: Floats = usual[..., 0] + np.nansum(np.clip(off, -reach, reach), axis=-1) / np.maximum(count, 1)
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
