"""What a subject usually costs: the median of up to six weeks before, day by day; by weekday where that matters."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import fmean, median
from typing import Final

from bdp.model.cost_result import CostKey
from bdp.ports import Store
from bdp.sql import equals, literal

COLUMNS: Final = ("billed_cost", "effective_cost")
BEFORE_DAYS: Final = 42
LEAST_DAYS: Final = 5
"""Days before, below which nothing is usual."""
_LEAST_OF_WEEKDAY: Final = 3
_SPREADS: Final = 3.0
_WEEKLY: Final = 0.5
"""Weekdays matter where days are so much nearer to the median of their weekday than to that of all."""


@dataclass(frozen=True)
class Usual:
    """Days of a rise and the days before it.

    Attributes:
        costs: of each day that has a line, up to the last of the rise.
        first, last: of the rise.
        weekly: days are held against the same weekdays.
        query: SQL that gives `costs` again.
    """

    costs: Mapping[date, float]
    first: date
    last: date
    weekly: bool
    query: str

    @property
    def before(self) -> list[date]:
        """Days before the rise that have a line."""
        return [day for day in self.costs if day < self.first]

    @property
    def days(self) -> list[date]:
        """Days of the rise that have a line."""
        return [day for day in self.costs if day >= self.first]

    @property
    def asked(self) -> int:
        """Days of the rise, whether or not they have a line."""
        return (self.last - self.first).days + 1

    def kind(self, day: date) -> int:
        """Return which days a day is held against: those of its weekday (1 to 7), or all (0)."""
        return day.isoweekday() if self.weekly else 0

    def like(self, day: date) -> list[float]:
        """Return the costs before that a day is held against."""
        return [self.costs[one] for one in self.before if self.kind(one) == self.kind(day)]

    @property
    def level(self) -> float:
        """What such days usually cost, by day; 0.0 where nothing is known."""
        return fmean(median(self.like(day) or [0.0]) for day in self.days) if self.days else 0.0

    @property
    def held(self) -> list[float]:
        """The costs before that the days are held against."""
        kinds = {self.kind(day) for day in self.days}
        return [self.costs[day] for day in self.before if self.kind(day) in kinds]

    @property
    def cost(self) -> float:
        """What the days of the rise cost, by day."""
        return fmean(self.costs[day] for day in self.days) if self.days else 0.0

    @property
    def rose(self) -> bool:
        """The days cost more than usual, beyond the spread of the days before; at most one of these cost as much."""
        dear = sorted(self.held)[-2:]
        spread = median(abs(cost - self.level) for cost in self.held) if self.held else 0.0
        return self.change > _SPREADS * spread and self.change > 0 and (len(dear) < 2 or self.cost > dear[0])

    @property
    def change(self) -> float:
        """By how much that is more than usual."""
        return self.cost - self.level


def usual(store: Store, where: str, first: date, last: date, column: str, among: str = "") -> Usual:
    """Return what the charges that fit a condition cost on some days, and on those before.

    Args:
        where: SQL condition over `charges`.
        column: `billed_cost` or `effective_cost`.
        among: SQL condition for a bill that they are part of: on its other days they cost nothing; empty: nothing is
            known of these.
    """
    since = first - timedelta(days=BEFORE_DAYS)
    paid = f"sumIf({checked(column)}, {where})" if among else f"sum({checked(column)})"
    query = (
        f"SELECT toDate(charge_period_start) AS day, {paid} AS cost FROM charges "
        f"WHERE {among or where} AND {within(since, last)} GROUP BY day ORDER BY day LIMIT 1000"
    )
    costs = {day_of(row["day"]): float(row["cost"]) for row in store.query(query)}
    return Usual(costs, first, last, _is_weekly(costs, first, last), query)


def whose(key: CostKey) -> str:
    """Return the SQL condition for the charges of a key; what is empty takes any."""
    return " AND ".join(part for part in (account_of(key), service_of(key)) if part) or "1"


def account_of(key: CostKey) -> str:
    """Return the SQL condition for the account of a key, in its currency."""
    fields = {
        "provider_name": key.provider_name,
        "billing_account_id": key.billing_account_id,
        "if(sub_account_id = '', billing_account_id, sub_account_id)": key.account_id,
        "billing_currency": key.currency,
    }
    return " AND ".join(equals(column, text) for column, text in fields.items() if text)


def service_of(key: CostKey) -> str:
    """Return the SQL condition for what is billed, in the key's currency, in any account."""
    fields = {"service_name": "" if key.is_whole else key.service_name, "billing_currency": key.currency}
    return " AND ".join(equals(column, text) for column, text in fields.items() if text)


def payer_of(key: CostKey) -> str:
    """Return the SQL condition for the bill that has a key's account, if the key means all of it; else empty."""
    if not (key.is_whole and key.billing_account_id):
        return ""
    fields = {
        "provider_name": key.provider_name,
        "billing_account_id": key.billing_account_id,
        "billing_currency": key.currency,
    }
    return " AND ".join(equals(column, text) for column, text in fields.items() if text)


def within(first: date, last: date) -> str:
    """Return the SQL condition for charges that begin on some days."""
    start, end = midnight(first), midnight(last + timedelta(days=1))
    return f"charge_period_start >= {literal(start)} AND charge_period_start < {literal(end)}"


def midnight(day: date) -> datetime:
    """Return the beginning of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def checked(column: str) -> str:
    """Return the name of a column of money.

    Raises:
        ValueError: it is none.
    """
    if column not in COLUMNS:
        raise ValueError(f"{column!r} is no column of costs; these are: {', '.join(COLUMNS)}")
    return column


def day_of(value: date) -> date:
    """Return a day from the store, whichever way the client hands it out."""
    return value.date() if isinstance(value, datetime) else value


def _is_weekly(costs: Mapping[date, float], first: date, last: date) -> bool:
    """Return whether the days of a rise are to be held against their own weekdays only."""
    before = {day: cost for day, cost in costs.items() if day < first}
    by_weekday: dict[int, list[float]] = {}
    for day, cost in before.items():
        by_weekday.setdefault(day.isoweekday(), []).append(cost)
    asked = {(first + timedelta(days=at)).isoweekday() for at in range(min((last - first).days + 1, 7))}
    if any(len(by_weekday.get(weekday, ())) < _LEAST_OF_WEEKDAY for weekday in asked):
        return False
    middles = {weekday: median(found) for weekday, found in by_weekday.items()}
    apart = _mean_off(list(before.values()), [median(before.values())] * len(before))
    return apart > 0 and _WEEKLY * apart >= _mean_off(
        list(before.values()), [middles[day.isoweekday()] for day in before]
    )


def _mean_off(costs: Sequence[float], middles: Sequence[float]) -> float:
    return fmean(abs(cost - middle) for cost, middle in zip(costs, middles, strict=True))
