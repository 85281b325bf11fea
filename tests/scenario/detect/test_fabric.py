"""A fabric's weeks: normal traffic raises nothing, planted faults are named, rated and told in time.

The bounds were chosen on seeds 0-99 and 1000-1199; these are others. `benchmarks/fabric.py` plays more of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.scenario.detect.fabric_score import Score, play, score
from tests.scenario.detect.fabric_traffic import FAULTS, normal

SEEDS = range(5000, 5025)


@pytest.fixture(scope="module")
def scores() -> dict[str, list[Score]]:
    return {name: [score(name, seed) for seed in SEEDS] for name in FAULTS}


@pytest.mark.parametrize("kind", ["steady", "light"])
def test_a_week_of_normal_traffic_raises_nothing(kind: str) -> None:
    assert [one for seed in range(5000, 5004) for _, one in play(normal(seed, 24 * 7, 60, kind))] == []


def test_a_day_at_ten_seconds_raises_nothing() -> None:
    assert [one for seed in range(5010, 5013) for _, one in play(normal(seed, 24, 10))] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gets_its_right_prediction_type(name: str, scores: dict[str, list[Score]]) -> None:
    found = scores[name]
    assert sum(one.main == one.kind for one in found) / len(found) > 0.9


@pytest.mark.parametrize("name", FAULTS)
def test_its_risk_is_that_of_the_written_table(name: str, scores: dict[str, list[Score]]) -> None:
    errors = every_error(scores[name])
    assert len(errors) >= len(SEEDS)
    assert np.mean(np.array(errors) <= 10) >= 0.95


def test_critical_insights_are_true(scores: dict[str, list[Score]]) -> None:
    every = [one for some in scores.values() for one in some]
    critical = sum(one.critical for one in every)
    assert critical > 100
    assert sum(one.false_critical for one in every) / critical < 0.05


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "slow degradation"])
def test_it_is_told_within_a_minute_of_the_sample_that_shows_it(name: str, scores: dict[str, list[Score]]) -> None:
    delays = [one.delay for one in scores[name] if one.delay is not None]
    assert len(delays) >= 0.9 * len(SEEDS)
    assert np.quantile(delays, 0.95) < 60


def test_a_slow_degradation_is_told_soon_after_its_mean_has_doubled(scores: dict[str, list[Score]]) -> None:
    delays = [one.delay for one in scores["slow degradation"] if one.delay is not None]
    assert np.median(delays) <= 300


def every_error(scores: Sequence[Score]) -> list[float]:
    return [error for one in scores for error in one.errors]
