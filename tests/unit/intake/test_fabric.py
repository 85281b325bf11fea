"""Fabric samples become points; a bad one is refused whole and alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bdp.ids import Ids
from bdp.intake.limits import IntakeSettings
from bdp.intake.records import decode
from bdp.model.batch import Batch, Cause, RecordKind
from bdp.model.metric import MetricPoint

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SAMPLE: dict[str, Any] = {
    "stream_id": "ib-02",
    "timestamp": "2026-03-02T08:00:00Z",
    "latency_p99": 3.1,
    "utilization": 56,
    "error_rate": 0.0002,
    "bandwidth_gbps": 112.5,
    "qp_errors": 0,
}


def read(*records: object) -> Batch:
    body = b"\n".join(record if isinstance(record, bytes) else msgspec.json.encode(record) for record in records)
    return decode(RecordKind.METRICS, body, source="http", batch_id="b", now=NOW, ids=Ids(), settings=IntakeSettings())


def points(batch: Batch) -> list[MetricPoint]:
    return msgspec.json.Decoder(MetricPoint).decode_lines(batch.payload)


def test_a_sample_becomes_a_point_for_each_figure() -> None:
    batch = read({**SAMPLE, "labels": {"switch": "leaf-1", "port": 3}})
    assert (batch.count, batch.refused) == (5, ())
    found = points(batch)
    assert {(point.name, point.value, point.unit) for point in found} == {
        ("latency_p99", 3.1, "us"),
        ("utilization", 56, "%"),
        ("error_rate", 0.0002, "1"),
        ("bandwidth_gbps", 112.5, "Gbit/s"),
        ("qp_errors", 0, "1"),
    }
    assert {(point.entity, point.ts.isoformat()) for point in found} == {("ib-02", "2026-03-02T08:00:00+00:00")}
    assert found[0].labels == {"switch": "leaf-1", "port": "3"}


def test_samples_and_points_may_come_together_in_any_form() -> None:
    point = {"ts": "2026-03-02T08:00:00Z", "name": "cpu", "value": 1, "labels": {"note": '"stream_id" is a word'}}
    assert read(SAMPLE, point).count == 6
    assert read([SAMPLE, point]).count == 6
    assert read(msgspec.json.format(msgspec.json.encode(SAMPLE), indent=2)).count == 5


def test_a_figure_that_is_not_known_is_left_out() -> None:
    batch = read({"stream_id": 7, "ts": 1_772_438_400, "latency_p99": "2.5", "qp_errors": None})
    (point,) = points(batch)
    assert (point.name, point.entity, point.value) == ("latency_p99", "7", 2.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"latency_p99": "fast"}, "latency_p99: expected a number"),
        ({"utilization": True}, "utilization: expected a number"),
        ({"qp_errors": [1]}, "qp_errors: expected a number"),
        ({"error_rate": "nan"}, "error_rate: nan is not a finite number"),
        ({"bandwidth_gbps": 10**400}, "bandwidth_gbps"),
        ({"latency_p99": -3}, "latency_p99: expected 0 or more, got -3"),
        ({"utilization": 5000}, "utilization: expected percent from 0 to 100, got 5000"),
        ({"error_rate": 7}, "error_rate: expected a fraction from 0 to 1, got 7"),
        ({"stream_id": ""}, "stream_id: expected text"),
        ({"stream_id": {"a": 1}}, "stream_id: expected text"),
        ({"timestamp": None}, "timestamp: missing"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"temperature": 40}, "unknown field 'temperature'"),
        ({"labels": [1]}, "labels: expected an object"),
    ],
)
def test_a_bad_sample_is_refused_whole_and_alone(change: dict[str, Any], told: str) -> None:
    batch = read({**SAMPLE, **change}, SAMPLE)
    assert batch.count == 5
    (letter,) = batch.refused
    assert told in letter.reason
    assert (letter.index, letter.cause) == (0, Cause.SCHEMA)


def test_a_sample_without_a_figure_is_refused() -> None:
    (letter,) = read({"stream_id": "ib-1", "timestamp": "2026-03-02T08:00:00Z"}).refused
    assert "needs one of latency_p99" in letter.reason


def test_a_sample_from_the_future_is_refused_by_the_clock() -> None:
    (letter,) = read({**SAMPLE, "timestamp": "2026-03-04T08:00:00Z"}).refused
    assert letter.cause is Cause.CLOCK
