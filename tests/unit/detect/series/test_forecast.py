"""What is expected of the next point, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bdp.detect.series import forecast
from bdp.detect.series.columns import Columns
from tests.unit.detect.series.played import DAY, times

ROW = np.array([0])
Numbers = NDArray[np.float64]


def run(values: Numbers, columns: Columns | None = None) -> tuple[Numbers, Numbers, Numbers]:
    """Return forecasts, widths, and values less what is usual at that time of the week."""
    columns = columns or Columns(forecast.layout(), 1)
    told = []
    for count, (ts, value) in enumerate(zip(times(len(values)), values, strict=True), 1):
        young = np.array([1 / count], np.float32)
        none = np.zeros(1, np.float32)
        told.append(forecast.forecast(columns, ROW, np.array([ts]), np.array([value], np.float32), young, none))
    return tuple(np.array([getattr(one, name)[0] for one in told]) for name in ("value", "width", "season"))  # type: ignore[return-value]


def test_a_walk_is_expected_where_it_was() -> None:
    values = np.cumsum(np.random.default_rng(1).normal(0, 1, 800))
    expected, _, _ = run(values)
    assert (np.abs(expected[201:] - values[200:-1]) < 1e-3).mean() > 0.9


def test_noise_is_expected_at_its_mean() -> None:
    values = np.random.default_rng(2).normal(0, 1, 1500)
    expected, _, _ = run(values)
    assert np.abs(expected[500:]).mean() < 0.3


def test_a_day_is_expected_like_the_days_before() -> None:
    """Nobody who only looks at the last points would see the jump at eight o'clock come."""
    hour = np.arange(6 * DAY) // 12 % 24
    values = np.where((hour >= 8) & (hour < 18), 100.0, 0.0) + np.random.default_rng(3).normal(0, 15, 6 * DAY)
    expected, _, _ = run(values)
    jump = 5 * DAY + 8 * 12
    assert expected[jump - 12 : jump - 6].mean() < 20
    assert expected[jump : jump + 6].mean() > 60


def test_what_is_unlike_its_hour_is_seen() -> None:
    hour = np.arange(4 * DAY) // 12 % 24
    values = np.where((hour >= 8) & (hour < 18), 50.0, 0.0)
    values[3 * DAY + 3 * 12] = 50
    _, _, season = run(values)
    assert season[3 * DAY + 3 * 12] == pytest.approx(50, abs=1)
    assert season[3 * DAY + 12 * 12] == pytest.approx(0, abs=1)


def test_the_band_holds_99_percent_and_follows_the_spread() -> None:
    chance = np.random.default_rng(4)
    values = np.concatenate([chance.normal(0, 1, 3000), chance.normal(0, 5, 3000)])
    expected, width, _ = run(values)
    missed = np.abs(values - expected) > width
    assert 0.002 < missed[500:3000].mean() < 0.03
    assert 0.002 < missed[3500:].mean() < 0.03
    assert width[5500:].mean() > 2.5 * width[2000:3000].mean()


def test_the_usual_step_is_the_mean_one() -> None:
    values = np.random.default_rng(5).normal(0, 1, 1000)
    columns = Columns(forecast.layout(), 1)
    run(values, columns)
    assert columns["moves"][0] == pytest.approx(np.abs(np.diff(values)).mean(), rel=0.15)


def test_a_wild_value_is_no_usual_step() -> None:
    values = np.random.default_rng(6).normal(0, 1, 700)
    values[600] = 1e12
    columns = Columns(forecast.layout(), 1)
    run(values, columns)
    assert columns["moves"][0] < 3
