"""The policy over HTTP: the rules that hold, what an action would get, a broken one."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.decide.policy import shipped

ROLLOUT = {"action": "kubernetes_rollout", "resource": "deployment:shop/cart", "service": "checkout"}


def test_a_fresh_home_has_the_shipped_policy(client: TestClient, app: App) -> None:
    told = client.get("/v1/policy").json()
    assert (told["version"], told["source"], told["problems"]) == (shipped().version, "shipped", [])
    assert told["folder"] == str(app.home.path / "policy")
    assert told["rules"][0] == {
        "name": "tell-people",
        "actions": ["notify"],
        "effect": "allow",
        "act_at": 0.5,
        "reason": "telling people changes nothing",
        "reason_ko": "사람에게 알리는 일은 아무것도 바꾸지 않습니다",
    }


def test_a_trial_tells_every_rule_that_was_looked_at_and_the_verdict(client: TestClient) -> None:
    question = ROLLOUT | {"reversible": False, "at": "2026-11-22T03:00:00+09:00"}
    told = client.post("/v1/policy/test", json=question).json()
    assert told["at"] == "2026-11-21T18:00:00Z"
    trial = told["trial"]
    assert (trial["course"], trial["verdict"]) == ("ask", "asks 2 different people (approver)")
    assert [(look["rule"], look["fits"]) for look in trial["looks"]][-2:] == [
        ("call-webhooks", False),
        ("irreversible-in-production", True),
    ]
    assert [look["why"] for look in trial["looks"]] == [
        "is for notify", "is for investigate", "is for eventbridge_event", "is for webhook", "",
    ]  # fmt: skip
    assert all(re.search("[가-힣]", look["why_ko"]) for look in trial["looks"][:-1])


@pytest.mark.parametrize(
    ("more", "course", "verdict"),
    [
        ({"action": "notify", "risk": "low", "confidence": 0.6}, "act", "acts by itself"),
        ({"action": "notify", "risk": "low", "confidence": 0.4}, "escalate", "goes to a person"),
        ({"blast_radius": 21}, None, "denied"),
        ({"confidence": 0.6}, "ask", "asks one person"),
    ],
)
def test_verdicts(client: TestClient, more: dict[str, object], course: str | None, verdict: str) -> None:
    trial = client.post("/v1/policy/test", json=ROLLOUT | more).json()["trial"]
    assert trial["course"] == course
    assert trial["verdict"].startswith(verdict)


def test_a_change_of_the_files_and_a_pause_show_at_once(client: TestClient, app: App) -> None:
    client.put("/v1/pause", json={"by": "kim"})
    paused = client.post("/v1/policy/test", json=ROLLOUT).json()["trial"]
    assert paused["inspection"]["reasons"] == ["paused"]
    client.delete("/v1/pause", params={"by": "kim"})
    folder = app.home.path / "policy"
    folder.mkdir()
    (folder / "a.yaml").write_text("rules: [{name: free, actions: '*', effect: allow}]")
    assert client.post("/v1/policy/test", json=ROLLOUT).json()["trial"]["course"] == "act"
    (folder / "a.yaml").write_text("rules: [{name: free, actions: '*', efect: allow}]")
    told = client.get("/v1/policy").json()
    assert told["version"] == ""
    assert "a.yaml:1: rules.0.efect: nobody knows this key; did you mean effect?" in told["problems"]
    trial = client.post("/v1/policy/test", json=ROLLOUT).json()["trial"]
    assert (trial["course"], trial["looks"]) == (None, [])
    assert trial["inspection"]["reasons"] == ["policy_broken"]


def test_versions_that_held_are_listed_with_their_text(client: TestClient, app: App) -> None:
    assert client.get("/v1/policy/history").json() == []
    app.register.note(app.policy.now())
    found = client.get("/v1/policy/history").json()
    assert [version["body"]["hash"] for version in found] == [shipped().version]
    assert "tell-people" in found[0]["body"]["files"]["shipped.yaml"]


@pytest.mark.parametrize(
    "wrong", [{}, {"action": "dance"}, ROLLOUT | {"confidence": 2}, ROLLOUT | {"at": "2026-11-22"}]
)
def test_a_question_that_is_none_is_refused(client: TestClient, wrong: dict[str, object]) -> None:
    assert client.post("/v1/policy/test", json=wrong).status_code == 422
