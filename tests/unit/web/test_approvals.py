"""Answers of people over HTTP: the first one counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval

ME = {"by": "Kim", "note": "go on"}


@pytest.fixture
def question(app: App) -> Approval:
    now = app.clock.now()
    asked = Approval(
        approval_id="q1",
        incident_id="i1",
        workflow_id="w1",
        action=ActionProposal(type=ActionType.NOTIFY, description="tell", parameters={}, priority=1),
        plan="say \x1b[31mhello",
        undo="",
        requested_at=now,
        expires_at=now + timedelta(hours=1),
    )
    app.state.approvals.ask(asked)
    return asked


def test_questions_are_listed_by_status(client: TestClient, question: Approval) -> None:
    waiting = client.get("/v1/approvals", params={"status": "waiting"}).json()
    assert [(found["approval_id"], found["plan"]) for found in waiting] == [("q1", question.plan)]
    assert client.get("/v1/approvals", params={"status": "approved"}).json() == []


@pytest.mark.parametrize(
    ("verb", "status", "other"), [("approve", "approved", "reject"), ("reject", "rejected", "approve")]
)
def test_the_first_answer_counts(
    app: App, client: TestClient, question: Approval, verb: str, status: str, other: str
) -> None:
    told = client.post(f"/v1/approvals/q1/{verb}", json=ME).json()
    assert (told["status"], told["decided_by"], told["note"]) == (status, "Kim", "go on")
    assert client.post(f"/v1/approvals/q1/{verb}", json=ME).json() == told
    for path, by in ((other, "Kim"), (other, "Lee"), (verb, "Lee")):
        answer = client.post(f"/v1/approvals/q1/{path}", json={"by": by})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert [entry.action for entry in app.state.audit.list(object="q1")] == [f"approval.{status}", "approval.vote"]


def test_an_answer_too_late_is_a_conflict(app: App, client: TestClient, question: Approval) -> None:
    now = app.clock.now()
    app.state.approvals.ask(
        question.model_copy(update={"approval_id": "old", "expires_at": now - timedelta(seconds=1)})
    )
    answer = client.post("/v1/approvals/old/approve", json=ME)
    assert answer.status_code == 409
    assert "expired" in answer.json()["error"]["what"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nope/approve", ME, 404),
        ("q1/approve", {}, 422),
        ("q1/approve", {"by": ""}, 422),
        ("q1/approve", {"by": "x" * 201}, 422),
        ("q1/approve", {"by": "x", "note": "n" * 2001}, 422),
        ("q1/perhaps", ME, 404),
    ],
)
def test_what_is_no_answer_is_told_so(
    client: TestClient, question: Approval, path: str, body: dict[str, str], status: int
) -> None:
    answer = client.post(f"/v1/approvals/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["what"]
    assert client.get("/v1/approvals", params={"status": "waiting"}).json()
