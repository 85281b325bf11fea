"""A link answers in a person's name: it stands only where that person alone reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bdp.clock import ManualClock
from bdp.decide.approvers import ApproverSettings, Person
from bdp.flow.links import Links, LinkSettings
from bdp.flow.mend.invitation import questions
from bdp.model.action import Message
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.anomaly import Severity, Subject
from bdp.model.decision import Approval, Role
from bdp.model.incident import Incident, IncidentStatus

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
QUESTION = Approval(
    approval_id="01A",
    incident_id="01I",
    workflow_id="incident-01I",
    action=ActionProposal(type=ActionType.WEBHOOK, description="Roll back."),
    plan="POST …",
    undo="",
    requested_at=AT,
    expires_at=AT + timedelta(hours=1),
)
INCIDENT = Incident(
    incident_id="01I",
    title="t",
    severity=Severity.HIGH,
    status=IncidentStatus.AWAITING_APPROVAL,
    subject=Subject(service="cart", route="", error_code=""),
    signature="0" * 16,
    start_time=AT,
    last_seen=AT,
    opened_at=AT,
)
CHANNELS = ("chat", "mail-ada", "mail-bob")


def asked(home: Path, *people: Person, url: str = "https://bdp.example.com") -> list[Message]:
    approvers = ApproverSettings(people=people)
    links = Links(LinkSettings(), url, approvers, home, ManualClock(AT))
    return list(questions(QUESTION, INCIDENT, links.invitations(QUESTION), CHANNELS))


def test_each_person_gets_links_of_their_own_where_nobody_else_reads(tmp_path: Path) -> None:
    ada, bob = Person(name="ada", channels=("mail-ada",)), Person(name="bob", channels=("mail-bob",))
    chat, to_ada, to_bob = asked(tmp_path, ada, bob)
    assert (chat.channels, chat.links) == (("chat",), ())
    assert (to_ada.channels, to_bob.channels) == (("mail-ada",), ("mail-bob",))
    assert len(to_ada.links) == len(to_bob.links) == 2
    assert {link.url for link in to_ada.links}.isdisjoint(link.url for link in to_bob.links)
    assert len({chat.key, to_ada.key, to_bob.key}) == 3


def test_several_people_without_channels_of_their_own_get_no_links(tmp_path: Path) -> None:
    [chat] = asked(tmp_path, Person(name="ada"), Person(name="bob"))
    assert (chat.channels, chat.links) == ((), ())


def test_the_only_person_gets_links_everywhere(tmp_path: Path) -> None:
    [chat] = asked(tmp_path, Person(name="ada"))
    assert chat.channels == ()
    assert len(chat.links) == 2


def test_who_may_not_answer_gets_no_links(tmp_path: Path) -> None:
    ada, eve = Person(name="ada", channels=("mail-ada",)), Person(name="eve", role=Role.VIEWER, channels=("mail-bob",))
    assert [message.channels for message in asked(tmp_path, ada, eve)] == [("chat", "mail-bob"), ("mail-ada",)]


def test_without_a_public_address_there_are_no_links(tmp_path: Path) -> None:
    [chat] = asked(tmp_path, Person(name="ada", channels=("mail-ada",)), url="")
    assert (chat.channels, chat.links) == ((), ())
