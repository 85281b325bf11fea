"""The sampling policy over HTTP: set, seen, and at work on what comes in."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.intake.load import Load

ONE_PERCENT = {"policy": {"base_rate": 0.01}, "by": "Kim"}
NORMAL = json.dumps([{"service": "shop", "message": "ok"}] * 1000)


def test_a_fresh_home_keeps_everything(client: TestClient) -> None:
    told = client.get("/v1/sampling").json()
    assert (told["version"], told["by"], told["effective_rate"], told["history"]) == (0, None, 1.0, [])
    assert told["policy"]["adaptive"] is False
    assert client.post("/v1/events", content=NORMAL).json()["sampled_out"] == 0


def test_a_policy_works_on_the_next_request_and_the_receipt_says_so(client: TestClient, app: App) -> None:
    told = client.put("/v1/sampling", json=ONE_PERCENT).json()
    assert (told["version"], told["by"], told["effective_rate"]) == (1, "Kim", 0.01)
    receipt = client.post("/v1/events", content=NORMAL).json()
    assert (receipt["accepted"], receipt["refused"], receipt["sampled_out"]) == (10, 0, 990)
    app.pipeline.drain()
    rows = client.post("/v1/query", json={"sql": "SELECT count() AS n, sum(weight) AS events FROM events"}).json()
    assert rows == [{"n": 10, "events": 1000.0}]
    ledger = client.get("/v1/ledger").json()["total"]
    assert (ledger["accepted"], ledger["stored"], ledger["dropped"], ledger["in_flight"]) == (1000, 10, 990, 0)


def test_a_request_of_which_nothing_stays_is_taken(client: TestClient, app: App) -> None:
    client.put("/v1/sampling", json={"policy": {"base_rate": 0.0001}, "by": "Kim"})
    receipt = client.post("/v1/events", content=b'{"service":"shop"}').json()
    assert receipt["accepted"] + receipt["sampled_out"] == 1
    app.pipeline.drain()
    assert client.get("/v1/ledger").json()["total"]["in_flight"] == 0


def test_a_change_over_somebody_elses_is_a_conflict(client: TestClient) -> None:
    client.put("/v1/sampling", json=ONE_PERCENT | {"expected_version": 0})
    answer = client.put("/v1/sampling", json=ONE_PERCENT | {"expected_version": 0})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert client.get("/v1/sampling").json()["version"] == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        {"policy": {"base_rate": 7}, "by": "Kim"},
        {"policy": {"low": 0.9, "high": 0.8}, "by": "Kim"},
        {"policy": {"colour": "red"}, "by": "Kim"},
        {"policy": {}, "by": ""},
        {"by": "Kim"},
    ],
)
def test_nonsense_is_refused_and_changes_nothing(client: TestClient, nonsense: dict[str, object]) -> None:
    answer = client.put("/v1/sampling", json=nonsense)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert client.get("/v1/sampling").json()["version"] == 0


def test_every_version_is_listed_and_audited(client: TestClient, app: App) -> None:
    client.put("/v1/sampling", json=ONE_PERCENT)
    client.put("/v1/sampling", json={"policy": {"exempt": ["b", "a"]}, "by": "Lee"})
    history = client.get("/v1/sampling").json()["history"]
    assert [(found["version"], found["by"]) for found in history] == [(2, "Lee"), (1, "Kim")]
    assert history[0]["body"]["exempt"] == ["a", "b"]
    assert [entry.actor for entry in app.state.audit.list(object="sampling")] == ["Lee", "Kim"]


def test_load_and_services_are_shown(client: TestClient, app: App) -> None:
    client.put("/v1/sampling", json={"policy": {"services": {"cart": 0.1}, "exempt": ["login"]}, "by": "Kim"})
    app.sampling.observe(Load(buffer=0.25, cpu=0.5, memory=0.125))
    told = client.get("/v1/sampling").json()
    assert told["service_rates"] == {"cart": 0.1, "login": 1.0}
    assert told["load"] == {"buffer": 0.25, "cpu": 0.5, "memory": 0.125, "highest": 0.5, "level": 0}


def test_a_put_replaces_all_and_what_get_told_put_back_with_a_change_keeps_the_rest(client: TestClient) -> None:
    client.put("/v1/sampling", json={"policy": {"exempt": ["login"], "services": {"a": 0.5}}, "by": "Kim"})
    was = client.get("/v1/sampling").json()
    change = {"policy": was["policy"] | {"base_rate": 0.01}, "by": "Lee", "expected_version": was["version"]}
    told = client.put("/v1/sampling", json=change).json()["policy"]
    assert (told["base_rate"], told["exempt"], told["services"]) == (0.01, ["login"], {"a": 0.5})
    told = client.put("/v1/sampling", json=ONE_PERCENT).json()["policy"]
    assert (told["base_rate"], told["exempt"], told["services"]) == (0.01, [], {})
    described = client.get("/openapi.json").json()["paths"]["/v1/sampling"]["put"]["description"]
    assert "Replace the whole policy" in described
