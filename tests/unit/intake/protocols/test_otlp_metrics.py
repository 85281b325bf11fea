"""OTLP metrics as metric points."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.unit.intake.protocols.receiving import NANOS, built, pairs, take, taken
from tests.unit.intake.reading import Row, rows


def request(*metrics: dict[str, Any], **resource: Any) -> Any:
    return built(
        ExportMetricsServiceRequest,
        resource_metrics=[{"resource": {"attributes": pairs(**resource)}, "scope_metrics": [{"metrics": metrics}]}],
    )


def gauge(*values: float, **point: Any) -> dict[str, Any]:
    points = [{"time_unix_nano": NANOS, "as_double": value, **point} for value in values]
    return {"name": "temperature", "unit": "Cel", "gauge": {"data_points": points}}


def shown(found: list[Row], *labels: str) -> list[tuple[Any, ...]]:
    return [(row["name"], *(row["labels"].get(label) for label in labels), row["value"]) for row in found]


def test_the_published_example(data_dir: Path) -> None:
    found = taken("otlp_metrics", (data_dir / "otel-samples/otlp-json/examples/metrics.json").read_bytes())

    assert shown(found, "le") == [
        ("my.counter", None, 5.0),
        ("my.gauge", None, 10.0),
        ("my.histogram_count", None, 2.0),
        ("my.histogram_sum", None, 2.0),
        ("my.histogram_min", None, 0.0),
        ("my.histogram_max", None, 2.0),
        ("my.histogram_bucket", "1.0", 1.0),
        ("my.histogram_bucket", "+Inf", 2.0),
        ("my.exponential.histogram_count", None, 3.0),
        ("my.exponential.histogram_sum", None, 10.0),
        ("my.exponential.histogram_min", None, 0.0),
        ("my.exponential.histogram_max", None, 5.0),
        ("my.exponential.histogram_bucket", "0.0", 1.0),
        ("my.exponential.histogram_bucket", "8.0", 3.0),
        ("my.exponential.histogram_bucket", "+Inf", 3.0),
    ]
    assert {row["entity"] for row in found} == {"my.service"}
    assert {row["ts"] for row in found} == {"2018-12-13T14:51:00.300000Z"}
    counter = found[0]["labels"]
    assert counter["otel.metric.type"] == "sum"
    assert (counter["otel.metric.temporality"], counter["otel.metric.monotonic"]) == ("delta", "true")
    assert (counter["my.counter.attr"], counter["otel.scope.name"]) == ("some value", "my.library")


def test_recorded_metrics_of_a_shop_arrive_whole(data_dir: Path) -> None:
    golden = data_dir / "otel-samples/signoz/tests/seeder/golden/otel-demo-metrics-golden.jsonl"
    given = [json.loads(line) for line in golden.read_text().splitlines()[:1000]]
    sent: list[Any] = []
    for row in given:
        point = {"time_unix_nano": NANOS, "as_double": row["value"], "attributes": pairs(**row["attributes"])}
        metric = {"name": row["metric_name"], "unit": row.get("unit", ""), "gauge": {"data_points": [point]}}
        resource = {"attributes": pairs(**row["resource_attributes"])}
        sent.append({"resource": resource, "scope_metrics": [{"metrics": [metric]}]})

    found = taken("otlp_metrics", built(ExportMetricsServiceRequest, resource_metrics=sent))

    assert [(row["name"], row["value"], row["unit"], row["entity"]) for row in found] == [
        (row["metric_name"], row["value"], row.get("unit", ""), row["resource_attributes"]["service.name"])
        for row in given
    ]
    assert all(row["labels"].items() >= origin["attributes"].items() for row, origin in zip(found, given, strict=True))


def test_the_entity_is_the_narrowest_name_of_the_resource() -> None:
    names = {"service__name": "shop", "host__name": "h1", "service__instance__id": "shop-1"}
    for expected, gone in (("shop-1", "service__instance__id"), ("h1", "host__name"), ("shop", "service__name")):
        (row,) = taken("otlp_metrics", request(gauge(1.0), **names))
        assert row["entity"] == expected
        del names[gone]
    (row,) = taken("otlp_metrics", request(gauge(1.0)))
    assert row["entity"] == ""


def test_a_whole_number_and_the_units() -> None:
    points = [{"time_unix_nano": NANOS, "as_int": 41}]
    metric = {"name": "jobs", "unit": "{job}", "sum": {"data_points": points, "aggregation_temporality": 2}}
    (row,) = taken("otlp_metrics", request(metric))

    assert (row["value"], row["unit"]) == (41.0, "{job}")
    assert (row["labels"]["otel.metric.temporality"], row["labels"]["otel.metric.monotonic"]) == ("cumulative", "false")


def test_an_exponential_histogram_with_negative_values() -> None:
    point = {
        "time_unix_nano": NANOS,
        "count": 10,
        "scale": 1,
        "zero_count": 1,
        "zero_threshold": 0.5,
        "negative": {"offset": 2, "bucket_counts": [3, 0]},
        "positive": {"offset": -2, "bucket_counts": [0, 4, 2]},
    }
    metric = {"name": "x", "exponential_histogram": {"data_points": [point]}}
    found = [row for row in taken("otlp_metrics", request(metric)) if row["name"] == "x_bucket"]

    assert shown(found, "le") == [
        ("x_bucket", "-2.0", 3.0),
        ("x_bucket", "0.5", 4.0),
        ("x_bucket", "1.0", 8.0),
        ("x_bucket", repr(2**0.5), 10.0),
        ("x_bucket", "+Inf", 10.0),
    ]


def test_a_summary() -> None:
    point = {"time_unix_nano": NANOS, "count": 4, "sum": 8.0, "quantile_values": [{"quantile": 0.5, "value": 2.0}]}
    found = taken("otlp_metrics", request({"name": "x", "unit": "s", "summary": {"data_points": [point]}}))

    assert shown(found, "quantile") == [("x_count", None, 4.0), ("x_sum", None, 8.0), ("x", "0.5", 2.0)]
    assert [row["unit"] for row in found] == ["1", "s", "s"]


def test_no_value_is_left_out_and_an_infinite_one_refused() -> None:
    gone = gauge(1.0, flags=1)
    batch = take("otlp_metrics", request(gauge(math.nan, 1.0, math.inf, 2.0), gone))

    assert [row["value"] for row in rows(batch)] == [1.0, 2.0]
    assert [letter.reason for letter in batch.refused] == ["value: inf is not a finite number"]


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ({"gauge": {"data_points": [{}]}}, "no name"),
        ({"name": "x"}, "no data"),
        ({"name": "x", "gauge": {"data_points": [{"time_unix_nano": NANOS}]}}, "value"),
        (
            {"name": "x", "histogram": {"data_points": [{"bucket_counts": [1, 2], "explicit_bounds": [1, 2, 3]}]}},
            "buck",
        ),
        ({"name": "x", "exponential_histogram": {"data_points": [{"scale": 2**30}]}}, "scale"),
        (gauge(1.0, time_unix_nano=NANOS * 2), "later than"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused_alone(metric: dict[str, Any], reason: str) -> None:
    batch = take("otlp_metrics", request(gauge(1.0), metric, gauge(2.0)))

    assert [row["value"] for row in rows(batch)] == [1.0, 2.0]
    (letter,) = batch.refused
    assert reason in letter.reason


@pytest.mark.parametrize(("offset", "last"), [(2**31 - 9, "+Inf"), (-(2**31), "+Inf")])
def test_buckets_beyond_all_numbers_end_in_infinity(offset: int, last: str) -> None:
    point = {"time_unix_nano": NANOS, "scale": -31, "positive": {"offset": offset, "bucket_counts": [1, 2]}}
    found = taken("otlp_metrics", request({"name": "x", "exponential_histogram": {"data_points": [point]}}))

    assert (found[-1]["labels"]["le"], found[-1]["value"]) == (last, 3.0)


def test_json_numbers_as_text() -> None:
    points = [
        {"timeUnixNano": str(NANOS), "asInt": "7"},
        {"timeUnixNano": NANOS, "asDouble": "2.5"},
        {"timeUnixNano": NANOS, "asDouble": "NaN"},
        {"timeUnixNano": NANOS, "asInt": "seven"},
    ]
    sent = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "gauge": {"dataPoints": points[:3]}}]}]}]}
    assert [row["value"] for row in taken("otlp_metrics", sent)] == [7.0, 2.5]

    sent["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].append({"name": "y", "gauge": {"dataPoints": points[3:]}})
    batch = take("otlp_metrics", sent)
    assert batch.count == 2
    assert "asInt" in batch.refused[0].reason
