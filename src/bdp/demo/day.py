"""The whole day of Hanok Market: every record in time order, in chunks. The same seed and day give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter

import numpy as np

from bdp.demo.attack import attack
from bdp.demo.background import background
from bdp.demo.bill import bill
from bdp.demo.calls import Player, Traces
from bdp.demo.changes import changes
from bdp.demo.columns import DAY_US, MINUTE_US, Floats, Row, arrivals, hex_ids, rng_of
from bdp.demo.company import CUSTOMERS, DIURNAL, JOURNEYS
from bdp.demo.fabric import fabric
from bdp.demo.failures import CUSTOMERS_TRY_AGAIN
from bdp.model.batch import RecordKind

CHUNK = 5_000
SLICE_MINUTES = 15
"""Kinds take turns by slices of this length: changes first, then metrics, then events."""

_at = itemgetter(0)


def company_day(seed: int, day: date) -> Iterator[tuple[RecordKind, list[Row]]]:
    """Yield the records of one day, as the store's columns, with times as RFC 3339 text in UTC.

    The bill of the last 30 days comes first; then the day goes by in slices of 15 minutes. Records of one kind are in
    time order throughout. The whole day is held in memory: about 80,000 events and 43,000 metric points, below 300 MB.

    Yields:
        a kind with 1 to 5,000 records.
    """
    yield from _chunks(RecordKind.COSTS, bill(seed, day))
    kinds = {
        RecordKind.CHANGES: changes(seed, day),
        RecordKind.METRICS: fabric(seed, day),
        RecordKind.EVENTS: events(seed, day),
    }
    slices = {kind: _slices(records) for kind, records in kinds.items()}
    for number in range(1440 // SLICE_MINUTES):
        for kind, records in slices.items():
            yield from _chunks(kind, records.get(number, []))


def events(seed: int, day: date) -> list[tuple[int, Row]]:
    """Return the day's events with their microsecond of the day, in time order."""
    rng = rng_of(seed, day, "calls")
    player = Player(day, rng)
    for name in JOURNEYS:
        _play(player, rng, name)
    searches = [(at, event) for at, event in player.events if event["service"] == "search"]
    around = rng_of(seed, day, "background")
    search_at = np.array([at for at, _ in searches], dtype=np.int64)
    found = player.events + background(day, around, [event for _, event in searches], search_at)
    found += attack(day, rng_of(seed, day, "attack"))
    return sorted((pair for pair in found if 0 <= pair[0] < DAY_US), key=_at)


def _play(player: Player, rng: np.random.Generator, name: str) -> None:
    journey = JOURNEYS[name]
    start = arrivals(rng, _per_minute(name, journey.per_minute))
    traces = Traces(hex_ids(rng, len(start), 32), rng.integers(0, CUSTOMERS, len(start)))
    player.play(journey.root, traces, start, [""] * len(start))


def _per_minute(name: str, mean: float) -> Floats:
    minutes = np.arange(1440)
    rate = mean * np.interp(minutes / 60, np.arange(25), [*DIURNAL, DIURNAL[0]])
    if name == "checkout":
        for start, end, more in CUSTOMERS_TRY_AGAIN:
            rate[(minutes >= start) & (minutes < end)] *= more
    return np.asarray(rate)


def _slices(records: list[tuple[int, Row]]) -> dict[int, list[Row]]:
    length = SLICE_MINUTES * MINUTE_US
    return {number: [row for _, row in group] for number, group in groupby(records, key=lambda pair: pair[0] // length)}


def _chunks(kind: RecordKind, records: list[Row]) -> Iterator[tuple[RecordKind, list[Row]]]:
    for start in range(0, len(records), CHUNK):
        yield kind, records[start : start + CHUNK]
