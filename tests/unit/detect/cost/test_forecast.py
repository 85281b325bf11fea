"""What comes next: how often it holds, and whether a budget will."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from bdp.detect.cost.daily import DailyCosts, Floats
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.detect.cost.whole import forecasts_of
from bdp.model.cost_result import BudgetOutlook, CostForecast
from tests.unit.detect.cost.bills import MONDAY, Found, at, daily, key, look_at, noisy, seen

WEEK = np.array([1.1, 1.1, 1.1, 1.1, 1.1, 0.8, 0.7])
MARCH = date(2026, 3, 31)


def told(costs: DailyCosts, **settings: object) -> tuple[tuple[CostForecast, ...], tuple[BudgetOutlook, ...]]:
    found: Found = look_at(costs)
    chosen = CostSettings.model_validate(settings)
    return forecasts_of(costs, found.walk.learnt, found.walk.running, chosen)


def forecast(costs: Floats, days: int = 28, **settings: object) -> CostForecast:
    """The forecast of the whole, which is one series."""
    return told(daily([costs]), forecast_days=days, **settings)[0][0]


def shaped(seed: int, days: int, weekly: float = 0.0) -> Floats:
    place = np.arange(days)
    costs: Floats = noisy(100, days, seed=seed, spread=0.08) * WEEK[place % 7] * np.exp(weekly * place / 7)
    return costs


def held(seeds: range, weekly: float) -> float:
    """Share of the days ahead that lie within the interval."""
    inside = []
    for seed in seeds:
        costs = shaped(seed, 120 + 28, weekly)
        found = forecast(costs[:120])
        inside += [one.low <= cost <= one.high for one, cost in zip(found.days, costs[120:], strict=True)]
    return float(np.mean(inside))


@pytest.mark.parametrize("weekly", [0.0, 0.01, -0.02], ids=["even", "grows", "falls"])
def test_an_interval_of_90_percent_holds_about_so_many_days(weekly: float) -> None:
    assert 0.80 <= held(range(15), weekly) <= 0.995


def test_a_wider_level_gives_a_wider_interval() -> None:
    costs = shaped(1, 120)
    narrow, wide = forecast(costs, forecast_level=0.5), forecast(costs, forecast_level=0.99)
    assert narrow.total == pytest.approx(wide.total)
    assert wide.low < narrow.low < narrow.total < narrow.high < wide.high
    assert (narrow.level, wide.level) == (0.5, 0.99)


def test_flat_costs_go_on_flat() -> None:
    found = forecast(np.full(90, 100.0))
    assert [one.cost for one in found.days] == pytest.approx([100.0] * 28, rel=0.005)
    assert found.total == pytest.approx(2800, rel=0.005)


def test_days_ahead_begin_behind_the_last() -> None:
    found = forecast(noisy(100, 90), days=10)
    assert [one.day for one in found.days] == [at(90 + place) for place in range(10)]


def test_weekends_ahead_are_like_weekends_before() -> None:
    found = forecast(shaped(1, 119))
    costs = {one.day.weekday(): one.cost for one in found.days[:7]}
    assert costs[6] < 0.8 * costs[1]


def test_the_interval_of_the_sum_is_narrower_than_the_sum_of_intervals() -> None:
    found = forecast(shaped(1, 120))
    assert sum(one.low for one in found.days) < found.low < found.total < found.high
    assert found.high < sum(one.high for one in found.days)
    assert found.total == pytest.approx(sum(one.cost for one in found.days), rel=1e-6)


def test_the_whole_comes_first_and_is_the_sum_of_its_services() -> None:
    rows = [noisy(level, 90, seed=place) for place, level in enumerate((300.0, 100.0, 30.0))]
    found = told(daily(rows))[0]
    assert [one.service_name for one in found] == ["", "service 0", "service 1", "service 2"]
    assert found[0].total == pytest.approx(sum(one.total for one in found[1:]), rel=0.03)


def test_currencies_are_not_added_up() -> None:
    costs = daily([noisy(100, 90), noisy(9000, 90, seed=2)], keys=[key(), key(currency="KRW")])
    whole = {one.currency: one for one in told(costs, forecast_days=10)[0] if not one.service_name}
    assert whole["USD"].total == pytest.approx(1000, rel=0.1)
    assert whole["KRW"].total == pytest.approx(90_000, rel=0.1)


def test_a_spike_that_is_over_is_not_expected_again() -> None:
    costs = noisy(100, 90)
    costs[80:82] = 3000.0
    assert forecast(costs).total == pytest.approx(2800, rel=0.05)


def test_a_step_that_goes_on_is_expected_to_go_on() -> None:
    costs = noisy(100, 90)
    costs[80:] *= 3
    assert forecast(costs).total == pytest.approx(8400, rel=0.1)


def test_what_has_stopped_is_not_expected_again() -> None:
    costs = noisy(100, 90)
    costs[80:] = 0.0
    assert forecast(costs).total == pytest.approx(0.0)


def test_a_new_account_is_expected_to_go_on() -> None:
    young = np.full(90, np.nan)
    young[-3:] = 900.0
    whole = told(daily([noisy(100, 90), young], keys=[key(), key(account="2")]), forecast_days=10)[0][0]
    assert whole.total == pytest.approx(10_000, rel=0.1)


def test_a_monthly_fee_is_expected_on_its_date() -> None:
    fee = np.zeros(92)
    fee[[0, 31, 62]] = 1200.0
    costs = daily([noisy(100, 92), fee], keys=[key(), key("Support")], first=date(2026, 7, 1))
    (one,) = [one for one in told(costs, forecast_days=31)[0] if one.service_name == "Support"]
    assert [(day.day, day.cost) for day in one.days if day.cost] == [(date(2026, 10, 1), 1200.0)]


def parts_and_whole(*rows: Floats, first: date = MONDAY) -> tuple[CostForecast, dict[str, CostForecast]]:
    """The forecast of the whole, and those of its services."""
    whole, *parts = told(daily(rows, first), forecast_days=31)[0]
    return whole, {part.service_name: part for part in parts}


@pytest.mark.parametrize("place", [57, 86, 90, 95, 98, 99])
def test_what_came_once_is_not_expected_again_in_a_service_nor_in_the_whole(place: int) -> None:
    once = np.zeros(100)
    once[place] = 3000
    whole, parts = parts_and_whole(noisy(100, 100), once)
    assert "service 1" not in parts or parts["service 1"].high == 0
    assert whole.total == pytest.approx(parts["service 0"].total)
    assert max(day.cost for day in whole.days) < 130


@pytest.mark.parametrize(
    "due",
    [
        lambda day: day.day == 1,
        lambda day: day.day == 15,
        lambda day: (day + timedelta(days=1)).day == 1,
        lambda day: day in {date(2026, 1, 14), date(2026, 2, 16), date(2026, 3, 17), date(2026, 4, 13)},
    ],
    ids=["on the first", "in its middle", "on its last day", "on moving days"],
)
def test_a_monthly_fee_is_expected_in_its_service_and_in_the_whole(due: Callable[[date], bool]) -> None:
    fee = np.array([3000.0 * due(at(place)) for place in range(100)])
    whole, parts = parts_and_whole(noisy(100, 100), fee)
    # 31 days from the 15th of April on hold one of each date, but for the 15th itself, of which they hold two.
    times = 2 if due(date(2026, 4, 15)) and due(date(2026, 5, 15)) else 1
    assert parts["service 1"].total == pytest.approx(3000 * times, rel=0.01)
    assert whole.total == pytest.approx(parts["service 0"].total + parts["service 1"].total)
    expected = [day.day for day in parts["service 1"].days if day.cost > 2000]
    assert expected == ([] if due(date(2026, 1, 14)) else [day.day for day in whole.days if due(day.day)])


def test_a_fee_that_has_not_come_for_longer_than_a_month_is_over() -> None:
    fee = np.array([500.0 * (at(place).day == 10) * (place < 50) for place in range(100)])
    whole, parts = parts_and_whole(noisy(100, 100), fee, noisy(20, 100, seed=2))
    assert "service 1" not in parts
    assert whole.total < 31 * 130


def test_too_few_days_for_a_forecast() -> None:
    assert told(daily([noisy(100, 6)])) == ((), ())
    assert len(told(daily([noisy(100, 7)]))[0]) == 2


def month(costs: Floats) -> DailyCosts:
    """Costs that end on a day of April, the month in which the budget is."""
    return daily([costs], first=MARCH - timedelta(days=89))


def budget(amount: float, april: int, level: float = 100.0, **of: str) -> BudgetOutlook:
    costs = month(noisy(level, 90 + april, spread=0.02))
    (one,) = told(costs, budgets=[{"name": "Cloud", "amount": amount, **of}])[1]
    return one


def test_a_budget_that_will_be_used_up() -> None:
    one = budget(2000, april=10)
    assert (one.start, one.end, one.as_of) == (date(2026, 4, 1), date(2026, 4, 30), date(2026, 4, 10))
    assert one.spent == pytest.approx(1000, rel=0.02)
    assert one.expected == pytest.approx(3000, rel=0.03)
    assert one.low < one.expected < one.high
    assert one.overrun_day is not None
    assert one.overrun_earliest is not None
    assert abs((one.overrun_day - date(2026, 4, 20)).days) <= 1
    assert one.overrun_earliest <= one.overrun_day
    assert one.probability > 0.95
    for text in (one.text, one.text_ko):
        assert "2,000.00 USD" in text
        assert str(one.overrun_day) in text
        assert f"{one.expected - 2000:,.2f} USD" in text


def test_a_budget_that_is_used_up_already() -> None:
    one = budget(500, april=10)
    assert one.overrun_day is not None
    assert abs((one.overrun_day - date(2026, 4, 5)).days) <= 1
    assert one.probability == 1.0
    for text in (one.text, one.text_ko):
        assert f"{one.spent - 500:,.2f} USD" in text
        assert str(one.overrun_day) in text


def test_a_budget_that_holds() -> None:
    one = budget(9000, april=10)
    assert (one.overrun_day, one.overrun_earliest) == (None, None)
    assert one.probability < 0.05
    assert "9,000.00 USD" in one.text
    assert "9,000.00 USD" in one.text_ko
    assert "2026-04-30" in one.text


def test_a_budget_that_may_hold() -> None:
    one = budget(3050, april=10)
    assert one.overrun_day is None
    assert one.overrun_earliest is not None
    assert 0.05 < one.probability < 0.6
    assert str(one.overrun_earliest) in one.text
    assert str(one.overrun_earliest) in one.text_ko


@pytest.mark.parametrize(("amount", "over"), [(2500.0, True), (3500.0, False)])
def test_at_the_end_of_the_month_nothing_is_uncertain(amount: float, over: bool) -> None:
    one = budget(amount, april=30)
    assert one.as_of == one.end
    assert one.expected == one.low == one.high == one.spent
    assert one.probability == float(over)
    assert (one.overrun_day is not None) is over


def test_on_the_first_day_of_a_month_the_month_before_does_not_count() -> None:
    assert budget(2000, april=1).spent == pytest.approx(100, rel=0.1)


def test_a_budget_is_held_against_its_own_costs() -> None:
    costs = daily([noisy(100, 90), noisy(900, 90)], keys=[key("a", "1"), key("b", "2")], first=MONDAY)
    budgets = [
        {"name": "one service", "amount": 1e6, "service": "a"},
        {"name": "one account", "amount": 1e6, "account": "2"},
        {"name": "all", "amount": 1e6},
        {"name": "in euros", "amount": 1e6, "currency": "EUR"},
    ]
    found = {one.name: one.spent for one in told(costs, budgets=budgets)[1]}
    assert found.keys() == {"one service", "one account", "all"}
    assert found["all"] == pytest.approx(found["one service"] + found["one account"])
    assert found["one account"] > 5 * found["one service"]


def test_a_budget_needs_an_amount_and_a_currency() -> None:
    for wrong in ({"amount": 0.0}, {"amount": 10.0, "currency": "dollars"}):
        with pytest.raises(ValueError, match="validation error"):
            Budget.model_validate({"name": "Cloud", **wrong})


def test_nothing_goes_on_as_nothing() -> None:
    found = seen(np.zeros(90))
    told_of = forecasts_of(found.walk.daily, found.walk.learnt, found.walk.running, CostSettings())[0]
    assert [one.total for one in told_of] == [0.0]
