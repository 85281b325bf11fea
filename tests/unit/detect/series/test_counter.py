"""How fast a counter grows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bdp.detect.series.columns import Columns
from bdp.detect.series.counter import layout, rates


def grow(points: list[tuple[float, float]]) -> list[float]:
    columns = Columns(layout(), 1)
    row = np.array([0])
    return [float(rates(columns, row, np.array([ts]), np.array([value]))[0]) for ts, value in points]


def test_growth_is_told_per_second() -> None:
    found = grow([(0, 100), (10, 150), (40, 150), (45, 160)])
    assert math.isnan(found[0])
    assert found[1:] == [5, 0, 2]


def test_a_counter_that_fell_began_again_at_nought() -> None:
    assert grow([(0, 1000), (10, 20), (20, 70)])[1:] == [2, 5]


@pytest.mark.parametrize("bad", [(10.0, 500.0), (5.0, 500.0), (20.0, math.nan), (20.0, math.inf)])
def test_what_cannot_be_held_against_the_last_point_changes_nothing(bad: tuple[float, float]) -> None:
    found = grow([(0, 100), (10, 150), bad, (30, 250)])
    assert math.isnan(found[2])
    assert found[3] == 5
