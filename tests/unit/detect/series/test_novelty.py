"""How far a value lies from everything that was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bdp.detect.series import novelty
from bdp.detect.series.columns import Columns

ROW = np.array([0])


def fresh(rows: int = 1) -> Columns:
    return Columns(novelty.layout(1), rows)


def see(columns: Columns, value: float) -> float:
    """Return how far a value was from the set, and put it in."""
    number = np.array([value], np.float32)
    apart = novelty.distance(columns, ROW, 0, number)
    novelty.remember(columns, ROW, 0, number, apart)
    return float(apart[0])


def places(columns: Columns) -> NDArray[np.float32]:
    found: NDArray[np.float32] = columns["places"][0, 0]
    return found[np.isfinite(found)]


def test_while_there_is_room_the_distance_is_exact() -> None:
    chance = np.random.default_rng(1)
    columns, seen = fresh(), np.zeros(0, np.float32)
    for value in chance.normal(0, 10, novelty.PLACES).astype(np.float32):
        apart = see(columns, float(value))
        assert apart == (np.abs(seen - value).min() if len(seen) else np.inf)
        seen = np.append(seen, value)
    assert sorted(seen) == places(columns).tolist()


def test_a_set_never_seen_is_infinitely_far() -> None:
    assert see(fresh(), 3) == np.inf


def test_a_value_seen_before_is_no_news_and_takes_no_place() -> None:
    columns = fresh()
    for value in (1, 2, 1, 2, 2):
        last = see(columns, value)
    assert last == 0
    assert places(columns).tolist() == [1, 2]


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "integers", "walk"])
def test_the_full_set_stands_for_all_that_was_seen(draw: str) -> None:
    """Against every value ever seen: never nearer than the nearest, and farther only by the grain of the set."""
    chance = np.random.default_rng(2)
    kinds: dict[str, Callable[[], NDArray[Any]]] = {
        "normal": lambda: chance.normal(0, 1, 3000),
        "standard_cauchy": lambda: chance.standard_cauchy(3000),
        "integers": lambda: chance.integers(0, 500, 3000),
        "walk": lambda: np.cumsum(chance.normal(0, 1, 3000)),
    }
    values = kinds[draw]().astype(np.float32)
    columns = fresh()
    for count, value in enumerate(values):
        apart = see(columns, float(value))
        if count > novelty.PLACES:
            nearest = float(np.abs(values[:count] - value).min())
            grain = float(np.diff(places(columns)).min())
            assert nearest <= apart <= nearest + 3 * max(grain, columns["gap"][0, 0])
    kept = places(columns)
    assert len(kept) == novelty.PLACES
    assert (np.diff(kept) > 0).all()
    assert np.isin(kept, values).all()
    assert columns["gap"][0, 0] == np.diff(kept).min()
    # The outermost values are what novelty is about.
    near = 2 * columns["gap"][0, 0]
    assert kept[0] - values.min() <= near
    assert values.max() - kept[-1] <= near


def test_a_full_set_spreads_out() -> None:
    columns = fresh()
    gaps = []
    for value in np.random.default_rng(3).uniform(0, 1, 4000):
        see(columns, float(value))
        gaps.append(float(columns["gap"][0, 0]))
    full = np.array(gaps[novelty.PLACES + 5 :])
    assert (np.diff(full) >= 0).all()
    assert full[-1] > 0.3 / novelty.PLACES


def test_renewal_forgets_what_was_not_met() -> None:
    columns = fresh()
    for place in range(10):
        see(columns, place)
    novelty.renew(columns, ROW)  # what has just come counts as met
    assert places(columns).tolist() == list(range(10))
    for value in (2.1, 7.0):
        novelty.distance(columns, ROW, 0, np.array([value], np.float32), np.array([True]))
    novelty.distance(columns, ROW, 0, np.array([5], np.float32), np.array([False]))
    novelty.renew(columns, ROW)
    assert places(columns).tolist() == [2, 7]
    assert columns["gap"][0, 0] == -1
    novelty.renew(columns, ROW)
    assert len(places(columns)) == 0


def test_rows_do_not_touch_each_other() -> None:
    columns = fresh(3)
    rows, values = np.array([2, 0]), np.array([5, 8], np.float32)
    novelty.remember(columns, rows, 0, values, novelty.distance(columns, rows, 0, values))
    assert [row[np.isfinite(row)].tolist() for row in columns["places"][:, 0]] == [[8], [], [5]]
