"""What comes next: daily costs ahead with an interval, and whether a budget will hold.

A day ahead costs the level x its drift x the multiple of its day, as in `outlook.py`; the drift fades out over weeks,
for few bills grow for ever. Its logarithm is off by two parts: what days scatter, each by itself, and what the level
moves, alike for all days ahead and the more the farther away (a random walk by week, from how much the weekly medians
moved beyond the drift). The whole is forecast as a series of its own, so that its interval knows how its parts move
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import erf, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from bdp.detect.cost.daily import Calendar, DailyCosts, Floats, middle
from bdp.detect.cost.fees import FEE_SPREAD, fees
from bdp.detect.cost.outlook import look
from bdp.detect.cost.settings import Budget
from bdp.detect.cost.shape import learn
from bdp.detect.cost.window import WEEK, Window
from bdp.model.cost_result import BudgetOutlook, CostForecast, ForecastDay

_FADES: Final = 8.0
"""Weeks after which a drift has lost most of its strength."""
_LEAST_WANDER: Final = 0.012
_DRIFTS: Final = 1.5
"""The drift is not known exactly either; without this, 90 % intervals held four in five totals of 30 days."""
_OF_MEDIAN: Final = 1.57
"""Variance of the median of normal values by that of their mean."""
_STOPPED: Final = 7
"""Days without cost after which a service that ran on most days is taken to have stopped."""
_OFTEN: Final = 0.5
_MOST_WANDER: Final = 0.5
_WANDER_WEEKS: Final = 8
LEAST_DAYS: Final = 7
_TO_SIGMA: Final = 1.4826


@dataclass(frozen=True)
class Ahead:
    """Days ahead of some series; each of shape (series, days).

    Attributes:
        cost: expected.
        scatter: standard deviation of a day's own part, in money; `wander` of the part that days have in common.
    """

    calendar: Calendar
    cost: Floats
    scatter: Floats
    wander: Floats

    def total(self, begin: int, end: int) -> tuple[Floats, Floats]:
        """Return expected sum and standard deviation of days `begin` to before `end`; shape (series,)."""
        part = slice(begin, end)
        own = (self.scatter[:, part] ** 2).sum(axis=1)
        return self.cost[:, part].sum(axis=1), np.sqrt(own + self.wander[:, part].sum(axis=1) ** 2)


def ahead(daily: DailyCosts, learnt: Floats, running: Floats, days: int) -> Ahead:
    """Return what series cost in the days behind their last.

    Args:
        learnt: costs without their spikes; shape (series, days).
        running: for how many days a spike has been going on; what lasts for three days is expected to go on.
    """
    length = learnt.shape[1]
    weeks = length // WEEK
    calendar = Calendar(daily.calendar.first, length + days)
    past = slice(length - weeks * WEEK, length)
    lift = _lift(daily.costs, learnt, running)
    most = np.nanmax(np.where(np.isnan(daily.costs), 0.0, daily.costs), axis=1, initial=0.0)
    window = Window(calendar, length, learnt[:, past], daily.costs[:, past], daily.costs[:, -1], most)
    shape = learn(window)
    outlook = look(window, shape)
    base = outlook.expected / np.maximum(shape.at(window), 1e-12) * lift
    resting = np.where(window.on_off | window.resting, 1 - window.idle, 1.0)
    after = np.arange(days) / WEEK
    drift = outlook.weekly[:, None] * _FADES * (1 - np.exp(-after / _FADES))
    multiple = np.stack(
        [shape.at(Window(calendar, length + day, learnt, learnt, base, base)) for day in range(days)], axis=1
    )
    cost = base[:, None] * np.exp(drift) * multiple * resting[:, None]
    rests = np.flatnonzero(window.resting)
    cost[rests] = fees(daily, rests, days)
    cost[(daily.costs[:, -_STOPPED:] == 0).all(axis=1) & (window.idle < _OFTEN)] = 0.0
    moved = _wander(window, outlook.weekly, outlook.spread)
    moved[rests] = _LEAST_WANDER
    spread = outlook.spread.copy()
    spread[rests] = np.minimum(spread[rests], FEE_SPREAD)
    return Ahead(calendar, cost, cost * spread[:, None], cost * moved[:, None] * np.sqrt(after + 1))


def forecast(one: Ahead, row: int, first: date, level: float, **about: str) -> CostForecast:
    """Return the forecast of one series as people read it.

    Args:
        first: day of its first column; level: share of days that the interval is to hold.
        about: account, service_name, currency, method.
    """
    width = NormalDist().inv_cdf(0.5 + level / 2)
    spread = np.sqrt(one.scatter[row] ** 2 + one.wander[row] ** 2)
    days = tuple(
        ForecastDay(
            day=first + timedelta(days=at),
            cost=round(float(cost), 6),
            low=round(_low(float(cost), float(width * off)), 6),
            high=round(float(cost + width * off), 6),
        )
        for at, (cost, off) in enumerate(zip(one.cost[row], spread, strict=True))
    )
    total, off = (float(part[row]) for part in one.total(0, one.cost.shape[1]))
    return CostForecast(
        days=days, level=level, total=total, low=_low(total, width * off), high=total + width * off, **about
    )


def budget(
    given: Budget, spent: Sequence[float], one: Ahead, row: int, as_of: date, level: float
) -> BudgetOutlook:  # fmt: skip
    """Return whether a budget will hold in the month of `as_of`, the last day with costs.

    Args:
        spent: what each day of the month up to then cost.
    """
    end = (as_of.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    left = min((end - as_of).days, one.cost.shape[1])
    width = NormalDist().inv_cdf(0.5 + level / 2)
    so_far = float(sum(spent))
    sums = [tuple(float(part[row]) for part in one.total(0, day)) for day in range(1, left + 1)]
    rest, off = sums[-1] if sums else (0.0, 0.0)
    expected = so_far + rest
    probability = (
        1.0 if so_far >= given.amount else 0.5 * (1 + erf((expected - given.amount) / (off * sqrt(2)))) if off else 0.0
    )
    passed = _passed(spent, as_of, given.amount)
    day = passed or _crossing(sums, as_of, given.amount - so_far, 0.0)
    earliest = passed or _crossing(sums, as_of, given.amount - so_far, width)
    english, korean = _told(given, so_far, expected, day, earliest, probability, end)
    return BudgetOutlook(
        name=given.name, amount=given.amount, currency=given.currency, start=as_of.replace(day=1), end=end, as_of=as_of,
        spent=so_far, expected=expected, low=so_far + _low(rest, width * off), high=so_far + rest + width * off,
        overrun_day=day, overrun_earliest=earliest, probability=min(1.0, max(0.0, probability)),
        text=english, text_ko=korean,
    )  # fmt: skip


def _low(cost: float, off: float) -> float:
    """Return the lower end: costs do not fall below nothing, but what is refunded already may."""
    return cost - off if cost < 0 else max(0.0, cost - off)


def _lift(costs: Floats, learnt: Floats, running: Floats) -> Floats:
    recent = slice(-3, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        lift = middle(costs[:, recent]) / middle(learnt[:, recent])
    found: Floats = np.where((running >= 3) & np.isfinite(lift), lift, 1.0)
    return found


def _wander(window: Window, weekly: Floats, spread: Floats) -> Floats:
    """Return by how much the level moves in a week beyond its drift, as a logarithm.

    The median of a week scatters by itself as its days do, which is taken off.
    """
    weeks = middle(window.learnt.reshape(len(window.learnt), window.learnt.shape[1] // WEEK, WEEK))[:, -_WANDER_WEEKS:]
    if weeks.shape[1] < 3:
        return np.full(len(weekly), 0.1)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.diff(np.log(np.where(weeks > 0, weeks, np.nan)), axis=1) - weekly[:, None]
    seen = np.nan_to_num(_TO_SIGMA * middle(np.abs(steps))) ** 2
    own = 2 * _OF_MEDIAN * spread**2 / WEEK
    found: Floats = np.clip(_DRIFTS * np.sqrt(np.maximum(seen - own, 0.0)), _LEAST_WANDER, _MOST_WANDER)
    return found


def _crossing(sums: Sequence[tuple[float, ...]], as_of: date, room: float, width: float) -> date | None:
    over = (day for day, (cost, off) in enumerate(sums, 1) if cost + width * off > room)
    found = next(over, None)
    return as_of + timedelta(days=found) if found is not None else None


def _passed(spent: Sequence[float], as_of: date, amount: float) -> date | None:
    """Return the day on which the budget was used up already."""
    total = 0.0
    for place, cost in enumerate(spent):
        total += cost
        if total > amount:
            return as_of - timedelta(days=len(spent) - 1 - place)
    return None


def _told(
    given: Budget, spent: float, expected: float, day: date | None, earliest: date | None, chance: float, end: date
) -> tuple[str, str]:
    money = f"{given.amount:,.2f} {given.currency}"
    if spent > given.amount:
        over = f"{spent - given.amount:,.2f} {given.currency}"
        return (
            f"{given.name}: {money} was used up on {day}; {over} more has been spent since.",
            f"{given.name}: {day}에 예산 {money}을 모두 썼고 그 뒤로 {over}을 더 썼습니다.",
        )
    if day is not None:
        over = f"{expected - given.amount:,.2f} {given.currency}"
        return (
            (
                f"{given.name}: {money} will be used up on {day} as it goes on, {over} over by {end} "
                f"({100 * chance:.0f} % sure)."
            ),
            (
                f"{given.name}: 이대로면 {day}에 예산 {money}을 모두 쓰고 {end}까지 {over} 초과합니다 (확률 "
                f"{100 * chance:.0f} %)."
            ),
        )
    if earliest is not None:
        return (
            f"{given.name}: {money} will probably hold, but may be used up from {earliest} on ({100 * chance:.0f} %).",
            (
                f"{given.name}: 예산 {money}은 지켜질 것으로 보이나 빠르면 {earliest}에 소진될 수 있습니다 "
                f"({100 * chance:.0f} %)."
            ),
        )
    return f"{given.name}: {money} will hold until {end}.", f"{given.name}: 예산 {money}은 {end}까지 지켜집니다."
