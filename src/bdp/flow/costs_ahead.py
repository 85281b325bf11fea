"""What a month will cost and whether budgets hold: the forecast of costs, beside what was billed already.

A day that is not over is left out: it has part of its cost, and would be taken for a cheap one.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from bdp.flow.costs import Costs
from bdp.flow.daily_costs import CostQuery, between, bounds
from bdp.model.cost_result import BudgetOutlook
from bdp.ports import BudgetAhead, MonthAhead

_DAY: Final = timedelta(days=1)


class CostsAhead:
    """Asks the same forecast as reports do."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def month(self, service: str = "") -> MonthAhead | None:
        """Return what the month comes to; see `CostOutlook`."""
        as_of = self._as_of()
        if as_of is None:
            return None
        # Of costs that end before, it is the month in which they do: only what comes right behind them is forecast.
        last = _end_of(as_of + _DAY)
        first = last.replace(day=1)
        query = CostQuery(service=service, end=as_of)
        report = self._costs.forecast(query, (last - as_of).days)
        sql = self._spent(query, first, as_of)
        spent = {row["currency"]: float(row["spent"]) for row in self._costs.store.query(sql)}
        rest = tuple(one for one in report.forecasts if not one.account and not one.service_name and one.days)
        return MonthAhead(first=first, last=last, as_of=as_of, spent=spent, rest=rest, query=sql)

    def budgets(self) -> tuple[BudgetAhead, ...]:
        """Return how each budget stands; see `CostOutlook`."""
        as_of = self._as_of()
        if as_of is None or not self._costs.settings.budgets:
            return ()
        report = self._costs.forecast(CostQuery(end=as_of))
        return tuple(BudgetAhead(one, self._of(one)) for one in report.budgets)

    def _of(self, one: BudgetOutlook) -> str:
        given = next(given for given in self._costs.settings.budgets if given.name == one.name)
        query = CostQuery(account=given.account, service=given.service, currency=given.currency)
        return self._spent(query, one.start, one.as_of)

    def _as_of(self) -> date | None:
        """Return the last day with costs that is over."""
        found = bounds(self._costs.store, CostQuery())
        yesterday = self._costs.clock.now().date() - _DAY
        return min(found[1], yesterday) if found is not None and found[0] <= yesterday else None

    def _spent(self, query: CostQuery, first: date, last: date) -> str:
        return (
            f"SELECT billing_currency AS currency, sum({self._costs.settings.cost}_cost) AS spent FROM charges "
            f"WHERE {between(first, last)} AND {query.where} GROUP BY currency ORDER BY currency"
        )


def _end_of(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
