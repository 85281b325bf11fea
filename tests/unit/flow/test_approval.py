"""Answers: durable before anybody is woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.errors import NotFound, NotPossible
from bdp.flow.approval import Answers
from bdp.model.action import Pause
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval, ApprovalStatus
from bdp.store.state import open_state

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
QUESTION = Approval(
    approval_id="A",
    incident_id="I",
    workflow_id="W",
    action=ActionProposal(type=ActionType.WEBHOOK, description="d"),
    plan="POST …",
    undo="",
    requested_at=AT,
    expires_at=AT + timedelta(hours=1),
)


class Bell:
    """Remembers who was woken; breaks when told so."""

    def __init__(self, broken: bool = False) -> None:
        self.rung: list[tuple[str, ApprovalStatus]] = []
        self.broken = broken

    def __call__(self, approval: Approval) -> None:
        if self.broken:
            raise NotFound("There is no workflow W.")
        self.rung.append((approval.approval_id, approval.status))


@pytest.mark.parametrize("broken", [False, True])
def test_an_answer_is_kept_whether_or_not_somebody_can_be_woken(broken: bool) -> None:
    state, bell = open_state("sqlite://"), Bell(broken)
    try:
        state.approvals.ask(QUESTION)
        answers = Answers(state.approvals, ManualClock(AT), bell)
        assert answers.approve("A", by="ada", note="go").status is ApprovalStatus.APPROVED
        assert bell.rung == ([] if broken else [("A", ApprovalStatus.APPROVED)])
        with pytest.raises(NotPossible):
            answers.reject("A", by="bob")
        told = [(entry.actor, entry.action) for entry in state.audit.list("A")]
        assert told == [("ada", "approval.approved"), ("ada", "approval.vote")]
    finally:
        state.close()


def test_too_late() -> None:
    state = open_state("sqlite://")
    try:
        state.approvals.ask(QUESTION)
        with pytest.raises(NotPossible):
            Answers(state.approvals, ManualClock(AT + timedelta(hours=2)), None).reject("A", by="ada")
        with pytest.raises(NotFound):
            Answers(state.approvals, ManualClock(AT), None).approve("B", by="ada")
    finally:
        state.close()


def test_nothing_is_approved_while_everything_is_paused() -> None:
    state, paused = open_state("sqlite://"), [Pause(by="bob", at=AT, until=AT + timedelta(hours=2))]
    try:
        state.approvals.ask(QUESTION)
        answers = Answers(state.approvals, ManualClock(AT), None, pause=lambda: paused[0] if paused else None)
        with pytest.raises(NotPossible, match="bob has paused BDP until 2026-05-01 14:00:00 UTC"):
            answers.approve("A", by="ada")
        assert state.approvals.get("A").votes == ()
        paused.clear()
        assert answers.approve("A", by="ada").status is ApprovalStatus.APPROVED
    finally:
        state.close()


def test_what_is_paused_may_be_forbidden() -> None:
    state = open_state("sqlite://")
    try:
        state.approvals.ask(QUESTION)
        answers = Answers(state.approvals, ManualClock(AT), None, pause=lambda: Pause(by="bob", at=AT))
        assert answers.reject("A", by="ada").status is ApprovalStatus.REJECTED
    finally:
        state.close()
