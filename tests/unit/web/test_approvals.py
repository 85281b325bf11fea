"""Answers of people over HTTP: the first one counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval
from tests.unit.web.asking import product, visitor

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


def test_one_question_by_the_beginning_of_its_id(app: App, client: TestClient, question: Approval) -> None:
    long = question.model_copy(update={"approval_id": "01KAEZ3V0Q9W"})
    app.state.approvals.ask(long)
    assert client.get("/v1/approvals/01KAEZ").json()["approval_id"] == "01KAEZ3V0Q9W"
    assert client.get("/v1/approvals/01KAE").status_code == 400
    assert client.post("/v1/approvals/01KAEZ3/approve", json=ME).json()["status"] == "approved"
    assert [found["approval_id"] for found in client.get("/v1/approvals", params={"limit": 1}).json()] == ["q1"]


def test_two_people_are_needed_and_nobody_is_listed(app: App, client: TestClient, question: Approval) -> None:
    app.state.approvals.ask(question.model_copy(update={"approval_id": "two", "needed": 2}))
    answer = client.post("/v1/approvals/two/approve", json=ME)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NOT_ALLOWED")
    assert "[approvers]" in answer.json()["error"]["next_step"]
    assert client.post("/v1/approvals/two/reject", json=ME).json()["status"] == "rejected"


def test_only_listed_people_count_with_their_own_role(tmp_path: Path, question: Approval) -> None:
    with product(tmp_path / "second") as (app, clock), visitor(app) as client:
        client.headers["Authorization"] = "Bearer the token"
        until = clock.now() + timedelta(hours=1)
        app.state.approvals.ask(question.model_copy(update={"needed": 2, "expires_at": until}))
        for by, says in (("Choi", "has the role viewer"), ("root", "nobody listed"), ("mkim", "nobody listed")):
            answer = client.post("/v1/approvals/q1/approve", json={"by": by})
            assert answer.status_code == 403
            assert "WWW-Authenticate" not in answer.headers
            assert says in answer.json()["error"]["what"]
        told = client.post("/v1/approvals/q1/approve", json={"by": "mkim", "via": "cli"}).json()
        assert (told["status"], told["votes"][0]["role"], told["votes"][0]["via"]) == ("waiting", "approver", "cli")
        assert client.post("/v1/approvals/q1/approve", json={"by": "KIM"}).json() == told
        assert client.post("/v1/approvals/q1/approve", json={"by": "Lee"}).json()["decided_by"] == "Kim, Lee"
        assert client.post("/v1/approvals/q1/approve", json={"by": "x", "role": "admin"}).status_code in {403, 422}
