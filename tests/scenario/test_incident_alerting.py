"""From an incident to people, on a clock that stands until it is moved: duplicates, floods, silence, digests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import ManualClock, SystemClock
from bdp.flow.tell.acknowledging import Acknowledging
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.escalation import Escalation, waits_in
from bdp.flow.tell.incident_notice import event_message, opened_message, question_message
from bdp.flow.tell.outbox import Outbox
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message, MessageForm, WorkflowEvent
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.anomaly import Severity
from bdp.model.decision import Approval, ApprovalStatus, Role, Vote
from bdp.model.incident import Incident, IncidentStatus
from bdp.notify.channels import EscalationSettings, NotifySettings
from bdp.notify.route import RoutedChannel, RouteSettings
from bdp.store.alerts import Announcement
from bdp.store.state import open_state
from tests.contract.test_outbox import anomaly
from tests.scenario.test_alerting import NOON, People, Scene

EVENT, QUESTION, OPENED = MessageForm.EVENT, MessageForm.QUESTION, MessageForm.OPENED
STEPS = {"steps": [{"after_minutes": 15, "channels": ["pager"]}, {"after_minutes": 30, "channels": ["boss"]}]}


class Office(Scene):
    """A home whose incidents are told."""

    escalation: EscalationSettings = EscalationSettings()

    def restart(self) -> None:
        state = self.state
        self.outbox = Outbox(state.alerts, self.clock)
        self.acknowledging = Acknowledging(state.alerts, state.incidents)
        many = self.settings.flood_incidents
        self.alerting = Alerting(
            state.insights,
            state.alerts,
            self.channels,
            self.clock,
            self.settings,
            escalation=Escalation(self.escalation, waits_in(state.approvals), many),
            waiting=lambda: len(state.approvals.list(ApprovalStatus.WAITING)),
        )

    def open(self, number: int = 1, severity: Severity = Severity.HIGH) -> Incident:
        incident, opened = self.state.incidents.record(anomaly(number, severity), self.clock.now())
        assert opened
        return incident

    def resolve(self, incident: Incident) -> None:
        self.state.incidents.move(incident.incident_id, IncidentStatus.RESOLVED, "done", self.clock.now())

    def ask(self, incident: Incident, minutes: float = 600) -> Approval:
        now = self.clock.now()
        asked = Approval(
            approval_id=f"q-{incident.incident_id}",
            incident_id=incident.incident_id,
            workflow_id="w1",
            action=ActionProposal(type=ActionType.WEBHOOK, description="Roll back", parameters={}, priority=1),
            plan="POST https://deploy.example/rollback",
            undo="",
            requested_at=now,
            expires_at=now + timedelta(minutes=minutes),
        )
        self.state.approvals.ask(asked)
        assert self.outbox.post(QUESTION, question_message(asked, incident))
        return asked

    def event(self, incident: Incident, event: WorkflowEvent = WorkflowEvent.ESCALATION_REQUIRED) -> None:
        message = event_message(event, "It is yours.", "", incident, f"incident-{incident.incident_id}")
        assert self.outbox.post(EVENT, message)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def people(clock: ManualClock) -> People:
    return People(clock)


@pytest.fixture
def office(tmp_path: Path, clock: ManualClock, people: People) -> Iterator[Office]:
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}", tell=lambda one: Announcement(opened_message(one)))
    yield Office(state, clock, [people])
    state.close()


def settled(office: Office, **settings: Any) -> None:
    office.settings = AlertingSettings(**settings)
    office.restart()


class TestTold:
    def test_an_incident_is_told_once(self, office: Office, people: People) -> None:
        incident = office.open()
        office.pass_time(600)
        ((at, message),) = people.heard
        assert at - NOON <= timedelta(seconds=1)
        assert message.title == incident.title
        assert f"bdp incident {incident.incident_id}" in message.body
        assert f"bdp incident {incident.incident_id}" in message.body_ko

    def test_the_same_incident_again_within_five_minutes_is_in_the_digest(self, office: Office, people: People) -> None:
        for number in range(4):
            again = anomaly().model_copy(update={"anomaly_id": f"again-{number}"})  # with the same signature
            incident, opened = office.state.incidents.record(again, office.clock.now())
            assert opened
            office.pass_time(60)
            office.resolve(incident)
        office.pass_time(3600, each=30)
        assert len([one for _, one in people.heard if one.event == "INCIDENT_OPENED"]) == 1
        digest = people.heard[-1][1]
        assert digest.title == "Digest of 2026-03-01 12:00 to 13:00 UTC: 3 messages about incidents, none told at once"
        assert "- 3 told already minutes before" in digest.body
        assert "몇 분 전에 이미 알림: 3건" in digest.body_ko

    def test_questions_events_and_reminders_are_no_duplicates(self, office: Office, people: People) -> None:
        incident = office.open()
        office.pass_time(1)
        office.ask(incident)
        office.event(incident)
        office.event(incident, WorkflowEvent.REMEDIATION_ERROR)
        office.pass_time(1)
        events = [message.event for _, message in people.heard]
        assert sorted(events) == [
            "APPROVAL_REQUESTED",
            "ESCALATION_REQUIRED",
            "INCIDENT_OPENED",
            "REMEDIATION_ERROR",
        ]
        assert {message.incident_id for _, message in people.heard} == {incident.incident_id}

    def test_less_severe_ones_are_in_the_digest(self, office: Office, people: People) -> None:
        settled(office, least_severity="high")
        for number, severity in enumerate(Severity):
            office.open(number, severity)
        office.pass_time(5)
        assert sorted(message.severity for _, message in people.heard) == ["critical", "high"]
        office.pass_time(3600, each=30)
        assert "- 2 less severe than is told at once" in people.heard[-1][1].body


class TestFlood:
    def test_a_burst_of_incidents_is_one_message(self, office: Office, people: People) -> None:
        for number in range(200):
            office.open(number, Severity.CRITICAL if number == 77 else Severity.HIGH)
        office.pass_time(300)
        ((at, message),) = people.heard
        assert at - NOON <= timedelta(seconds=1)
        assert message.title == "200 incidents began within a short time"
        assert message.title_ko == "짧은 시간에 인시던트 200건 발생"
        assert (message.severity, "critical 1, high 199" in message.body) == ("critical", True)
        assert message.body.splitlines()[2].startswith("- critical: ")

    def test_a_flood_that_trickles_in_is_told_in_few_messages_and_in_time(self, office: Office, people: People) -> None:
        opened = {office_open(office, number): office.clock.now() for number in range(240)}
        office.pass_time(60)
        assert len(people.heard) < 10 + 240 / 40 + 3
        with office.state.alerts.desk() as desk:
            assert desk.posted(1) == []
        told = {message.key: at for at, message in people.heard}
        with office.state.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT key, told_in FROM alerts WHERE incident_id != ''").all()
        waits = [told[row.told_in or row.key] - opened[row.key] for row in rows]
        assert len(waits) == 240
        assert max(waits) < timedelta(seconds=60)

    def test_events_come_in_floods_too_and_questions_stay_alone(self, office: Office, people: People) -> None:
        incidents = [office.open(number) for number in range(30)]
        for incident in incidents:
            office.event(incident)
            office.ask(incident)
        office.pass_time(1)
        events = [message.event for _, message in people.heard]
        assert (events.count("INCIDENTS_OPENED"), events.count("INCIDENT_EVENTS")) == (1, 1)
        assert events.count("APPROVAL_REQUESTED") == 30

    def test_afterwards_they_come_alone_again(self, office: Office, people: People) -> None:
        for number in range(20):
            office.open(number)
        office.pass_time(120)
        office.open(99)
        office.pass_time(1)
        assert [message.event for _, message in people.heard] == ["INCIDENTS_OPENED", "INCIDENT_OPENED"]

    def test_while_nobody_is_reached_they_are_held(self, office: Office, people: People) -> None:
        people.away = True
        for number in range(100):
            office_open(office, number)
        people.away = False
        office.pass_time(120)
        alone = sum(message.event == "INCIDENT_OPENED" for _, message in people.heard)
        assert alone <= 12
        assert len(people.heard) - alone <= 3


def office_open(office: Office, number: int) -> str:
    """Open an incident and let a second go by; return the key of its message."""
    key = f"incident:{office.open(number).incident_id}:opened"
    office.pass_time(1)
    return key


class TestSilence:
    @pytest.fixture
    def crew(self, office: Office, clock: ManualClock) -> dict[str, People]:
        named = {name: People(clock, name) for name in ("chat", "pager", "boss")}
        reminders_only = RouteSettings(forms=(MessageForm.REMINDER,))
        office.channels[:] = [
            named["chat"],
            RoutedChannel(named["pager"], reminders_only),
            RoutedChannel(named["boss"], reminders_only),
        ]
        office.escalation = EscalationSettings.model_validate(STEPS)
        office.restart()
        return named

    def test_further_people_are_told_step_by_step(self, office: Office, crew: dict[str, People]) -> None:
        incident = office.open(severity=Severity.CRITICAL)
        office.pass_time(14 * 60, each=10)
        assert [len(crew[name].heard) for name in ("chat", "pager", "boss")] == [1, 0, 0]
        office.restart()
        office.pass_time(2 * 60, each=10)
        assert [len(crew[name].heard) for name in ("chat", "pager", "boss")] == [1, 1, 0]
        office.pass_time(3600, each=10)
        assert [len(crew[name].heard) for name in ("chat", "pager", "boss")] == [1, 1, 1]
        (_, reminder) = crew["pager"].heard[0]
        assert reminder.title == f"Still waiting: {incident.title}"
        assert reminder.body.startswith("Nobody has acknowledged it for 15 minutes.")
        assert f"bdp ack {incident.incident_id}" in reminder.body
        assert "15분 동안 확인한 사람이 없습니다." in reminder.body_ko

    def test_an_acknowledgement_ends_it(self, office: Office, crew: dict[str, People]) -> None:
        incident = office.open()
        office.ask(incident)
        office.pass_time(16 * 60, each=10)
        assert len(crew["pager"].heard) == 2
        office.acknowledging.acknowledge(incident.incident_id, "kim", office.clock.now())
        office.acknowledging.acknowledge(incident.incident_id, "lee", office.clock.now())
        office.pass_time(3600, each=10)
        assert crew["boss"].heard == []
        entries = [entry.text for entry in office.state.incidents.get(incident.incident_id).timeline]
        assert entries.count("kim has taken it on.") == 1

    @pytest.mark.parametrize("status", [ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.TIMED_OUT])
    def test_an_answer_ends_it(self, office: Office, crew: dict[str, People], status: ApprovalStatus) -> None:
        incident = office.open(severity=Severity.LOW)
        asked = office.ask(incident)
        office.pass_time(60)
        if status is ApprovalStatus.TIMED_OUT:
            office.state.approvals.expire(asked.approval_id, asked.expires_at)
        else:
            now = office.clock.now()
            vote = Vote(by="kim", role=Role.APPROVER, status=status, at=now, via="api")
            office.state.approvals.vote(asked.approval_id, vote, now)
        office.pass_time(3600, each=10)
        assert crew["pager"].heard == []

    def test_the_end_of_the_incident_ends_it(self, office: Office, crew: dict[str, People]) -> None:
        office.resolve(office.open())
        office.pass_time(3600, each=10)
        assert crew["pager"].heard == []

    def test_less_severe_incidents_are_not_told_again(self, office: Office, crew: dict[str, People]) -> None:
        office.open(severity=Severity.MEDIUM)
        office.pass_time(3600, each=10)
        assert crew["pager"].heard == []

    def test_many_at_once_come_in_one_reminder(self, office: Office, crew: dict[str, People]) -> None:
        for number in range(50):
            office.open(number, Severity.CRITICAL)
        office.pass_time(16 * 60, each=10)
        ((_, message),) = crew["pager"].heard
        assert message.title == "Still waiting: 50 that nobody acknowledged or answered for 15 minutes"
        office.pass_time(16 * 60, each=10)
        assert len(crew["boss"].heard) == 1

    def test_without_steps_nobody_is_reminded(self, office: Office, people: People) -> None:
        office.open(severity=Severity.CRITICAL)
        office.pass_time(7200, each=60)
        assert len(people.heard) == 1

    @pytest.mark.parametrize("steps", [[{"after_minutes": 5, "channels": ["nobody"]}], [{"after_minutes": 5}] * 2])
    def test_steps_that_cannot_work_are_refused(self, steps: list[dict[str, Any]]) -> None:
        with pytest.raises(ValueError, match=r"escalation|later time"):
            NotifySettings.model_validate({"escalation": {"steps": steps}})


class TestRoutes:
    def test_a_channel_gets_its_language_severity_and_forms(self, office: Office, clock: ManualClock) -> None:
        korean, english = People(clock, "kakao"), People(clock, "chat")
        route = RouteSettings(language="ko", least_severity=Severity.CRITICAL, forms=(OPENED,))
        office.channels[:] = [RoutedChannel(korean, route), english]
        office.restart()
        critical = office.open(1, Severity.CRITICAL)
        office.ask(critical)
        office.open(2, Severity.HIGH)
        office.pass_time(1)
        ((_, message),) = korean.heard
        assert message.title == critical.title_ko != critical.title
        assert message.body.startswith("심각도: 심각")
        assert len(english.heard) == 3

    def test_a_message_that_names_its_channels_goes_there_only(self, office: Office, clock: ManualClock) -> None:
        crew = [People(clock, name) for name in ("a", "b")]
        office.channels[:] = [RoutedChannel(one, RouteSettings(least_severity=Severity.CRITICAL)) for one in crew]
        office.restart()
        told = Message(key="k", title="t", body="", severity="low", channels=("b",))
        office.outbox.post(MessageForm.TOLD, told)
        office.pass_time(1)
        assert [len(one.heard) for one in crew] == [0, 1]


def test_the_digest_says_which_questions_wait(office: Office, people: People) -> None:
    settled(office, least_severity="critical")
    office.ask(office.open(), minutes=600)
    office.pass_time(3600, each=30)
    digest = people.heard[-1][1]
    assert digest.key == "digest:2026-03-01T12"
    assert "Waiting for an answer: 1 questions, see `bdp approvals`" in digest.body
    assert "승인 요청이 1건 있습니다" in digest.body_ko
    office.pass_time(7200, each=60)
    assert people.heard[-1][1] == digest  # for waiting questions alone there is none


class TestBackground:
    def test_what_is_posted_wakes_it_and_a_channel_that_hangs_holds_nobody_up(self, office: Office) -> None:
        told, release = threading.Event(), threading.Event()

        class Hanging:
            name = "hanging"

            def send(self, message: Message) -> None:
                release.wait(60)

        class Bell:
            name = "bell"
            keys: list[str] = []

            def send(self, message: Message) -> None:
                self.keys.append(message.key)
                if len(self.keys) == 5:
                    told.set()

        office.channels[:] = [Hanging(), Bell()]
        office.clock = SystemClock()  # type: ignore[assignment]
        settled(office, pass_seconds=20, flood_incidents=100)
        office.alerting.start()
        began = time.monotonic()
        try:
            for number in range(5):
                office.open(number)
                office.state.alerts.ring()
                until = time.monotonic() + 20
                while len(Bell.keys) <= number and time.monotonic() < until:
                    time.sleep(0.01)
            assert told.wait(1)
            assert time.monotonic() - began < 20  # it did not wait for its next look
            waits_for_noting(office)
        finally:
            release.set()
            office.alerting.close()
        assert Bell.keys == list(dict.fromkeys(Bell.keys))


def waits_for_noting(office: Office) -> None:
    """Wait until the database knows that each was told, although one channel still hangs."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with office.state.database.read() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM alerts WHERE told_at IS NOT NULL").scalar()
        if found == 5:
            return
        time.sleep(0.01)
    raise AssertionError("not noted")
