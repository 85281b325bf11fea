"""OTLP spans as events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.unit.intake.protocols.receiving import NANOS, built, pairs, take, taken
from tests.unit.intake.reading import Row, rows

TRACE = bytes(range(1, 17))


def request(*spans: dict[str, Any], **resource: Any) -> Any:
    timed = [
        {"trace_id": TRACE, "start_time_unix_nano": NANOS, "end_time_unix_nano": NANOS + 12_500_000, **span}
        for span in spans
    ]
    return built(
        ExportTraceServiceRequest,
        resource_spans=[{"resource": {"attributes": pairs(**resource)}, "scope_spans": [{"spans": timed}]}],
    )


def one(span: dict[str, Any], **resource: Any) -> Row:
    (row,) = taken("otlp_traces", request(span, **resource))
    return row


def test_the_published_example(data_dir: Path) -> None:
    (row,) = taken("otlp_traces", (data_dir / "otel-samples/otlp-json/examples/trace.json").read_bytes())

    assert (row["service"], row["route"], row["message"]) == ("my.service", "I'm a server span", "I'm a server span")
    assert (row["ts"], row["duration_ms"], row["level"]) == ("2018-12-13T14:51:00Z", 1000.0, "INFO")
    assert row["trace_id"] == "5b8efff798038103d269b633813fc60c"
    assert (row["span_id"], row["parent_id"]) == ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    assert row["attributes"]["span.kind"] == "server"
    assert row["attributes"]["my.span.attr"] == "some value"


def test_recorded_spans_of_a_shop_arrive_whole(data_dir: Path) -> None:
    golden = data_dir / "otel-samples/signoz/tests/seeder/golden/otel-demo-traces-golden.jsonl"
    given = [json.loads(line) for line in golden.read_text().splitlines()]
    sent: list[Any] = [
        {
            "resource": {"attributes": pairs(**row["resource_attributes"])},
            "scope_spans": [
                {
                    "spans": [
                        {
                            "name": row["name"],
                            "kind": f"SPAN_KIND_{row['kind']}",
                            "start_time_unix_nano": NANOS,
                            "end_time_unix_nano": NANOS + int(row["duration_ms"] * 1e6),
                            "status": {"code": f"STATUS_CODE_{row['status']}"},
                            "attributes": pairs(**row["attributes"]),
                        }
                    ]
                }
            ],
        }
        for row in given
    ]

    found = taken("otlp_traces", built(ExportTraceServiceRequest, resource_spans=sent))

    assert [(row["service"], row["duration_ms"], row["level"] == "ERROR") for row in found] == [
        (row["resource_attributes"]["service.name"], row["duration_ms"], row["status"] == "ERROR") for row in given
    ]
    assert [row["route"] for row in found] == [row["attributes"].get("http.route", row["name"]) for row in given]
    assert [row["status"] for row in found] == [int(row["attributes"].get("http.status_code", 0)) for row in given]


def test_a_failed_span_says_what_failed() -> None:
    thrown = {
        "name": "exception",
        "time_unix_nano": NANOS,
        "attributes": pairs(exception__type="ConnectionError", exception__message="refused by db-1"),
    }
    span = {
        "name": "POST /pay",
        "kind": 2,
        "status": {"code": 2},
        "events": [{"name": "retry", "time_unix_nano": NANOS}, thrown],
        "attributes": pairs(http__route="/pay/{id}", http__response__status_code=500, url__path="/pay/7"),
    }
    row = one(span, service__name="billing")

    assert (row["level"], row["error_code"], row["message"]) == ("ERROR", "ConnectionError", "refused by db-1")
    assert (row["route"], row["status"], row["duration_ms"]) == ("/pay/{id}", 500, 12.5)
    assert row["attributes"]["url.path"] == "/pay/7"
    assert row["attributes"]["otel.status_code"] == "ERROR"
    events = json.loads(row["attributes"]["span.events"])
    assert [event["name"] for event in events] == ["retry", "exception"]
    assert events[1]["attributes"]["exception.message"] == "refused by db-1"


def test_error_type_and_the_status_message_go_before_the_exception() -> None:
    thrown = {"name": "exception", "attributes": pairs(exception__type="E", exception__message="m")}
    status = {"code": 2, "message": "told by the status"}
    row = one({"name": "a", "status": status, "events": [thrown], "attributes": pairs(error__type="timeout")})

    assert (row["error_code"], row["message"]) == ("timeout", "told by the status")
    assert row["attributes"]["otel.status_description"] == "told by the status"


def test_an_exception_that_was_handled_makes_no_error() -> None:
    thrown = {"name": "exception", "attributes": pairs(exception__type="E")}
    row = one({"name": "a", "events": [thrown]})

    assert (row["level"], row["error_code"], row["message"]) == ("INFO", "", "a")


def test_links_are_kept() -> None:
    row = one({"name": "a", "links": [{"trace_id": TRACE, "span_id": b"12345678"}]})
    assert json.loads(row["attributes"]["span.links"]) == [
        {"trace_id": TRACE.hex(), "span_id": b"12345678".hex(), "attributes": {}}
    ]


@pytest.mark.parametrize("end", [0, NANOS - 1])
def test_a_span_without_a_sound_end_has_no_duration(end: int) -> None:
    assert one({"name": "a", "end_time_unix_nano": end})["duration_ms"] == 0


def test_json_ids_are_hex_and_a_bad_span_is_refused_alone() -> None:
    good = {"traceId": TRACE.hex().upper(), "spanId": "0102030405060708", "name": "a", "startTimeUnixNano": NANOS}
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [good, {"traceId": "no hex"}]}]}]}
    batch = take("otlp_traces", sent)

    assert [row["trace_id"] for row in rows(batch)] == [TRACE.hex()]
    assert [letter.index for letter in batch.refused] == [1]
