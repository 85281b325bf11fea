"""Costs: what the store holds, day by day, judged, forecast and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from bdp.clock import Clock
from bdp.detect.cost.daily import Floats
from bdp.detect.cost.notes import Seen, notes_of
from bdp.detect.cost.results import direction
from bdp.detect.cost.review import Progress, Reviewed, review
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.whole import without_costs
from bdp.explain.costs.attribution import ACCOUNT, SERVICE, changes, drivers
from bdp.flow.cost_newcomers import newcomers
from bdp.flow.cost_scope import why_nothing
from bdp.flow.cost_totals import restated, totals, usual_days
from bdp.flow.daily_costs import CostQuery, bounds, daily_costs
from bdp.model.cost_result import (
    CostReport,
    CostResult,
    ProviderView,
    ServiceTotal,
    Standing,
    TrendDirection,
)
from bdp.ports import BulkStore

__all__ = ["CostQuery", "Costs"]

LISTED: Final = 200
_EXPLAINED: Final = 25
_ELSEWHERE: Final = frozenset({ACCOUNT, SERVICE})


class Costs:
    """Makes reports from the store's charges.

    Args:
        views: what providers themselves forecast and find, as they were last asked.
    """

    def __init__(
        self,
        store: BulkStore,
        settings: CostSettings,
        clock: Clock,
        views: Callable[[], tuple[ProviderView, ...]] = tuple,
    ) -> None:
        self.store = store
        self.settings = settings
        self.clock = clock
        self._views = views

    def report(self, query: CostQuery | None = None, progress: Progress = lambda done, of: None) -> CostReport:
        """Return what is abnormal in a stretch of days, what it rests on, and what comes next.

        Args:
            progress: called with the days done, and how many there are.

        Raises:
            BadRequest: the store hit a limit.
            MissingExtra: none of the methods is installed.
            StoreUnavailable: try again later.
        """
        query = query or CostQuery()
        reviewed = self.review(query, progress)
        if reviewed is None:
            return self._empty(query)
        daily, results = reviewed.daily, reviewed.results
        stretch = daily.days[reviewed.first :]
        found = reviewed.anomalies()
        forecasts, budgets = reviewed.ahead(self._budgeted(query, self.settings))
        return CostReport(
            start=stretch[0],
            end=stretch[-1],
            days=tuple(stretch),
            totals=totals(self.store, query, stretch[0], stretch[-1]),
            judged=reviewed.standings.get(Standing.JUDGED, 0),
            services=_services(reviewed),
            service_count=len(daily.keys),
            anomalies=(*map(self._explained, found[:_EXPLAINED]), *found[_EXPLAINED:]),
            quiet=tuple(sorted(results.quiet.values(), key=lambda one: -one.impact)[:LISTED]),
            standings=reviewed.standings,
            forecasts=forecasts,
            budgets=budgets,
            providers=self._views(),
            shadow=reviewed.shadow,
            notes=notes_of(self._seen(query, reviewed)),
            methods=reviewed.ensemble.weights,
            absent=reviewed.ensemble.absent,
            timestamp=self.clock.now(),
        )

    def forecast(self, query: CostQuery | None = None, days: int = 0) -> CostReport:
        """Return a report of what comes next alone: `forecasts` (the whole first, then the dearest), `budgets`.

        Args:
            days: how many days ahead; 0: as the settings say.
        """
        query = query or CostQuery()
        settings = self.settings.model_copy(update={"forecast_days": days} if days else {})
        reviewed = self.review(query.model_copy(update={"start": None}), judged=28)
        if reviewed is None:
            return self._empty(query)
        daily = reviewed.daily
        forecasts, budgets = reviewed.ahead(self._budgeted(query, settings))
        return CostReport(
            start=daily.days[0],
            end=daily.days[-1],
            days=tuple(daily.days),
            totals=totals(self.store, query, daily.days[0], daily.days[-1]),
            services=_services(replace(reviewed, first=0)),
            service_count=len(daily.keys),
            forecasts=forecasts,
            budgets=budgets,
            providers=self._views(),
            notes=notes_of(self._seen(query, reviewed)),
            timestamp=self.clock.now(),
        )

    def providers(self) -> tuple[ProviderView, ...]:
        """Return what providers themselves forecast and find, as they were last asked."""
        return self._views()

    def review(
        self, query: CostQuery, progress: Progress = lambda done, of: None, *, judged: int = 0
    ) -> Reviewed | None:
        """Judge a stretch of days; None where there are no costs.

        Args:
            judged: only the newest so many days, where the query names no first one; 0: all.
        """
        found = bounds(self.store, query)
        if found is None:
            return None
        today = self.clock.now().date()
        if found[0] > min(today, query.end or today) or (query.start and found[1] < query.start):
            return None
        # The days of one service are those of its accounts: before it began, and after it ended, it cost nothing.
        if query.service:
            found = bounds(self.store, query.model_copy(update={"service": ""})) or found
        # Charges may lie ahead, as what is reserved does; days that have not come are not judged.
        last = min(found[1], query.end or found[1], today)
        newest = last - timedelta(days=judged - 1) if judged else found[0]
        start = max(found[0], query.start or newest)
        if start > last:
            return None
        history = timedelta(days=self.settings.window_days + 7)
        # Whether an account is new is seen before its first day.
        every = bounds(self.store, CostQuery()) if query.account and not judged else None
        first = max(every[0] if every else found[0], start - history)
        column = f"{self.settings.cost}_cost"
        daily = daily_costs(self.store, query, first, last, column)
        # A part is as grave as it is within all.
        whole = usual_days(self.store, first, last, column) if query.is_part else None
        accounts = newcomers(self.store, query, daily, self.settings.least_days)
        return review(
            daily,
            self.settings,
            self.clock.now(),
            first=(start - first).days,
            whole=whole,
            accounts=accounts,
            is_open=last >= today,
            progress=progress,
        )

    def _explained(self, one: CostResult) -> CostResult:
        """Return a result with what drives it and what changed before it."""
        start = one.spike_start_date or one.day
        column = f"{self.settings.cost}_cost"
        found = drivers(self.store, one.key, start, one.day, column)
        # What rose elsewhere drives nothing here; what fell elsewhere may have moved here.
        mine = {SERVICE} if one.key.is_whole else set()
        fell = one.day < self.clock.now().date()  # all else costs less on a day that is not over
        parts = tuple(part for part in found if part.dimension not in _ELSEWHERE - mine or (fell and part.share < 0))
        return one.model_copy(update={"drivers": parts, "changes": changes(self.store, one.key, start, one.day, parts)})

    def _seen(self, query: CostQuery, reviewed: Reviewed) -> Seen:
        daily = reviewed.daily
        stretch = daily.days[reviewed.first :]
        return Seen(
            daily=daily,
            first=reviewed.first,
            doubled=sorted(
                {one.day for one in reviewed.results.quiet.values() if one.standing is Standing.LOOKS_DOUBLED}
            ),
            restated=restated(self.store, query, stretch[0], stretch[-1]),
            today=self.clock.now().date(),
            dropped=reviewed.results.dropped,
            least_days=self.settings.least_days,
            empty_budgets=without_costs(reviewed.daily.keys, self._budgeted(query, self.settings).budgets),
            later=self._later(query, stretch[-1]),
            new_accounts=reviewed.new_accounts(),
        )

    def _later(self, query: CostQuery, last: date) -> date | None:
        """Return the last day with charges where that has not come and is left out for it."""
        if query.end is not None or last < self.clock.now().date():
            return None
        found = bounds(self.store, query)
        return found[1] if found and found[1] > last else None

    def _budgeted(self, query: CostQuery, settings: CostSettings) -> CostSettings:
        """Return settings without budgets where a part is asked for: it would be held against what is for the whole."""
        return settings.model_copy(update={"budgets": ()}) if query.is_part else settings

    def _empty(self, query: CostQuery) -> CostReport:
        now = self.clock.now()
        notes = why_nothing(self.store, query, now.date())
        return CostReport(start=None, end=None, providers=self._views(), notes=notes, timestamp=now)


def _services(reviewed: Reviewed) -> tuple[ServiceTotal, ...]:
    """Return the dearest series of the stretch."""
    daily, first = reviewed.daily, reviewed.first
    costs = daily.costs[:, first:]
    sums = np.nansum(costs, axis=1)
    return tuple(
        ServiceTotal(
            key=daily.keys[row],
            cost=float(sums[row]),
            costs=tuple(None if np.isnan(cost) else float(cost) for cost in costs[row]),
            standing=_standing(reviewed, row, costs[row]),
            change_percent=_change(costs[row]),
            trend_direction=_trend(costs[row]),
        )
        for row in np.argsort(-np.abs(sums), kind="stable")[:LISTED].tolist()
    )


def _standing(reviewed: Reviewed, row: int, costs: Floats) -> Standing:
    known = int(np.count_nonzero(~np.isnan(reviewed.daily.costs[row])))
    if known <= reviewed.walk.settings.least_days:
        return Standing.TOO_YOUNG
    return Standing.JUDGED if np.nansum(costs) > 0 else Standing.NO_COST


def _change(costs: Floats) -> float | None:
    """Return how the last week compares with the one before, in percent."""
    if len(costs) < 14:
        return None
    now, before = np.nansum(costs[-7:]), np.nansum(costs[-14:-7])
    return float(100 * (now - before) / before) if before > 0 else None


def _trend(costs: Floats) -> TrendDirection:
    change = _change(costs)
    return (
        direction(float(np.log1p(change / 100)) / 2) if change is not None and change > -100 else TrendDirection.STABLE
    )
