"""Accounts that are new: each as one series over all its services.

A service of an account that was there before is known to have cost nothing until its first charge. Of an account that
was not there this is known as well where its payer's bill was: a payer's bill has all of its accounts. Its services are
too young to be judged one by one, and many; as a whole it is held against the nothing before.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.daily import DailyCosts, Flags, Floats
from bdp.flow.daily_costs import ACCOUNT_MARK, CostQuery, Keys, between
from bdp.model.cost import ALL_SERVICES
from bdp.ports import BulkStore
from bdp.sql import literal

_WHO: Final = "cityHash64(provider_name, sub_account_id)"
"""An account that moves to another payer is not new."""
_PAYER: Final = "if(billing_account_id = '', 0, cityHash64(provider_name, billing_account_id))"


def newcomers(store: BulkStore, query: CostQuery, daily: DailyCosts, least_days: int) -> DailyCosts | None:
    """Return the accounts among daily costs that are new, all their services together; None where none is.

    Args:
        daily: costs that were read with the query.
        least_days: of the payer's bill before the account's first charge.

    Raises:
        StoreUnavailable: try again later.
    """
    keys = daily.keys
    if query.service or not isinstance(keys, Keys) or not np.isnan(daily.costs[:, :least_days]).all(axis=1).any():
        return None
    known = _known_before(store, daily, least_days)
    of_whom = keys.parts[:, [0, 2]]
    pairs = np.unique(of_whom[np.isin(of_whom[:, 0], list(known))], axis=0) if known else of_whom[:0]
    if not len(pairs):
        return None
    rows = [np.flatnonzero((of_whom == pair).all(axis=1)) for pair in pairs]
    costs = np.stack([_whole(daily.costs[of], known[int(pair[0])]) for of, pair in zip(rows, pairs, strict=True)])
    whose = [keys[int(of[0])].model_copy(update={"service_name": ALL_SERVICES}) for of in rows]
    return DailyCosts(whose, daily.calendar, costs)


def _known_before(store: BulkStore, daily: DailyCosts, least_days: int) -> dict[int, Flags]:
    """Return, by the marks of accounts that are new, the days before their first on which their payer's bill was."""
    first = daily.days[0]
    found = store.packed(
        f"SELECT {ACCOUNT_MARK} AS account, {_WHO} AS who, {_PAYER} AS payer, "
        f"toUInt32(toDate(charge_period_start) - toDate({literal(str(first))})) AS place FROM costs "
        f"WHERE {between(first, daily.days[-1])} GROUP BY account, who, payer, place",
        np.dtype([("account", "<u8"), ("who", "<u8"), ("payer", "<u8"), ("place", "<u4")]),
    )
    found = found[np.argsort(found["place"], kind="stable")]
    _, begun = np.unique(found["who"], return_index=True)
    known = {}
    for account, _, payer, place in found[begun].tolist():
        if payer and place >= least_days:
            days: Flags = np.zeros(len(daily.days), np.bool_)
            days[found["place"][(found["payer"] == payer) & (found["place"] < place)]] = True
            if np.count_nonzero(days) >= least_days:
                known[account] = days
    return known


def _whole(costs: Floats, before: Flags) -> Floats:
    """Return the sum of an account's series: 0 on the days before, nan where nothing is known of any."""
    sums = np.where(np.isnan(costs).all(axis=0), np.nan, np.nansum(costs, axis=0))
    found: Floats = np.where(before, 0.0, sums)
    return found
