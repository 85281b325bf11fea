"""Limits of rate, each with its scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bdp.decide.limits import limits_hold
from bdp.model.analysis import ActionType
from bdp.model.decision import RateLimit, Scope
from tests.unit.decide.scene import AT, permit


@pytest.mark.parametrize(
    ("scope", "apart"),
    [
        (Scope.RULE, {"rule": "r2"}),
        (Scope.RESOURCE, {"resource": "deployment:shop/pay"}),
        (Scope.SERVICE, {"service": "pay"}),
        (Scope.ENVIRONMENT, {"environment": "staging"}),
    ],
)
def test_a_limit_counts_together_what_its_scope_says(scope: Scope, apart: dict[str, Any]) -> None:
    limits = [RateLimit(most=1, per_seconds=60, scope=scope)]
    wanted = permit("mine")
    assert limits_hold(limits, [permit("a", 0.5)], wanted, AT) == limits[0]
    assert limits_hold(limits, [permit("a", 0.5, **apart)], wanted, AT) is None
    everything = [RateLimit(most=1, per_seconds=60, scope=Scope.ALL)]
    assert limits_hold(everything, [permit("a", 0.5, **apart)], wanted, AT) == everything[0]


def test_the_window_ends_now_and_the_first_limit_that_is_exceeded_is_told() -> None:
    limits = [RateLimit(most=2, per_seconds=600), RateLimit(most=1, per_seconds=60)]
    assert limits_hold(limits, [permit("a", 1)], permit("mine"), AT) is None
    assert limits_hold(limits, [permit("a", 0.99)], permit("mine"), AT) == limits[1]
    assert limits_hold(limits, [permit("a", 5), permit("b", 0.5)], permit("mine"), AT) == limits[0]


def test_a_clock_that_was_set_back_gives_no_leave_again() -> None:
    limits = [RateLimit(most=1, per_seconds=60)]
    assert limits_hold(limits, [permit("a", 0)], permit("mine"), AT - timedelta(hours=1)) == limits[0]


def test_the_same_permit_asked_for_again_is_one() -> None:
    limits = [RateLimit(most=1, per_seconds=60)]
    assert limits_hold(limits, [permit("mine", 0.1)], permit("mine"), AT) is None


def test_telling_is_counted_apart_from_changing() -> None:
    limits = [RateLimit(most=1, per_seconds=60, scope=Scope.ALL)]
    told = permit("a", 0.1, type=ActionType.NOTIFY)
    assert limits_hold(limits, [told], permit("mine"), AT) is None
    assert limits_hold(limits, [told], permit("mine", type=ActionType.INVESTIGATE), AT) == limits[0]
