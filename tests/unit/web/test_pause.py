"""The kill switch over HTTP."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from bdp.app import App


def test_pausing_and_resuming_is_told_kept_and_audited(client: TestClient, app: App) -> None:
    assert client.get("/v1/pause").json() == {"paused": False, "pause": None, "history": []}
    told = client.put("/v1/pause", json={"by": "kim", "reason": "storm"}).json()
    assert told["paused"]
    assert (told["pause"]["by"], told["pause"]["reason"], told["pause"]["until"]) == ("kim", "storm", None)
    assert app.switch.now() is not None
    told = client.delete("/v1/pause", params={"by": "lee"}).json()
    assert (told["paused"], told["pause"]) == (False, None)
    assert [version["by"] for version in told["history"]] == ["lee", "kim"]
    assert [entry.actor for entry in app.state.audit.list(object="pause")] == ["lee", "kim"]
    assert app.switch.now() is None


def test_a_pause_may_have_an_end(client: TestClient) -> None:
    told = client.put("/v1/pause", json={"by": "kim", "until": "2999-01-01T00:00:00Z"}).json()
    assert told["pause"]["until"] == "2999-01-01T00:00:00Z"
    over = client.put("/v1/pause", json={"by": "kim", "until": "2020-01-01T00:00:00Z"})
    assert (over.status_code, over.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("wrong", [{}, {"by": ""}, {"by": "kim", "until": "2999-01-01"}, {"by": "kim", "for": "2h"}])
def test_nonsense_is_refused_and_changes_nothing(client: TestClient, wrong: dict[str, object]) -> None:
    answer = client.put("/v1/pause", json=wrong)
    assert answer.status_code == 422
    assert client.get("/v1/pause").json()["paused"] is False
    assert client.delete("/v1/pause").status_code == 422


def test_both_ask_for_the_token(client: TestClient) -> None:
    for path in ("/v1/pause", "/v1/policy"):
        assert client.get(path, headers={"Authorization": ""}).status_code == 401
