"""How many: counted right, and never further than the settings allow."""

from __future__ import annotations

import pytest

from bdp.act.amount import Amount, risk_of, wanted
from bdp.act.settings import AutoScalingSettings
from bdp.errors import BadRequest, BdpError, NotAllowed
from bdp.model.plan import Risk

BOUNDS = AutoScalingSettings(most=20, least=1, max_factor=2.0)


@pytest.mark.parametrize(
    ("amount", "now", "many"),
    [
        (Amount(to=3), 2, 3),
        (Amount(to=3), None, 3),
        (Amount(by=2), 4, 6),
        (Amount(by=-2), 4, 2),
        (Amount(factor=1.5), 3, 5),
        (Amount(factor=0.5), 5, 3),
        (Amount(factor=2), 10, 20),
        (Amount(to=1), 3, 1),
        (Amount(to=5), 0, 5),
    ],
)
def test_it_counts(amount: Amount, now: int | None, many: int) -> None:
    assert wanted(amount, now, BOUNDS, "act.x") == many


@pytest.mark.parametrize(
    ("amount", "now", "error", "says"),
    [
        (Amount(to=21), 15, NotAllowed, r"act\.x\.most"),
        (Amount(to=0), 1, NotAllowed, r"act\.x\.least"),
        (Amount(by=-9), 4, NotAllowed, r"act\.x\.least"),
        (Amount(to=9), 4, NotAllowed, r"act\.x\.max_factor"),
        (Amount(to=1), 4, NotAllowed, r"act\.x\.max_factor"),
        (Amount(by=1), None, BadRequest, "to"),
        (Amount(factor=2), None, BadRequest, "to"),
    ],
)
def test_it_stays_within_the_settings(amount: Amount, now: int | None, error: type[BdpError], says: str) -> None:
    with pytest.raises(error, match=says):
        wanted(amount, now, BOUNDS, "act.x")


def test_fewer_or_a_new_limit_is_the_greater_risk() -> None:
    assert [risk_of(now, 4) for now in (None, 5, 3)] == [Risk.HIGH, Risk.HIGH, Risk.MEDIUM]
