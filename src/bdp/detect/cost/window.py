"""What is known of some series before one day, in whole weeks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from bdp.detect.cost.daily import Calendar, Flags, Floats

WEEK: Final = 7
RUN: Final = 6
"""Days before the day that a run of dear days is looked for in."""
_RARE: Final = 0.06
_MOSTLY: Final = 0.9


@dataclass(frozen=True)
class Window:
    """The past of some series, and their cost on the day in question.

    Attributes:
        place: of the day in the calendar; the window ends with the day before.
        learnt: costs that a series is to be known by: of abnormal days what was expected; shape (series, days).
        billed: costs as they were billed; same shape, whole weeks.
        today: shape (series,).
        most: the most that a day of the past cost, also before the whole weeks; shape (series,).
    """

    calendar: Calendar
    place: int
    learnt: Floats
    billed: Floats
    today: Floats
    most: Floats

    @property
    def begin(self) -> int:
        """Place of its first day."""
        return self.place - int(self.learnt.shape[1])

    @property
    def past(self) -> slice:
        """Places of its days."""
        return slice(self.begin, self.place)

    @cached_property
    def known(self) -> Floats:
        """Days before the day of which something is known; shape (series,)."""
        found: Floats = np.count_nonzero(~np.isnan(self.billed), axis=1).astype(np.float64)
        return found

    @cached_property
    def idle(self) -> Floats:
        """Share of known days without cost."""
        found: Floats = np.count_nonzero(self.billed == 0, axis=1) / np.maximum(self.known, 1)
        return found

    @cached_property
    def on_off(self) -> Flags:
        """Series that rest on some days: a day of use is to be held against days of use."""
        found: Flags = (self.idle > _RARE) & (self.idle < _MOSTLY)
        return found

    @cached_property
    def resting(self) -> Flags:
        """Series that hardly ever cost anything."""
        found: Flags = self.idle >= _MOSTLY
        return found

    @cached_property
    def used(self) -> Floats:
        """What is learnt, without the days of rest of series that rest."""
        return self._without_rest(self.learnt)

    @cached_property
    def used_as_billed(self) -> Floats:
        """The same, as it was billed."""
        return self._without_rest(self.billed)

    def rows(self, chosen: Flags) -> Window:
        """Return the window of some of its series."""
        parts = (self.learnt[chosen], self.billed[chosen], self.today[chosen], self.most[chosen])
        return Window(self.calendar, self.place, *parts)

    def _without_rest(self, costs: Floats) -> Floats:
        if not self.on_off.any():
            return costs
        found: Floats = np.where(self.on_off[:, None] & (costs == 0), np.nan, costs)
        return found
