"""Whether a day of a bill is whole: providers deliver late, and a day grows for hours after its end."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from bdp.explain.costs.usual import day_of, within
from bdp.ports import Row, Store

_PARTIAL: Final = 0.7


@dataclass(frozen=True)
class Delivery:
    """What was delivered of each day: lines, and how many hours of the day they begin in.

    Attributes:
        query: SQL that says so.
    """

    rows: Mapping[date, Row]
    query: str

    def lines(self, days: Sequence[date]) -> int:
        """Return how many lines a day usually has; 0 where nothing is known."""
        return round(median([int(self.rows[day]["found"]) for day in days if day in self.rows] or [0]))

    def is_partial(self, day: date, before: Sequence[date]) -> bool:
        """Return whether a day has clearly fewer hours than others, or where it comes by the day fewer lines."""
        one = self.rows.get(day)
        known = [self.rows[other] for other in before if other in self.rows]
        if one is None or not known:
            return False
        hours = median(row["hours"] for row in known)
        few = hours <= 1 and one["found"] < _PARTIAL * median(row["found"] for row in known)
        return bool(one["hours"] < _PARTIAL * hours or few)


def delivered(store: Store, where: str, first: date, last: date) -> Delivery:
    """Return what was delivered of the charges that fit a condition."""
    query = (
        f"SELECT toDate(charge_period_start) AS day, count() AS found, uniqExact(toHour(charge_period_start)) AS hours "
        f"FROM charges WHERE {where} AND {within(first, last)} GROUP BY day ORDER BY day LIMIT 1000"
    )
    return Delivery({day_of(row["day"]): row for row in store.query(query)}, query)
