"""Daily costs with planted anomalies: a made fleet of accounts and services, and recorded series.

The made fleet is drawn from a seed. Each series has a level (log-normal over series), a weekly shape, slow growth or
decline, noise that is larger for metered services than for fixed ones and has heavy tails, and for some: charges at the
turn of the month, a weekly job, days without use, a lasting fall in the past, a first day in the middle. None of these
is an anomaly: a rise that comes every Monday or at every turn of the month is how such a bill looks.

What is planted:

    spike      one to three days at 1.6 to 5 times the level
    step       from one day on at 1.35 to 3 times the level
    ramp       2.5 to 8 % more each day for 10 to 20 days, which then stays
    weekday    a working day's cost, and more, on a weekend or another quiet day of the week
    month_end  a rise in the first or last days of one month, beyond what the turns of the month before had
    purchase   one day at 4 to 30 times the level, or a first charge of a service that never cost anything
    offset     one account rises by what another one saves, so that their sum stays

Every planted rise is at least 5 times the day-to-day spread of its series and worth at least a hundredth of the mean
series: smaller ones are noise to whoever pays. Of a step and of a ramp that has come to its end the first 14 days count
as anomalous; what follows is the new level, which need not be told any more and is not scored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
KINDS: Final = ("spike", "step", "ramp", "weekday", "month_end", "purchase", "offset")
DAYS: Final = 150
LEAST: Final = 2.0
FIRST_JUDGED: Final = 35
"""Days before it are history only: they hold the first turn of a month."""
_LASTS: Final = 14
_FIRST_DAY: Final = date(2025, 11, 3)
_USE: Final = ("realAdExchange/*.csv", "realTweets/*.csv", "realKnownCause/nyc_taxi.csv")
"""Prices of advertisements, messages, rides: what people cause by the day, with their weeks and their growth."""
_SERVICES: Final = (
    # name, share of the day-to-day spread, how far a weekend falls, growth by day
    ("AmazonEC2", 0.05, 0.88, 0.0012),
    ("AmazonRDS", 0.02, 1.0, 0.0004),
    ("AmazonS3", 0.03, 0.99, 0.0015),
    ("AmazonCloudWatch", 0.08, 0.95, 0.0010),
    ("AWSLambda", 0.14, 0.62, 0.0020),
    ("AWSGlue", 0.18, 0.45, 0.0),
    ("AmazonSageMaker", 0.22, 0.55, 0.0),
    ("AWSDataTransfer", 0.10, 1.12, 0.0012),
    ("AmazonDynamoDB", 0.09, 0.82, 0.0008),
    ("AWSSupport", 0.0, 1.0, 0.0),
    ("AmazonAthena", 0.26, 0.35, 0.0),
    ("AmazonEKS", 0.01, 1.0, 0.0),
)


@dataclass(frozen=True)
class Event:
    """One planted anomaly.

    Attributes:
        money: what each of its days costs too much, shape (last - first + 1,).
    """

    kind: str
    series: int
    first: int
    last: int
    money: Floats


@dataclass
class Fleet:
    """Daily costs of many series.

    Attributes:
        costs: shape (series, days); nan where there is no data.
        scored: False on days that count neither as right nor as wrong.
    """

    name: str
    first_day: date
    costs: Floats
    services: list[str]
    accounts: list[str]
    scored: Flags
    events: list[Event] = field(default_factory=list)

    @property
    def days(self) -> list[date]:
        """The days of the columns."""
        return [self.first_day + timedelta(days=i) for i in range(self.costs.shape[1])]

    def truth(self) -> tuple[Flags, Floats]:
        """Return which days are anomalous, and what each costs too much."""
        flags = np.zeros(self.costs.shape, np.bool_)
        money = np.zeros(self.costs.shape)
        for event in self.events:
            flags[event.series, event.first : event.last + 1] = True
            money[event.series, event.first : event.last + 1] += event.money
        return flags, money


def made(seed: int, accounts: int = 25, days: int = DAYS, *, planted: bool = True) -> Fleet:
    """Return a made fleet: every account has most of twelve services.

    Args:
        planted: with anomalies.
    """
    rng = np.random.default_rng([seed, 8])
    costs, services, names = [], [], []
    for account in range(accounts):
        size = float(np.exp(rng.normal(3.0, 1.2)))
        for name, spread, weekend, growth in _SERVICES:
            if rng.random() < 0.15:
                continue
            level = size * float(np.exp(rng.normal(0.0, 0.8)))
            costs.append(_series(rng, days, level, spread * rng.uniform(0.6, 1.6), weekend, growth))
            services.append(name)
            names.append(f"account-{account:03d}")
    fleet = Fleet(f"made {seed}", _FIRST_DAY, np.array(costs, np.float64).round(4), services, names, _all(costs))
    return _planted(fleet, rng) if planted else fleet


def recorded(folder: Path, seed: int, half: slice) -> Fleet:
    """Return recorded daily series with planted anomalies: use that is billed by the unit, and daily bills.

    The corpus folder's labelled windows, where something was wrong by itself, are not scored.
    """
    found = list(_recorded(folder))[half]
    longest = max(len(values) for _, values, _ in found)
    costs = np.full((len(found), longest), np.nan)
    scored = np.ones(costs.shape, np.bool_)
    for row, (_, values, odd) in enumerate(found):
        costs[row, -len(values) :] = values / np.nanmean(values) * 100.0
        scored[row, -len(values) :] &= ~odd
    names = [name for name, _, _ in found]
    fleet = Fleet("recorded", _FIRST_DAY, costs, names, names, scored)
    return _planted(fleet, np.random.default_rng([seed, 9]), share=0.7)


def _recorded(folder: Path) -> Iterator[tuple[str, Floats, Flags]]:
    windows = json.loads((folder / "nab" / "labels" / "combined_windows.json").read_text())
    found = [path for pattern in _USE for path in (folder / "nab" / "data").glob(pattern)]
    for path in sorted(found):
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        first = date.fromisoformat(rows[0][0][:10])
        at = np.array([(date.fromisoformat(row[0][:10]) - first).days for row in rows])
        sums = np.bincount(at, weights=np.array([float(row[1]) for row in rows]))[1:-1]
        if len(sums) < 45 or (sums <= 0).mean() > 0.2:
            continue
        odd = np.zeros(len(sums), np.bool_)
        for begin, end in windows[f"{path.parent.name}/{path.name}"]:
            left, right = ((date.fromisoformat(text[:10]) - first).days for text in (begin, end))
            odd[max(0, left - 1) : right + 1] = True
        yield path.stem, sums.astype(np.float64), odd.astype(np.bool_)


def _series(rng: np.random.Generator, days: int, level: float, spread: float, weekend: float, growth: float) -> Floats:
    at = np.arange(days)
    weekday = (at + _FIRST_DAY.weekday()) % 7
    trend = 1 + growth * rng.normal(1.0, 1.0) * at
    shape = np.where(weekday >= 5, weekend ** rng.uniform(0.5, 1.5), 1.0)
    if rng.random() < 0.12:  # a weekly job
        shape = np.where(weekday == rng.integers(0, 5), rng.uniform(1.4, 2.5), shape)
    noise = _noise(rng, days, spread)
    values = level * np.maximum(trend, 0.2) * shape * np.exp(noise)
    if rng.random() < 0.15:  # charges at the turn of the month
        values = np.where(np.isin(_day_of_month(days), _turn(rng)), values * rng.uniform(1.25, 2.0), values)
    if rng.random() < 0.06:  # a fee on the first of the month
        values = np.where(_day_of_month(days) == 1, values + level * rng.uniform(2, 8), values)
    if rng.random() < 0.08:  # somebody saved money
        values[int(rng.integers(20, days - 20)) :] *= rng.uniform(0.4, 0.8)
    if rng.random() < 0.05:  # days without use
        values = np.where(rng.random(days) < 0.3, 0.0, values)
    if rng.random() < 0.04:  # it began later
        values[: int(rng.integers(5, 40))] = np.nan
    return np.asarray(values, np.float64)


def _noise(rng: np.random.Generator, days: int, spread: float) -> Floats:
    """Return noise that remembers the day before a little and has heavier tails than a normal one."""
    shocks = rng.standard_t(6, days) * spread / np.sqrt(1.5)
    noise = np.zeros(days)
    for day in range(days):
        noise[day] = (0.35 * noise[day - 1] if day else 0.0) + 0.94 * shocks[day]
    return noise


def _day_of_month(days: int, first_day: date = _FIRST_DAY) -> NDArray[np.int64]:
    return np.array([(first_day + timedelta(days=i)).day for i in range(days)])


def _turn(rng: np.random.Generator) -> list[int]:
    """Return the days of the month on which a bill is higher: its first or its last ones."""
    if rng.random() < 0.5:
        return list(range(1, 1 + int(rng.integers(1, 6))))
    return list(range(31 - int(rng.integers(1, 6)), 32))


def _all(costs: list[Floats]) -> Flags:
    return np.ones((len(costs), len(costs[0])), np.bool_)


def _planted(fleet: Fleet, rng: np.random.Generator, share: float = 0.5) -> Fleet:
    """Put anomalies into a share of the series, one each, kinds in turn."""
    order = rng.permutation(len(fleet.costs))
    free = [int(one) for one in order[: int(share * len(order))]]
    kind = 0
    while free:
        name = KINDS[kind % len(KINDS)]
        kind += 1
        _PLANT[name](fleet, rng, free)
    fleet.events.sort(key=lambda event: (event.first, event.series))
    return fleet


def _usual(fleet: Fleet, series: int, first: int) -> tuple[float, float]:
    """Return the level of the four weeks before a day, and the spread of what a week does not explain."""
    before = fleet.costs[series, max(0, first - 28) : first]
    before = before[~np.isnan(before)]
    level = float(np.mean(before))
    if len(before) < 15:
        return level, float(np.std(before))
    return level, float(np.median(np.abs(before[7:] - before[:-7]))) * 1.05 + 1e-9


def _day(fleet: Fleet, rng: np.random.Generator, series: int, room: int) -> int:
    """Return a day with a month of history before it."""
    begin = int(np.argmax(~np.isnan(fleet.costs[series])))
    least = begin + FIRST_JUDGED
    return int(rng.integers(max(least, FIRST_JUDGED), max(least, FIRST_JUDGED, fleet.costs.shape[1] - room - 1) + 1))


def _add(fleet: Fleet, kind: str, series: int, first: int, money: Floats) -> None:
    fleet.costs[series, first : first + len(money)] += money
    fleet.events.append(Event(kind, series, first, first + len(money) - 1, money))


def _least(fleet: Fleet, spread: float) -> float:
    return max(5.0 * spread, 0.015 * float(np.nanmean(fleet.costs)), LEAST)


def _spike(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    first = _day(fleet, rng, series, 4)
    level, spread = _usual(fleet, series, first)
    rise = max(level * rng.uniform(0.6, 4.0), _least(fleet, spread))
    _add(fleet, "spike", series, first, rise * rng.uniform(0.85, 1.15, int(rng.integers(1, 4))))


def _stay(fleet: Fleet, kind: str, series: int, first: int, rises: Floats) -> None:
    """Add a rise that stays to the end; of its last level 14 days count, those behind them are not scored."""
    fleet.costs[series, first : first + len(rises)] += rises
    rest = fleet.costs.shape[1] - first - len(rises)
    fleet.costs[series, first + len(rises) :] += rises[-1]
    money = np.concatenate([rises, np.full(min(_LASTS, rest), rises[-1])])
    fleet.events.append(Event(kind, series, first, first + len(money) - 1, money))
    fleet.scored[series, first + len(money) :] = False


def _step(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    first = _day(fleet, rng, series, 16)
    level, spread = _usual(fleet, series, first)
    _stay(fleet, "step", series, first, np.array([max(level * rng.uniform(0.35, 2.0), _least(fleet, spread))]))


def _ramp(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    length = int(rng.integers(10, 21))
    first = _day(fleet, rng, series, length + 8)
    level, spread = _usual(fleet, series, first)
    pace = max(rng.uniform(0.025, 0.08), 1.5 * _least(fleet, spread) / max(level, 1e-9) / length)
    _stay(fleet, "ramp", series, first, level * ((1 + pace) ** np.arange(1.0, length + 1) - 1))


def _weekday(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    days = fleet.days
    first = _day(fleet, rng, series, 8)
    first = next(i for i in range(first, first + 7) if days[i].weekday() == 5)
    level, spread = _usual(fleet, series, first)
    working = float(np.nanmean([fleet.costs[series, i] for i in range(first - 28, first) if days[i].weekday() < 5]))
    quiet = float(np.nanmean([fleet.costs[series, first - 7 * k] for k in range(1, 5)]))
    rise = max(working * rng.uniform(1.0, 1.3) - quiet, _least(fleet, spread), 0.4 * level)
    _add(fleet, "weekday", series, first, rise * rng.uniform(0.9, 1.1, 2))


def _month_end(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    days = fleet.days
    turns = [i for i in range(FIRST_JUDGED, fleet.costs.shape[1] - 4) if days[i].day in (1, 28)]
    first = int(rng.choice(turns)) if turns else _day(fleet, rng, series, 4)
    level, spread = _usual(fleet, series, first)
    month = fleet.costs[series, max(0, first - 62) : first]
    peak = float(np.nanmax(month)) - level
    rise = max(level * rng.uniform(0.5, 2.0), _least(fleet, spread), 0.6 * peak)
    _add(fleet, "month_end", series, first, rise * rng.uniform(0.9, 1.1, int(rng.integers(1, 4))))


def _purchase(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    first = _day(fleet, rng, series, 4)
    level, spread = _usual(fleet, series, first)
    if rng.random() < 0.3:  # a service that never cost anything
        fleet.costs[series] = np.where(np.isnan(fleet.costs[series]), np.nan, 0.0)
        fleet.scored[series] = True
    _add(fleet, "purchase", series, first, np.array([max(level * rng.uniform(3, 29), _least(fleet, spread))]))


def _offset(fleet: Fleet, rng: np.random.Generator, free: list[int]) -> None:
    series = free.pop()
    first = _day(fleet, rng, series, 16)
    level, spread = _usual(fleet, series, first)
    rise = max(level * rng.uniform(0.4, 1.0), _least(fleet, spread))
    _stay(fleet, "offset", series, first, np.array([rise]))
    if free:
        other = free.pop()
        share = rise / max(float(np.nanmean(fleet.costs[other, max(0, first - 28) : first])), 1e-9)
        fleet.costs[other, first:] *= max(0.1, 1 - share)


_PLANT: Final[dict[str, Callable[[Fleet, np.random.Generator, list[int]], None]]] = {
    "spike": _spike,
    "step": _step,
    "ramp": _ramp,
    "weekday": _weekday,
    "month_end": _month_end,
    "purchase": _purchase,
    "offset": _offset,
}
