"""The latest values of a series."""

from __future__ import annotations

import numpy as np
import pytest

from bdp.detect.series import window
from bdp.detect.series.columns import Columns

ROW = np.array([0])
LEAST = np.array([1e-20], np.float32)


def held(values: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    columns = Columns(window.layout(), 1)
    for value in values:
        found = window.push(columns, ROW, np.array([value], np.float32))
    return found


def test_the_newest_comes_first_and_the_oldest_goes() -> None:
    found = held([float(i) for i in range(window.WINDOW + 5)])
    assert found[0, 0] == window.WINDOW + 4
    assert found[0, -1] == 5
    assert found.shape == (1, window.WINDOW)


def test_a_trough_is_the_least_of_its_stretch() -> None:
    values = [5.0] * window.TROUGH + [7.0] * window.TROUGH
    found = held([*values, 9.0])
    assert window.trough(found) == 7
    assert window.trough(found, 1) == 7
    assert window.trough(found, 2) == 5


@pytest.mark.parametrize("points", [2, 10, window.WINDOW, window.WINDOW + 50])
def test_unrest_is_the_deviation_of_what_is_held(points: int) -> None:
    values = np.random.default_rng(points).normal(3, 2, points)
    found = window.unrest(held(values.tolist()), np.array([points]), LEAST)
    assert np.exp(found[0]) == pytest.approx(values[-window.WINDOW :].std(), rel=1e-5)


def test_a_constant_series_has_an_unrest() -> None:
    assert np.isfinite(window.unrest(held([4.0] * 10), np.array([10]), LEAST)).all()
