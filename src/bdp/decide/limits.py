"""Limits of rate: how many actions there may be in a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bdp.decide.asked import INFORMATIONAL
from bdp.model.action import Permit
from bdp.model.decision import RateLimit, Scope


def limits_hold(
    limits: Sequence[RateLimit], permits: Sequence[Permit], permit: Permit, now: datetime
) -> RateLimit | None:
    """Return the first limit that one more permit would exceed; None when all hold.

    Telling and reading is counted apart from what changes systems. A permit with the same key is the same one, asked
    for again. What is dated after `now` counts: a clock that was set back does not give leave again.

    Args:
        permits: given so far, in any order; at least those of the longest window.
        permit: the one that is asked for.
    """
    others = [
        other
        for other in permits
        if other.key != permit.key and (other.type in INFORMATIONAL) == (permit.type in INFORMATIONAL)
    ]
    for limit in limits:
        since = now - timedelta(seconds=limit.per_seconds)
        if sum(other.at > since and _together(limit.scope, other, permit) for other in others) >= limit.most:
            return limit
    return None


def _together(scope: Scope, one: Permit, other: Permit) -> bool:
    if scope is Scope.ALL:
        return True
    name = scope.value
    same: bool = getattr(one, name) == getattr(other, name)
    return same
