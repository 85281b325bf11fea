"""VUS-PR on small cases, and what must hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._detectors import Flags, Floats
from benchmarks._volume import average_precision, period, soft_labels, vus_pr

TRUTH = np.array([False] * 20 + [True] * 5 + [False] * 25 + [True] * 3 + [False] * 47)


def series(seed: int, points: int, longest: int) -> tuple[Flags, Floats]:
    """Labels of four segments and scores that follow them roughly, with many ties."""
    dice = np.random.default_rng(seed)
    truth = np.zeros(points, bool)
    for _ in range(4):
        start = int(dice.integers(0, points - 20))
        truth[start : start + int(dice.integers(1, longest))] = True
    return truth, np.round(dice.random(points) + 0.7 * np.convolve(truth, np.ones(9) / 9, "same"), 2)


def test_buffers_fall_with_distance_on_both_sides() -> None:
    labels = soft_labels(np.array([False] * 3 + [True] + [False] * 3), 4)
    side = [np.sqrt(1 - 1 / 4), np.sqrt(1 - 2 / 4)]
    assert labels == pytest.approx([0, side[1], side[0], 1, side[0], side[1], 0])


def test_buffers_are_cut_at_the_ends_and_where_they_meet() -> None:
    labels = soft_labels(np.array([True, False, True]), 4)
    assert labels == pytest.approx([1, 1, 1])
    assert soft_labels(TRUTH, 0) == pytest.approx(TRUTH.astype(float))


def test_scores_equal_to_the_truth_are_perfect() -> None:
    assert vus_pr(TRUTH, TRUTH.astype(float), 20) == pytest.approx(1)
    assert average_precision(TRUTH, TRUTH.astype(float)) == pytest.approx(1)


def test_equal_scores_have_the_precision_of_the_base_rate() -> None:
    assert vus_pr(TRUTH, np.zeros(100), 0) == pytest.approx(0.08)
    assert average_precision(TRUTH, np.zeros(100)) == pytest.approx(0.08)


def test_without_a_buffer_by_hand() -> None:
    """One of two segments found first, then a false point, then the other: the first counts for half its recall."""
    truth = np.array([True, False, False, True])
    scores = np.array([0.9, 0.8, 0.1, 0.7])
    assert vus_pr(truth, scores, 0) == pytest.approx(0.5 * 0.5 * 1 + 0.75 * 2 / 3)
    assert average_precision(truth, scores) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_near_miss_is_worth_more_with_a_buffer_than_a_far_one() -> None:
    near, far = np.zeros(100), np.zeros(100)
    near[[18, 19, 26]] = 1
    far[[8, 9, 36]] = 1
    assert vus_pr(TRUTH, near, 10) > vus_pr(TRUTH, far, 10)
    assert vus_pr(TRUTH, near, 0) == pytest.approx(vus_pr(TRUTH, far, 0))


@pytest.mark.parametrize(
    ("seed", "points", "longest", "buffer", "expected"),
    [
        (0, 300, 15, 10, 0.6970261380677845),
        (1, 2000, 15, 20, 0.578136551255505),
        (2, 500, 30, 1, 0.5621709678300453),
        (3, 500, 30, 0, 0.5292702883239372),
    ],
)
def test_same_figures_as_the_authors_code(seed: int, points: int, longest: int, buffer: int, expected: float) -> None:
    """`RangeAUC_volume_opt` of TSB-AD, with its 250 thresholds and each whole window, gave these."""
    truth, scores = series(seed, points, longest)
    assert vus_pr(truth, scores, buffer, windows=buffer + 1, thresholds=250) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 10_000), st.integers(0, 30))
def test_bounded_and_blind_to_the_scale(seed: int, buffer: int) -> None:
    truth, scores = series(seed, 200, 12)
    volume = vus_pr(truth, scores, buffer)
    assert 0 <= volume <= 1 + 1e-12
    assert vus_pr(truth, np.exp(3 * scores) - 7, buffer) == pytest.approx(volume)


@given(st.integers(0, 10_000))
def test_lifting_anomalous_points_never_hurts(seed: int) -> None:
    truth, scores = series(seed, 200, 12)
    lifted = np.where(truth, scores + 5, scores)
    assert vus_pr(truth, lifted, 10) >= vus_pr(truth, scores, 10) - 1e-12


def test_period_of_a_wave_is_found() -> None:
    dice = np.random.default_rng(1)
    wave = np.sin(np.arange(3000) * 2 * np.pi / 48) + 0.1 * dice.standard_normal(3000)
    assert period(wave) == pytest.approx(48, abs=1)


@pytest.mark.parametrize("values", [np.zeros(500), np.arange(500.0), np.ones(3)])
def test_no_period_gives_the_published_default(values: Floats) -> None:
    assert period(values) == 125
