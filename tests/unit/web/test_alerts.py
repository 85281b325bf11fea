"""Alerts by HTTP: who may send them, and that what a sender repeats counts once."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.web.api import create_api

TOKEN = "the token"
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "critical"},
    "annotations": {"summary": "p99 is 4 s"},
    "startsAt": "2026-03-01T11:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c0ffee",
}
OTHER = {**ALERT, "fingerprint": "beef", "labels": {**ALERT["labels"], "service": "cart"}}


def group(*alerts: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "bdp", "alerts": list(alerts)}


def post(client: TestClient, *alerts: Any, sender: str = "alertmanager") -> Any:
    answer = client.post(f"/v1/alerts/{sender}", json=group(*alerts))
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(app: App) -> list[dict[str, Any]]:
    app.pipeline.drain()
    return app.store.query("SELECT service, error_code FROM events ORDER BY service")


def test_what_alertmanager_repeats_counts_once_in_whatever_group(app: App, client: TestClient) -> None:
    assert post(client, ALERT) == {"accepted": 1, "repeated": 0, "refused": 0, "refusals": []}
    told = post(client, OTHER, ALERT)
    assert (told["accepted"], told["repeated"]) == (1, 1)
    again = post(client, ALERT, OTHER)
    assert (again["accepted"], again["repeated"]) == (0, 2)
    assert stored(app) == [{"service": name, "error_code": "HighLatency"} for name in ("cart", "checkout")]
    assert app.ledger()[0].as_dict()["accepted"] == 2


def test_a_refused_alert_is_kept_once_and_costs_its_neighbour_nothing(app: App, client: TestClient) -> None:
    bad = {**ALERT, "startsAt": "yesterday"}
    told = post(client, bad, ALERT)
    assert (told["accepted"], told["refused"], told["refusals"][0]["index"]) == (1, 1, 0)
    assert "yesterday" in told["refusals"][0]["reason"]
    post(client, bad, ALERT)
    assert len(client.get("/v1/dead-letters").json()) == 1
    assert len(stored(app)) == 1


def test_no_alerts_are_nothing(app: App, client: TestClient) -> None:
    assert post(client)["accepted"] == 0
    assert app.ledger()[0].accepted == 0


def test_a_prometheus_server_finds_the_address_it_knows(app: App, client: TestClient) -> None:
    bare = {name: ALERT[name] for name in ("labels", "annotations", "startsAt")}
    for ends in ("2099-01-01T00:00:00Z", "2099-01-01T00:01:00Z"):
        assert client.post("/api/v2/alerts", json=[{**bare, "endsAt": ends}]).status_code == 200
    assert stored(app) == [{"service": "checkout", "error_code": "HighLatency"}]


def test_an_unknown_sender_is_told_the_known_ones(client: TestClient) -> None:
    answer = client.post("/v1/alerts/pager", json=group(ALERT))
    assert answer.status_code == 404
    assert "alertmanager" in answer.json()["error"]["next_step"]


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"\xff\xfe"])
def test_what_is_no_webhook_is_a_clear_refusal(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/alerts/alertmanager", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


def test_the_token_may_be_the_password_of_http_basic(app: App) -> None:
    with TestClient(create_api(app, TOKEN)) as client:
        right = client.post("/v1/alerts/alertmanager", json=group(ALERT), headers=basic(b"any:the token"))
        assert right.status_code == 200
        bad = [b"any:other", b"the token", b"the token:", b":", b"any:the token\xff", b"any:the token "]
        for header in [*map(basic, bad), {}, {"Authorization": "Basic ???"}, {"Authorization": "Basic"}]:
            wrong = client.post("/v1/alerts/alertmanager", json=group(ALERT), headers=header)
            assert wrong.status_code == 401
            assert "Basic" in wrong.headers["WWW-Authenticate"]


def test_a_password_opens_nothing_but_the_ways_in(app: App) -> None:
    with TestClient(create_api(app, TOKEN)) as client:
        for path in ("/v1/incidents", "/v1/ledger", "/v1/dead-letters"):
            answer = client.get(path, headers=basic(b"any:the token"))
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
