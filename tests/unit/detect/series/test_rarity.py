"""How improbable a statistic is, held against the exact share of its past."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bdp.detect.series import rarity
from bdp.detect.series.columns import Columns

ROW = np.array([0])
ONE = np.ones(1, np.float32)
Sizes = NDArray[np.float64]


def learnt(sizes: Sizes) -> Columns:
    columns = Columns(rarity.layout(1), 1)
    for size in sizes.astype(np.float32):
        rarity.learn(columns, ROW, 0, np.array([size]), rarity.places(np.array([size]), ONE))
        columns["past"][ROW] += 1
    return columns


def surprise(columns: Columns, size: float, reference: float = 1.0) -> float:
    sizes = np.array([size], np.float32)
    return float(
        rarity.surprise(columns, ROW, 0, sizes, rarity.places(sizes, np.array([reference], np.float32)))[0]
    )  # fmt: skip


def drawn(kind: str, many: int) -> Sizes:
    chance = np.random.default_rng(5)
    kinds: dict[str, Callable[[], Sizes]] = {
        "half normal": lambda: np.abs(chance.normal(0, 1, many)),
        "exponential": lambda: chance.exponential(1, many),
        "lognormal": lambda: chance.lognormal(0, 1.5, many),
        "pareto": lambda: chance.pareto(1.5, many),
    }
    return kinds[kind]()


@pytest.mark.parametrize("kind", ["half normal", "exponential", "lognormal", "pareto"])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_within_the_past_it_is_the_exact_rank(kind: str, share: float) -> None:
    past = drawn(kind, 3000)
    columns = learnt(past)
    size = float(np.quantile(past, 1 - share))
    exact = -np.log10((past >= size).mean())
    # Within a bin it is not known where: a quarter of a power of ten.
    assert surprise(columns, size) == pytest.approx(exact, abs=0.25)


@pytest.mark.parametrize(
    ("kind", "tail"),
    [("exponential", lambda size: np.exp(-size)), ("pareto", lambda size: (1 + size) ** -1.5)],
)
def test_beyond_the_past_it_goes_on_as_the_tail_does(kind: str, tail: Callable[[float], float]) -> None:
    past = drawn(kind, 3000)
    columns = learnt(past)
    size = float(past.max() * 1.5)

    assert surprise(columns, size) == pytest.approx(-np.log10(tail(size)), rel=0.35)
    assert surprise(columns, size) > surprise(columns, float(past.max())) > 3


def test_a_series_that_often_jumps_is_less_surprised() -> None:
    light, heavy = learnt(drawn("half normal", 3000)), learnt(drawn("pareto", 3000))
    assert surprise(light, 12) > 2 * surprise(heavy, 12)


@pytest.mark.parametrize("kind", ["half normal", "pareto"])
def test_a_larger_one_is_never_less_surprising(kind: str) -> None:
    columns = learnt(drawn(kind, 500))
    found = [surprise(columns, float(size)) for size in np.geomspace(1e-6, 1e6, 300)]
    assert (np.diff(found) >= -1e-5).all()
    assert min(found) >= 0


def test_what_always_comes_surprises_nobody() -> None:
    columns = learnt(np.full(1000, 3.0))
    assert surprise(columns, 3) < 0.2
    assert surprise(columns, 30) > 2


def test_the_largest_bin_is_a_bin_like_others() -> None:
    """Sizes beyond all bins that come all the time are no surprise."""
    columns = learnt(np.full(1000, 1e9))
    assert surprise(columns, 1e9) < 0.01


def test_without_a_past_nothing_surprises() -> None:
    assert surprise(learnt(np.zeros(0)), 5) < 0.31


def test_without_a_reference_all_sizes_are_in_the_first_bin() -> None:
    assert rarity.places(np.array([0, 1e-20, 5], np.float32), np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def test_fading_forgets_by_half() -> None:
    past = drawn("half normal", 2000)
    columns = learnt(past)
    before, rank = surprise(columns, 20), surprise(columns, 1)
    peaks = columns["peaks"].copy()
    rarity.fade(columns, ROW)
    assert columns["past"][0] == 1000
    assert columns["counts"].sum() == 1000
    assert (columns["peaks"] < peaks).all()
    assert surprise(columns, 1) == pytest.approx(rank, abs=0.01)
    assert surprise(columns, 20) != before


def test_peaks_are_the_largest() -> None:
    past = drawn("pareto", 400)
    assert learnt(past)["peaks"][0, 0].tolist() == sorted(past.astype(np.float32), reverse=True)[: rarity.PEAKS]
