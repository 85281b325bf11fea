"""Costs that a seed makes up: the same for everybody who asks, and with what they are told to have in them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bdp.intake.providers.generated import GeneratedCosts, GeneratedSettings, Planted

LAST = date(2026, 11, 20)
DAY = timedelta(days=1)
LAMBDA = "AWS Lambda"


def made(**given: Any) -> GeneratedCosts:
    return GeneratedCosts(GeneratedSettings(**{"last_day": LAST, "days": 90, **given}))


def by_day(costs: GeneratedCosts, service: str = "", account: str = "") -> dict[date, float]:
    found: dict[date, float] = defaultdict(float)
    for line in costs.lines(date.min, date.max):
        if service in ("", line.service_name) and account in ("", line.sub_account_name):
            found[line.charge_period_start.date()] += line.billed_cost
    return found


def test_a_seed_gives_the_same_costs_and_another_one_others() -> None:
    first, again, other = (by_day(made(seed=seed)) for seed in (5, 5, 6))
    assert first == again
    assert set(first) == set(other) == {LAST - number * DAY for number in range(90)}
    assert all(first[day] != other[day] for day in first)


@pytest.mark.parametrize(
    ("planted", "days", "factor"),
    [
        (Planted(start=LAST - 4 * DAY, factor=3, service=LAMBDA), {4}, 3.0),
        (Planted(start=LAST - 4 * DAY, end=LAST - 2 * DAY, factor=2, service=LAMBDA), {2, 3, 4}, 2.0),
        (Planted(kind="step", start=LAST - 6 * DAY, factor=1.5, service=LAMBDA), set(range(7)), 1.5),
        (Planted(start=LAST, factor=0.25, service=LAMBDA, account="team-02"), {0}, 0.25),
    ],
)
def test_what_is_planted_is_on_its_days_alone(planted: Planted, days: set[int], factor: float) -> None:
    """The rest of the costs is what it would have been: nothing else is drawn anew."""
    account = planted.account or "team-02"
    usual, found = (by_day(made(seed=4, planted=p), LAMBDA, account) for p in ((), (planted,)))
    changed = {day for day in usual if found[day] != usual[day]}
    assert changed == {LAST - number * DAY for number in days}
    assert all(found[day] / usual[day] == pytest.approx(factor, rel=0.01) for day in changed)
    others = [by_day(made(seed=4, planted=p), "Amazon Simple Storage Service") for p in ((), (planted,))]
    assert others[0] == others[1]


def test_a_ramp_grows_day_by_day_and_stays() -> None:
    ramp = Planted(kind="ramp", start=LAST - 13 * DAY, end=LAST - 4 * DAY, factor=2, service=LAMBDA)
    usual, found = (by_day(made(seed=4, planted=p), LAMBDA) for p in ((), (ramp,)))
    times = [found[LAST - number * DAY] / usual[LAST - number * DAY] for number in range(14, -1, -1)]
    expected = [1.0, *(1 + number / 10 for number in range(1, 11)), 2.0, 2.0, 2.0, 2.0]
    assert times == pytest.approx(expected, rel=0.01)


def test_weekends_months_and_the_newest_account_are_as_in_life() -> None:
    costs = made(seed=1, accounts=4, services=12, noise=0)
    lambdas = by_day(costs, LAMBDA, "team-02")
    assert lambdas[date(2026, 11, 15)] < 0.7 * lambdas[date(2026, 11, 13)]  # Sunday, Friday
    fees = {line.charge_period_start.date() for line in costs.lines(date.min, date.max) if line.billed_cost < 0}
    assert fees == {date(2026, month, 1) for month in (9, 10, 11)}
    assert min(by_day(costs, account="team-04")) == LAST - 4 * DAY
    grown = by_day(costs, "Amazon Relational Database Service")
    assert grown[LAST] > grown[LAST - 84 * DAY]


def test_what_was_paid_ahead_is_spread_over_its_month() -> None:
    lines = list(made(seed=2, accounts=1).lines(date(2026, 10, 1), date(2026, 11, 1)))
    billed, effective = sum(line.billed_cost for line in lines), sum(line.effective_cost for line in lines)
    assert billed == pytest.approx(effective, abs=0.1)
    first = [line for line in lines if line.charge_period_start.day == 1]
    assert sum(line.billed_cost for line in first) > 1.5 * sum(line.effective_cost for line in first)


def test_most_days_are_within_the_interval_it_forecasts() -> None:
    costs = made(seed=9, accounts=1, noise=0.05)
    start = LAST - 59 * DAY
    forecast, found = costs.forecast(start, LAST + DAY), by_day(costs)
    assert forecast is not None
    within = sum(day.low <= found[day.day] <= day.high for day in forecast.days)
    assert 48 <= within <= 60
    assert costs.forecast(LAST - 80 * DAY, LAST) is None
    assert "fewer than 14 days" in costs.problem


def test_an_anomaly_says_what_the_planted_costs() -> None:
    spike = Planted(start=LAST - 4 * DAY, factor=3, service=LAMBDA, account="team-02")
    usual, found = (by_day(made(seed=4, planted=p), LAMBDA, "team-02") for p in ((), (spike,)))
    [one] = made(seed=4, planted=(spike,)).anomalies(LAST - 10 * DAY, LAST)
    assert one.impact > 1
    assert one.impact == pytest.approx(found[spike.start] - usual[spike.start], rel=0.15)
    assert (one.start, one.end, one.account_id) == (spike.start, spike.start, "210987654302")
    assert made(seed=4, planted=(spike,)).anomalies(LAST - 3 * DAY, LAST) == ()


@pytest.mark.parametrize("given", [{"accounts": 0}, {"services": 999}, {"noise": -1}, {"last_day": "1969-01-01"}])
def test_what_cannot_be_made_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(**given)
