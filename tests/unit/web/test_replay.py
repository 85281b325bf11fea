"""Replay over HTTP: chunks as `bdp replay` sends them, and ranges."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.flow.replay import Chunk
from bdp.model.batch import Batch, RecordKind


def chunk(*names: str, **fields: Any) -> bytes:
    rows = [{"event_id": name, "ts": "2026-05-01T12:00:00Z", "service": "shop", **fields} for name in names]
    payload = b"\n".join(json.dumps(row).encode() for row in rows)
    batch = Batch(batch_id="x", source="replay", kind=RecordKind.EVENTS, count=len(rows), payload=payload)
    return msgspec.msgpack.encode(Chunk(batch=batch))


def post(client: TestClient, body: bytes) -> dict[str, Any]:
    answer = client.post("/v1/replay", content=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def reviewed(app: App, client: TestClient, **question: Any) -> dict[str, Any]:
    answer = client.post("/v1/replay/range", json=question)
    assert answer.status_code == 202, answer.text
    app.reviewer.wait()
    told: dict[str, Any] = client.get("/v1/replay/range").json()
    return told


def test_a_chunk_comes_in_once(app: App, client: TestClient) -> None:
    assert post(client, chunk("a", "b")) == {"read": 2, "new": 2, "known": 0, "refused": 0, "reasons": []}
    app.pipeline.drain()
    assert post(client, chunk("b", "c"))["new"] == 1
    app.pipeline.drain()
    assert app.store.query("SELECT count() AS n FROM events") == [{"n": 3}]
    assert client.get("/v1/ledger").json()["total"]["accepted"] == 3


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x81", msgspec.msgpack.encode({"batch": 1}), b"\x91" * 5000])
def test_what_is_no_chunk_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/v1/replay", content=body).status_code == 400


def test_a_range_is_reviewed_once(app: App, client: TestClient) -> None:
    assert client.get("/v1/replay/range").status_code == 404
    post(client, chunk(*(f"e{i}" for i in range(30)), level="ERROR", error_code="E1", message="it timed out"))
    app.pipeline.drain()
    wanted = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00+00:00"}
    told = reviewed(app, client, **wanted)
    assert (told["state"], told["read"], told["anomalies"], told["opened"]) == ("done", 30, 1, 0)
    assert reviewed(app, client, **wanted, service="mail")["anomalies"] == 0
    [incident] = app.state.incidents.list()
    assert incident.sightings == 1
    assert [entry.action for entry in app.state.audit.list()] == ["range.reviewed"] * 2
    assert client.post("/v1/replay/range/stop").json()["state"] == "done"


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({}, 422),
        ({"from": "2026-05-01"}, 422),
        ({"from": "2026-05-01T00:00:00"}, 422),
        ({"from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z"}, 400),
        ({"from": "2999-05-02T00:00:00Z"}, 400),
        ({"from": "2026-05-01T00:00:00Z", "lead_hours": -1}, 422),
        ({"from": "2026-05-01T00:00:00Z", "rate": -1}, 422),
        ({"from": "0001-01-01T00:00:00Z", "to": "2026-05-01T00:00:00+14:00"}, 400),
        ({"from": "0001-01-01T00:00:00+14:00"}, 400),
        ({"from": "1970-01-01T00:00:00Z", "to": "1969-01-01T00:00:00Z"}, 400),
    ],
)
def test_a_range_must_be_one(client: TestClient, question: dict[str, Any], status: int) -> None:
    assert client.post("/v1/replay/range", json=question).status_code == status
