"""Bands that somebody else has learnt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bdp.detect.series.edges import EdgeDetector
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(minute: int, value: float, low: float = 10, high: float = 20) -> list[MetricPoint]:
    ts = START + timedelta(minutes=minute)
    given = (("Duration", value), ("Duration" + BAND_LOW, low), ("Duration" + BAND_HIGH, high))
    return [MetricPoint(ts=ts, name=name, entity="orders", value=number, unit="ms") for name, number in given]


def test_a_value_outside_is_told_with_both_edges() -> None:
    (insight,) = EdgeDetector().observe(at(0, 27))
    assert insight.explanation == "Duration of orders: 27 ms is above the expected band from 10 to 20 ms."
    assert insight.risk_score == 60
    (insight,) = EdgeDetector().observe(at(0, 9))
    assert "below" in insight.explanation
    assert insight.risk_score == 45


def test_inside_and_on_the_edge_nothing_is_told() -> None:
    edges = EdgeDetector()
    assert edges.observe([*at(0, 15), *at(1, 10), *at(2, 20)]) == []
    assert edges.observe([MetricPoint(ts=START, name="Duration", entity="orders", value=99)]) == []


def test_what_stays_outside_is_told_once_an_hour() -> None:
    edges = EdgeDetector()
    told = [insight for minute in range(0, 180, 5) for insight in edges.observe(at(minute, 30))]
    assert [insight.timestamp for insight in told] == [START + timedelta(hours=hour) for hour in range(3)]


def test_restored_it_does_not_tell_again() -> None:
    edges, other = EdgeDetector(), EdgeDetector()
    edges.observe(at(0, 30))
    rows = {name: row for name, row in edges.changed_rows().items() if row is not None}
    other.restore({**rows, "fabric/meta": b"of another"})
    assert other.observe(at(5, 30)) == []
    assert edges.changed_rows() == {}
