"""When a series shifts: steps, ramps, recoveries, counters at 0, gaps, and noise that is no shift."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bdp.explain.locate.onset import onset

Floats = NDArray[np.float64]
MINUTE = 60.0


def times(count: int, step: float = MINUTE) -> Floats:
    return (np.arange(count) * step + 1_700_000_000.0).astype(np.float64)


def noise(count: int, level: float, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(level, 1.0, count)


def test_a_step_is_found_at_its_first_point() -> None:
    t = times(200)
    found = onset(t, np.concatenate((noise(120, 10), noise(80, 17, 2))))
    assert found is not None
    assert found.up
    assert found.at == t[120]
    assert found.until == t[199]
    assert found.before == pytest.approx(10, abs=0.5)
    assert found.after == pytest.approx(17, abs=0.5)


def test_a_fall_is_told_from_a_rise() -> None:
    found = onset(times(100), np.concatenate((noise(60, 100), noise(40, 90, 2))))
    assert found is not None
    assert not found.up


def test_a_passing_shift_ends_where_it_recovers() -> None:
    t = times(200)
    found = onset(t, np.concatenate((noise(120, 10), noise(9, 20, 2), noise(71, 10, 3))))
    assert found is not None
    assert (found.at, found.until) == (t[120], t[128])


@pytest.mark.parametrize("since", [None, 1_700_000_000.0 + 70 * MINUTE])
def test_a_ramp_begins_at_its_bend(since: float | None) -> None:
    t = times(200)
    ramp = np.concatenate((noise(100, 10), noise(100, 10, 2) + 0.3 * np.arange(100)))
    found = onset(t, ramp, since=since)
    assert found is not None
    assert abs(found.at - t[100]) <= 6 * MINUTE  # noise hides the first points
    assert found.after > 30  # the level it reaches, not its middle


def test_a_ramp_to_a_plateau_begins_at_its_bend() -> None:
    t = times(260)
    values = np.concatenate((noise(100, 10), noise(40, 10, 2) + 0.5 * np.arange(40), noise(120, 30, 3)))
    found = onset(t, values)
    assert found is not None
    assert abs(found.at - t[100]) <= 5 * MINUTE


def test_a_counter_that_leaves_zero() -> None:
    t = times(60)
    found = onset(t, np.concatenate((np.zeros(40), np.full(20, 3.0))))
    assert found is not None
    assert found.at == t[40]
    assert found.strength == pytest.approx(100)


@pytest.mark.parametrize("level", [0.0, 0.1 + 0.2, 1e18, -4.0])
def test_a_constant_series_does_not_shift(level: float) -> None:
    assert onset(times(100), np.full(100, level)) is None


def test_noise_seldom_shifts() -> None:
    random = np.random.default_rng(3)
    plain = sum(onset(times(200), random.normal(size=200)) is not None for _ in range(100))
    since = sum(onset(times(200), random.normal(size=200), since=times(200)[100]) is not None for _ in range(100))
    assert plain <= 5
    assert since <= 5


def test_heavy_tails_seldom_shift() -> None:
    random = np.random.default_rng(4)
    assert sum(onset(times(200), random.lognormal(size=200)) is not None for _ in range(100)) <= 12


def test_the_points_of_a_shift_are_counted() -> None:
    found = onset(times(60), np.concatenate((noise(40, 10), np.full(5, 40.0), noise(15, 10, 2))))
    assert found is not None
    assert found.points == 5


def test_rare_events_that_come_singly_are_no_shift() -> None:
    values = np.zeros(200)
    values[[10, 40, 41, 77, 130, 131, 190]] = 1.0
    assert onset(times(200), values) is None


def test_few_points_five_minutes_apart() -> None:
    t = times(14, 300)
    values = np.concatenate((noise(10, 100), np.array([180.0, 200.0, 190.0, 185.0])))
    found = onset(t, values)
    assert found is not None
    assert found.at == t[10]


def test_points_without_a_value_are_left_out() -> None:
    t = times(100)
    values = np.concatenate((noise(60, 10), noise(40, 30, 2)))
    values[[5, 60, 61, 70]] = np.nan, np.nan, np.inf, -np.inf
    keep = np.ones(100, dtype=bool)
    keep[20:30] = False
    found = onset(t[keep], values[keep])
    assert found is not None
    assert found.at == t[62]


def test_points_may_come_in_any_order() -> None:
    t, values = times(100), np.concatenate((noise(60, 10), noise(40, 30, 2)))
    order = np.random.default_rng(1).permutation(100)
    assert onset(t[order], values[order]) == onset(t, values)


def test_what_began_before_since_is_not_told() -> None:
    t, values = times(100), np.concatenate((noise(60, 10), noise(40, 30, 2)))
    assert onset(t, values, since=t[70]) is None
    assert onset(t, values, since=t[50]) is not None


def test_an_older_spike_of_the_same_kind_is_usual() -> None:
    values = noise(200, 10)
    values[50:55] += 10
    values[150:155] += 10
    assert onset(times(200), values, since=times(200)[100]) is None


def test_too_few_points_before() -> None:
    assert onset(times(12), np.concatenate((np.zeros(5), np.ones(7))), least_before=8) is None
    assert onset(times(12), np.concatenate((np.zeros(5), np.ones(7))), least_before=4) is not None
    assert onset(np.array([]), np.array([])) is None
