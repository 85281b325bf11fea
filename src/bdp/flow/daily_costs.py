"""Daily costs by account and service, summed by the store.

Millions of lines become one row for each series and stretch of days, and matrices in numpy. Lines in whose place newer
ones came are left out: account-days that one statement tells alone, nearly all of them, are summed as they are; the
others are read through the view `charges`, which takes longer.

Taxes and credits are left out of what is judged: they follow the bill, or set it off. The report's totals have them.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import Calendar, DailyCosts
from bdp.model.cost_result import CostKey
from bdp.model.noun import Noun
from bdp.ports import BulkStore, Store
from bdp.sql import equals, literal

_PAGE_DAYS: Final = 18
ACCOUNT_MARK: Final = "cityHash64(provider_name, billing_account_id, sub_account_id)"
"""SQL for the first of a series' `Keys.parts`."""
_SERVICE: Final = "cityHash64(service_name)"
_CURRENCY: Final = "cityHash64(billing_currency)"
_JUDGED: Final = "charge_category NOT IN ('Tax', 'Credit') AND service_name != 'Tax'"
_MIXED: Final = (
    "SELECT account_day FROM costs WHERE {days} GROUP BY account_day "
    "HAVING min(cityHash64(statement)) != max(cityHash64(statement)) OR min(cityHash64(statement)) = cityHash64('')"
)
Names = dict[int, tuple[str, ...]]


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

    @property
    def is_part(self) -> bool:
        """Whether an account, a service or a currency is named."""
        return bool(self.account or self.service or self.currency)

    @property
    def where(self) -> str:
        """The SQL condition for what is judged of it, without the days."""
        return f"{self.whose} AND {_JUDGED}"

    @property
    def whose(self) -> str:
        """The SQL condition for all lines of it, without the days."""
        terms = ["1"]
        if self.account:
            names = ("sub_account_id", "sub_account_name", "billing_account_id")
            terms.append(f"({' OR '.join(equals(name, self.account) for name in names)})")
        if self.service:
            terms.append(equals("service_name", self.service))
        if self.currency:
            terms.append(equals("billing_currency", self.currency))
        return " AND ".join(terms)


@dataclass(frozen=True)
class Keys(Sequence[CostKey]):
    """The keys of many series, made when they are asked for."""

    parts: NDArray[np.uint64]
    accounts: Names
    services: Names
    currencies: Names

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, place: int) -> CostKey: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[CostKey]: ...

    def __getitem__(self, place: int | slice) -> CostKey | Sequence[CostKey]:
        """Return the key of a series."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        account, service, currency = self.parts[place].tolist()
        provider, billing, sub, name = self.accounts[account]
        return CostKey(
            provider_name=provider,
            billing_account_id=billing,
            account_id=sub or billing,
            account_name=name,
            service_name=self.services[service][0],
            currency=self.currencies[currency][0],
        )


def bounds(store: Store, query: CostQuery) -> tuple[date, date] | None:
    """Return the first and the last day with costs; None where there are none."""
    row = store.query(
        f"SELECT min(toDate(charge_period_start)) AS first, max(toDate(charge_period_start)) AS last, count() AS lines "
        f"FROM costs WHERE {query.where}"
    )[0]
    return (row["first"], row["last"]) if row["lines"] else None


def daily_costs(store: BulkStore, query: CostQuery, first: date, last: date, column: str) -> DailyCosts:
    """Return daily costs from the first to the last day, both included.

    Args:
        column: `billed_cost` or `effective_cost`.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    days = (last - first).days + 1
    parts, costs = _summed(store, query, first, days, column)
    keys = Keys(parts, *_names(store, query, first, last))
    return DailyCosts(keys, Calendar(first, days), _with_gaps(store, query, keys, first, days, costs))


