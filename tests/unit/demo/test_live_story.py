"""The story: each entry told once, in words; what came of each question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bdp.demo.live_story import Act, Story, chapter
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.anomaly import Severity, Subject
from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry

START = datetime(2026, 11, 20, 5, 2, tzinfo=UTC)
S = IncidentStatus


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def entry(seconds: float, kind: str, text: str, **data: object) -> TimelineEntry:
    return TimelineEntry(at=at(seconds), kind=kind, text=text, data=data)


def incident(status: IncidentStatus, *timeline: TimelineEntry) -> Incident:
    return Incident(
        incident_id="i", title="Burst", severity=Severity.HIGH, status=status, subject=Subject(service="shop"),
        signature="s", start_time=at(1), last_seen=at(9), opened_at=at(10), timeline=timeline,
    )  # fmt: skip


def approval(seconds: float, name: str, status: ApprovalStatus = ApprovalStatus.APPROVED) -> Approval:
    return Approval(
        approval_id=name, incident_id="i", workflow_id="w", plan="p", undo="u", requested_at=at(seconds),
        action=ActionProposal(type=ActionType.WEBHOOK, description=f"Do {name}."), expires_at=at(999), status=status,
        decided_by="kim",
    )  # fmt: skip


def test_each_entry_is_told_once() -> None:
    story = Story()
    first = (entry(0, "detected", "Detected: 11"), entry(1, "status", "Analysis 1 began.", to="analysing"))
    later = entry(0.5, "analysis", "CONFIRMED: it", confidence=0.956)

    assert [line.text for line in story.news(incident(S.OPEN, *first))] == ["Burst. Detected: 11"]
    assert [line.text for line in story.news(incident(S.OPEN, first[0], later, first[1]))] == [
        "CONFIRMED: it (confidence 0.96)"
    ]
    assert not list(story.news(incident(S.OPEN, first[0], later, first[1])))


def test_the_same_thing_twice_is_told_twice() -> None:
    same = entry(3, "action", "The receiver answered 200.")
    assert len(list(Story().news(incident(S.ACTING, same, same)))) == 2


def test_an_act_is_told_without_its_body() -> None:
    act = entry(4, "status", 'Action: POST http://x/revert with {"change": "C"}', to="acting")
    (line,) = Story().news(incident(S.ACTING, act))
    assert (line.who, line.text) == ("acts", "POST http://x/revert")


def test_what_came_of_each_question() -> None:
    timeline = (
        entry(30, "verification", "The symptom persists.", gone=False),
        entry(31, "undo", "Taken back: The receiver answered 200."),
        entry(60, "verification", "The symptom is gone.", gone=True),
        entry(60, "status", "Done.", to="resolved"),
    )
    found = chapter(incident(S.RESOLVED, *timeline), [approval(40, "second"), approval(15, "first")], at(0))
    assert (found.found, found.ended, found.status) == (10, 60, S.RESOLVED)
    assert found.acts == (Act("Do first.", "kim", "did not help, undone"), Act("Do second.", "kim", "helped"))


def test_what_was_not_approved_was_not_done() -> None:
    rejected = approval(15, "first", ApprovalStatus.REJECTED)
    waiting = approval(20, "second", ApprovalStatus.WAITING)
    found = chapter(incident(S.AWAITING_APPROVAL), [rejected, waiting], at(0))
    assert found.ended is None
    assert [(act.answer, act.outcome) for act in found.acts] == [
        ("nobody: rejected", "not done"),
        ("nobody yet", "not done"),
    ]


def test_what_was_approved_and_had_no_leave_was_not_done() -> None:
    refused = entry(16, "action", "webhook was not done: BDP is paused.")
    begun = entry(17, "status", "In 20 seconds the store is asked whether it helped.", to="verifying")
    outcomes = [chapter(incident(S.ESCALATED, one), [approval(15, "first")], at(0)).acts for one in (refused, begun)]
    assert [acts[0].outcome for acts in outcomes] == ["not done", "not checked"]


def test_an_undo_that_failed_is_not_called_undone() -> None:
    timeline = (
        entry(30, "verification", "The symptom persists.", gone=False),
        entry(31, "undo", "It could not be taken back: 503"),
    )
    (act,) = chapter(incident(S.ESCALATED, *timeline), [approval(15, "first")], at(0)).acts
    assert act.outcome == "did not help"
