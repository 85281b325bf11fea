"""The state of many series: rows that grow, are cleared, go to bytes and come back."""

from __future__ import annotations

import numpy as np

from bdp.detect.series.columns import Columns, Shape

LAYOUT: dict[str, Shape] = {
    "ts": ((), np.float64, -np.inf),
    "flag": ((), np.bool_, False),
    "sets": ((2, 3), np.float32, np.inf),
    "visits": ((4,), np.uint8, 0),
}


def filled(rows: int) -> Columns:
    columns = Columns(LAYOUT, rows)
    for row in range(rows):
        columns["ts"][row], columns["flag"][row] = row + 0.5, row % 2
        columns["sets"][row], columns["visits"][row] = row, row
    return columns


def test_a_row_comes_back_as_it_was_anywhere() -> None:
    columns, other = filled(5), Columns(LAYOUT, 2)
    assert other.load(1, columns.dump(3))
    assert other.dump(1) == columns.dump(3)
    assert other["ts"].tolist() == [-np.inf, 3.5]
    assert other["sets"][0, 0, 0] == np.inf


def test_bytes_of_another_layout_change_nothing() -> None:
    columns = filled(2)
    before = columns.dump(1)
    assert not columns.load(1, before[:-1])
    assert not columns.load(1, before + b"x")
    assert not columns.load(1, b"")
    assert columns.dump(1) == before


def test_growing_keeps_rows_and_makes_fresh_ones() -> None:
    columns = filled(2)
    before, fresh = [columns.dump(0), columns.dump(1)], Columns(LAYOUT, 1).dump(0)
    columns.grow(4)
    columns.grow(3)
    assert columns.rows == 4
    assert [columns.dump(row) for row in range(4)] == [*before, fresh, fresh]


def test_clearing_makes_a_row_fresh() -> None:
    columns = filled(3)
    kept = columns.dump(1)
    columns.clear(np.array([0, 2]))
    fresh = Columns(LAYOUT, 1).dump(0)
    assert [columns.dump(row) for row in range(3)] == [fresh, kept, fresh]


def test_bytes_of_a_row_are_counted() -> None:
    assert filled(1).row_bytes == len(filled(1).dump(0)) == 8 + 1 + 24 + 4
