"""Loki's push API over HTTP."""

from __future__ import annotations

import gzip
import json
from typing import Any

import cramjam
import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.intake.protocols.loki import MESSAGES

AT = 1_700_000_000
PUSH = {"streams": [{"stream": {"app": "shop"}, "values": [[str(AT * 10**9), "hello"]]}]}
JSON = {"Content-Type": "application/json"}
ENTRIES = [{"timestamp": {"seconds": AT}, "line": b"hello"}]
MESSAGE: Any = MESSAGES["PushRequest"](streams=[{"labels": b'{app="shop"}', "entries": ENTRIES}])
SNAPPY = bytes(cramjam.snappy.compress_raw(MESSAGE.SerializeToString()))


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (json.dumps(PUSH).encode(), JSON),
        (gzip.compress(json.dumps(PUSH).encode()), JSON | {"Content-Encoding": "gzip"}),
        (SNAPPY, {"Content-Type": "application/x-protobuf"}),
        (SNAPPY, {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}),
    ],
)
def test_lines_come_in(client: TestClient, app: App, content: bytes, headers: dict[str, str]) -> None:
    answer = client.post("/loki/api/v1/push", content=content, headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    app.pipeline.drain()
    assert app.store.query("SELECT service, message FROM events") == [{"service": "shop", "message": "hello"}]


def test_a_refused_line_is_a_dead_letter_and_no_error(client: TestClient) -> None:
    sent = {"streams": [{"stream": {}, "values": [["never", "hello"]]}]}
    assert client.post("/loki/api/v1/push", json=sent).status_code == 204
    assert len(client.get("/v1/dead-letters").json()) == 1


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"{}", JSON, 400),
        (b"\xff\xff", {"Content-Type": "application/x-protobuf"}, 400),
        (SNAPPY, {"Content-Type": "text/plain"}, 415),
        (json.dumps(PUSH).encode(), JSON | {"Authorization": ""}, 401),
    ],
)
def test_what_cannot_be_read(client: TestClient, content: bytes, headers: dict[str, str], status: int) -> None:
    answer = client.post("/loki/api/v1/push", content=content, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error"]["what"]
