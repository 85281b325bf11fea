"""Values outside a band that somebody else has learnt."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from bdp.detect.series.band import Outside, outside, points_outside
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def series(*values: float | None) -> dict[datetime, float]:
    return {START + timedelta(minutes=at): value for at, value in enumerate(values) if value is not None}


def test_both_edges_are_compared() -> None:
    found = outside(series(5, 1, 9, 2, 8), series(2, 2, 2, 2, 2), series(8, 8, 8, 8, 8))
    assert found == [
        Outside(START + timedelta(minutes=1), 1, 2, 8, "below"),
        Outside(START + timedelta(minutes=2), 9, 2, 8, "above"),
    ]
    assert [one.distance for one in found] == pytest.approx([1 / 6, 1 / 6])


def test_nothing_is_said_where_an_edge_is_missing() -> None:
    assert outside(series(99, 99, 99, math.nan), series(None, 2, math.nan, 2), series(8, None, 8, 8)) == []


def test_edges_given_the_wrong_way_round_are_the_same_edges() -> None:
    assert outside(series(9, 5), series(8, 8), series(2, 2)) == [Outside(START, 9, 2, 8, "above")]


def test_a_band_without_width_is_missed_by_infinitely_much() -> None:
    (found,) = outside(series(1), series(0), series(0))
    assert found.distance == math.inf


def test_points_find_their_own_band() -> None:
    def points(name: str, entity: str, *values: float) -> list[MetricPoint]:
        return [
            MetricPoint(ts=ts, name=name, entity=entity, labels={"e": entity}, value=value)
            for ts, value in series(*values).items()
        ]

    given = [
        *points("cpu", "a", 5, 9),
        *points("cpu", "b", 5, 9),
        *points("cpu" + BAND_LOW, "a", 2, 2),
        *points("cpu" + BAND_HIGH, "a", 8, 8),
        *points("cpu" + BAND_LOW, "b", 2, 2),
    ]
    ((point, missed),) = points_outside(given)
    assert (point.entity, point.value, missed.high) == ("a", 9, 8)
