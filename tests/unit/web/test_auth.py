"""Who may ask: nothing but the health checks and the API's own page is open."""

from __future__ import annotations

from base64 import b64encode

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.web.api import create_api

OPEN = {"/healthz", "/readyz"}
SIGNED = {"/v1/slack/interactive"}
"""Proves itself by the signature of its sender; see test_slack.py."""
SENT = {
    "/v1/events": b'{"message":"m"}',
    "/v1/changes": b'{"kind":"deploy"}',
    "/v1/costs": b'{"ChargePeriodStart":"2026-05-01","ChargePeriodEnd":"2026-05-02","ServiceName":"s","BilledCost":1}',
    "/metrics/ingest": b'{"ts":"2026-05-01T12:00:00Z","name":"n","value":1}',
}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer other", "Basic dGhlIHRva2Vu", "Bearer \xff"])
def test_every_other_route_asks_for_the_token(app: App, header: str | None) -> None:
    api = create_api(app, "the token")
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    operations = [(method, path) for path, known in api.openapi()["paths"].items() for method in known]
    guarded = [("post", "/v1/batches"), *(found for found in operations if found[1] not in OPEN | SIGNED)]
    assert len(guarded) >= 12
    with TestClient(api) as client:
        for method, path in guarded:
            answer = client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "bdp token" in answer.text
    assert app.ledger()[0].accepted == 0


def test_machines_may_give_the_token_as_a_password_and_people_may_not(app: App) -> None:
    api = create_api(app, "the token")
    password = {"Authorization": "Basic " + b64encode(b"any:the token").decode()}
    with TestClient(api) as client:
        for path, record in SENT.items():
            assert client.post(path, content=record, headers=password).status_code == 200, path
            refused = client.post(path, content=record)
            assert 'Basic realm="bdp"' in refused.headers["WWW-Authenticate"], path
        for method, path in (("GET", "/v1/incidents"), ("POST", "/v1/query"), ("POST", "/v1/batches")):
            answer = client.request(method, path, headers=password)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), path


def test_health_needs_no_token(app: App) -> None:
    with TestClient(create_api(app, "the token")) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/readyz").json() == {"status": "ready"}


def test_an_empty_token_switches_the_check_off(app: App) -> None:
    with TestClient(create_api(app, "")) as client:
        assert client.get("/v1/ledger").status_code == 200
