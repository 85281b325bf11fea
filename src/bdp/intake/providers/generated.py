"""Costs that a seed makes up: for the demo, for tests, and to see how detection does where the truth is known.

What a day costs follows from the seed, the settings and the day alone, so a part of the days is the same as in the
whole. Accounts differ as they do in life (log-normal sizes), services have their own weekly shape and growth, and a
month begins with fees, a plan paid ahead and a credit. What is planted multiplies what a service would have cost.

Memory: one day of lines, and one number for each account and service.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.intake.providers.catalogue import CATALOGUE, COMPUTE, CREDIT, PLAN, REGIONS, SUPPORT
from bdp.model.cost import ALL_SERVICES, CostLine
from bdp.model.cost_result import ForecastDay, ProviderAnomaly, ProviderForecast

Array = NDArray[np.float64]
PROVIDER: Final = "Generated"
PAYER: Final = "210987654300"
_DAY: Final = timedelta(days=1)
_MONTH: Final = 30.0
_LEAST_HISTORY: Final = 14
_DIGITS: Final = 4
_Z: Final = 1.645
"""Standard deviations on either side that hold 90 percent."""


class Planted(BaseModel):
    """Something abnormal in the costs.

    Attributes:
        kind: spike: from `start` to `end`; step: from `start` on, until `end` if there is one; ramp: grows day by day
            from `start` to `end`, and stays.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["spike", "step", "ramp"] = Field(default="spike", description="shape")
    start: date = Field(description="first day")
    end: date | None = Field(default=None, description="last day; empty: spike one day, step for ever, ramp two weeks")
    factor: float = Field(default=3.0, gt=0, le=1000, description="times what it would have cost")
    account: str = Field(default="", description="id or name of an account; empty: all")
    service: str = Field(default="", description="what is billed; empty: all")

    @property
    def last(self) -> date:
        """The last day of a spike, the last day of growth of a ramp, the end of a step."""
        lasting = {"spike": timedelta(), "ramp": timedelta(days=13), "step": date.max - self.start}
        return self.end or self.start + lasting[self.kind]

    def times(self, day: date) -> float:
        """Return what a day's cost is multiplied by."""
        if day < self.start:
            return 1.0
        if self.kind == "ramp":
            share = ((day - self.start).days + 1) / max(1, (self.last - self.start).days + 1)
            return 1.0 + (self.factor - 1.0) * min(1.0, share)
        return self.factor if day <= self.last else 1.0


