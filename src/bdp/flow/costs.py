"""Costs: what the store holds, day by day, judged, forecast and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from bdp.clock import Clock
from bdp.detect.cost.settings import CostSettings
from bdp.model.cost_result import CostReport, ProviderView
from bdp.model.noun import Noun
from bdp.ports import BulkStore


class CostQuery(Noun):
    """Which costs; empty takes all.

    Attributes:
        start, end: first and last day to judge; None: all that there are.
        account: id or name of an account. service: what is billed, exact.
    """

    start: date | None = None
    end: date | None = None
    account: str = ""
    service: str = ""
    currency: str = ""


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
        self._store = store
        self._settings = settings
        self._clock = clock
        self._views = views

    def report(self, query: CostQuery | None = None) -> CostReport:
        """Return what is abnormal in a stretch of days, what it rests on, and what comes next.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        return CostReport(start=None, end=None, timestamp=self._clock.now())

    def forecast(self, query: CostQuery | None = None, days: int = 0) -> CostReport:
        """Return a report of what comes next alone: `forecasts` (the whole first, then the dearest), `budgets`.

        Args:
            days: how many days ahead; 0: as the settings say.
        """
        return CostReport(start=None, end=None, timestamp=self._clock.now())
