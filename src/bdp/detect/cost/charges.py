"""Charges, one by one, as daily costs: for a place without a store, which otherwise sums them (see `bdp.flow`).

Taxes and credits are left out of what is judged: they follow the bill, or set it off. The totals have them.
"""

from __future__ import annotations

from array import array
from datetime import date
from typing import Final, Literal

import numpy as np

from bdp.detect.cost.daily import Calendar, DailyCosts, Flags, Floats, Ints
from bdp.model.cost import CostLine
from bdp.model.cost_result import CostKey, CurrencyTotal

_NOT_JUDGED: Final = ("Tax", "Credit")
_TAX: Final = "Tax"


class Charges:
    """Gathers charges, and gives their sums.

    Args:
        account: id or name of the account whose costs are wanted; empty: all.
        service: what is billed, exact; empty: all.
        cost: which cost is judged.

    Memory: 56 bytes a charge, and the matrix of series and days.
    """

    def __init__(self, account: str = "", service: str = "", cost: Literal["billed", "effective"] = "billed") -> None:
        self._account = account
        self._service = service
        self._cost = cost
        self._accounts: dict[tuple[str, str, str], int] = {}
        self._names: list[str] = []
        self._services: dict[str, int] = {}
        self._currencies: dict[str, int] = {}
        self._categories: dict[str, int] = {}
        self._codes = array("q")
        self._billed = array("d")
        self._effective = array("d")

    def __len__(self) -> int:
        """Return how many charges there are, the unwanted too."""
        return len(self._billed)

    def add(self, line: CostLine) -> None:
        """Take in one charge; no other one may stand for the same."""
        key = (line.provider_name, line.billing_account_id, line.sub_account_id)
        account = self._accounts.setdefault(key, len(self._names))
        if account == len(self._names):
            self._names.append("")
        self._names[account] = line.sub_account_name or self._names[account]
        service = self._services.setdefault(line.service_name, len(self._services))
        currency = self._currencies.setdefault(line.billing_currency, len(self._currencies))
        category = self._categories.setdefault(line.charge_category, len(self._categories))
        self._codes.extend((account, service, currency, category, line.charge_period_start.toordinal()))
        self._billed.append(line.billed_cost)
        self._effective.append(line.effective_cost)

    def daily(self, *, every: bool = False) -> DailyCosts | None:
        """Return the daily costs of what is wanted, from the first day with any to the last; None if there are none.

        A day on which the account has no charge at all, or none of the series' currency, is a gap.

        Args:
            every: of all that was added, wanted or not.
        """
        account, service, currency, category, day = self._columns()
        judged = ~np.isin(category, [at for name, at in self._categories.items() if name in _NOT_JUDGED])
        chosen = judged & (every | self._wanted()) & (service != self._services.get(_TAX, -1))
        if not chosen.any():
            return None
        first, last = int(day[chosen].min()), int(day[chosen].max())
        days = last - first + 1
        shape = len(self._names), len(self._services), len(self._currencies)
        marks, rows = np.unique(
            np.ravel_multi_index((account[chosen], service[chosen], currency[chosen]), shape), return_inverse=True
        )
        cost = np.frombuffer(self._billed if self._cost == "billed" else self._effective, np.float64)
        places = rows * days + (day[chosen] - first)
        sums: Floats = np.bincount(places, cost[chosen], len(marks) * days).astype(np.float64)
        costs = sums.reshape(len(marks), days)
        accounts, services, currencies = np.unravel_index(marks, shape)
        within = (day >= first) & (day <= last)
        there = np.zeros((shape[0], shape[2], days), np.bool_)
        there[account[within], currency[within], day[within] - first] = True
        costs[~there[accounts, currencies]] = np.nan
        parts = zip(accounts.tolist(), services.tolist(), currencies.tolist(), strict=True)
        return DailyCosts(self._keys(list(parts)), Calendar(date.fromordinal(first), days), costs)

    def totals(self, first: date, last: date) -> tuple[CurrencyTotal, ...]:
        """Return the sums by currency, the largest first, of what is wanted; both days included."""
        _, _, currency, category, day = self._columns()
        chosen = self._wanted() & (day >= first.toordinal()) & (day <= last.toordinal())
        billed, effective = (np.frombuffer(costs, np.float64) for costs in (self._billed, self._effective))
        found = []
        for name, at in self._currencies.items():
            of = chosen & (currency == at)
            if of.any():
                sums = np.bincount(category[of], billed[of], len(self._categories))
                there = np.bincount(category[of], minlength=len(self._categories)) > 0
                found.append(
                    CurrencyTotal(
                        currency=name,
                        billed_cost=float(billed[of].sum()),
                        effective_cost=float(effective[of].sum()),
                        lines=int(np.count_nonzero(of)),
                        by_category={one: float(sums[i]) for one, i in self._categories.items() if there[i]},
                    )
                )
        return tuple(sorted(found, key=lambda one: -abs(one.billed_cost)))

    def _columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        account, service, currency, category, day = np.frombuffer(self._codes, np.int64).reshape(-1, 5).T
        return account, service, currency, category, day

    def _wanted(self) -> Flags:
        account, service = self._columns()[:2]
        found: Flags = np.ones(len(self), np.bool_)
        if self._account:
            of = (at for key, at in self._accounts.items() if self._account in (key[1], key[2], self._names[at]))
            found &= np.isin(account, list(of))
        if self._service:
            found &= service == self._services.get(self._service, -1)
        return found

    def _keys(self, parts: list[tuple[int, int, int]]) -> list[CostKey]:
        accounts, services, currencies = list(self._accounts), list(self._services), list(self._currencies)
        return [
            CostKey(
                provider_name=accounts[account][0],
                billing_account_id=accounts[account][1],
                account_id=accounts[account][2] or accounts[account][1],
                account_name=self._names[account],
                service_name=services[service],
                currency=currencies[currency],
            )
            for account, service, currency in parts
        ]
