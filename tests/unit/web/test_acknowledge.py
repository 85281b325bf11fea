"""Taking an incident on, and trying the ways to people, over HTTP."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from tests.contract.test_outbox import anomaly


def test_the_first_who_takes_an_incident_on_counts(client: TestClient, app: App) -> None:
    incident, _ = app.state.incidents.record(anomaly(), app.clock.now())
    path = f"/v1/incidents/{incident.incident_id}/acknowledge"
    first = client.post(path, json={"by": "민아"}).json()
    assert (first["incident_id"], first["by"]) == (incident.incident_id, "민아")
    assert client.post(path, json={"by": "lee"}).json() == first
    report = client.get(f"/v1/incidents/{incident.incident_id}").json()
    assert [entry["text"] for entry in report["incident"]["timeline"]][-1] == "민아 has taken it on."


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/incidents/nothing/acknowledge", {"by": "kim"}, 404),
        ("/v1/incidents/nothing/acknowledge", {"by": ""}, 422),
        ("/v1/notify/test?channel=nobody", None, 404),
    ],
)
def test_what_cannot_be(client: TestClient, path: str, body: object, status: int) -> None:
    assert client.post(path, json=body).status_code == status


def test_without_the_token_nobody_is_told(app: App, client: TestClient) -> None:
    for path in ("/v1/notify/test", "/v1/incidents/x/acknowledge"):
        assert client.post(path, json={"by": "x"}, headers={"Authorization": ""}).status_code in (401, 403)


def test_a_trial_says_what_happened(client: TestClient, app: App) -> None:
    told = client.post("/v1/notify/test", params={"channel": "file"}).json()
    assert [(one["channel"], one["reached"]) for one in told] == [("file", True)]
    lines = (app.home.path / "notifications.ndjson").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "TEST"
    path = app.home.path / "notifications.ndjson"
    path.unlink()
    path.mkdir()
    (failed,) = client.post("/v1/notify/test", params={"channel": "file"}).json()
    assert not failed["reached"]
    assert "cannot be written" in failed["says"]


def test_an_incident_that_begins_in_the_product_is_told(app: App) -> None:
    incident, _ = app.state.incidents.record(anomaly(), app.clock.now())
    with app.state.alerts.desk() as desk:
        quiet = desk.quiet_messages(app.clock.now(), 9)  # it was over for long: the digest tells it
    assert quiet is not None
    assert [one.incident_id for one in quiet.worst] == [incident.incident_id]
