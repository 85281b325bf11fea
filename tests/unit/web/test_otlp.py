"""OTLP over HTTP: answers and errors in the form of the request."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it ships no stubs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.testclient import TestClient

from bdp.app import App
from bdp.errors import StreamUnavailable

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
FAR = 2**63


def logs(*times: int) -> bytes:
    records = [{"time_unix_nano": time, "body": {"string_value": "hello"}} for time in times]
    shape: Any = ExportLogsServiceRequest
    body: bytes = shape(resource_logs=[{"scope_logs": [{"log_records": records}]}]).SerializeToString()
    return body


def test_protobuf_is_answered_in_protobuf(client: TestClient, app: App) -> None:
    answer = client.post("/v1/logs", content=gzip.compress(logs(1, 2)), headers=PROTOBUF | {"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/x-protobuf", b"")
    app.pipeline.drain()
    assert app.store.query("SELECT count() AS n FROM events WHERE message = 'hello'") == [{"n": 2}]
    assert app.ledger()[1]["otlp_logs"].stored == 2


def test_what_was_refused_is_counted(client: TestClient) -> None:
    answer = client.post("/v1/logs", content=logs(1, FAR, 2, FAR), headers=PROTOBUF)

    told = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert told.rejected_log_records == 2
    assert told.error_message.startswith("record 1: ts: ")


def test_json_is_answered_in_json(client: TestClient) -> None:
    good = {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}]}]}]}
    assert client.post("/v1/traces", json=good).json() == {}

    bad = {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": 5}]}]}]}
    answer = client.post("/v1/traces", content=json.dumps(bad), headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["partialSuccess"] == {
        "rejectedSpans": "1",
        "errorMessage": "record 0: Span.name: cannot be 5",
    }


@pytest.mark.parametrize(
    ("path", "field", "answer_class"),
    [
        ("metrics", "rejected_data_points", ExportMetricsServiceResponse),
        ("traces", "rejected_spans", ExportTraceServiceResponse),
    ],
)
def test_each_signal_counts_in_its_own_words(client: TestClient, path: str, field: str, answer_class: Any) -> None:
    # A resource of this signal with one scope that is damaged.
    answer = client.post(f"/v1/{path}", content=b"\x0a\x05\x12\x03\x12\x01\xff", headers=PROTOBUF)
    assert getattr(answer_class.FromString(answer.content).partial_success, field) == 1


def test_metrics_come_in(client: TestClient, app: App) -> None:
    points = [{"time_unix_nano": 1, "as_double": 1.5}]
    metrics: Any = ExportMetricsServiceRequest
    sent = metrics(
        resource_metrics=[{"scope_metrics": [{"metrics": [{"name": "x", "gauge": {"data_points": points}}]}]}]
    )
    assert client.post("/v1/metrics", content=sent.SerializeToString(), headers=PROTOBUF).status_code == 200
    app.pipeline.drain()
    assert app.store.query("SELECT name, value FROM metrics") == [{"name": "x", "value": 1.5}]


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"\x0a\xff", PROTOBUF, 400, 3),
        (b"x", PROTOBUF | {"Content-Encoding": "gzip"}, 400, 3),
        (b"x", PROTOBUF | {"Content-Encoding": "br"}, 415, 3),
        (b"x" * 100_001, PROTOBUF, 413, 3),
        (b"", PROTOBUF | {"Authorization": "Bearer wrong"}, 401, 16),
    ],
)
def test_an_error_is_a_status_in_protobuf(
    client: TestClient, content: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    # Sent in parts, so that its length is not announced.
    answer = client.post("/v1/logs", content=iter([content]), headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/x-protobuf")
    told = Status.FromString(answer.content)
    assert told.code == code
    assert told.message


@pytest.mark.parametrize(("headers", "status"), [(JSON, 400), ({"Content-Type": "text/plain"}, 415)])
def test_an_error_is_a_status_in_json(client: TestClient, headers: dict[str, str], status: int) -> None:
    answer = client.post("/v1/logs", content=b"no json", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json()["code"] == 3
    assert answer.json()["message"]


def test_an_outage_asks_to_come_again(client: TestClient, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*request: object) -> None:
        raise StreamUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr(app.desk, "take_as", fail)
    answer = client.post("/v1/logs", content=logs(1), headers=PROTOBUF)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert Status.FromString(answer.content).code == 14
