"""Day by day: what is abnormal, for how long, and what of it people are told."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.walk import ACCEPTED
from bdp.model.anomaly import Severity
from bdp.model.cost_result import Standing, TrendDirection
from tests.unit.detect.cost.bills import NOW, Found, at, daily, key, look_at, noisy, seen


def changed(costs: Floats, days: int | slice, cost: Floats | float) -> Floats:
    """The same costs, but for some days."""
    found = costs.copy()
    found[days] = cost
    return found


def quiet(found: Found) -> list[tuple[Standing, int]]:
    return [(one.standing, found.walk.daily.days.index(one.day)) for one in found.results.quiet.values()]


@pytest.mark.parametrize("seed", range(5))
def test_even_costs_raise_nothing(seed: int) -> None:
    found = seen(*[noisy(100, 120, seed=10 * seed + row) for row in range(4)])
    assert found.spikes == []
    assert quiet(found) == []


def test_wide_and_noisy_costs_raise_next_to_nothing() -> None:
    rows = [noisy(100, 120, seed=row, spread=0.4) for row in range(10)]
    assert len(seen(*rows).spikes) <= 10  # of 1,130 days


def test_a_spike_is_told_with_its_figures() -> None:
    costs = changed(noisy(100, 70), 60, 300.0)
    one = seen(costs).only()
    assert one.is_anomaly
    assert one.standing is Standing.JUDGED
    assert (one.day, one.spike_start_date, one.spike_duration_days) == (at(60), at(60), 1)
    assert one.current_cost == 300.0
    assert one.expected_cost == pytest.approx(100, rel=0.05)
    assert one.expected_cost < one.expected_high < 300
    assert one.historical_average == pytest.approx(100, rel=0.05)
    assert one.change_percent == pytest.approx(200, rel=0.1)
    assert one.impact == pytest.approx(200, rel=0.05)
    assert one.trend_direction is TrendDirection.STABLE
    assert {"ecod", "ratio", "stddev"} <= set(one.detected_methods) <= set(one.detection_results)
    assert one.timestamps[-1] == one.day
    assert one.historical_costs[-1] == 300.0
    assert len(one.historical_costs) == len(one.timestamps)
    assert one.timestamp == NOW


def test_the_analysis_says_it_in_both_languages() -> None:
    one = look_at(daily([changed(noisy(100, 70), 60, 300.0)], keys=[key("Amazon S3", "prod", "EUR")])).only()
    for text in (one.analysis, one.analysis_ko):
        assert "300.00 EUR" in text
        assert "Amazon S3" in text
        assert "prod" in text
        assert str(at(60)) in text
        assert f"{one.confidence_score:.2f}" in text
    assert any("가" <= sign <= "힣" for sign in one.analysis_ko)
    assert not any("가" <= sign <= "힣" for sign in one.analysis)
    for method in one.detection_results.values():
        assert method.explanation
        assert method.explanation_ko


def test_a_step_stays_abnormal_until_it_has_become_the_level() -> None:
    costs = noisy(100, 150)
    costs[60:] *= 2
    found = seen(costs)
    assert found.abnormal() == list(range(60, 60 + ACCEPTED))
    one = found.only()
    assert (one.spike_start_date, one.spike_duration_days) == (at(60), ACCEPTED)
    assert one.impact == pytest.approx(ACCEPTED * 100, rel=0.05)


def test_after_it_has_become_the_level_a_rise_from_there_is_found() -> None:
    costs = noisy(100, 150)
    costs[60:] *= 2
    found = seen(changed(costs, 140, 600.0))
    assert found.abnormal() == [*range(60, 60 + ACCEPTED), 140]
    assert found.results.spikes[0, 140].impact == pytest.approx(400, rel=0.05)


def test_a_spike_does_not_hide_the_next() -> None:
    costs = changed(changed(noisy(100, 80), 60, 1000.0), 64, 250.0)
    assert seen(costs).abnormal() == [60, 64]


def test_a_slow_ramp_is_found_before_it_has_doubled() -> None:
    costs = noisy(100, 100, spread=0.02)
    costs[60:] *= 1.04 ** np.arange(40)
    found = seen(costs).abnormal()
    assert 60 <= found[0] <= 72


def test_a_spike_is_dated_back_to_the_day_on_which_it_began() -> None:
    costs = noisy(100, 100, spread=0.02)
    costs[60:] *= 1.04 ** np.arange(40)
    found = seen(costs)
    (one,) = [one for one in found.spikes if one.day == at(99)]
    first = found.abnormal()[0]
    assert one.spike_start_date is not None
    assert at(58) <= one.spike_start_date < at(first)
    assert one.spike_duration_days == (one.day - one.spike_start_date).days + 1
    assert one.impact == pytest.approx((costs[60:] - 100).sum(), rel=0.1)


def test_a_dear_day_is_not_dated_back_to_the_even_ones_before_it() -> None:
    starts = [seen(changed(noisy(100, 70, seed=seed), 60, 300.0)).only().spike_start_date for seed in range(20)]
    assert sum(start == at(60) for start in starts) >= 19


def test_a_series_that_rests_at_the_weekend() -> None:
    costs = np.where(np.arange(90) % 7 >= 5, 0.0, noisy(100, 90))
    assert seen(costs).spikes == []
    assert seen(changed(costs, 80, 400.0)).abnormal() == [80]
    assert seen(changed(costs, 82, 400.0)).abnormal() == [82]  # a Saturday


def test_a_new_service_of_an_old_account_is_found_on_its_first_day() -> None:
    new = np.zeros(90)
    new[60:] = 50.0
    found = seen(noisy(100, 90), new)
    assert found.abnormal(0) == []
    assert found.abnormal(1)[0] == 60
    (one,) = [one for one in found.spikes if one.spike_start_date == at(60)]
    assert one.spike_duration_days == 30
    assert one.impact >= 50


def test_an_account_of_three_days_is_too_young() -> None:
    young = np.full(60, np.nan)
    young[57:] = [10.0, 10.0, 9000.0]
    found = seen(noisy(100, 60), young)
    assert found.spikes == []
    assert [day.young for day in found.days[57:]] == [1, 1, 1]
    assert [day.judged for day in found.days[57:]] == [1, 1, 1]


def test_least_days_is_what_makes_a_series_old_enough() -> None:
    costs = changed(noisy(100, 40), 20, 500.0)
    assert seen(costs, least_days=7).abnormal() == [20]
    found = seen(costs, least_days=30)
    assert found.abnormal() == []
    assert found.days[20].young == 1


def test_days_of_nothing_and_of_less_than_nothing_are_not_judged() -> None:
    found = seen(changed(changed(noisy(100, 70), 60, -500.0), 62, 0.0))
    assert found.spikes == []
    assert [found.days[place].idle for place in (60, 61, 62)] == [1, 0, 1]


def test_a_spike_behind_a_refund_is_found() -> None:
    found = seen(changed(changed(noisy(100, 70), 60, -500.0), 61, 300.0))
    assert found.abnormal() == [61]


def test_gaps_are_stepped_over() -> None:
    costs = changed(noisy(100, 70), slice(40, 48), np.nan)
    assert seen(costs).spikes == []
    assert seen(changed(costs, 60, 300.0)).abnormal() == [60]


def test_a_gap_neither_ends_a_spike_nor_makes_it_longer() -> None:
    costs = changed(noisy(100, 70), slice(60, 65), 300.0)
    one = seen(changed(costs, 62, np.nan)).only()
    assert (one.spike_start_date, one.day, one.spike_duration_days) == (at(60), at(64), 4)


def test_a_day_that_was_counted_twice_is_told_and_raises_nothing() -> None:
    rows = [noisy(100 * (row + 1), 70, seed=row) for row in range(5)]
    keys = [key(f"service {row}") for row in range(5)]
    twice = [changed(row, 60, 2 * row[60]) for row in rows]
    found = look_at(daily(twice, keys=keys))
    assert found.spikes == []
    assert quiet(found) == [(Standing.LOOKS_DOUBLED, 60)] * 5
    one_of_them = look_at(daily([twice[0], *rows[1:]], keys=keys))
    assert one_of_them.abnormal() == [60]
    assert one_of_them.only().key == keys[0]


def test_the_least_impact_is_the_last_word() -> None:
    costs = changed(noisy(100, 70), 60, 300.0)
    assert seen(costs, least_impact=150.0).abnormal() == [60]
    found = seen(costs, least_impact=250.0)
    assert found.spikes == []
    assert quiet(found) == [(Standing.BELOW_IMPACT, 60)]
    (one,) = found.results.quiet.values()
    assert not one.is_anomaly
    assert one.severity is None
    assert one.confidence_score >= 0.5


def test_many_cents_are_no_news() -> None:
    found = seen(changed(noisy(0.01, 70), 60, 0.30))
    assert found.spikes == []
    assert quiet(found) == [(Standing.BELOW_IMPACT, 60)]


def test_severity_follows_rise_and_money() -> None:
    def severity(level: float, times: float) -> Severity | None:
        return seen(changed(noisy(level, 70), 60, level * times)).only().severity

    assert severity(1000, 10) is Severity.CRITICAL
    assert severity(10, 1.6) is Severity.LOW
    ladder = [severity(level, 5) for level in (1, 10, 100, 10_000)]
    ranks = [list(Severity).index(one) for one in ladder if one]
    assert len(ranks) == 4
    assert ranks in (sorted(ranks), sorted(ranks, reverse=True))
    assert len(set(ranks)) > 1


def test_more_sensitive_finds_what_less_sensitive_found_and_more() -> None:
    rows = [changed(noisy(100, 90, seed=place), 80, 100.0 + 4 * place) for place in range(15)]

    def rises(sensitivity: float) -> set[int]:
        found = seen(*rows, sensitivity=sensitivity)
        return {row for row in range(15) if 80 in found.abnormal(row)}

    timid, usual, bold = rises(0.0), rises(0.5), rises(2.0)
    assert timid <= usual <= bold
    assert len(timid) < len(bold)


def test_the_threshold_is_the_confidence_from_which_a_day_counts() -> None:
    costs = changed(noisy(100, 70), 60, 300.0)
    assert seen(costs, threshold=0.6).only().confidence_score >= 0.6
    assert seen(changed(noisy(100, 70), 60, 140.0), threshold=1.0).spikes == []


def test_series_are_judged_apart() -> None:
    spiked, even = changed(noisy(100, 70), 60, 300.0), noisy(40, 70, seed=2)
    alone, both = seen(spiked).only(), seen(even, spiked).only()
    assert both.confidence_score == pytest.approx(alone.confidence_score)
    assert both.impact == pytest.approx(alone.impact)


def test_the_dearest_comes_first() -> None:
    rows = [changed(noisy(level, 70, seed=place), 60, 4 * level) for place, level in enumerate((30.0, 900.0, 200.0))]
    assert [one.service_name for one in seen(*rows).spikes] == ["service 1", "service 2", "service 0"]


def test_what_was_billed_stays_as_it_was() -> None:
    costs = daily([changed(noisy(100, 70), 60, 300.0)])
    kept = costs.costs.copy()
    found = look_at(costs)
    assert (costs.costs == kept).all()
    assert found.walk.learnt[0, 60] == pytest.approx(100, rel=0.05)


def test_a_ramp_of_two_percent_a_day_does_not_hide_itself() -> None:
    costs = noisy(100, 90)
    costs[61:] += 2.0 * np.arange(1, 30)
    found = seen(costs)
    assert found.abnormal(0)
    assert found.abnormal(0)[0] <= 61 + 21


def test_a_fee_of_the_month_before_is_no_news() -> None:
    fee = np.zeros(92)
    fee[[0, 31, 62]] = 1200.0
    assert seen(noisy(100, 92), fee, first=date(2026, 7, 1)).abnormal(1) == []


def test_a_fee_does_not_hide_what_is_far_dearer() -> None:
    costs = np.zeros(120)
    costs[[20, 50, 80]] = 500.0
    costs[110] = 5_000.0
    assert seen(costs).abnormal() == [20, 110]


def test_a_small_rise_is_grave_where_it_is_a_large_part_of_the_bill() -> None:
    large, small = noisy(100_000, 70, spread=0.02), noisy(100, 70, spread=0.02)
    (one,) = seen(changed(large, 60, 128_000.0), noisy(60_000, 70, seed=3)).results.anomalies()
    assert one.severity is Severity.HIGH
    (one,) = seen(large, changed(small, 60, 128.0)).results.anomalies()
    assert one.severity is Severity.LOW
