"""ECOD, against the library of those who published it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyod.models.ecod import ECOD  # type: ignore[import-untyped]

from bdp.detect.cost.methods.ecod import ecod

Matrix = NDArray[np.float64]


def matrices(seed: int) -> list[Matrix]:
    """One of each kind."""
    chance = np.random.default_rng(seed)
    rows, columns = int(chance.integers(3, 200)), int(chance.integers(1, 7))
    normal = chance.normal(size=(rows, columns))
    constant = normal.copy()
    constant[:, 0] = 7.0
    return [
        normal,
        chance.integers(0, 4, (rows, columns)).astype(np.float64),
        constant,
        chance.lognormal(0, 1.5, (rows, columns)),
        -chance.lognormal(0, 1.5, (rows, columns)),
        1e9 + 1e6 * normal,
        1e-7 * normal,
        np.where(chance.random((rows, columns)) < 0.6, 0.0, normal),
    ]


def by_pyod(matrix: Matrix) -> Matrix:
    with warnings.catch_warnings():
        # SciPy says so of a constant column, as it is to.
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        scores: Matrix = ECOD().fit(matrix).decision_scores_
    return scores


@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_published_method(seed: int) -> None:
    for matrix in matrices(seed):
        assert ecod(matrix) == pytest.approx(by_pyod(matrix), abs=1e-9)


@given(
    st.integers(1, 6).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(-5, 5).map(float), min_size=columns, max_size=columns), min_size=2, max_size=40
        )
    )
)
@settings(max_examples=60)
def test_it_is_the_published_method_where_values_are_alike(rows: list[list[float]]) -> None:
    matrix = np.array(rows)
    assert ecod(matrix) == pytest.approx(by_pyod(matrix), abs=1e-9)


def test_what_lies_apart_scores_highest() -> None:
    matrix = np.random.default_rng(3).lognormal(0, 0.3, (100, 3))
    matrix[41] = 50.0
    assert int(np.argmax(ecod(matrix))) == 41


def test_the_matrix_stays_as_it_was() -> None:
    matrix = np.array([[3.0, 1.0], [2.0, 5.0], [9.0, 1.0]])
    kept = matrix.copy()
    ecod(matrix)
    assert (matrix == kept).all()


def test_a_constant_matrix_has_no_outlier() -> None:
    assert np.ptp(ecod(np.full((20, 3), 4.2))) == 0
