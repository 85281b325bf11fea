"""What a series is like at this time of the day."""

from __future__ import annotations

import numpy as np
import pytest

from bdp.detect.series.columns import Columns
from bdp.detect.series.season import DAY, WEEK, Season

ROW = np.array([0])
OTHER = np.array([-1.0], np.float32)
FOUR = Season("four", 4.0, 4, 0.25)
"""Four bins of one second."""


def predict(columns: Columns, season: Season, ts: float) -> float:
    return float(season.predict(columns, ROW, np.array([ts]), OTHER)[0])


def add(columns: Columns, season: Season, ts: float, value: float) -> float:
    """Return what was predicted, and add the value."""
    predicted = predict(columns, season, ts)
    season.add(columns, ROW, np.array([value], np.float32))
    return predicted


def test_an_hour_never_seen_has_no_prediction_of_its_own() -> None:
    columns = Columns(FOUR.layout(), 1)
    assert add(columns, FOUR, 0.5, 7) == -1
    assert add(columns, FOUR, 1.5, 9) == -1


def test_a_visit_counts_when_it_is_over() -> None:
    columns = Columns(FOUR.layout(), 1)
    add(columns, FOUR, 0.2, 6)
    assert add(columns, FOUR, 0.5, 8) == -1
    add(columns, FOUR, 1.5, 9)
    assert predict(columns, FOUR, 4.5) == 7


def test_between_the_middles_of_bins_it_is_linear() -> None:
    columns = Columns(FOUR.layout(), 1)
    for ts, value in ((0.5, 0), (1.5, 10), (2.5, 20), (3.5, 30)):
        add(columns, FOUR, ts, value)
    assert predict(columns, FOUR, 5.5) == 10
    assert predict(columns, FOUR, 5.75) == pytest.approx(12.5)
    assert predict(columns, FOUR, 6.0) == pytest.approx(15)
    assert predict(columns, FOUR, 6.25) == pytest.approx(17.5)


def test_many_points_in_one_visit_weigh_as_one_visit() -> None:
    columns = Columns(FOUR.layout(), 1)
    for day, values in enumerate(([10.0], [20.0] * 50, [30.0])):
        for value in values:
            add(columns, FOUR, day * 4 + 0.5, value)
        add(columns, FOUR, day * 4 + 1.5, 0)
    assert columns["four_mean"][0, 0] == pytest.approx(20)


def test_old_visits_fade() -> None:
    columns = Columns(FOUR.layout(), 1)
    for day in range(60):
        add(columns, FOUR, day * 4 + 0.5, 0 if day < 30 else 100)
        add(columns, FOUR, day * 4 + 1.5, 0)
    assert columns["four_mean"][0, 0] > 99
    assert columns["four_visits"][0, 0] == 60


def test_visits_do_not_overflow() -> None:
    columns = Columns(FOUR.layout(), 1)
    for day in range(300):
        add(columns, FOUR, day * 4 + 0.5, 5)
        add(columns, FOUR, day * 4 + 1.5, 5)
    assert columns["four_visits"][0, 0] == 255
    assert predict(columns, FOUR, 1201.5) == 5


@pytest.mark.parametrize("season", [DAY, WEEK])
def test_any_time_has_its_bin(season: Season) -> None:
    columns = Columns(season.layout(), 1)
    for ts in (0.0, 86_399.999999999, 604_799.9999999999, 1e10, -1.0, 4.5e15):
        assert np.isfinite(add(columns, season, ts, 1.0))
