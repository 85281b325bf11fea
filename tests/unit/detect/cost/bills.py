"""Daily costs of a few services, and what a walk over them finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np

from bdp.detect.cost.daily import Calendar, DailyCosts, Floats
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.results import Results
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.walk import DayJudged, Walk
from bdp.model.cost_result import CostKey, CostResult

MONDAY: Final = date(2026, 1, 5)
NOW: Final = datetime(2026, 7, 1, tzinfo=UTC)


def noisy(level: float, days: int, seed: int = 1, spread: float = 0.04) -> Floats:
    """Costs around a level, each day by itself."""
    scatter: Floats = level * np.exp(np.random.default_rng(seed).normal(0.0, spread, days))
    return scatter


def key(service: str = "Amazon S3", account: str = "1", currency: str = "USD") -> CostKey:
    return CostKey(account_id=account, service_name=service, currency=currency)


def daily(
    rows: Sequence[Floats | Sequence[float]], first: date = MONDAY, keys: Sequence[CostKey] | None = None
) -> DailyCosts:
    costs = np.array([np.asarray(row, np.float64) for row in rows], np.float64)
    chosen = keys or [key(f"service {place}") for place in range(len(costs))]
    return DailyCosts(chosen, Calendar(first, costs.shape[1]), costs)


@dataclass(frozen=True)
class Found:
    walk: Walk
    results: Results
    days: list[DayJudged]

    @property
    def spikes(self) -> list[CostResult]:
        return self.results.anomalies()

    def abnormal(self, row: int = 0) -> list[int]:
        """Places of the days of a series that are abnormal."""
        return [day.place for day in self.days if row in day.rows[day.anomalous]]

    def only(self) -> CostResult:
        (one,) = self.spikes
        return one

    def at(self, place: int, row: int = 0) -> tuple[float, float]:
        """Raw confidence and confidence of a day; of a day that no method was shown, nothing."""
        day = self.days[place]
        rows = day.rows.tolist()
        if row not in rows:
            return 0.0, 0.0
        i = rows.index(row)
        return float(day.weighed.raw[i]), float(day.weighed.confidence[i])

    def lowered(self, place: int, row: int = 0) -> dict[str, float]:
        """What each pattern took from the confidence of a day."""
        day = self.days[place]
        i = day.rows.tolist().index(row)
        return {name: float(one[i]) for name, one in day.weighed.adjustments.items()}


def look_at(costs: DailyCosts, **settings: Any) -> Found:
    """Judge all days in their order."""
    chosen = CostSettings(**settings)
    walk = Walk(costs, chosen, Ensemble(chosen))
    results = Results(walk, chosen, NOW)
    days = []
    for day in walk.walk(0, len(costs.days) - 1):
        results.add(day)
        days.append(day)
    return Found(walk, results, days)


def seen(*rows: Floats | Sequence[float], first: date = MONDAY, **settings: Any) -> Found:
    return look_at(daily(rows, first), **settings)


def at(place: int, first: date = MONDAY) -> date:
    return first + timedelta(days=place)
