"""The detector of metric series in any cut, in any order, over restarts, at any scale, and on any input."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bdp.detect.series import novelty
from bdp.detect.series.bank import SIGNALS, SeriesBank, Verdicts
from bdp.detect.series.columns import Columns
from bdp.detect.series.reason import why
from bdp.detect.series.settings import SeriesSettings
from tests.unit.detect.series.played import feed, play, same, times

SERIES, POINTS = 4, 160
# Learns soon and forgets soon, so that short series reach every path.
SETTINGS = SeriesSettings(learn_points=20, memory_points=1000)
Numbers = NDArray[np.float64]

seeds = st.integers(0, 1 << 32)
cuts = st.lists(st.integers(1, POINTS - 1), max_size=4, unique=True)
few = settings(max_examples=8, deadline=None)
wild = st.one_of(
    st.floats(),
    st.floats(-100, 100),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324, 1e15, 4_294_967_295.0]),
)


def drawn(seed: int, points: int = POINTS) -> Numbers:
    """Four series unlike each other: noise, a walk, counts, and one that is constant and then is not."""
    chance = np.random.default_rng(seed)
    values = np.array(
        [
            100 + chance.normal(0, 1, points),
            np.cumsum(chance.normal(0, 1, points)),
            chance.poisson(0.3, points).astype(np.float64),
            np.where(np.arange(points) < chance.integers(1, points), 7.0, 7 + chance.normal(0, 1)),
        ]
    )
    values[0, chance.integers(0, points)] += chance.normal(0, 20)
    return values


def moved(bank: SeriesBank) -> SeriesBank:
    """Return another bank with the same series, each at another row."""
    other = SeriesBank(SETTINGS, SERIES)
    for row in range(SERIES):
        assert other.columns.load(row, bank.columns.dump(row))
    return other


@few
@given(seeds, st.permutations(range(SERIES)), st.integers(1, SERIES - 1))
def test_neither_the_order_of_rows_nor_the_cut_into_calls_matters(seed: int, order: list[int], cut: int) -> None:
    values, bank = drawn(seed), SeriesBank(SETTINGS, SERIES)
    found = []
    for i, ts in enumerate(times(POINTS)):
        parts = [np.array(order[:cut]), np.array(order[cut:])]
        told = [bank.observe(rows, np.full(len(rows), ts), values[rows, i]) for rows in parts]
        found.append(_joined(told, np.concatenate(parts)))
    same(found, feed(SeriesBank(SETTINGS, SERIES), times(POINTS), values))


def _joined(told: list[Verdicts], rows: NDArray[np.intp]) -> Verdicts:
    back = np.argsort(rows)
    columns = {name: np.concatenate([getattr(one, name) for one in told])[back] for name in Verdicts.__annotations__}
    return Verdicts(**columns)


@few
@given(seeds)
def test_many_series_in_one_bank_are_each_alone(seed: int) -> None:
    values = drawn(seed)
    together = play(times(POINTS), values, SETTINGS)
    for row, told in enumerate(together):
        (alone,) = play(times(POINTS), values[row : row + 1], SETTINGS)
        np.testing.assert_array_equal(told.score, alone.score)
        np.testing.assert_array_equal(told.low, alone.low)
        np.testing.assert_array_equal(told.opened, alone.opened)


@few
@given(seeds, cuts)
def test_a_restart_at_any_time_changes_nothing(seed: int, at: list[int]) -> None:
    values, bank, found = drawn(seed), SeriesBank(SETTINGS, SERIES), []
    for begin, end in pairwise([0, *sorted(at), POINTS]):
        found += feed(bank, times(POINTS)[begin:end], values[:, begin:end])
        bank = moved(bank)
    same(found, feed(SeriesBank(SETTINGS, SERIES), times(POINTS), values))


def test_a_restart_within_a_generation_changes_nothing() -> None:
    """What was met is part of the state: it decides what is forgotten."""
    values = drawn(1, 1300)
    plain = feed(SeriesBank(SETTINGS, SERIES), times(1300), values)
    bank = SeriesBank(SETTINGS, SERIES)
    found = feed(bank, times(1300)[:997], values[:, :997])
    found += feed(moved(bank), times(1300)[997:], values[:, 997:])
    same(found, plain)


@few
@given(seeds, st.integers(1, POINTS))
def test_nothing_looks_ahead(seed: int, length: int) -> None:
    values = drawn(seed)
    whole = feed(SeriesBank(SETTINGS, SERIES), times(POINTS), values)
    same(feed(SeriesBank(SETTINGS, SERIES), times(length), values[:, :length]), whole[:length])


@few
@given(seeds, st.integers(-30, 30), st.integers(-1000, 1000))
def test_neither_unit_nor_zero_point_matters(seed: int, power: int, offset: int) -> None:
    """Powers of two and whole offsets lose no digit; what is left is how logarithms are rounded.

    A series that was constant has no scale of its own, so its unrest is another one in another unit.
    """
    values = np.round(drawn(seed)[:3] * 256)
    changed = values * 2.0**power + offset * 2.0**power
    for told, other in zip(play(times(POINTS), values, SETTINGS), play(times(POINTS), changed, SETTINGS), strict=True):
        # A score that just tops the bar, and one that just does not, are far apart; that may happen to a few.
        assert np.quantile(np.abs(told.score - other.score), 0.95) < 0.02
        assert abs(len(told.opened) - len(other.opened)) <= 1
        np.testing.assert_allclose((other.low - other.values) * 2.0**-power, told.low - told.values, atol=0.02)


@few
@given(seeds, st.floats(1e-9, 1e9), st.floats(-1e3, 1e3))
def test_any_other_unit_tells_the_same_anomalies(seed: int, factor: float, offset: float) -> None:
    """Rounding may move which of two equals is remembered, and a score with it, but by little."""
    values = drawn(seed)[:2]
    changed = factor * (values + offset)
    for told, other in zip(play(times(POINTS), values, SETTINGS), play(times(POINTS), changed, SETTINGS), strict=True):
        assert np.quantile(np.abs(told.score - other.score), 0.9) < 0.02


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.floats(), st.floats(-1e3, 1e9)), wild), min_size=25, max_size=60),
    st.booleans(),
)
def test_no_input_breaks_it(points: list[tuple[float, float]], steady: bool) -> None:
    bank = SeriesBank(SETTINGS, 1)
    for place, (ts, value) in enumerate(points):
        at = 60.0 * place if steady else ts
        told = bank.observe(np.array([0]), np.array([at]), np.array([value]))
        assert 0 <= told.score[0] <= 1
        assert told.taken[0] or not told.is_anomaly[0]
        assert not (told.opened[0] and told.closed[0])
        assert not (told.opened[0] and not told.is_anomaly[0])
        band = told.expected_low[0], told.expected_high[0]
        assert np.isnan(band).all() or band[0] <= band[1]
    for name in ("value", "smooth", "unrest", "width", "moves", "peaks", "counts", "day_mean", "week_mean", "erred"):
        if name != "value":
            assert np.isfinite(bank.columns[name]).all(), name


@few
@given(seeds, st.lists(st.sampled_from([0.0, -1.0, -300.0, -1e9, math.nan]), min_size=1, max_size=5))
def test_doubled_and_late_points_leave_no_trace(seed: int, late: list[float]) -> None:
    values = drawn(seed)
    plain, bank = SeriesBank(SETTINGS, SERIES), SeriesBank(SETTINGS, SERIES)
    rows = np.arange(SERIES)
    for i, ts in enumerate(times(POINTS)):
        one = plain.observe(rows, np.full(SERIES, ts), values[:, i])
        same([bank.observe(rows, np.full(SERIES, ts), values[:, i])], [one])
        told = bank.observe(rows, np.full(SERIES, ts + late[i % len(late)]), values[:, i] * 1e6)
        assert not told.taken.any()
    assert [bank.columns.dump(row) for row in range(SERIES)] == [plain.columns.dump(row) for row in range(SERIES)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=400))
def test_the_set_of_novelty_holds_its_promises(values: list[int]) -> None:
    """Against every value ever seen: a subset of them, no doubles, never nearer than the nearest."""
    columns, seen = Columns(novelty.layout(1), 1), np.zeros(0, np.float32)
    row = np.array([0])
    for value in np.array(values, np.float32):
        number = np.array([value])
        apart = novelty.distance(columns, row, 0, number)
        nearest = np.abs(seen - value).min() if len(seen) else np.inf
        places = columns["places"][0, 0]
        assert apart[0] >= nearest
        # What was let go lies near one that stayed.
        assert apart[0] == nearest or apart[0] <= nearest + 2 * columns["gap"][0, 0]
        novelty.remember(columns, row, 0, number, apart)
        seen = np.append(seen, value)
        kept = places[np.isfinite(places)]
        assert np.isin(kept, seen).all()
        assert (np.diff(kept) > 0).all()
        assert len(kept) == min(len(np.unique(seen)), novelty.PLACES)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SIGNALS), st.sampled_from([1, -1]), st.floats(allow_nan=False, allow_infinity=False),
    st.floats(), st.floats(), st.floats(min_value=0),
)  # fmt: skip
def test_there_is_a_sentence_for_any_numbers(
    reason: str, direction: int, value: float, low: float, high: float, nearest: float
) -> None:
    text = why(reason, direction, value=value, low=low, high=high, nearest=nearest, unit="ms")
    assert text.endswith(".")
    assert len(text) < 400
