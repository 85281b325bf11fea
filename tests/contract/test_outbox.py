"""The outbox on every database: written once, decided once, sent by key, through crashes and by several processes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bdp.clock import ManualClock
from bdp.errors import ChannelUnavailable, NotFound
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.incident_notice import opened_key, opened_message
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message, MessageForm
from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.model.incident import Incident
from bdp.model.insight import TTL, AlertState
from bdp.ports import Alerts
from bdp.store.alert_desk import SqlAlertDesk
from bdp.store.alerts import Announcement
from bdp.store.state import State

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
OpenMore = Callable[..., State]
EVENT, OPENED, QUESTION = MessageForm.EVENT, MessageForm.OPENED, MessageForm.QUESTION


class Killed(BaseException):
    """The process ends here."""


class People:
    """A channel without any memory of keys: a repeat is heard."""

    def __init__(self, name: str = "people") -> None:
        self.name = name
        self.keys: list[str] = []
        self.away = False
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        if self.away:
            raise ChannelUnavailable("Nobody is there.")
        with self._lock:
            self.keys.append(message.key)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def message(key: str = "m", **fields: Any) -> Message:
    given: dict[str, Any] = {"key": key, "title": "제목 title", "body": "body", "severity": "high", "incident_id": "i1"}
    return Message(**given | fields)


def anomaly(number: int = 1, severity: Severity = Severity.HIGH) -> Anomaly:
    return Anomaly(
        anomaly_id=f"a{number}",
        kind=AnomalyKind.BURST,
        signature=f"{number:016x}",
        subject=Subject(service=f"service-{number}", route="/x", error_code="E"),
        severity=severity,
        start_time=START,
        detected_at=START,
        count=20,
        threshold=10,
        expected=None,
        never_seen=False,
        window_seconds=300,
        templates=("boom",),
        trace_ids=(),
    )


def alerting(state: State, channels: list[Any], clock: ManualClock, **settings: Any) -> Alerting:
    return Alerting(state.insights, state.alerts, channels, clock, AlertingSettings.model_validate(settings))


def told(incident: Incident) -> Announcement:
    return Announcement(opened_message(incident))


class TestPosting:
    def test_a_key_is_written_once(self, state: State) -> None:
        port: Alerts = state.alerts
        assert port.post(OPENED, message(), START, START)
        assert not port.post(EVENT, message(title="other"), START, after(1))
        with port.desk() as desk:
            (one,) = desk.posted(9)
            assert (one.key, one.form, one.severity, one.incident_id, one.detected_at) == (
                "m",
                OPENED,
                "high",
                "i1",
                START,
            )
            assert desk.messages(["gone", "m"]) == [message()]

    def test_nothing_is_sent_before_it_is_decided(self, state: State) -> None:
        state.alerts.post(OPENED, message(), START, START)
        assert state.alerts.pending(START)
        assert state.alerts.claim(after(1), after(2)) is None
        with state.alerts.desk() as desk:
            desk.release(["m"], after(1))
            assert desk.posted(9) == []
        outgoing = state.alerts.claim(after(1), after(2))
        assert outgoing is not None
        assert (outgoing.message, outgoing.form, outgoing.had) == (message(), OPENED, ())

    def test_an_incident_and_its_message_begin_together(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url, tell=told)
        incident, opened = state.incidents.record(anomaly(), START)
        assert opened
        state.incidents.record(anomaly(), after(1))  # again after a crash
        with state.alerts.desk() as desk:
            assert [one.key for one in desk.posted(9)] == [opened_key(incident.incident_id)]

    def test_neither_is_kept_without_the_other(self, lasting_url: str, open_more: OpenMore) -> None:
        def end(incident: Incident) -> Announcement:
            raise Killed

        with pytest.raises(Killed):
            open_more(lasting_url, tell=end).incidents.record(anomaly(), START)
        state = open_more(lasting_url, tell=told)
        assert state.incidents.list() == []
        assert state.incidents.record(anomaly(), START)[1]
        with state.alerts.desk() as desk:
            assert len(desk.posted(9)) == 1

    def test_what_was_long_over_is_left_to_the_digest(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url, tell=lambda incident: Announcement(opened_message(incident), old=True))
        state.incidents.record(anomaly(), START)
        with state.alerts.desk() as desk:
            assert desk.posted(9) == []
            quiet = desk.quiet_messages(after(1), 9)
        assert quiet is not None
        assert (quiet.reasons, quiet.forms) == ({AlertState.OLD: 1}, {OPENED: 1})

    def test_hostile_text_is_kept_as_it_can_be(self, state: State) -> None:
        nasty = "a\x00b\ud800'; DROP TABLE alerts; --\x1b[31m"
        assert state.alerts.post(EVENT, message(nasty, title=nasty, about=nasty, incident_id=nasty), START, START)
        assert not state.alerts.post(EVENT, message(nasty), START, START)

    def test_a_post_rings_in_its_process(self, state: State) -> None:
        assert not state.alerts.wait(0)
        state.alerts.post(OPENED, message(), START, START)
        assert state.alerts.wait(0)
        assert not state.alerts.wait(0)
        state.alerts.post(OPENED, message(), START, START)  # nothing new
        assert not state.alerts.wait(0)


class TestDesk:
    def test_the_same_is_known_while_it_is_on_its_way_and_for_some_time(self, state: State) -> None:
        state.alerts.post(OPENED, message(about="x"), START, START)

        def known(since: datetime) -> set[tuple[MessageForm, str]]:
            with state.alerts.desk() as desk:
                return desk.told_about({"x", "y", ""}, since)

        assert known(START) == set()  # not decided yet
        with state.alerts.desk() as desk:
            desk.release(["m"], START)
        assert known(after(99)) == {(OPENED, "x")}
        state.alerts.tried("m", after(3), told=True, again=None)
        assert (known(after(2)), known(after(3))) == ({(OPENED, "x")}, set())

    def test_the_same_is_known_by_the_message_that_tells_many(self, state: State) -> None:
        for number in range(3):
            state.alerts.post(OPENED, message(f"m{number}", about=f"x{number}"), START, START)
        with state.alerts.desk() as desk:
            desk.gather(OPENED, message("many", incident_id=""), [f"m{number}" for number in range(3)], START, after(1))
            assert desk.posted(9) == []
            assert (desk.told_alone(OPENED, START), desk.last_gathered(OPENED)) == (0, after(1))
        state.alerts.tried("many", after(3), told=True, again=None)
        with state.alerts.desk() as desk:
            assert desk.told_about({"x1"}, after(2)) == {(OPENED, "x1")}
            assert desk.told_about({"x1"}, after(3)) == set()

    def test_what_many_should_have_been_told_goes_to_the_digest_when_nobody_is_reached(self, state: State) -> None:
        for number in range(3):
            state.alerts.post(OPENED, message(f"m{number}"), START, START)
        state.alerts.post(EVENT, message("alone"), START, START)
        with state.alerts.desk() as desk:
            desk.gather(OPENED, message("many", incident_id=""), [f"m{number}" for number in range(3)], START, START)
            desk.release(["alone"], START)
        assert [state.alerts.give_up(key) for key in ("many", "alone", "alone")] == [0, 0, 0]
        with state.alerts.desk() as desk:
            quiet = desk.quiet_messages(after(1), 2)
            assert quiet is not None
            assert (quiet.reasons, quiet.forms) == ({AlertState.UNREACHABLE: 4}, {OPENED: 3, EVENT: 1})
            assert len(quiet.worst) == 2
            desk.digest_messages(after(1), "digest")
            assert desk.quiet_messages(after(1), 2) is None

    def test_the_worst_come_first_in_a_digest(self, state: State) -> None:
        for name in ("low", "critical", "medium", "high"):
            state.alerts.post(OPENED, message(name, severity=name), START, START)
        with state.alerts.desk() as desk:
            desk.leave(["low", "critical", "medium", "high"], AlertState.BELOW)
            quiet = desk.quiet_messages(after(1), 3)
        assert quiet is not None
        assert [one.severity for one in quiet.worst] == ["critical", "high", "medium"]

    def test_looks_use_their_index(self, new_postgresql: str, open_more: OpenMore) -> None:
        state = open_more(new_postgresql)
        asked = {
            "reminders_due_ix": "reminders WHERE closed_at IS NULL AND due_at <= now() ORDER BY due_at LIMIT 9",
            "reminders_of_ix": "reminders WHERE incident_id = 'a' AND closed_at IS NULL",
            "alerts_about_ix": "alerts WHERE about <> '' AND about IN ('a', 'b')",
            "alerts_told_in_ix": "alerts WHERE told_in = 'm'",
            "alerts_status_next_attempt_ix": "alerts WHERE status = 'new' ORDER BY next_attempt LIMIT 9",
        }
        with state.database.read() as connection:
            connection.execute(text("SET enable_seqscan = off"))
            connection.execute(text("SET enable_bitmapscan = off"))
            for name, rest in asked.items():
                plan = list(connection.execute(text(f"EXPLAIN SELECT * FROM {rest}")).scalars())
                assert any(name in line for line in plan), plan

    def test_messages_are_forgotten_but_not_while_they_wait(self, state: State) -> None:
        for key in ("new", "waiting", "quiet"):
            state.alerts.post(OPENED, message(key), START, START)
        with state.alerts.desk() as desk:
            desk.release(["waiting"], START)
            desk.leave(["quiet"], AlertState.BELOW)
        state.alerts.keep_thread("slack", "i1", "1.2", START)
        state.insights.forget(START + TTL + timedelta(seconds=1))
        with state.alerts.desk() as desk:
            assert [one.key for one in desk.messages(["new", "waiting", "quiet"])] == ["new", "waiting"]
        assert state.alerts.thread("slack", "i1") == ""


class TestReminders:
    def watched(self, state: State, *keys: str, form: MessageForm = QUESTION) -> None:
        for key in keys:
            state.alerts.post(form, message(key, incident_id=f"i-{key}"), START, START)
        with state.alerts.desk() as desk:
            desk.watch(keys, START, after(5))
            desk.watch(keys, after(1), after(9))  # once each

    def test_due_in_their_time_step_by_step(self, state: State) -> None:
        self.watched(state, "a", "b")
        assert not any(one for one in self.due(state, 4.9))
        assert self.due(state, 5) == [("a", 0), ("b", 0)]
        with state.alerts.desk() as desk:
            desk.remind_again(["a"], 1, after(15))
            desk.remind_no_more(["b"], after(5))
        assert (self.due(state, 14), self.due(state, 15)) == ([], [("a", 1)])
        assert state.alerts.pending(after(15))

    def test_an_incident_that_is_resolved_is_told_to_be(self, lasting_url: str, open_more: OpenMore) -> None:
        from bdp.model.incident import IncidentStatus

        state = open_more(lasting_url, tell=told)
        incident, _ = state.incidents.record(anomaly(), START)
        with state.alerts.desk() as desk:
            desk.watch([opened_key(incident.incident_id)], START, after(5))
            assert [one.live for one in desk.unanswered(after(5), 9)] == [True]
        state.incidents.move(incident.incident_id, IncidentStatus.RESOLVED, "done", after(1))
        with state.alerts.desk() as desk:
            assert [one.live for one in desk.unanswered(after(5), 9)] == [False]

    @staticmethod
    def due(state: State, minutes: float) -> list[tuple[str, int]]:
        with state.alerts.desk() as desk:
            return [(one.message.key, one.step) for one in desk.unanswered(after(minutes), 9)]


class TestAcknowledging:
    def test_the_first_counts_and_all_reminders_end(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url, tell=told)
        found, _ = state.incidents.record(anomaly(), START)
        name, key = found.incident_id, opened_key(found.incident_id)
        state.alerts.post(QUESTION, message("q", incident_id=name), START, START)
        with state.alerts.desk() as desk:
            desk.watch([key, "q"], START, after(5))
        assert state.alerts.acknowledged(name) is None
        first = state.alerts.acknowledge(name, "김민아", after(1))
        assert (first.by, first.at) == ("김민아", after(1))
        assert state.alerts.acknowledge(name, "lee", after(2)) == first
        assert state.alerts.acknowledged(name) == first
        entries = state.audit.list(object=name)
        assert [(entry.actor, entry.action) for entry in entries] == [("김민아", "incident.acknowledged")]
        with state.alerts.desk() as desk:
            assert desk.unanswered(after(9), 9) == []
            state_of = desk.posted(9)
        assert {one.key for one in state_of} == {key, "q"}

    def test_what_is_taken_on_is_not_watched_but_its_questions_are(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url, tell=told)
        found, _ = state.incidents.record(anomaly(), START)
        state.alerts.acknowledge(found.incident_id, "kim", START)
        state.alerts.post(QUESTION, message("q", incident_id=found.incident_id), START, START)
        with state.alerts.desk() as desk:
            desk.watch([opened_key(found.incident_id), "q"], START, after(5))
            assert [one.message.key for one in desk.unanswered(after(5), 9)] == ["q"]

    def test_an_unknown_incident_is_not_found(self, state: State) -> None:
        with pytest.raises(NotFound):
            state.alerts.acknowledge("nothing", "kim", START)
        assert state.audit.list() == []

    def test_of_many_at_once_one_is_first(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        found, _ = states[0].incidents.record(anomaly(), START)

        def take(number: int) -> str:
            return states[number].alerts.acknowledge(found.incident_id, f"p{number}", START).by

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(take, range(4)))) == 1
        assert len(states[0].audit.list(object=found.incident_id)) == 1


def test_threads_are_kept_by_incident_and_channel(lasting_url: str, open_more: OpenMore) -> None:
    one, other = open_more(lasting_url), open_more(lasting_url)
    assert one.alerts.thread("slack", "i1") == ""
    one.alerts.keep_thread("slack", "i1", "1.1", START)
    other.alerts.keep_thread("slack", "i1", "2.2", START)
    places = [("slack", "i1"), ("team", "i1"), ("slack", "i2")]
    assert [other.alerts.thread(channel, name) for channel, name in places] == ["1.1", "", ""]


class TestCouriers:
    def test_two_share_the_work_and_tell_each_once(self, lasting_url: str, open_more: OpenMore) -> None:
        people, clock = People(), ManualClock(START)
        states = [open_more(lasting_url) for _ in range(3)]
        for number in range(300):
            states[0].alerts.post(EVENT, message(f"m{number}", incident_id=f"i{number}"), START, START)
        workers = [alerting(state, [people], clock, flood_incidents=1000) for state in states]
        for _ in range(3):
            clock.advance(timedelta(seconds=1))
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda worker: worker.step(clock.now()), workers))
        assert Counter(people.keys) == Counter(f"m{number}" for number in range(300))
        assert states[0].alerts.waiting() == 0

    def test_a_crash_between_sending_and_noting_repeats_the_key(
        self, lasting_url: str, open_more: OpenMore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people, clock, state = People(), ManualClock(START), open_more(lasting_url)
        state.alerts.post(QUESTION, message(), START, START)

        def end(*_: Any) -> Any:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(type(state.alerts), "tried_all", end)
            with pytest.raises(Killed):
                alerting(state, [people], clock).step(clock.now())
        other = alerting(open_more(lasting_url), [people], clock)
        other.step(clock.now())
        assert people.keys == ["m"]  # the claim of the dead one holds
        clock.advance(timedelta(seconds=31))
        other.step(clock.now())
        assert people.keys == ["m", "m"]  # with its key: who knows keys sees it once
        clock.advance(timedelta(hours=1))
        other.step(clock.now())
        assert people.keys == ["m", "m"]

    def test_a_crash_between_deciding_and_keeping_it_decides_again(
        self, lasting_url: str, open_more: OpenMore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people, clock, state = People(), ManualClock(START), open_more(lasting_url)
        state.alerts.post(OPENED, message(), START, START)

        def end(*_: Any) -> Any:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(SqlAlertDesk, "release", end)
            with pytest.raises(Killed):
                alerting(state, [people], clock).step(clock.now())
        alerting(state, [people], clock).step(clock.now())
        assert people.keys == ["m"]

    def test_a_channel_that_has_it_does_not_get_it_again_after_a_restart(
        self, lasting_url: str, open_more: OpenMore
    ) -> None:
        people, pager, clock = People(), People("pager"), ManualClock(START)
        pager.away = True
        state = open_more(lasting_url)
        state.alerts.post(EVENT, message(), START, START)
        alerting(state, [people, pager], clock).step(clock.now())
        pager.away = False
        clock.advance(timedelta(seconds=60))
        again = alerting(open_more(lasting_url), [people, pager], clock)
        again.step(clock.now())
        assert (people.keys, pager.keys) == (["m"], ["m"])
        assert state.alerts.waiting() == 0
