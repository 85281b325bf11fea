"""Whatever costs come in, they are judged: no error, no nan, no confidence out of its range."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.whole import forecasts_of
from tests.unit.detect.cost.bills import Found, daily, key, look_at

COST = st.one_of(
    st.sampled_from([0.0, -0.0, 1e12, -1e12, 1e-12, 5e-324, 1.0, 100.0, math.nan]),
    st.floats(-1e12, 1e12),
    st.floats(90, 110),
)
SETTINGS = st.sampled_from(
    [
        {},
        {"pattern_mode": "shadow", "shadow_methods": ("stddev",)},
        {"pattern_recognition": False, "sensitivity": 2.0},
        {"least_impact": 0.0, "least_days": 3, "window_days": 14, "sensitivity": 2.0},
        {"detection_methods": ("trend", "ratio"), "threshold": 0.01},
    ]
)


@st.composite
def bills(draw: st.DrawFn) -> Any:
    """Days of some services: level stretches with odd days in them."""
    days, series = draw(st.integers(1, 120)), draw(st.integers(1, 5))
    rows = []
    for _ in range(series):
        base, rest = draw(COST), draw(st.integers(0, 6))
        row = np.full(days, base)
        row[np.arange(days) % 7 < rest] = draw(COST)
        odd = draw(st.dictionaries(st.integers(0, days - 1), COST, max_size=12))
        for place, cost in odd.items():
            row[place] = cost
        rows.append(row)
    names = ["AWS Lambda", "Amazon S3", "Tax", "", "x"]
    first = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    return daily(rows, first, [key(names[place]) for place in range(series)])


def check(found: Found) -> None:
    for day in found.days:
        for values in (day.weighed.raw, day.weighed.plain, day.weighed.confidence):
            assert ((values >= 0) & (values <= 1)).all()
    for one in [*found.spikes, *found.results.quiet.values()]:
        assert 0 <= one.confidence_score <= one.raw_confidence_score <= 1
        figures = [one.current_cost, one.historical_average, one.expected_cost, one.expected_high, one.impact]
        figures += [value for said in one.detection_results.values() for value in (said.value, said.threshold)]
        assert all(map(math.isfinite, figures)), one
        assert one.change_percent is None or math.isfinite(one.change_percent)
        assert all(cost is None or math.isfinite(cost) for cost in one.historical_costs)
        assert "nan" not in one.analysis.split()
        one.model_dump_json()


@pytest.mark.timeout(400)
@settings(max_examples=60)
@given(bills(), SETTINGS)
def test_any_costs_are_judged_and_forecast(costs: Any, given_settings: dict[str, Any]) -> None:
    judged_and_forecast(costs, given_settings)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=1000)
@given(bills(), SETTINGS)
def test_many_costs_are_judged_and_forecast(costs: Any, given_settings: dict[str, Any]) -> None:
    judged_and_forecast(costs, given_settings)


def judged_and_forecast(costs: Any, given_settings: dict[str, Any]) -> None:
    found = look_at(costs, **given_settings)
    check(found)
    chosen = CostSettings.model_validate({"budgets": [{"name": "all", "amount": 100.0}], **given_settings})
    forecasts, budgets = forecasts_of(costs, found.walk.learnt, found.walk.running, chosen)
    for one in forecasts:
        assert all(map(math.isfinite, (one.total, one.low, one.high)))
        assert all(math.isfinite(part) for day in one.days for part in (day.cost, day.low, day.high))
        assert one.low <= one.high
    for budget in budgets:
        assert math.isfinite(budget.spent + budget.expected + budget.low + budget.high)
        assert budget.text
        assert budget.text_ko
