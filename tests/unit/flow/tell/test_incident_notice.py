"""What people read of incidents: it says what to do, in both languages, and what telemetry says does nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bdp.flow.tell.incident_notice import (
    event_message,
    gathered_message,
    opened_message,
    question_message,
    reminder_message,
    reminders_message,
)
from bdp.model.action import DueReminder, Link, Message, MessageForm, Posted, WorkflowEvent
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Confidence, Grounding, IncidentReport, Verdict
from bdp.model.anomaly import Severity, Subject
from bdp.model.decision import Approval
from bdp.model.incident import Incident, IncidentStatus

AT = datetime(2026, 3, 1, 12, 0, 3, tzinfo=UTC)
HOSTILE = "\x1b[2Ja`b|c*d [x](http://evil) <img> $(rm -rf ~); 'q' \u202e\n# big"
LINK = Link(words="Approve", words_ko="승인", url="https://bdp.example/a?t=1")


def incident(**fields: Any) -> Incident:
    given: dict[str, Any] = {
        "incident_id": "01KAEZ3V0Q9W2G4T5N6P7R8S9T",
        "title": "Burst of KeyError in checkout /orders",
        "severity": Severity.CRITICAL,
        "status": IncidentStatus.OPEN,
        "subject": Subject(service="checkout", route="/orders", error_code="KeyError"),
        "signature": "a" * 16,
        "start_time": AT,
        "last_seen": AT,
        "opened_at": AT,
        "events": 128.0,
    }
    return Incident(**given | fields)


def analysis(verdict: Verdict = Verdict.CONFIRMED, cause: str = "Deploy `checkout@4.19.0` broke it.") -> Analysis:
    return Analysis(
        incident_id="i",
        attempt=1,
        created_at=AT,
        verdict=verdict,
        mechanism="deploy",
        root_cause=cause,
        root_cause_ko="배포 `checkout@4.19.0`이 원인입니다.",
        summary="s",
        claims=(),
        grounding=Grounding(score=1, supported=1, contradicted=0, unsupported=0, not_checkable=0),
        confidence=Confidence(score=0.9, breakdown={}, reasoning=""),
        actions=(),
        blast_radius=("checkout", "web"),
    )


def approval(**fields: Any) -> Approval:
    given: dict[str, Any] = {
        "approval_id": "q1",
        "incident_id": "i1",
        "workflow_id": "w1",
        "action": ActionProposal(
            type=ActionType.WEBHOOK, description="Roll checkout back", description_ko="checkout 롤백", parameters={}
        ),
        "plan": "POST https://deploy.example/rollback\n{ref: 4.19.0}",
        "undo": "POST https://deploy.example/rollforward",
        "why": "The policy asks a person.",
        "evidence": ("Deploy took effect 118 s before the onset.",),
        "evidence_ko": ("배포가 118초 전에 적용되었습니다.",),
        "requested_at": AT,
        "expires_at": AT + timedelta(hours=1),
    }
    return Approval(**given | fields)


def harmless(message: Message) -> bool:
    """Return whether nothing in it steers a terminal, links, or breaks out of its line."""
    text = "\n".join((message.title, message.title_ko, message.body, message.body_ko))
    marked = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", f"{message.body}\n{message.body_ko}")
    steers = re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    return not steers and not re.search(r"(?<!\\)\[x|(?<!\\)<img|^# big", marked, re.MULTILINE)


class TestOpened:
    def test_it_says_how_bad_where_and_what_to_do(self) -> None:
        told = opened_message(incident(), links=(LINK,))
        assert told.title == "Burst of KeyError in checkout /orders"
        assert told.title_ko not in ("", told.title)
        assert told.body.splitlines() == [
            "Severity: critical, since 2026-03-01 12:00:03 UTC",
            "Services: `checkout`",
            "Seen: 128 abnormal events (`/orders`, `KeyError`)",
            "More: `bdp incident 01KAEZ3V0Q9W2G4T5N6P7R8S9T`",
            "Take it on: `bdp ack 01KAEZ3V0Q9W2G4T5N6P7R8S9T`",
        ]
        assert told.body_ko.startswith("심각도: 심각, 2026-03-01 12:00:03 UTC부터")
        assert (told.about, told.incident_id, told.links) == (
            "incident:aaaaaaaaaaaaaaaa",
            "01KAEZ3V0Q9W2G4T5N6P7R8S9T",
            (LINK,),
        )

    def test_the_cause_if_it_is_known_and_who_suffers(self) -> None:
        report = IncidentReport(incident=incident(), analysis=analysis())
        told = opened_message(incident(), report)
        assert "Cause: Deploy `checkout@4.19.0` broke it." in told.body
        assert "원인: 배포 `checkout@4.19.0`이 원인입니다." in told.body_ko
        assert "Services: `checkout`, `web`" in told.body

    def test_no_cause_where_none_is_known(self) -> None:
        report = IncidentReport(incident=incident(), analysis=analysis(Verdict.INCONCLUSIVE))
        assert "Cause" not in opened_message(incident(), report).body

    def test_its_key_is_the_incidents(self) -> None:
        known = opened_message(incident(), IncidentReport(incident=incident(), analysis=analysis()))
        assert known.key == opened_message(incident()).key != opened_message(incident(incident_id="other")).key


class TestQuestion:
    def test_it_says_exactly_what_why_how_undone_and_how_to_answer(self) -> None:
        told = question_message(approval(), incident(), (LINK,))
        lines = told.body.splitlines()
        assert "Does: `POST https://deploy.example/rollback`" in lines
        assert "`{ref: 4.19.0}`" in lines
        assert "Why: The policy asks a person." in lines
        assert "- Deploy took effect 118 s before the onset." in lines
        assert "Until: 2026-03-01 13:00:03 UTC, then it goes to a person." in lines
        assert lines[-1] == "Answer: `bdp approve q1` or `bdp reject q1`"
        assert told.title_ko == "승인 요청: checkout 롤백"
        assert "- 배포가 118초 전에 적용되었습니다." in told.body_ko
        assert (told.key, told.approval_id, told.links, told.about) == ("q1:asked", "q1", (LINK,), "")

    def test_a_long_plan_is_shown_to_its_last_character(self) -> None:
        plan = "POST https://deploy.example/" + "x" * 3000 + "END"
        shown = question_message(approval(plan=plan), incident()).body.split("Why:")[0]
        assert shown.removeprefix("Incident: ").replace("`", "").replace("\n", "").endswith(plan)

    def test_nothing_to_take_back_and_several_approvers(self) -> None:
        told = question_message(approval(undo="", needed=2), incident())
        assert "Undo: nothing to take back" in told.body
        assert "되돌릴 것이 없습니다." in told.body_ko
        assert told.body.endswith("(2 approvers are needed)")


class TestEvents:
    @pytest.mark.parametrize("event", list(WorkflowEvent))
    def test_each_says_what_happened_and_what_was_tried(self, event: WorkflowEvent) -> None:
        told = event_message(event, "It did\nnot help.", "도움이 되지 않았습니다.", incident(), "w1", ["Rolled back"])
        assert told.title == f"{event}: Burst of KeyError in checkout /orders"
        assert "It did\nnot help.\nTried:\n- Rolled back" in told.body
        assert "도움이 되지 않았습니다.\n시도한 조치:\n- Rolled back" in told.body_ko
        assert (told.key, told.event, told.workflow_id) == (f"w1:{event}", event, "w1")
        assert "bdp incident 01KAEZ3V0Q9W2G4T5N6P7R8S9T" in told.body


def test_reminders_say_for_how_long_nobody_answered() -> None:
    due = DueReminder(MessageForm.QUESTION, question_message(approval(), incident(), (LINK,)), AT, 1, True)
    told = reminder_message(due, 30, ("pager",))
    assert told.body.startswith("Nobody has answered for 30 minutes.")
    assert told.body_ko.startswith("30분 동안 응답한 사람이 없습니다.")
    assert (told.key, told.channels, told.links) == ("q1:asked:reminder:1", ("pager",), (LINK,))
    many = reminders_message([due], 30, ("pager",), AT)
    assert "- critical: Approval wanted: Roll checkout back" in many.body
    assert (many.severity, many.channels) == ("critical", ("pager",))


def test_many_in_one_message_show_the_worst() -> None:
    told = [opened_message(incident(incident_id=f"i{number}")) for number in range(30)]
    posted = [Posted(one.key, MessageForm.OPENED, one.about, one.severity, one.incident_id, AT) for one in told]
    many = gathered_message(MessageForm.OPENED, posted, told, AT)
    assert many.body.count("\n- critical: ") == 10
    assert many.key == gathered_message(MessageForm.OPENED, posted[::-1], told, AT).key
    assert "심각 30" in many.body_ko


def test_what_telemetry_says_does_nothing() -> None:
    nasty = incident(title=HOSTILE, subject=Subject(service=HOSTILE, route=HOSTILE, error_code=HOSTILE))
    report = IncidentReport(incident=nasty, analysis=analysis(cause=HOSTILE))
    asked = approval(plan=HOSTILE, undo=HOSTILE, why=HOSTILE, evidence=(HOSTILE,), evidence_ko=(HOSTILE,))
    messages = [
        opened_message(nasty, report),
        question_message(asked, nasty),
        event_message(WorkflowEvent.WORKFLOW_ERROR, HOSTILE, HOSTILE, nasty, "w", [HOSTILE]),
    ]
    assert all(harmless(message) for message in messages)
