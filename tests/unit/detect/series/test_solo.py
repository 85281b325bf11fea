"""One series point by point, and its anomalies from beginning to end."""

from __future__ import annotations

import math

import numpy as np

from bdp.detect.series.bank import SeriesBank
from bdp.detect.series.settings import SeriesSettings
from bdp.detect.series.solo import Episodes, Judged, Solo
from tests.unit.detect.series.played import STEP, Numbers, feed, times

SETTINGS = SeriesSettings()


def judge(values: Numbers, *, counter: bool = False) -> tuple[list[Judged], Episodes]:
    solo, episodes, found = Solo(SETTINGS, counter=counter), Episodes(), []
    for ts, value in zip(times(len(values)), values, strict=True):
        found.append(solo.judge(ts, value))
        episodes.add(ts, f"t{ts:.0f}", found[-1])
    return found, episodes


def calm(points: int = 400, seed: int = 1) -> Numbers:
    return 100 + np.random.default_rng(seed).normal(0, 1, points)


def test_it_says_what_the_bank_says() -> None:
    values = calm()
    values[300] = 130
    found, _ = judge(values)
    for one, verdict in zip(found, feed(SeriesBank(SETTINGS, 1), times(400), values[None]), strict=True):
        assert one.is_anomaly == verdict.is_anomaly[0]
        assert one.score == (None if np.isnan(verdict.expected_low[0]) else verdict.score[0])


def test_nothing_is_known_while_it_learns() -> None:
    found, _ = judge(calm())
    assert [one.score for one in found[:50]] == [None] * 50
    assert all(math.isnan(one.low) for one in found[:50])
    assert all(one.score is not None and one.low < one.high for one in found[50:])


def test_a_point_that_is_not_later_has_no_score() -> None:
    solo = Solo(SETTINGS)
    for ts, value in zip(times(200), calm(200), strict=True):
        solo.judge(ts, value)
    for ts, value in ((times(200)[-1], 500.0), (0.0, 500.0), (times(300)[-1], math.nan)):
        late = solo.judge(ts, value)
        assert (late.score, late.taken, late.is_anomaly, late.reason) == (None, False, False, "")


def test_an_anomaly_has_a_beginning_a_peak_and_an_end() -> None:
    values = calm(400, seed=2)
    values[300:304] = [112, 150, 120, 118]
    found, episodes = judge(values)
    (episode,) = [one for one in episodes.found if one.start >= times(301)[-1]]
    assert episode.start_text == f"t{times(301)[-1]:.0f}"
    assert times(304)[-1] <= episode.end < times(360)[-1]
    assert episode.peak == max(one.score or 0 for one in found[300:])
    assert (episode.peak_at, episode.peak_value) == (times(302)[-1], 150)
    assert "150 is above the expected" in episode.reason
    assert (episode.direction, episode.over) == (1, True)
    assert episode.points == sum(one.is_anomaly for one in found[300:])


def test_one_that_goes_on_is_not_over() -> None:
    values = calm(302, seed=2)
    values[300:] = 150
    _, episodes = judge(values)
    assert not episodes.found[-1].over


def test_an_abnormal_point_has_a_reason_and_no_other_has() -> None:
    values = calm()
    values[300:310] = 130
    found, _ = judge(values)
    assert {bool(one.reason) == one.is_anomaly for one in found} == {True}
    assert found[300].reason.startswith("130 is above the expected")
    echoes = [one.reason for one in found[301:] if one.is_anomaly and (one.score or 0) < 0.5]
    assert echoes
    assert set(echoes) == {"Part of the anomaly that began at 2026-01-06 01:00:00 UTC."}


def test_a_counter_is_judged_by_its_rate() -> None:
    grown = np.random.default_rng(3).normal(1000, 30, 400)
    grown[300] = 9000
    values = np.cumsum(grown)
    values[200:] -= values[200] - 17  # began again, and had counted 17
    found, episodes = judge(values, counter=True)
    assert (found[0].taken, found[0].score) == (False, None)
    assert found[200].value == 17 / STEP
    assert math.isclose(found[100].value, grown[100] / STEP, rel_tol=1e-9)
    assert [round((one.start - times(1)[0]) / STEP) for one in episodes.found if one.peak > 0.6][-1] == 300
    assert "30 /s is above the expected" in found[300].reason
