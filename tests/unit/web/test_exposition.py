"""Exporters' texts over HTTP, also as a Pushgateway's clients send them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from starlette.testclient import TestClient

from bdp.app import App

PATH = "/v1/metrics/exposition"
TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


def stored(app: App) -> list[dict[str, Any]]:
    app.pipeline.drain()
    return app.store.query("SELECT name, entity, labels, value, unit FROM metrics ORDER BY name, entity")


def test_a_text_comes_in_with_the_labels_of_the_request(client: TestClient, app: App) -> None:
    body = gzip.compress(b'cpu_seconds_total{cpu="0",job="own"} 5\nbad\nload 1\n')
    answer = client.post(
        PATH, params={"job": "node", "instance": "h1"}, content=body, headers=TEXT | {"Content-Encoding": "gzip"}
    )
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["refused"], told["repeated"]) == (200, 2, 1, False)
    assert told["refusals"][0]["reason"].startswith("not a sample")
    assert stored(app) == [
        {
            "name": "cpu_seconds_total",
            "entity": "h1",
            "labels": {"cpu": "0", "instance": "h1", "job": "node"},
            "value": 5.0,
            "unit": "s",
        },
        {"name": "load", "entity": "h1", "labels": {"instance": "h1", "job": "node"}, "value": 1.0, "unit": ""},
    ]
    (letter,) = client.get("/v1/dead-letters").json()
    assert (letter["source"], letter["kind"]) == ("exposition", "metrics")


def test_the_same_text_again_is_new_values_but_for_its_key(client: TestClient, app: App) -> None:
    for key in ("a", "a", "b", "", ""):
        client.post(PATH, content=b"load 1\n", headers={"Idempotency-Key": key} if key else {})
    assert len(stored(app)) == 4


def test_what_curl_calls_a_form_is_read(client: TestClient) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(PATH, content=b"load 1\n", headers=headers).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"\x1f\x8b", {}, 400),
        (b"x" * 200_000, {}, 413),
        (b"load 1", {"Authorization": ""}, 401),
    ],
)
def test_what_cannot_be_read(client: TestClient, content: bytes, headers: dict[str, str], status: int) -> None:
    answer = client.post(PATH, content=content, headers=TEXT | headers)
    assert answer.status_code == status
    assert answer.json()["error"]["what"]


def test_a_pushgateways_client_needs_another_address_only(client: TestClient, app: App) -> None:
    registry = CollectorRegistry()
    Gauge("backup_bytes", "Size", registry=registry).set(7)

    def handler(url: str, method: str, timeout: float | None, headers: Any, data: bytes) -> Any:
        return lambda: client.request(method, url, headers=dict(headers), content=data).raise_for_status()

    keys = {"instance": "h/1", "shard": ""}
    push_to_gateway("http://testserver", job="backup", registry=registry, grouping_key=keys, handler=handler)
    (row,) = stored(app)
    assert (row["entity"], row["labels"], row["unit"]) == ("h/1", {"instance": "h/1", "job": "backup"}, "By")


@pytest.mark.parametrize("path", ["/metrics/job", "/metrics/job/a/b", "/metrics/job/a/b@base64/%C3%A9%C3%A9"])
def test_a_path_that_groups_nothing(client: TestClient, path: str) -> None:
    assert client.post(path, content=b"load 1").status_code == 400