def _summed(
    store: BulkStore, query: CostQuery, first: date, days: int, column: str
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Return the parts of the keys, shape (series, 3), and the sums, shape (series, days)."""
    pages = list(_pages(store, query, first, days, column))
    parts = np.concatenate([page["key"] for _, page in pages]) if pages else np.zeros((0, 3), np.uint64)
    marks = _mark(parts)
    order, where = np.unique(marks, return_index=True)
    costs = np.zeros((len(order), days))
    for at, page in pages:
        rows = np.searchsorted(order, _mark(page["key"]))
        costs[rows, at : at + page["cost"].shape[1]] += page["cost"]
    return parts[where], costs


def _pages(
    store: BulkStore, query: CostQuery, first: date, days: int, column: str
) -> Iterator[tuple[int, NDArray[np.void]]]:
    whole = _MIXED.format(days=between(first, first + timedelta(days=days - 1)))
    none_mixed = not store.query(f"SELECT count() AS mixed FROM ({whole})")[0]["mixed"]
    for at in range(0, days, _PAGE_DAYS):
        size = min(_PAGE_DAYS, days - at)
        begin = first + timedelta(days=at)
        row = np.dtype([("key", "<u8", (3,)), ("cost", "<f8", (size,))])
        sums = ", ".join(f"sumIf({column}, place = {place})" for place in range(size))
        stretch = between(begin, begin + timedelta(days=size - 1))
        mixed = _MIXED.format(days=stretch)
        alone = "" if none_mixed else f"AND account_day NOT IN ({mixed})"
        sources = {"costs": alone} | ({} if none_mixed else {"charges": f"AND account_day IN ({mixed})"})
        for source, which in sources.items():
            lines = (
                f"SELECT {ACCOUNT_MARK} AS account, {_SERVICE} AS service, {_CURRENCY} AS currency, "
                f"toDate(charge_period_start) - toDate({literal(str(begin))}) AS place, {column} "
                f"FROM {source} WHERE {stretch} AND {query.where} {which}"
            )
            found = store.packed(
                f"SELECT account, service, currency, {sums} FROM ({lines}) GROUP BY account, service, currency", row
            )
            if len(found):
                yield at, found


def _with_gaps(
    store: BulkStore, query: CostQuery, keys: Keys, first: date, days: int, costs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return costs with nan on days on which the account has no charge at all, or none yet of the series' currency."""
    last = first + timedelta(days=days - 1)
    found = store.packed(
        f"SELECT {ACCOUNT_MARK} AS account, {_CURRENCY} AS currency, "
        f"toUInt32(toDate(charge_period_start) - toDate({literal(str(first))})) AS place FROM costs "
        f"WHERE {between(first, last)} GROUP BY account, currency, place",
        np.dtype([("account", "<u8"), ("currency", "<u8"), ("place", "<u4")]),
    )
    accounts = _mark(np.column_stack([found["account"], found["currency"]]))
    order = np.unique(accounts)
    there = np.zeros((len(order), days), np.bool_)
    there[np.searchsorted(order, accounts), found["place"]] = True
    rows = np.searchsorted(order, _mark(keys.parts[:, [0, 2]]))
    costs[~there[rows]] = np.nan
    return costs


def _names(store: Store, query: CostQuery, first: date, last: date) -> tuple[Names, Names, Names]:
    """Return what the parts of keys stand for: account, service, currency."""
    days = between(first, last)

    def read(mark: str, columns: tuple[str, ...]) -> Names:
        told = ", ".join(columns)
        by = ", ".join(column for column in columns if " AS " not in column)
        rows = store.query(f"SELECT {mark} AS mark, {told} FROM costs WHERE {days} AND {query.where} GROUP BY {by}")
        names = [column.rpartition(" AS ")[2] for column in columns]
        return {row["mark"]: tuple(row[name] for name in names) for row in rows}

    of_account = (
        "provider_name",
        "billing_account_id",
        "sub_account_id",
        "argMax(sub_account_name, stated_at) AS name",
    )
    return (
        read(ACCOUNT_MARK, of_account),
        read(_SERVICE, ("service_name",)),
        read(_CURRENCY, ("billing_currency",)),
    )


def _mark(parts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one number for each row."""
    found = np.zeros(len(parts), np.uint64)
    for column in parts.T:
        found = (found ^ column) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def between(first: date, last: date) -> str:
    """Return the SQL condition for the charges of days, both included."""
    end = last + timedelta(days=1)
    return (
        f"charge_period_start >= toDateTime({literal(str(first))}, 'UTC') "
        f"AND charge_period_start < toDateTime({literal(str(end))}, 'UTC')"
    )
