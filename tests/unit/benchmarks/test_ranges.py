"""Alarms against segments."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._detectors import Flags
from benchmarks._ranges import Tally, best_threshold, segments, tally


def flags(length: int, *where: int | range) -> Flags:
    made = np.zeros(length, bool)
    for one in where:
        made[one] = True
    return made


TRUTH = flags(100, range(20, 30), 60)


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        (flags(5), []),
        (flags(5, range(5)), [(0, 4)]),
        (flags(6, 0, range(2, 4), 5), [(0, 0), (2, 3), (5, 5)]),
    ],
)
def test_segments(truth: Flags, expected: list[tuple[int, int]]) -> None:
    assert segments(truth) == expected


@pytest.mark.parametrize("at", [20, 25, 29])
def test_alarm_inside_a_segment_finds_it(at: int) -> None:
    assert tally(TRUTH, flags(100, at), 3).delays == (at - 20,)


@pytest.mark.parametrize("at", [19, 30, 59, 64, 99])
def test_alarm_beyond_its_zone_is_false(at: int) -> None:
    counted = tally(TRUTH, flags(100, at), 3)
    assert (counted.recall, counted.precision, counted.f1) == (0, 0, 0)
    assert (counted.segments, counted.alarms, counted.delay) == (2, 1, None)


def test_short_segment_may_be_found_after_its_end_within_the_delay() -> None:
    assert tally(TRUTH, flags(100, 63), 3).recall == 0.5


def test_late_alarm_in_a_long_segment_is_found_but_not_in_time() -> None:
    counted = tally(TRUTH, flags(100, 24, 60), 3)
    assert (counted.recall, counted.timely, counted.delay) == (1, 0.5, 2)


def test_f1_by_hand() -> None:
    counted = tally(TRUTH, flags(100, 21, 25, 50, 70), 3)
    assert (counted.precision, counted.recall) == (0.5, 0.5)
    assert counted.f1 == 0.5
    assert tally(TRUTH, flags(100, 21, 25, 50, 61), 3).f1 == pytest.approx(2 * 0.75 / 1.75)


def test_silence_scores_nothing() -> None:
    counted = tally(TRUTH, flags(100), 3)
    assert (counted.f1, counted.precision, counted.recall, counted.timely) == (0, 0, 0, 0)


def test_zone_ends_with_the_series() -> None:
    assert tally(flags(10, 9), flags(10, 9), 7) == Tally(1, 1, 1, 1, (0,))


def test_sums_go_over_all_segments() -> None:
    total = tally(TRUTH, flags(100, 20), 3) + tally(flags(50), flags(50, 1, 2), 3)
    assert total == Tally(2, 1, 3, 1, (0,))


def test_best_threshold_lies_where_scores_separate_them() -> None:
    scores = np.random.default_rng(1).random(100) / 10
    scores[[20, 60, 80]] = 0.8, 0.9, 0.5
    assert best_threshold([(TRUTH, scores)], 3) == 0.8


def test_best_threshold_holds_for_all_series_together() -> None:
    quiet, loud = np.random.default_rng(2).random((2, 100)) / 10
    quiet[[20, 60]] = 0.3, 0.9
    loud[[20, 60, 80]] = 0.8, 0.9, 0.5
    threshold = best_threshold([(TRUTH, quiet), (TRUTH, quiet), (TRUTH, loud)], 3)
    assert 0.1 < threshold <= 0.3
