"""Advice on spending less time, log volume and money: rules over the briefing's numbers, without words."""

from __future__ import annotations

from dataclasses import dataclass

from bdp.model.briefing import Briefing

SLOW_MS = 500.0
"""Half a second at the 95th percentile: people begin to wait."""
CHATTY_SHARE = 0.1
CHATTY_LEAST = 1_000
RISING = 1.2
RISING_LEAST = 1.0
"""In the bill's currency, for the stretch."""
MOST_OF_A_KIND = 3


@dataclass(frozen=True)
class SlowRoute:
    """A route whose 95th percentile is `p95_ms` milliseconds."""

    route: str
    p95_ms: float


@dataclass(frozen=True)
class ChattyLogs:
    """A service whose DEBUG lines are `share` (0 to 1) of all events."""

    service: str
    lines: float
    share: float


@dataclass(frozen=True)
class RisingCost:
    """A billed service that costs more than usual."""

    service: str
    now: float
    usual: float


Advice = SlowRoute | ChattyLogs | RisingCost


def advise(briefing: Briefing) -> list[Advice]:
    """Return what the numbers suggest, at most three of a kind, the largest first."""
    return [*_rising(briefing), *_chatty(briefing), *_slow(briefing)]


def _rising(briefing: Briefing) -> list[RisingCost]:
    found = [
        RisingCost(cost.service, cost.now, cost.usual)
        for cost in briefing.costs
        if cost.usual and cost.now >= RISING * cost.usual and cost.now - cost.usual >= RISING_LEAST
    ]
    return sorted(found, key=lambda each: each.usual - each.now)[:MOST_OF_A_KIND]


def _chatty(briefing: Briefing) -> list[ChattyLogs]:
    return [
        ChattyLogs(each.service, each.debug, each.debug / briefing.events)
        for each in briefing.chatter
        if each.debug >= CHATTY_LEAST and each.debug >= CHATTY_SHARE * briefing.events
    ][:MOST_OF_A_KIND]


def _slow(briefing: Briefing) -> list[SlowRoute]:
    return [SlowRoute(route, p95) for route, p95 in briefing.slowest if p95 >= SLOW_MS][:MOST_OF_A_KIND]
