"""Backtests over HTTP: a job that is asked for, and refused by name where its settings are wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App

RANGE = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z"}


def fill(app: App, client: TestClient) -> None:
    row = {"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": "no"}
    assert client.post("/v1/events", content=json.dumps([row] * 30)).status_code == 200
    app.pipeline.drain()


def run(app: App, client: TestClient, **fields: Any) -> Any:
    begun = client.post("/v1/backtests", json={**RANGE, **fields})
    assert begun.status_code == 202, begun.text
    app.backtester.wait()
    return client.get("/v1/backtests").json() | {"ignored": begun.json()["ignored"]}


def test_what_was_raised_and_what_would_be(app: App, client: TestClient) -> None:
    fill(app, client)
    told = run(app, client, settings={"detect": {"threshold": 50}})
    assert (told["state"], told["total"], told["read"], told["ignored"]) == ("done", 30, {"events": 30}, [])
    then, now = told["answer"]["found"]
    assert (then["first"], then["second"], then["worst"]) == ("was", "present", [])
    [tally] = now["kinds"]
    assert (tally["kind"], tally["first"], tally["second"], tally["only_first"]) == ("burst", 1, 0, 1)
    assert now["worst"][0]["finding"]["shown"] == "pay E1"
    assert told["answer"]["agreement"][0]["total"]["inputs"] == 0


def test_the_live_settings_stay(app: App, client: TestClient) -> None:
    fill(app, client)
    run(app, client, settings={"detect": {"threshold": 50}})
    [pair] = run(app, client)["answer"]["found"]
    assert pair["kinds"][0]["both"] == 1


def test_rooms_that_do_not_detect_are_told(app: App, client: TestClient) -> None:
    told = run(app, client, settings={"web": {"port": 1}, "home": "x", "detect": {"threshold": 5}})
    assert told["ignored"] == ["home", "web"]
    assert len(told["answer"]["found"]) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"serie": {}}, "Setting serie: nobody knows this name."),
        ({"series": {"treshold": 1}}, "Setting series.treshold: nobody knows this name."),
        ({"series": {"threshold": 7}}, "Setting series.threshold: Input should be less than 1."),
        ({"detect": {"overrides": [{"threshold": 0}]}}, "Setting detect.overrides.0.threshold:"),
        ({"detect": 3}, "Setting detect: "),
        ({"web": {"prot": 1}}, "Setting web.prot: nobody knows this name."),
    ],
)
def test_wrong_settings_are_named(client: TestClient, settings: dict[str, Any], said: str) -> None:
    answer = client.post("/v1/backtests", json={**RANGE, "settings": settings})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert said in answer.json()["error"]["what"]
    assert client.get("/v1/backtests").status_code == 404


def test_parts_of_a_room_keep_their_present_values(app: App, client: TestClient) -> None:
    fill(app, client)
    told = run(app, client, settings={"detect": {"window_seconds": 60}})
    assert [tally["both"] for tally in told["answer"]["found"][1]["kinds"]] == [1]


def test_a_range_that_is_none(client: TestClient) -> None:
    answer = client.post("/v1/backtests", json={"from": RANGE["to"], "to": RANGE["from"]})
    assert (answer.status_code, answer.json()["error"]["what"]) == (400, "The range ends before it begins.")
    assert client.post("/v1/backtests", json={"from": "1960-01-01T00:00:00Z"}).status_code == 400


@pytest.mark.parametrize("name", ["\ud800", "\x1b[2J", "a" * 5000])
def test_hostile_names_of_settings(client: TestClient, name: str) -> None:
    wrong: list[dict[str, Any]] = [{name: {}}, {"detect": {name: 1}}, {"detect": {"overrides": [{name: name}]}}]
    for settings in wrong:
        body, headers = json.dumps({**RANGE, "settings": settings}), {"Content-Type": "application/json"}
        answer = client.post("/v1/backtests", content=body, headers=headers)
        assert answer.status_code == 400
        assert len(answer.text) < 1000


def test_stopping_what_does_not_run(client: TestClient) -> None:
    assert client.post("/v1/backtests/stop").status_code == 404
