"""Prometheus remote write over HTTP."""

from __future__ import annotations

import cramjam
import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.intake.protocols.prometheus import MESSAGES

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def body(*values: float) -> bytes:
    labels = [{"name": b"__name__", "value": b"up"}, {"name": b"instance", "value": b"h1"}]
    samples = [{"value": value, "timestamp": 1_700_000_000_000 + index} for index, value in enumerate(values)]
    request = MESSAGES["WriteRequest"](timeseries=[{"labels": labels, "samples": samples}])
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


@pytest.mark.parametrize("encoding", [{"Content-Encoding": "snappy"}, {"Content-Encoding": ""}])
def test_samples_come_in(client: TestClient, app: App, encoding: dict[str, str]) -> None:
    answer = client.post("/api/v1/write", content=body(1, 2), headers=HEADERS | encoding)

    assert (answer.status_code, answer.content) == (204, b"")
    app.pipeline.drain()
    assert app.store.query("SELECT entity, value FROM metrics ORDER BY ts") == [
        {"entity": "h1", "value": 1.0},
        {"entity": "h1", "value": 2.0},
    ]


def test_a_refused_sample_is_a_dead_letter_and_no_error(client: TestClient) -> None:
    assert client.post("/api/v1/write", content=body(float("inf"), 1), headers=HEADERS).status_code == 204

    (letter,) = client.get("/v1/dead-letters").json()
    assert (letter["source"], letter["kind"]) == ("prometheus", "metrics")


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"no snappy", {}, 400),
        (bytes(cramjam.snappy.compress_raw(b"\x07")), {}, 400),
        (bytes(cramjam.snappy.compress_raw(bytes(200_000))), {}, 413),
        (body(1), {"Content-Type": "application/x-protobuf; proto=io.prometheus.write.v2.Request"}, 415),
        (body(1), {"Content-Type": "application/json"}, 415),
        (body(1), {"Authorization": ""}, 401),
    ],
)
def test_what_cannot_be_read(client: TestClient, content: bytes, headers: dict[str, str], status: int) -> None:
    answer = client.post("/api/v1/write", content=content, headers=HEADERS | headers)

    assert answer.status_code == status
    assert answer.json()["error"]["what"]
