"""What follows a question starts once it has its answer or its time is over, whatever crashes in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.errors import StoreUnavailable
from bdp.flow.mend.questions import Questions
from bdp.flow.mend.run import continued_by
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval, ApprovalStatus, Role, Vote
from bdp.store.state import State, open_state

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Engine:
    """Remembers what was started; breaks while told so."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []
        self.broken = False

    def start(self, workflow_id: str, incident_id: str) -> None:
        if self.broken:
            raise StoreUnavailable("away")
        self.started.append((workflow_id, incident_id))


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def ask(state: State, name: str, minutes: float) -> None:
    state.approvals.ask(
        Approval(
            approval_id=name,
            incident_id=f"I{name}",
            workflow_id="W",
            action=ActionProposal(type=ActionType.WEBHOOK, description="d"),
            plan="POST …",
            undo="",
            requested_at=AT,
            expires_at=AT + timedelta(minutes=minutes),
        )
    )


def approve(state: State, name: str) -> None:
    vote = Vote(by="ada", role=Role.APPROVER, status=ApprovalStatus.APPROVED, at=AT, via="cli")
    state.approvals.vote(name, vote, AT)


def test_an_answer_starts_what_follows_once(state: State) -> None:
    engine, clock = Engine(), ManualClock(AT)
    questions = Questions(state.approvals, clock, engine.start)
    ask(state, "a", 60)
    ask(state, "b", 60)
    assert questions.look() == 0
    approve(state, "a")
    assert questions.look() == 1
    assert questions.look() == 0
    assert engine.started == [(continued_by("Ia", "a"), "Ia")]
    assert state.approvals.get("a").continuation == continued_by("Ia", "a")


def test_a_deadline_is_an_answer(state: State) -> None:
    engine, clock = Engine(), ManualClock(AT)
    questions = Questions(state.approvals, clock, engine.start)
    ask(state, "a", 1)
    clock.advance(timedelta(minutes=1, seconds=1))
    assert questions.look() == 1
    assert state.approvals.get("a").status is ApprovalStatus.TIMED_OUT
    assert engine.started == [(continued_by("Ia", "a"), "Ia")]


def test_what_could_not_be_started_is_started_by_the_next_look(state: State) -> None:
    engine, clock = Engine(), ManualClock(AT)
    questions = Questions(state.approvals, clock, engine.start)
    ask(state, "a", 60)
    approve(state, "a")
    engine.broken = True
    with pytest.raises(StoreUnavailable):
        questions.look()
    engine.broken = False
    assert questions.look() == 1
    assert engine.started == [(continued_by("Ia", "a"), "Ia")]
