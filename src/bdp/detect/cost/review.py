"""A stretch of days judged from its first to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from bdp.detect.cost.daily import Calendar, DailyCosts
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.newcomers import Newcomers
from bdp.detect.cost.results import Results
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.shadow import Comparison
from bdp.detect.cost.walk import Walk
from bdp.detect.cost.whole import forecasts_of
from bdp.model.cost_result import BudgetOutlook, CostForecast, CostKey, CostResult, ShadowCount, Standing

_RUN_UP: Final = 14
"""Days that are judged, but not told, before those that were asked for: a spike that goes on is known from its
beginning then."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Reviewed:
    """What was found.

    Attributes:
        first: place of the first day that was asked for.
        standings: days by account and service, by what could be said of them.
    """

    walk: Walk
    results: Results
    ensemble: Ensemble
    shadow: tuple[ShadowCount, ...]
    standings: dict[str, int]
    first: int
    newcomers: Newcomers | None = None

    @property
    def daily(self) -> DailyCosts:
        """The costs."""
        return self.walk.daily

    def anomalies(self) -> list[CostResult]:
        """Return the result of the last day of each spike, dearest first."""
        found = [*self.results.anomalies(), *(self.newcomers.anomalies() if self.newcomers else ())]
        return sorted(found, key=lambda one: (-one.impact, str(one.key), one.day))

    def new_accounts(self) -> frozenset[str]:
        """Return the accounts that are told as new, as people know them."""
        return frozenset(one.key.account for one in (self.newcomers.anomalies() if self.newcomers else ()))

    def going_on(self) -> dict[CostKey, date]:
        """Return the spikes that are not over, by their first days."""
        return self.results.going_on() | (self.newcomers.going_on() if self.newcomers else {})

    def ahead(self, settings: CostSettings) -> tuple[tuple[CostForecast, ...], tuple[BudgetOutlook, ...]]:
        """Return what comes after the last day that is over: forecasts, that of all costs first, and budgets."""
        over = len(self.daily.days) - self.walk.is_open
        whole = DailyCosts(self.daily.keys, Calendar(self.daily.days[0], over), self.daily.costs[:, :over])
        return forecasts_of(whole, self.walk.learnt[:, :over], self.walk.running, settings)


def review(
    daily: DailyCosts,
    settings: CostSettings,
    now: datetime,
    *,
    first: int = 0,
    whole: Mapping[str, float] | None = None,
    accounts: DailyCosts | None = None,
    is_open: bool = False,
    progress: Progress = lambda done, of: None,
) -> Reviewed:
    """Judge days.

    Args:
        daily: the costs, with the history before the days that are asked for.
        first: place of the first day that is asked for.
        whole: by currency, what all that is paid for costs on a usual day, where these costs are a part of it.
        accounts: those that are new, each as one series of the same days.
        is_open: the last day is not over, see `Walk`.
        progress: called with the days done, and how many there are.

    Raises:
        MissingExtra: none of the methods is installed.
    """
    ensemble = Ensemble(settings)
    walk = Walk(daily, settings, ensemble, is_open=is_open)
    results = Results(walk, settings, now, whole)
    comparison = Comparison(daily)
    counts = dict.fromkeys((Standing.JUDGED, Standing.TOO_YOUNG, Standing.NO_COST), 0)
    begin, last = max(0, first - _RUN_UP), len(daily.days) - 1
    for day in walk.walk(begin, last):
        tell = day.place >= first
        results.add(day, tell=tell)
        if tell:
            for standing, count in zip(counts, (day.judged, day.young, day.idle), strict=True):
                counts[standing] += count
            if not (is_open and day.place == last):  # what goes on is not told of it, and would seem to differ
                comparison.add(day)
        progress(day.place - begin + 1, len(daily.days) - begin)
    newcomers = None
    if accounts is not None:
        newcomers = Newcomers(Walk(accounts, settings, ensemble, is_open=is_open), settings, now, results.whole)
        newcomers.walk(begin, first)
    small = [one.standing for one in results.quiet.values()]
    standings = {str(name): count for name, count in counts.items()}
    standings |= {str(name): small.count(name) for name in (Standing.BELOW_IMPACT, Standing.LOOKS_DOUBLED)}
    return Reviewed(walk, results, ensemble, comparison.counts(), standings, first, newcomers)
