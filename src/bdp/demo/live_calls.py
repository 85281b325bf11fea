"""Live traffic of Hanok Market: the calls of any stretch of time, each event handed out once it has happened."""

from __future__ import annotations

from datetime import date

import numpy as np

from bdp.demo.calls import Player, Traces, World
from bdp.demo.columns import Row, hex_ids
from bdp.demo.company import CUSTOMERS, JOURNEYS

SECOND_US = 1_000_000
PER_SECOND = {"home": 1.2, "product": 2.5, "search": 1.2, "cart": 1.2, "login": 0.5, "checkout": 2.0}
"""Journeys: faster than a small shop's, so that a fault shows within seconds. Together some 20 calls a second."""


class Traffic:
    """Plays journeys in a world as it stands when they begin. Use from one thread.

    Args:
        day: times are microseconds since its midnight (UTC), also beyond its end.
        pace: times the usual rate.
    """

    def __init__(self, day: date, rng: np.random.Generator, world: World, pace: float = 1.0) -> None:
        self._rng = rng
        self._player = Player(day, rng, world)
        self._pace = pace

    def play(self, begin: int, end: int) -> None:
        """Let customers come from `begin` up to `end`."""
        for name, rate in PER_SECOND.items():
            count = int(self._rng.poisson(rate * self._pace * (end - begin) / SECOND_US))
            start = np.sort(self._rng.integers(begin, end, count))
            traces = Traces(hex_ids(self._rng, count, 32), self._rng.integers(0, CUSTOMERS, count))
            self._player.play(JOURNEYS[name].root, traces, start, [""] * count)

    def take(self, until: int) -> list[Row]:
        """Return the events that have happened by `until`, each once, in time order."""
        events = sorted(self._player.events, key=lambda event: event[0])
        happened = sum(at < until for at, _ in events)
        self._player.events = events[happened:]
        return [row for _, row in events[:happened]]
