"""What was charged in all, taxes and credits too, and which days came more than once."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from bdp.detect.cost.results import USUAL_DAYS
from bdp.flow.daily_costs import CostQuery, between
from bdp.model.cost_result import CurrencyTotal
from bdp.ports import Store

_MOST_DAYS: Final = 400


def totals(store: Store, query: CostQuery, first: date, last: date) -> tuple[CurrencyTotal, ...]:
    """Return the sums by currency, the largest first; from the first to the last day, both included."""
    rows = store.query(
        "SELECT billing_currency AS currency, charge_category AS category, sumKahan(billed_cost) AS billed, "
        f"sumKahan(effective_cost) AS effective, count() AS lines FROM charges WHERE {between(first, last)} "
        f"AND {query.whose} GROUP BY currency, category ORDER BY abs(billed) DESC, category"
    )
    currencies = dict.fromkeys(row["currency"] for row in rows)
    return tuple(
        CurrencyTotal(
            currency=currency,
            billed_cost=sum(row["billed"] for row in rows if row["currency"] == currency),
            effective_cost=sum(row["effective"] for row in rows if row["currency"] == currency),
            lines=sum(row["lines"] for row in rows if row["currency"] == currency),
            by_category={row["category"]: row["billed"] for row in rows if row["currency"] == currency},
        )
        for currency in currencies
    )


def usual_days(store: Store, first: date, last: date, column: str) -> dict[str, float]:
    """Return, by currency, what all of it costs on a usual day: the median of the newest from the first to the last.

    Args:
        column: `billed_cost` or `effective_cost`.
    """
    first = max(first, last - timedelta(days=USUAL_DAYS - 1))
    rows = store.query(
        "SELECT currency, quantileExactInclusive(0.5)(arrayJoin(arrayResize(paid, "
        f"{(last - first).days + 1:d}))) AS usual FROM (SELECT currency, groupArray(cost) AS paid FROM ("
        f"SELECT billing_currency AS currency, sum({column}) AS cost FROM charges WHERE {between(first, last)} "
        f"AND {CostQuery().where} GROUP BY currency, toDate(charge_period_start)) GROUP BY currency) GROUP BY currency"
    )
    return {row["currency"]: float(row["usual"]) for row in rows}


def restated(store: Store, query: CostQuery, first: date, last: date) -> list[tuple[date, int]]:
    """Return the days in whose place newer lines came, and how many lines were replaced."""
    rows = store.query(
        "SELECT day, sum(n) AS lines FROM ("
        f"SELECT toDate(charge_period_start) AS day, toInt64(count()) AS n FROM costs WHERE {between(first, last)} "
        f"AND {query.whose} GROUP BY day UNION ALL "
        f"SELECT toDate(charge_period_start) AS day, -toInt64(count()) AS n FROM charges WHERE {between(first, last)} "
        f"AND {query.whose} GROUP BY day) GROUP BY day HAVING lines > 0 ORDER BY day LIMIT {_MOST_DAYS:d}"
    )
    return [(row["day"], int(row["lines"])) for row in rows]
