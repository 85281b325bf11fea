"""Patterns: where a rise is expected they lower the confidence, and nowhere else."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.patterns.service_profile import bursts
from bdp.detect.cost.settings import PATTERNS
from tests.unit.detect.cost.bills import Found, at, daily, key, look_at, noisy, seen

DAYS = 130
PLACE = np.arange(DAYS)


def weekly(times: float) -> Floats:
    """Costs that are dearer each Wednesday."""
    costs: Floats = noisy(100, DAYS, spread=0.02) * np.where(PLACE % 7 == 2, times, 1.0)
    return costs


def monthly(times: float) -> Floats:
    """Costs that are dearer from the 29th on."""
    late = np.array([at(int(place)).day >= 29 for place in PLACE])
    costs: Floats = noisy(100, DAYS, spread=0.02) * np.where(late, times, 1.0)
    return costs


def growing(weekly: float) -> Floats:
    costs: Floats = noisy(100, DAYS) * np.exp(weekly * PLACE / 7)
    return costs


def spiked(costs: Floats, place: int, times: float) -> Floats:
    found = costs.copy()
    found[place] *= times
    return found


def shown(found: Found) -> list[int]:
    return [day.place for day in found.days if len(day.rows)]


@pytest.mark.parametrize("times", [1.5, 2.5])
def test_a_day_of_the_week_that_always_costs_more(times: float) -> None:
    found = seen(weekly(times))
    last = [place for place in shown(found) if place > 60 and place % 7 == 2]
    assert last
    assert all(found.lowered(place)["day_of_week"] < -0.1 for place in last)
    assert not [place for place in found.abnormal() if place > 35]


def test_the_same_cost_on_another_day_of_the_week_is_abnormal() -> None:
    assert 100 in seen(spiked(weekly(2.5), 100, 2.5)).abnormal()
    assert 100 % 7 == 2
    assert 102 in seen(spiked(weekly(2.5), 102, 2.5)).abnormal()


def test_steady_growth() -> None:
    found = seen(growing(0.04))
    late = [place for place in shown(found) if place > 80]
    assert np.mean([found.lowered(place)["trend"] < -0.1 for place in late]) > 0.5
    assert not [place for place in found.abnormal() if place > 80]
    assert 110 in seen(spiked(growing(0.04), 110, 2.0)).abnormal()


def test_the_turn_of_the_month() -> None:
    found = seen(monthly(1.8))
    march, april = [place for place in range(DAYS) if at(place).day >= 29 and at(place).month in (3, 4)][:3], 114
    assert [at(place).month for place in march] == [3, 3, 3]
    assert all(found.lowered(place)["month_cycle"] < -0.1 for place in [*march, april])
    assert not set(march) & set(found.abnormal())
    first = [place for place in range(DAYS) if at(place).day >= 29 and at(place).month == 1]
    assert set(first) & set(found.abnormal())  # nobody knew


def test_a_fee_is_expected_on_whichever_day_of_the_week_the_first_falls() -> None:
    begin, sunday = date(2026, 8, 3), date(2026, 11, 1)
    days = [begin + timedelta(days=int(place)) for place in PLACE]
    quiet = np.array([0.3 if day.weekday() >= 5 else 1.0 for day in days])
    fee = np.array([400.0 if day.day == 1 else 0.0 for day in days])
    found = seen(noisy(100, DAYS, spread=0.03) * quiet + fee, first=begin)
    assert sunday.weekday() == 6
    assert days.index(sunday) in shown(found)
    assert days.index(sunday) not in found.abnormal()


def test_a_turn_is_known_behind_a_change_of_level() -> None:
    early = np.array([1.8 if at(int(place)).day <= 3 else 1.0 for place in PLACE])
    falls = next(place for place in PLACE.tolist() if place > 60 and at(place).day == 24)
    found = seen(noisy(100, DAYS, spread=0.02) * early * np.where(falls <= PLACE, 0.5, 1.0))
    assert [at(place).month for place in shown(found) if place > falls and at(place).day == 2] == [4, 5]
    assert not [place for place in found.abnormal() if place > falls]


def test_what_one_of_few_known_days_cost_is_no_news() -> None:
    job = noisy(100, 40, spread=0.02) * np.where(PLACE[:40] % 7 == 2, 3.0, 1.0)
    assert not seen(job).abnormal()
    assert seen(spiked(job, 16, 2.0)).abnormal() == [16]


def test_less_than_thirty_days_know_no_month() -> None:
    found = seen(monthly(1.8)[15:40], first=at(15))
    assert found.abnormal()
    assert all(found.lowered(place)["month_cycle"] > -0.05 for place in found.abnormal())


@pytest.mark.parametrize(
    "name",
    ["AWS Lambda", "AWSLambda", "Lambda", "aws lambda", "AmazonBatch", "AWS Batch", "AWS Glue", "AWSGlue", "Glue ETL"],
)
def test_services_whose_use_comes_in_bursts(name: str) -> None:
    assert bursts([key(name)]).tolist() == [True]


@pytest.mark.parametrize(
    "name",
    ["GlueSomethingElse", "Superglue", "Amazon S3", "Batches of paint", "LambdaTest", "Lambdas", "", "Amazon EC2"],
)
def test_services_that_only_look_like_them(name: str) -> None:
    assert bursts([key(name)]).tolist() == [False]


def test_a_burst_of_such_a_service_is_a_tenth_less_sure() -> None:
    costs = spiked(noisy(100, 90), 80, 3.0)
    found = look_at(daily([costs, costs], keys=[key("AWS Lambda"), key("Amazon S3")]))
    burst, plain = (found.lowered(80, row)["service_profile"] for row in (0, 1))
    assert burst == pytest.approx(-0.10)
    assert plain == 0.0
    assert found.at(80, 0)[1] == pytest.approx(found.at(80, 1)[1] - 0.10)


MANY = {
    "a": weekly(1.5), "b": monthly(2.0), "AWS Lambda": growing(0.05), "d": spiked(weekly(3.0), 93, 4.0),
    "AWS Batch": spiked(monthly(1.4), 114, 1.5), "f": np.where(PLACE % 7 > 4, 0.0, noisy(50, DAYS)),
    "Glue": noisy(20, DAYS, spread=0.6),
}  # fmt: skip


@pytest.fixture(scope="module")
def many() -> Found:
    return look_at(daily(list(MANY.values()), keys=[key(name) for name in MANY]))


def test_no_pattern_raises_the_confidence(many: Found) -> None:
    for day in many.days:
        assert (day.weighed.raw >= day.weighed.confidence - 1e-9).all()
        for lowered in day.weighed.adjustments.values():
            assert (lowered <= 1e-9).all()


def test_what_patterns_take_adds_up(many: Found) -> None:
    for day in many.days:
        taken = sum(day.weighed.adjustments[name] for name in PATTERNS)
        assert day.weighed.raw + taken == pytest.approx(day.weighed.confidence, abs=1e-9)


def test_results_tell_what_patterns_took(many: Found) -> None:
    assert many.spikes
    for one in many.spikes:
        assert [context.pattern for context in one.pattern_contexts] == list(PATTERNS)
        assert one.raw_confidence_score >= one.confidence_score
        taken = sum(context.adjustment for context in one.pattern_contexts)
        assert one.raw_confidence_score + taken == pytest.approx(one.confidence_score, abs=1e-5)
        for context in one.pattern_contexts:
            assert context.applied
            assert context.explanation
            assert context.explanation_ko
        said = [context.explanation for context in one.pattern_contexts if context.adjustment < 0]
        assert all(text in one.analysis for text in said)


def test_in_the_shadow_they_are_recorded_and_do_not_decide() -> None:
    active, shadow = seen(monthly(1.8)), seen(monthly(1.8), pattern_mode="shadow")
    without = seen(monthly(1.8), pattern_recognition=False)
    assert shadow.abnormal() == without.abnormal()
    assert set(active.abnormal()) < set(shadow.abnormal())
    for one in shadow.spikes:
        assert one.confidence_score == one.raw_confidence_score
        assert not any(context.applied for context in one.pattern_contexts)
    assert any(context.adjustment < 0 for one in shadow.spikes for context in one.pattern_contexts)
    assert all(one.pattern_contexts == () for one in without.spikes)
