"""Accounts that are new, judged as a whole while their services are too young to be judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np

from bdp.detect.cost import wording
from bdp.detect.cost.results import Results
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.walk import Walk
from bdp.model.cost_result import CostKey, CostResult


class Newcomers:
    """What is found of them.

    A spike is told that began before the services of the account could be judged; later ones are theirs.

    Args:
        walk: over one series for each account; 0 on days before its first.
        whole: by currency, what all that is paid for costs on a usual day.
    """

    def __init__(self, walk: Walk, settings: CostSettings, now: datetime, whole: Mapping[str, float]) -> None:
        self._walk = walk
        self._results = Results(walk, settings, now, whole)
        accounts, days = walk.daily, walk.daily.days
        begun = np.argmax(np.nan_to_num(accounts.costs) != 0, axis=1)
        self._begun = {key: days[int(place)] for key, place in zip(accounts.keys, begun, strict=True)}
        self._least_days = settings.least_days

    def walk(self, begin: int, first: int) -> None:
        """Judge the days from a place on; those before the first one are not told."""
        for day in self._walk.walk(begin, len(self._walk.daily.days) - 1):
            self._results.add(day, tell=day.place >= first)

    def anomalies(self) -> list[CostResult]:
        """Return the result of the last day of each spike."""
        return [self._told(one) for one in self._results.anomalies() if self._is_new(one.key, one.spike_start_date)]

    def going_on(self) -> dict[CostKey, date]:
        """Return the spikes that are not over, by their first days."""
        return {key: start for key, start in self._results.going_on().items() if self._is_new(key, start)}

    def _is_new(self, key: CostKey, start: date | None) -> bool:
        return start is not None and (start - self._begun[key]).days <= self._least_days

    def _told(self, one: CostResult) -> CostResult:
        english, korean = wording.new_account(self._begun[one.key])
        # Its mean is that of the days since it began; before, it cost nothing.
        nothing = {"historical_average": 0.0, "change_percent": None}
        return one.model_copy(update={"note": english, "note_ko": korean, **nothing})
