"""Incidents over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App


@pytest.fixture
def incident(app: App, client: TestClient) -> dict[str, Any]:
    row = {"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": "timed out"}
    client.post("/v1/events", content=json.dumps([row] * 20))
    app.pipeline.drain()
    app.pipeline.finish()
    found: list[dict[str, Any]] = client.get("/v1/incidents").json()
    assert len(found) == 1
    return found[0]


def test_it_is_found_by_status_and_time(client: TestClient, incident: dict[str, Any]) -> None:
    def count(**parameters: str) -> int:
        return len(client.get("/v1/incidents", params=parameters).json())

    assert (count(status="open"), count(status="resolved")) == (1, 0)
    assert (count(since="2026-05-01T12:00:00Z"), count(since="2026-05-01T21:30:00+09:00")) == (1, 0)
    assert (count(since="0001-01-01T00:00:00Z"), count(limit="1")) == (1, 1)


def test_it_is_investigated_with_what_was_changed_and_nothing_is_kept(
    client: TestClient, app: App, incident: dict[str, Any]
) -> None:
    diff = "--- a/pay/config.yaml\n+++ b/pay/config.yaml\n@@ -1 +1 @@\n-bank_timeout_ms: 3000\n+bank_timeout_ms: 30\n"
    change = {"ts": "2026-05-01T11:57:00Z", "kind": "deploy", "service": "pay", "ref": "rel-9", "diff": diff}
    assert client.post("/v1/changes", content=json.dumps([change])).json()["accepted"] == 1
    app.pipeline.drain()
    path = f"/v1/incidents/{incident['incident_id']}"
    found = client.post(f"{path}/investigation").json()
    analysis = found["report"]["analysis"]
    assert (analysis["culprit_change"], analysis["first_failing_service"]) == ("rel-9", "pay")
    assert "`bank timeout ms` from `3000` to `30`" in " ".join(claim["text"] for claim in analysis["claims"])
    assert {claim["check"] for claim in analysis["claims"]} == {"supported"}
    assert 0 < found["seconds"] < 60
    assert client.get(path).json()["analysis"] is None
    assert client.post("/v1/incidents/unknown/investigation").status_code == 404


def test_it_is_explained_again_and_closed(client: TestClient, incident: dict[str, Any]) -> None:
    path = f"/v1/incidents/{incident['incident_id']}"
    assert client.get(path).json()["analysis"] is None
    first, second = (client.post(f"{path}/analysis").json()["analysis"] for _ in range(2))
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert client.get(path).json()["analysis"] == second
    closed = client.post(f"{path}/resolve", params={"by": "Kim", "note": "<b>done</b>"}).json()
    assert closed["status"] == "resolved"
    assert closed["timeline"][-1]["text"] == "Closed by Kim: <b>done</b>"


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"limit": "0"}, "query.limit"),
        ({"limit": "1001"}, "query.limit"),
        ({"limit": "9" * 30}, "query.limit"),
        ({"limit": "x"}, "query.limit"),
        ({"status": "sleeping"}, "query.status"),
        ({"since": "2026-05-01T12:00:00"}, "timezone"),
        ({"since": "yesterday"}, "query.since"),
        ({"since": "9999-12-31T23:59:59-12:00"}, "no such time"),
    ],
)
def test_wrong_parameters_are_told_by_name(client: TestClient, parameters: dict[str, str], told: str) -> None:
    answer = client.get("/v1/incidents", params=parameters)
    assert answer.status_code == 422
    assert told in answer.json()["error"]["what"]


@pytest.mark.parametrize("path", ["nope", "%00", "%ff", "x" * 3000, "..%2f..%2fetc"])
def test_no_such_incident(client: TestClient, path: str) -> None:
    answer = client.get(f"/v1/incidents/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_an_investigation_by_a_model_falls_back_to_the_rules(client: TestClient, incident: dict[str, Any]) -> None:
    path = f"/v1/incidents/{incident['incident_id']}/investigation"
    plain, asked = client.post(path).json(), client.post(path, params={"ai": True}).json()
    assert plain["reply"] is None
    assert (asked["reply"]["source"], asked["reply"]["reason"]) == ("rules", "no_model")
    assert asked["report"]["analysis"]["summary"] == plain["report"]["analysis"]["summary"]
