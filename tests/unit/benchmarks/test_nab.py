"""NAB's score on cases worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._corpora import NabFile, read_nab
from benchmarks._detectors import Floats, Stream, Told, by_threshold, gaussian_scores
from benchmarks._nab import OUTSIDE, PROBATION, File, Profile, places, probation, read_profiles, score_at, sweep
from benchmarks.nab import judge, show, show_files

STANDARD = Profile(found=1.0, missed=1.0, false_alarm=0.11)
LOW_FN = Profile(found=1.0, missed=2.0, false_alarm=0.11)
POINTS = 1000
WINDOW = (400, 499)
TWO = (WINDOW, (700, 799))


def file(windows: tuple[tuple[int, int], ...], *detected: int, points: int = POINTS) -> File:
    scores = np.zeros(points)
    scores[list(detected)] = 1.0
    return places(points, windows), scores


def scored(*detected: int, windows: tuple[tuple[int, int], ...] = (WINDOW,), profile: Profile = STANDARD) -> float:
    return score_at([file(windows, *detected)], profile, 1.0).score


def worth(distance: float) -> float:
    return 2 / (1 + math.exp(5 * distance)) - 1


def test_left_edge_of_every_window_is_perfect() -> None:
    assert scored(400, 700, windows=TWO) == pytest.approx(100)


@pytest.mark.parametrize("profile", [STANDARD, LOW_FN])
def test_silence_is_zero(profile: Profile) -> None:
    assert scored(windows=TWO, profile=profile) == pytest.approx(0)


def test_worth_falls_through_the_window() -> None:
    middle, right = worth(-0.5) / worth(-1), worth(-0.01) / worth(-1)
    assert scored(450) == pytest.approx(100 * (middle + 1) / 2)
    assert scored(499) == pytest.approx(100 * (right + 1) / 2)


def test_missed_window_costs_its_weight() -> None:
    assert scored(400, windows=TWO) == pytest.approx(50)
    assert scored(400, windows=TWO, profile=LOW_FN) == pytest.approx(50)
    late = worth(-0.01) / worth(-1)
    assert scored(499, profile=LOW_FN) == pytest.approx(100 * (late + 2) / 3)


def test_only_the_earliest_of_a_window_counts() -> None:
    assert scored(410, 420, 499) == pytest.approx(scored(410))


def test_false_alarm_costs_little_right_after_a_window_and_all_far_from_it() -> None:
    near, far = scored(400, 509), scored(400, 900)
    assert near == pytest.approx(100 + 100 * 0.11 * worth(10 / 99) / 2)
    assert far == pytest.approx(100 - 100 * 0.11 / 2)


def test_false_alarm_before_the_first_window_costs_all() -> None:
    assert scored(399, 400) == pytest.approx(100 - 100 * 0.11 / 2)


def test_false_alarms_add_up_and_are_counted() -> None:
    score = score_at([file((WINDOW,), 200, 201, 400)], STANDARD, 1.0)
    assert (score.false_alarms, score.missed, score.windows) == (2, 0, 1)
    assert score.score == pytest.approx(100 - 2 * 100 * 0.11 / 2)


def test_distance_is_from_the_last_window_before() -> None:
    assert scored(400, 700, 803, windows=TWO) == pytest.approx(100 + 100 * 0.11 * worth(4 / 99) / 4)


def test_probation_is_not_scored() -> None:
    assert scored(0, 149) == pytest.approx(0)
    assert scored(150) == pytest.approx(-100 * 0.11 / 2)


@pytest.mark.parametrize(("points", "expected"), [(100, 15), (1000, 150), (5000, 750), (20_000, 750)])
def test_probation_is_15_percent_and_750_points_at_most(points: int, expected: int) -> None:
    assert probation(points) == expected


def test_window_reaching_out_of_probation_counts_from_there() -> None:
    place = places(POINTS, [(100, 199)])
    assert set(place.window[:150]) == {PROBATION}
    assert set(place.window[150:200]) == {0}
    assert set(place.window[200:]) == {OUTSIDE}
    assert scored(120, windows=((100, 199),)) == pytest.approx(0)


def test_sweep_finds_the_best_threshold_and_says_which() -> None:
    place, scores = file((WINDOW,))
    scores[[400, 450, 900, 950]] = 0.6, 0.9, 0.5, 0.4
    best = sweep([(place, scores)], STANDARD)
    assert best.threshold == 0.6
    assert best.score == pytest.approx(100)


def test_sweep_weighs_an_earlier_detection_against_the_false_alarms_it_brings() -> None:
    place, scores = file((WINDOW,))
    scores[490], scores[400], scores[200:210] = 0.9, 0.5, 0.7
    assert sweep([(place, scores)], Profile(1.0, 1.0, 0.01)).threshold == 0.5
    assert sweep([(place, scores)], Profile(1.0, 1.0, 0.5)).threshold == 0.9


def test_sweep_prefers_silence_to_noise() -> None:
    place, scores = file((WINDOW,), 200)
    best = sweep([(place, scores)], STANDARD)
    assert (best.threshold, best.missed) == (math.inf, 1)
    assert best.score == pytest.approx(0)


def test_equal_scores_are_detected_together() -> None:
    place, scores = file((WINDOW,), 200, 201, 300, 400)
    assert sweep([(place, scores)], STANDARD).score == pytest.approx(100 - 3 * 100 * 0.11 / 2)


def test_one_threshold_for_all_files() -> None:
    loud, quiet = file((WINDOW,)), file((WINDOW,))
    loud[1][[400, 300]] = 0.9, 0.8
    quiet[1][400] = 0.5
    best = sweep([loud, quiet], STANDARD)
    assert best.threshold == 0.5
    assert best.score == pytest.approx(100 - 100 * 0.11 / 4)


def test_scores_that_are_no_numbers_are_refused() -> None:
    place, scores = file((WINDOW,))
    scores[500] = np.nan
    with pytest.raises(ValueError, match="finite"):
        sweep([(place, scores)], STANDARD)


@given(st.integers(0, 100_000), st.sampled_from([STANDARD, LOW_FN]))
def test_sweep_is_the_best_of_all_thresholds(seed: int, profile: Profile) -> None:
    levels = np.random.default_rng(seed).random(POINTS) ** 20  # few high ones, as a detector's
    files = [(places(POINTS, TWO), np.floor(levels * 9))]
    tried = [score_at(files, profile, threshold).score for threshold in [*range(9), math.inf]]
    assert sweep(files, profile).score == pytest.approx(max(tried))


def test_profiles_are_read_from_the_corpus(data_dir: Path) -> None:
    profiles = read_profiles(data_dir / "nab/config/profiles.json")
    assert profiles["standard"] == STANDARD
    assert profiles["reward_low_FP_rate"] == Profile(1.0, 1.0, 0.22)
    assert profiles["reward_low_FN_rate"] == LOW_FN


def test_windowed_gaussian_scores_as_published_or_a_little_more(data_dir: Path) -> None:
    """Published with a threshold searched by steps: 39.6, 20.9 and 47.4; the exact search finds at most a few more."""
    corpus = read_nab(data_dir / "nab")
    assert (len(corpus), sum(len(one.windows) for one in corpus)) == (58, 116)
    told: list[Floats] = [gaussian_scores(one.values) for one in corpus]
    files = [(places(len(s), one.windows), s) for one, s in zip(corpus, told, strict=True)]
    measured = [
        sweep(files, profile).score for profile in read_profiles(data_dir / "nab/config/profiles.json").values()
    ]
    assert measured == pytest.approx([40.1, 23.9, 47.7], abs=0.1)


def corpus() -> list[tuple[int, NabFile]]:
    """Four files; the value is 1 at the left edge of each window and 0 elsewhere. The last has no window."""
    files = []
    for number, windows in enumerate([(WINDOW,), TWO, (WINDOW,), ()]):
        values = np.zeros(POINTS)
        values[[first for first, _ in windows]] = 1
        files.append((number, NabFile(f"file{number}.csv", np.arange(POINTS, dtype=np.float64), values, windows)))
    return files


def knowing(streams: Sequence[Stream]) -> list[Told]:
    return [by_threshold(values, 1) for _, values in streams]


def silent(streams: Sequence[Stream]) -> list[Told]:
    return [by_threshold(0 * values, 1) for _, values in streams]


def test_table_of_a_detector_that_knows_all(capsys: pytest.CaptureFixture[str]) -> None:
    figures = judge(knowing, corpus(), {"standard": STANDARD})
    row = figures["profiles"]["standard"]
    assert [row["score"], row["even"], row["odd"], row["odd_own"], row["alarms"]["score"]] == pytest.approx([100] * 5)
    assert (row["threshold"], row["windows"], row["missed"], row["false_alarms"]) == (1, 4, 0, 0)
    assert [one["windows"] for one in figures["files"].values()] == [1, 2, 1, 0]
    show({"knowing": figures}, {})
    show_files({"knowing": figures})
    out = capsys.readouterr().out
    assert "0 of 4" in out
    assert "file3.csv" in out


def test_table_of_a_silent_detector_is_sound_json() -> None:
    figures = judge(silent, corpus(), {"standard": STANDARD})
    assert figures["profiles"]["standard"]["alarms"] is None
    assert figures["profiles"]["standard"]["threshold"] is None
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
