"""Rates of requests and tokens over any 60 seconds, counted by second; part of a transaction of `SqlSpending`.

A second counts for 60 seconds, and one more each for the fraction of a second that its row does not tell and for clocks
of workers that differ. What lies ahead of a worker's clock counts too, so a clock that steps back opens no window; what
lies far ahead is moved to the present, so that a clock which was wrong by a day does not block requests for a day.

Memory and rows: one row per second and name, kept for ten minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, update

from bdp.model.spending import Bounds, Demand
from bdp.store.database import add_up, storable
from bdp.store.spending_tables import spending_calls, spending_seconds

WINDOW_SECONDS = 62
_AHEAD_SECONDS = 60
"""What lies ahead by less is left there: it may be that its worker is right, and this one waited for its turn."""
_KEPT_SECONDS = 600
"""Far more than a window: a clock that is minutes ahead must not remove what others still count."""

_COUNTED = ("requests", "tokens")
_rows = spending_seconds.c
_WITHIN = (_rows.name.in_([bindparam("provider"), bindparam("agent")]), _rows.second > bindparam("after"))
_SUMS = (
    select(_rows.name, func.sum(_rows.requests), func.sum(_rows.tokens), func.max(_rows.second))
    .where(*_WITHIN)
    .group_by(_rows.name)
)
_SECONDS = select(_rows.name, _rows.second, _rows.requests, _rows.tokens).where(*_WITHIN).order_by(_rows.second)
_RETURN = (
    update(spending_seconds)
    .where(_rows.name == bindparam("of"), _rows.second == bindparam("within"))
    .values(requests=_rows.requests - bindparam("fewer"), tokens=_rows.tokens + bindparam("more"))
)
_OLD = delete(spending_seconds).where(_rows.name == bindparam("of"), _rows.second < bindparam("before"))


class _Limit(NamedTuple):
    name: str
    requests: int | None
    tokens: int | None

    def holds(self, requests: int, tokens: int, more: int) -> bool:
        """Return whether one request with `more` tokens fits on top of these."""
        return (self.requests is None or requests < self.requests) and (
            self.tokens is None or tokens + more <= self.tokens
        )


class Rates:
    """The rates that one demand has to keep.

    Args:
        now: seconds since 1970 at which its request is sent.
    """

    def __init__(self, connection: Connection, demand: Demand, bounds: Bounds, now: float) -> None:
        self._connection = connection
        self._demand = demand
        self._now = now
        self.second = int(now // 1)
        self._names = names_of(demand.provider, demand.agent)
        provider, agent = self._names
        self._limits = (
            _Limit(provider, bounds.requests_per_minute, bounds.tokens_per_minute),
            _Limit(agent, bounds.agent_requests_per_minute, None),
        )
        self._chosen = {"provider": provider, "agent": agent, "after": self.second - WINDOW_SECONDS}
        self._newest = 0

    def wait(self) -> float:
        """Return seconds until there can be a place; 0 if there is one."""
        sums = self._sums()
        if self._newest > self.second + _AHEAD_SECONDS:
            self._bring_back()
            sums = self._sums()
        full = [limit for limit in self._limits if not limit.holds(*sums.get(limit.name, (0, 0)), self._demand.tokens)]
        return self._until_free(full) if full else 0.0

    def take(self) -> None:
        """Count the demand."""
        rows = [
            {"name": name, "second": self.second, "requests": 1, "tokens": self._demand.tokens} for name in self._names
        ]
        add_up(self._connection, spending_seconds, rows, _COUNTED)
        if self.second > self._newest:  # the first of this second clears away
            old = [{"of": name, "before": self.second - _KEPT_SECONDS} for name in self._names]
            self._connection.execute(_OLD, old)

    def _sums(self) -> dict[str, tuple[int, int]]:
        rows = self._connection.execute(_SUMS, self._chosen).all()
        self._newest = max((newest for *_, newest in rows), default=0)
        return {name: (int(requests), int(tokens)) for name, requests, tokens, _ in rows}

    def _until_free(self, full: Sequence[_Limit]) -> float:
        found = self._connection.execute(_SECONDS, self._chosen).all()
        free = (self._leaves(limit, found) for limit in full)
        return max(0.001, max(free) + WINDOW_SECONDS - self._now)

    def _leaves(self, limit: _Limit, found: Sequence[Sequence[int | str]]) -> int:
        """Return the second that has to leave the window so that the demand fits."""
        rows = [(int(second), int(count), int(tokens)) for name, second, count, tokens in found if name == limit.name]
        requests, tokens = sum(row[1] for row in rows), sum(row[2] for row in rows)
        for second, count, used in rows:
            requests, tokens = requests - count, tokens - used
            if limit.holds(requests, tokens, self._demand.tokens):
                return second
        return self.second  # what fits into no empty minute is refused before

    def _bring_back(self) -> None:
        ahead = _rows.second > self.second + _AHEAD_SECONDS
        gone = delete(spending_seconds).where(ahead).returning(_rows.name, _rows.requests, _rows.tokens)
        moved = [
            {"name": name, "second": self.second, "requests": requests, "tokens": tokens}
            for name, requests, tokens in self._connection.execute(gone)
        ]
        add_up(self._connection, spending_seconds, moved, _COUNTED)
        calls = spending_calls.c
        late = update(spending_calls).where(calls.settled_at.is_(None), calls.second > self.second + _AHEAD_SECONDS)
        self._connection.execute(late.values(second=self.second))


def give_back(connection: Connection, names: Sequence[str], second: int, tokens: int, requests: int = 0) -> None:
    """Take back what was reserved in this second and not used.

    Args:
        tokens: negative: more were used.
        requests: 1 if it was never sent.
    """
    connection.execute(
        _RETURN, [{"of": name, "within": second, "more": -tokens, "fewer": requests} for name in names]
    )  # fmt: skip


def names_of(provider: str, agent: str) -> tuple[str, str]:
    """Return the names that a request of this agent to this provider is counted by."""
    return storable(f"provider:{provider}"), storable(f"agent:{agent}")
