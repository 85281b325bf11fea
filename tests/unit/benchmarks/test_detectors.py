"""Detectors as the yardsticks see them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks._detectors import (
    DETECTORS,
    Floats,
    Stream,
    bank,
    by_threshold,
    chance,
    choose,
    gaussian_scores,
    lockstep,
)
from tests.unit.benchmarks.stand_in import RollingBank, rolling


def stream(points: int, seed: int) -> Stream:
    return np.arange(0, 60 * points, 60, dtype=np.float64), np.random.default_rng(seed).standard_normal(points)


def test_lockstep_of_different_lengths_tells_the_same_as_one_by_one() -> None:
    streams = [stream(points, points) for points in (50, 200, 1, 120)]
    together = rolling(streams)
    for one, given in zip(together, streams, strict=True):
        (alone,) = rolling([given])
        assert len(one.scores) == len(given[0])
        for part, other in zip(one, alone, strict=True):
            np.testing.assert_array_equal(part, other)


def test_lockstep_of_nothing() -> None:
    assert lockstep([], RollingBank(0).observe) == []


def test_our_bank_tells_of_each_point_and_needs_no_neighbours() -> None:
    streams = [stream(points, points) for points in (300, 150)]
    together = bank(streams)
    alone = [bank([one])[0] for one in streams]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.scores, other.scores)
        np.testing.assert_array_equal(one.opened, other.opened)
        assert np.all((one.scores >= 0) & (one.scores < 1))


def test_our_bank_does_not_look_ahead() -> None:
    ts, values = stream(400, 5)
    changed = values.copy()
    changed[300:] += 50
    before, after = bank([(ts, values)])[0], bank([(ts, changed)])[0]
    np.testing.assert_array_equal(before.scores[:300], after.scores[:300])
    assert after.scores[300:].max() > before.scores[300:].max()


def plain_gaussian(values: Floats) -> list[float]:
    """The windowed Gaussian as its authors describe it, point by point."""
    window: list[float] = []
    waiting: list[float] = []
    mean, spread, scores = 0.0, 1.0, []
    for value in values.tolist():
        scores.append(1 - 0.5 * math.erfc(abs(value - mean) / spread / math.sqrt(2)) if window else 0.0)
        if len(window) < 6400:
            window.append(value)
        else:
            waiting.append(value)
            if len(waiting) < 100:
                continue
            window, waiting = window[100:] + waiting, []
        if len(window) % 37 == 0 or len(window) in (1, 6400) or len(values) < 1000:
            mean, spread = float(np.mean(window)), float(np.std(window)) or 1e-6
    return scores


def test_windowed_gaussian_grows_with_the_series() -> None:
    values = np.random.default_rng(3).standard_normal(300)
    values[:4] = 2.0
    np.testing.assert_allclose(gaussian_scores(values), plain_gaussian(values), atol=1e-9)


def test_windowed_gaussian_moves_by_steps_once_it_is_full() -> None:
    values = np.random.default_rng(4).standard_normal(6_750)
    values[6_400:] += 3
    np.testing.assert_allclose(gaussian_scores(values)[6_400:], plain_gaussian(values)[6_400:], atol=1e-9)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_windowed_gaussian_of_hardly_anything(points: int) -> None:
    assert len(gaussian_scores(np.ones(points))) == points


def test_alarm_of_a_threshold_is_raised_once_a_run() -> None:
    told = by_threshold(np.array([0.9, 0.9, 0.1, 0.5, 0.9]), 0.5)
    assert told.is_anomaly.tolist() == [True, True, False, True, True]
    assert told.opened.tolist() == [True, False, False, True, False]


def test_chance_is_the_same_at_each_run() -> None:
    streams = [stream(100, 1), stream(100, 2)]
    first, second = chance(streams), chance(streams)
    np.testing.assert_array_equal(first[1].scores, second[1].scores)
    assert not np.array_equal(first[0].scores, first[1].scores)


def test_detectors_are_chosen_by_name_or_from_elsewhere() -> None:
    assert list(choose([])) == list(DETECTORS)
    elsewhere = "tests.unit.benchmarks.stand_in:rolling"
    assert len(choose([elsewhere])[elsewhere]([stream(30, 1)])[0][0]) == 30
    with pytest.raises(SystemExit, match="windowed Gaussian"):
        choose(["no such detector"])