class GeneratedSettings(BaseModel):
    """What costs are made up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["generated"] = "generated"
    name: str = Field(default="generated", description="of the provider")
    seed: int = Field(default=0, ge=0, description="the same seed and settings give the same costs")
    last_day: date = Field(description="last day with costs")
    days: int = Field(default=120, ge=1, le=1500, description="days with costs, up to the last one")
    accounts: int = Field(default=3, ge=1, le=2000, description="accounts; with two or more, the last one is new")
    services: int = Field(default=12, ge=1, le=len(CATALOGUE), description="services, dearest first")
    daily_cost: float = Field(default=400.0, gt=0, description="of the largest account, about, in the currency")
    growth: float = Field(default=0.02, gt=-1, le=10, description="growth of everything in 30 days, 0.02 is 2 percent")
    weekly: float = Field(default=1.0, ge=0, le=1, description="how far weekends differ; 0: not at all")
    noise: float = Field(default=0.03, ge=0, le=1, description="standard deviation of a day, as share of its cost")
    new_days: int = Field(default=5, ge=0, le=1500, description="age of the newest account in days; 0: it is as old")
    fees: bool = Field(default=True, description="fees, a plan paid ahead and a credit on the first of each month")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code")
    planted: tuple[Planted, ...] = Field(default=(), description="what is abnormal")

    @model_validator(mode="after")
    def _times_that_exist(self) -> GeneratedSettings:
        if self.last_day.year < 1975:
            raise ValueError("last_day: not before 1975")
        return self

    @property
    def first_day(self) -> date:
        """The first day with costs."""
        return self.last_day - timedelta(days=self.days - 1)


class GeneratedCosts:
    """`bdp.ports.CostProvider` on costs that a seed makes up."""

    def __init__(self, settings: GeneratedSettings) -> None:
        self.name = settings.name
        self.problem = ""
        self._settings = settings
        self._services = CATALOGUE[: settings.services]
        self._ids = [str(int(PAYER) + 1 + number) for number in range(settings.accounts)]
        self._names = [f"team-{number + 1:02d}" for number in range(settings.accounts)]

    def lines(self, start: date, end: date) -> Iterator[CostLine]:
        """See `bdp.ports.CostProvider.lines`. They stand by themselves: loaded again, they take their own place."""
        for day in self._within(start, end):
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
            costs = np.round(self._expected(day) * self._planted(day) * self._noise(day), _DIGITS)
            spread = np.round(self._plan * self._active(day) / calendar.monthrange(day.year, day.month)[1], _DIGITS)
            for account, service in np.argwhere(costs > 0).tolist():
                name = self._services[service].name
                ahead = float(spread[account]) if name == COMPUTE else 0.0
                yield self._line(at, account, name, float(costs[account, service]), ahead=ahead)
            if self._settings.fees and day.day == 1:
                yield from self._month(at, day)

    def forecast(self, start: date, end: date) -> ProviderForecast | None:
        """See `bdp.ports.CostProvider.forecast`. It knows the truth but for the noise and what is planted."""
        self.problem = ""
        if end <= start:
            self.problem = "There is no day to forecast."
        elif (start - self._settings.first_day).days < _LEAST_HISTORY:
            self.problem = f"There are fewer than {_LEAST_HISTORY} days of history before {start}."
        if self.problem:
            return None
        days = tuple(self._ahead(start + timedelta(days=number)) for number in range((end - start).days))
        total = round(sum(day.cost for day in days), 2)
        return ProviderForecast(
            provider=PROVIDER, start=start, end=end - _DAY, total=total, currency=self._settings.currency, days=days
        )

    def anomalies(self, start: date, end: date) -> tuple[ProviderAnomaly, ...]:
        """See `bdp.ports.CostProvider.anomalies`: what is planted in these days."""
        return tuple(
            self._anomaly(number, planted, start, end)
            for number, planted in enumerate(self._settings.planted)
            if any(planted.times(day) != 1 for day in self._within(start, end))
        )

    def _within(self, start: date, end: date) -> Iterator[date]:
        first, last = max(start, self._settings.first_day), min(end - _DAY, self._settings.last_day)
        return (first + timedelta(days=number) for number in range((last - first).days + 1))

    @cached_property
    def _scales(self) -> Array:
        """What each service of each account costs on a first day, before weekdays."""
        settings = self._settings
        rng = np.random.default_rng([settings.seed, 0])
        sizes = np.sort(rng.lognormal(0.0, 1.0, settings.accounts))[::-1]
        shares = np.array([one.share for one in self._services])
        shares = shares * rng.lognormal(0.0, 0.35, (settings.accounts, len(shares)))
        used = rng.random(shares.shape) < 0.8
        used[:, 0] = True
        scales: Array = np.where(used, shares, 0.0) / shares[0].sum() * settings.daily_cost
        scales *= (sizes / sizes[0])[:, None]
        return scales

    @cached_property
    def _rates(self) -> Array:
        """Growth of each service in 30 days, as a factor; one of them grows much faster."""
        rng = np.random.default_rng([self._settings.seed, 1])
        rates = np.array([one.growth for one in self._services]) + rng.normal(0.0, 0.01, len(self._services))
        rates[rng.integers(len(rates))] += 0.2
        factors: Array = np.maximum(0.01, 1.0 + self._settings.growth + rates)
        return factors

    @cached_property
    def _plan(self) -> Array:
        """What each account pays ahead for a month."""
        paid = np.round(self._scales[:, 0] * _MONTH * 0.25, 2)
        return paid if self._settings.fees else np.zeros_like(paid)

    def _expected(self, day: date) -> Array:
        """Return what each account and service costs on a day, without noise and what is planted."""
        grown = self._rates ** ((day - self._settings.first_day).days / _MONTH)
        week = np.array([one.week[day.weekday()] for one in self._services])
        costs: Array = self._scales * grown * (1.0 + self._settings.weekly * (week - 1.0))
        return costs * self._active(day)[:, None]

    def _active(self, day: date) -> Array:
        """Return 1 for each account that there was on a day, else 0."""
        active = np.ones(self._settings.accounts)
        age = self._settings.new_days
        if age and len(active) > 1 and day <= self._settings.last_day - timedelta(days=age):
            active[-1] = 0.0
        return active

    def _noise(self, day: date) -> Array:
        rng = np.random.default_rng([self._settings.seed, 2, day.toordinal()])
        noise: Array = np.maximum(0.0, rng.normal(1.0, self._settings.noise, self._scales.shape))
        return noise

    def _planted(self, day: date) -> Array:
        times = np.ones_like(self._scales)
        for planted in self._settings.planted:
            times[self._meant(planted)] *= planted.times(day)
        return times

    def _meant(self, planted: Planted) -> tuple[NDArray[np.intp], ...]:
        """Return the places of accounts and services that something planted is in."""
        owners = [planted.account in ("", *pair) for pair in zip(self._ids, self._names, strict=True)]
        billed = [planted.service in ("", one.name) for one in self._services]
        return np.ix_(np.flatnonzero(owners), np.flatnonzero(billed))

    def _month(self, at: datetime, day: date) -> Iterator[CostLine]:
        """Yield what comes with the first of a month: support, the plan, and a credit for the largest account."""
        active = self._active(day)
        support = np.round(self._expected(day).sum(axis=1) * _MONTH * 0.03, 2)
        for account in map(int, np.flatnonzero(active)):
            yield self._line(at, account, SUPPORT, float(support[account]), category="Purchase")
            paid = float(self._plan[account])
            yield self._line(at, account, PLAN, paid, category="Purchase", ahead=-paid)
        yield self._line(at, 0, CREDIT, -round(float(support[0]) / 2, 2), category="Credit")

    def _line(
        self, at: datetime, account: int, service: str, cost: float, *, category: str = "Usage", ahead: float = 0.0
    ) -> CostLine:
        """Return a line; `ahead` is what its use adds to the effective cost of what was paid ahead."""
        return CostLine(
            charge_period_start=at,
            charge_period_end=at + _DAY,
            provider_name=PROVIDER,
            billing_account_id=PAYER,
            sub_account_id=self._ids[account],
            sub_account_name=self._names[account],
            service_name=service,
            region_id=REGIONS[account % len(REGIONS)],
            charge_category=category,
            billed_cost=cost,
            effective_cost=round(cost + ahead, _DIGITS),
            billing_currency=self._settings.currency,
        )

    def _ahead(self, day: date) -> ForecastDay:
        costs = self._expected(day)
        cost = float(costs.sum())
        if self._settings.fees and day.day == 1:
            support = costs.sum(axis=1) * _MONTH * 0.03
            cost += float(support.sum() - support[0] / 2 + (self._plan * self._active(day)).sum())
        width = _Z * self._settings.noise * float(np.sqrt((costs**2).sum()))
        return ForecastDay(day=day, cost=cost, low=cost - width, high=cost + width)

    def _anomaly(self, number: int, planted: Planted, start: date, end: date) -> ProviderAnomaly:
        meant = self._meant(planted)
        days = [day for day in self._within(start, end) if planted.times(day) != 1]
        impact = sum(float(self._expected(day)[meant].sum()) * (planted.times(day) - 1) for day in days)
        return ProviderAnomaly(
            provider=PROVIDER,
            anomaly_id=f"{self._settings.seed}-{number}",
            start=days[0],
            end=days[-1],
            service_name=planted.service or ALL_SERVICES,
            account_id=dict(zip(self._names, self._ids, strict=True)).get(planted.account, planted.account),
            impact=round(impact, 2),
            currency=self._settings.currency,
            root_causes=(f"planted: a {planted.kind} of {planted.factor:g} times",),
        )
