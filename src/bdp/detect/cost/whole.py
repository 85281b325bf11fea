"""Forecasts of the whole bill, by currency, and of its dearest services; and the budgets held against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import DailyCosts, Floats
from bdp.detect.cost.fees import FEE_SPREAD, fees, rests
from bdp.detect.cost.forecast import LEAST_DAYS, Ahead, ahead, budget, forecast
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.model.cost_result import BudgetOutlook, CostForecast, CostKey

_SERVICES: Final = 10
_METHOD: Final = "level x drift x shape of week and month"
_MONTH: Final = 31
_RECENT: Final = 35


def forecasts_of(
    daily: DailyCosts, learnt: Floats, running: NDArray[np.int64], settings: CostSettings
) -> tuple[tuple[CostForecast, ...], tuple[BudgetOutlook, ...]]:
    """Return forecasts, the whole of each currency first, then the dearest services; and budgets.

    Args:
        learnt, running: of the walk over these costs; a spike that is over is not expected again.
    """
    if daily.costs.shape[1] < LEAST_DAYS or not len(daily.keys):
        return (), ()
    keys = list(daily.keys)
    currencies = sorted({key.currency for key in keys})
    groups: list[tuple[dict[str, str], NDArray[np.intp]]] = []
    for currency in currencies:
        groups.append(({"currency": currency}, _rows([key.currency == currency for key in keys])))
    groups += _dearest(daily, keys)
    days = max(settings.forecast_days, _MONTH)
    one = _ahead(daily, learnt, running, [rows for _, rows in groups], days, settings)
    first = one.calendar.days[daily.costs.shape[1]]
    shown = _cut(one, settings.forecast_days)
    told = tuple(
        forecast(shown, row, first, settings.forecast_level, method=_METHOD, **about)
        for row, (about, _) in enumerate(groups)
    )
    return told, _budgets(daily, keys, learnt, running, settings, days)


def _budgets(
    daily: DailyCosts,
    keys: list[CostKey],
    learnt: Floats,
    running: NDArray[np.int64],
    settings: CostSettings,
    days: int,
) -> tuple[BudgetOutlook, ...]:
    chosen = [(given, _rows([_of(given, key) for key in keys])) for given in settings.budgets]
    wanted = [(given, rows) for given, rows in chosen if len(rows)]
    if not wanted:
        return ()
    one = _ahead(daily, learnt, running, [rows for _, rows in wanted], days, settings)
    as_of = daily.days[-1]
    month = daily.costs[:, -as_of.day :]
    return tuple(
        budget(given, np.nansum(month[rows], axis=0).tolist(), one, place, as_of, settings.forecast_level)
        for place, (given, rows) in enumerate(wanted)
    )


def without_costs(keys: Iterable[CostKey], budgets: Sequence[Budget]) -> tuple[Budget, ...]:
    """Return the budgets that none of the series belongs to: a name in them may be misspelt."""
    left = list(budgets)
    for key in keys if left else ():
        left = [given for given in left if not _of(given, key)]
        if not left:
            break
    return tuple(left)


def _of(given: Budget, key: CostKey) -> bool:
    """Say whether a series is part of a budget."""
    account = not given.account or given.account in (key.account_id, key.billing_account_id, key.account_name)
    return given.currency == key.currency and account and given.service in ("", key.service_name)


def _dearest(daily: DailyCosts, keys: list[CostKey]) -> list[tuple[dict[str, str], NDArray[np.intp]]]:
    recent = np.nansum(daily.costs[:, -_RECENT:], axis=1)
    sums: dict[tuple[str, str], float] = {}
    for key, cost in zip(keys, recent.tolist(), strict=True):
        sums[key.service_name, key.currency] = sums.get((key.service_name, key.currency), 0.0) + cost
    chosen = sorted((one for one in sums if sums[one] > 0), key=lambda one: (-sums[one], one))[:_SERVICES]
    return [
        (
            {"service_name": service, "currency": currency},
            _rows([(key.service_name, key.currency) == (service, currency) for key in keys]),
        )
        for service, currency in chosen
    ]


def _rows(wanted: list[bool]) -> NDArray[np.intp]:
    return np.flatnonzero(np.array(wanted, np.bool_))


def _ahead(
    daily: DailyCosts,
    learnt: Floats,
    running: NDArray[np.int64],
    groups: list[NDArray[np.intp]],
    days: int,
    settings: CostSettings,
) -> Ahead:
    """Forecast each group of series as one.

    What goes on for three days in a part of it is expected to go on, and so is what is too young to have a past. What
    hardly ever costs anything is forecast by itself, as it is alone, and added: in the sum of others a fee of the
    middle of the month would be lost.
    """
    lasting = running >= 3
    known = np.where(np.isnan(learnt), 0.0, learnt)
    recent = np.nanmedian(np.where(lasting[:, None], daily.costs[:, -3:] - learnt[:, -3:], 0.0), axis=1)
    more = np.nan_to_num(recent) + _young(daily, settings)
    resting = rests(daily)
    known[resting] = 0.0
    charged = np.where(resting[:, None], 0.0, np.nan_to_num(daily.costs))
    sums = np.stack([_sum(known, learnt, rows) for rows in groups])
    billed = np.stack([_sum(charged, daily.costs, rows) for rows in groups])
    whole = DailyCosts([CostKey() for _ in groups], daily.calendar, billed)
    one = ahead(whole, sums, np.zeros(len(groups)), days)
    extra = np.array([float(more[rows].sum()) for rows in groups])[:, None]
    fee = np.stack([fees(daily, rows[resting[rows]], days).sum(axis=0) for rows in groups])
    scatter = np.hypot(one.scatter, FEE_SPREAD * np.abs(fee))
    return Ahead(one.calendar, one.cost + extra + fee, scatter, one.wander)


def _young(daily: DailyCosts, settings: CostSettings) -> Floats:
    """Return what series cost by day that are too young to have a level: they are expected to go on."""
    there = np.count_nonzero(~np.isnan(daily.costs), axis=1)
    young = (there > 0) & (there < settings.least_days) & ~np.isnan(daily.costs[:, -1])
    mean = np.nansum(daily.costs, axis=1) / np.maximum(there, 1)
    found: Floats = np.where(young, mean, 0.0)
    return found


def _sum(known: Floats, there: Floats, rows: NDArray[np.intp]) -> Floats:
    """Return the sum of some series; nan on days on which nothing is known of any of them."""
    found: Floats = np.where(np.isnan(there[rows]).all(axis=0), np.nan, known[rows].sum(axis=0))
    return found


def _cut(one: Ahead, days: int) -> Ahead:
    return Ahead(one.calendar, one.cost[:, :days], one.scatter[:, :days], one.wander[:, :days])
