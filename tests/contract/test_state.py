"""What every database of the state must do: incidents, questions, runs, effects, the audit log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TypeVar

import pytest
from sqlalchemy import insert, literal, select, text
from sqlalchemy.exc import IntegrityError

from bdp.errors import NotFound, NotPossible, StoreUnavailable
from bdp.model.action import ActionStatus
from bdp.model.analysis import Analysis, Claim, Confidence, Grounding, Verdict
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, Severity, Sighting, Subject
from bdp.model.execution import Execution, Outcome
from bdp.model.incident import IncidentStatus, TimelineEntry
from bdp.ports import Effects, Executions, Incidents, Policies
from bdp.store.state import State
from bdp.store.tables import incidents

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
NOW = START + timedelta(minutes=1)
OpenMore = Callable[..., State]
T = TypeVar("T")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def anomaly(
    anomaly_id: str,
    at: datetime = START,
    *,
    signature: str = "00000000000000aa",
    severity: Severity = Severity.MEDIUM,
    traces: tuple[str, ...] = (),
    subject: Subject | None = None,
) -> Anomaly:
    return Anomaly(
        anomaly_id=anomaly_id,
        kind=AnomalyKind.BURST,
        subject=subject or Subject(service="payment", route="/pay", error_code="TIMEOUT"),
        signature=signature,
        severity=severity,
        start_time=at,
        detected_at=at + timedelta(seconds=20),
        count=12,
        threshold=10,
        expected=1.5,
        window_seconds=300,
        never_seen=False,
        templates=("upstream timed out after <num> ms",),
        trace_ids=traces,
    )


def end(anomaly_id: str, at: datetime, total: float) -> AnomalyEnd:
    return AnomalyEnd(anomaly_id=anomaly_id, signature="00000000000000aa", end_time=at, peak=14, total=total)


def analysis(incident_id: str, attempt: int, root_cause: str) -> Analysis:
    return Analysis(
        incident_id=incident_id,
        attempt=attempt,
        created_at=NOW,
        verdict=Verdict.LIKELY,
        mechanism="timeout",
        root_cause=root_cause,
        summary="결제 시간 초과",
        claims=(Claim(text="12 events of TIMEOUT", evidence=("E1",)),),
        grounding=Grounding(score=0.0, supported=0, contradicted=0, unsupported=0, not_checkable=1),
        confidence=Confidence(score=0.7, breakdown={"evidence": 1.0}, reasoning="one fact"),
        actions=(),
    )


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """Run `work` in so many threads that start at one instant."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class TestIncidents:
    def test_first_anomaly_opens_an_incident_with_its_figures(self, state: State) -> None:
        port: Incidents = state.incidents
        incident, opened = port.record(anomaly("a", traces=("t1", "t2", "t1")), NOW)
        assert opened
        assert incident.title == "Burst of TIMEOUT in payment /pay"
        assert (incident.status, incident.severity) == (IncidentStatus.OPEN, Severity.MEDIUM)
        assert (incident.start_time, incident.last_seen, incident.end_time) == (
            START,
            START + timedelta(seconds=20),
            None,
        )
        assert (incident.sightings, incident.events, incident.members) == (1, 12, ("a",))
        assert (incident.related_traces, incident.opened_at) == (("t1", "t2"), NOW)
        assert [entry.kind for entry in incident.timeline] == ["detected"]
        assert "12 abnormal events in 5 min (threshold 10, usual 1.5)" in incident.timeline[0].text
        assert port.get(incident.incident_id) == incident

    def test_recording_an_anomaly_again_changes_nothing(self, state: State) -> None:
        first, _ = state.incidents.record(anomaly("a"), NOW)
        state.incidents.move(first.incident_id, IncidentStatus.RESOLVED, "closed", NOW)
        before = state.incidents.get(first.incident_id)
        assert state.incidents.record(anomaly("a"), after(60)) == (before, False)

    def test_repeat_counts_up_in_the_live_incident(self, state: State) -> None:
        first, _ = state.incidents.record(anomaly("a", traces=("t1",)), NOW)
        second, opened = state.incidents.record(
            anomaly("b", after(10), severity=Severity.CRITICAL, traces=("t2",)), after(11)
        )
        third, _ = state.incidents.record(anomaly("c", after(5), severity=Severity.LOW), after(12))
        assert not opened
        assert second.incident_id == third.incident_id == first.incident_id
        assert (third.sightings, third.events, third.members) == (3, 36, ("a", "b", "c"))
        assert (third.severity, third.related_traces) == (Severity.CRITICAL, ("t1", "t2"))
        assert (third.start_time, third.last_seen) == (START, after(10) + timedelta(seconds=20))
        assert [entry.data["anomaly_id"] for entry in third.timeline] == ["a", "c", "b"]

    def test_incident_stays_bounded_over_hundreds_of_sightings(self, state: State) -> None:
        for number in range(230):
            state.incidents.record(anomaly(f"a{number}", after(number), traces=(f"t{number}",)), after(number))
        (incident,) = state.incidents.list()
        incident = state.incidents.get(incident.incident_id)
        assert (incident.sightings, incident.events) == (230, 230 * 12)
        assert (len(incident.members), len(incident.related_traces), len(incident.timeline)) == (200, 20, 51)
        assert incident.members[0] == "a0"
        assert incident.timeline[-1].data == {"more": 180}
        assert incident.timeline[-1].at == incident.last_seen

    def test_other_signature_or_resolved_incident_opens_a_new_one(self, state: State) -> None:
        first, _ = state.incidents.record(anomaly("a"), NOW)
        _, other_opened = state.incidents.record(anomaly("b", signature="00000000000000bb"), NOW)
        state.incidents.move(first.incident_id, IncidentStatus.RESOLVED, "closed", NOW)
        again, again_opened = state.incidents.record(anomaly("c", after(5)), after(5))
        assert other_opened
        assert again_opened
        assert again.incident_id != first.incident_id
        assert state.incidents.get(first.incident_id).sightings == 1

    def test_same_anomaly_gets_the_same_incident_id_in_another_database(
        self, state: State, open_more: OpenMore
    ) -> None:
        here, _ = state.incidents.record(anomaly("a"), NOW)
        there, _ = open_more("sqlite://").incidents.record(anomaly("a"), after(999))
        assert here.incident_id == there.incident_id

    def test_judge_lets_a_resolved_incident_take_a_repeat(self, state_url: str, open_more: OpenMore) -> None:
        asked: list[Sighting | None] = []

        def within_an_hour(sighting: Sighting | None, found: Anomaly) -> bool:
            asked.append(sighting)
            return sighting is not None and found.detected_at - sighting.last_seen < timedelta(hours=1)

        port = open_more(state_url, judge=within_an_hour).incidents
        first, _ = port.record(anomaly("a"), NOW)
        port.move(first.incident_id, IncidentStatus.RESOLVED, "closed", NOW)
        soon, soon_opened = port.record(anomaly("b", after(30)), after(30))
        _, late_opened = port.record(anomaly("c", after(120)), after(120))
        assert (soon.incident_id, soon_opened, soon.sightings) == (first.incident_id, False, 2)
        assert (soon.status, soon.end_time) == (IncidentStatus.RESOLVED, NOW)
        assert late_opened
        assert asked[0] == Sighting(
            signature="00000000000000aa", incident_id=first.incident_id, live=False, last_seen=first.last_seen
        )

    def test_signatures_are_forgotten_after_seven_days_unless_live(self, state_url: str, open_more: OpenMore) -> None:
        port = open_more(state_url, judge=lambda sighting, found: sighting is not None).incidents
        resolved, _ = port.record(anomaly("a"), NOW)
        port.move(resolved.incident_id, IncidentStatus.RESOLVED, "closed", NOW)
        live, _ = port.record(anomaly("b", signature="00000000000000bb"), NOW)
        assert port.forget_signatures(START + timedelta(days=7)) == 0
        assert port.forget_signatures(START + timedelta(days=7, minutes=1)) == 1
        late = START + timedelta(days=8)
        assert port.record(anomaly("a"), late)[0].incident_id == resolved.incident_id
        assert port.record(anomaly("c", late), late)[1]
        assert port.record(anomaly("d", late, signature="00000000000000bb"), late)[0].incident_id == live.incident_id

    def test_end_is_known_when_the_last_anomaly_is_over(self, state: State) -> None:
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        state.incidents.record(anomaly("b", after(10)), after(10))
        state.incidents.end(end("b", after(30), 100))
        assert state.incidents.get(incident_id).end_time is None
        state.incidents.end(end("a", after(20), 50))
        state.incidents.end(end("a", after(20), 50))
        state.incidents.end(end("unknown", after(90), 1))
        incident = state.incidents.get(incident_id)
        assert (incident.end_time, incident.last_seen, incident.events) == (after(30), after(30), 150)
        assert [entry.kind for entry in incident.timeline].count("ended") == 1
        assert state.incidents.record(anomaly("c", after(40)), after(40))[0].end_time is None

    def test_move_follows_the_life_of_an_incident(self, state: State) -> None:
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        state.incidents.move(incident_id, IncidentStatus.ANALYSING, "looking", after(2))
        same = state.incidents.move(incident_id, IncidentStatus.ANALYSING, "looking again", after(3))
        with pytest.raises(NotPossible, match="analysing; it cannot become verifying"):
            state.incidents.move(incident_id, IncidentStatus.VERIFYING, "too early", after(4))
        done = state.incidents.move(incident_id, IncidentStatus.RESOLVED, "gone", after(5))
        assert [entry.text for entry in same.timeline if entry.kind == "status"] == ["looking"]
        assert (done.status, done.end_time) == (IncidentStatus.RESOLVED, after(5))
        assert done.timeline[-1].data == {"from": "analysing", "to": "resolved"}
        with pytest.raises(NotPossible):
            state.incidents.move(incident_id, IncidentStatus.ANALYSING, "again", after(6))

    def test_resolving_keeps_a_known_end(self, state: State) -> None:
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        state.incidents.end(end("a", after(7), 20))
        assert state.incidents.move(incident_id, IncidentStatus.RESOLVED, "gone", after(60)).end_time == after(7)

    def test_notes_come_back_by_time_and_a_key_counts_once(self, state: State) -> None:
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        for at, said, key in (
            (9, "late", ""),
            (5, "one", "k"),
            (5, "two", ""),
            (5, "one again", "k"),
            (9, "later", ""),
        ):
            entry = TimelineEntry(at=after(at), kind="note", text=said, data={"said": said, "n": at})
            state.incidents.note(incident_id, entry, key)
        notes = [entry for entry in state.incidents.get(incident_id).timeline if entry.kind == "note"]
        assert [note.text for note in notes] == ["one", "two", "late", "later"]
        assert notes[0].data == {"said": "one", "n": 5}

    def test_report_has_the_latest_attempt(self, state: State) -> None:
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        assert state.incidents.report(incident_id).analysis is None
        state.incidents.save_analysis(analysis(incident_id, 2, "second"))
        state.incidents.save_analysis(analysis(incident_id, 1, "first"))
        state.incidents.save_analysis(analysis(incident_id, 2, "second, mended"))
        report = state.incidents.report(incident_id)
        assert report.analysis == analysis(incident_id, 2, "second, mended")
        assert report.incident == state.incidents.get(incident_id)

    def test_list_is_newest_first_and_bounded(self, state: State) -> None:
        ids = [
            state.incidents.record(anomaly(f"a{n}", after(n), signature=f"{n:016x}"), NOW)[0].incident_id
            for n in (2, 0, 1)
        ]
        two, zero, one = ids
        state.incidents.move(one, IncidentStatus.ESCALATED, "over to you", NOW)
        assert [incident.incident_id for incident in state.incidents.list()] == [two, one, zero]
        assert [incident.incident_id for incident in state.incidents.list(limit=1)] == [two]
        assert [incident.incident_id for incident in state.incidents.list(since=after(1))] == [two, one]
        assert [incident.incident_id for incident in state.incidents.list(status=IncidentStatus.ESCALATED)] == [one]

    def test_unknown_incident_is_not_found(self, state: State) -> None:
        for ask in (
            lambda: state.incidents.get("x"),
            lambda: state.incidents.report("x"),
            lambda: state.incidents.move("x", IncidentStatus.RESOLVED, "", NOW),
            lambda: state.incidents.note("x", TimelineEntry(at=NOW, kind="note", text="")),
            lambda: state.incidents.save_analysis(analysis("x", 1, "")),
        ):
            with pytest.raises(NotFound):
                ask()

    def test_hostile_text_is_kept_readable(self, state: State) -> None:
        nasty = "a\x00b\ud800c'; DROP TABLE incidents; --\x1b[31m\n결제"
        found = anomaly("a\x00", subject=Subject(service=nasty, error_code="E" * 500), traces=("t\ud800",))
        incident, _ = state.incidents.record(found, NOW)
        state.incidents.save_analysis(analysis(incident.incident_id, 1, nasty))
        report = state.incidents.report(incident.incident_id)
        assert incident.title.isprintable()
        assert len(incident.title) == 200
        assert report.incident.subject.service == nasty.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
        assert report.analysis is not None
        assert report.analysis.root_cause == nasty.replace("\ud800", "\ufffd")
        assert "\ufffd" in report.model_dump_json()
        assert not state.incidents.record(found, NOW)[1]

    def test_times_come_back_exact_and_in_utc(self, state: State) -> None:
        seoul = datetime(2026, 3, 1, 21, 0, 0, 999999, tzinfo=timezone(timedelta(hours=9)))
        incident, _ = state.incidents.record(anomaly("a", seoul), seoul)
        assert incident.start_time == seoul
        assert incident.start_time.tzinfo is UTC
        assert incident.start_time.microsecond == 999999
        with pytest.raises(Exception, match="no time zone"):
            state.incidents.list(since=datetime(2026, 3, 1))  # noqa: DTZ001 - what is refused here

    def test_two_live_incidents_of_one_signature_are_refused_by_the_database(self, state: State) -> None:
        state.incidents.record(anomaly("a"), NOW)
        columns = [literal("other"), *list(incidents.c)[1:]]
        copy = insert(incidents).from_select([column.name for column in incidents.c], select(*columns))
        with (
            pytest.raises(IntegrityError, match=r"incidents_live_ix|incidents\.signature"),
            state.database.write() as connection,
        ):
            connection.execute(copy)


class TestIncidentsTogether:
    def test_workers_with_one_signature_open_one_incident(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        for round_ in range(5):
            signature = f"{round_:016x}"

            def record(number: int, signature: str = signature) -> tuple[str, bool]:
                found = anomaly(f"{signature}-{number % 6}", after(number), signature=signature)
                incident, opened = states[number % 4].incidents.record(found, NOW)
                return incident.incident_id, opened

            answers = together(8, record)
            assert len({incident_id for incident_id, _ in answers}) == 1
            assert [opened for _, opened in answers].count(True) == 1
            incident = states[0].incidents.get(answers[0][0])
            assert (incident.sightings, incident.events, len(incident.timeline)) == (6, 72, 6)

    def test_no_update_is_lost_between_recording_ending_and_moving(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url)
        incident_id = state.incidents.record(anomaly("a0"), NOW)[0].incident_id
        for number in range(1, 5):
            state.incidents.record(anomaly(f"a{number}", after(number)), NOW)

        def work(number: int) -> None:
            if number < 5:
                state.incidents.end(end(f"a{number}", after(number + 1), 100))
            elif number < 8:
                state.incidents.move(incident_id, IncidentStatus.ESCALATED, "over to you", NOW)
            else:
                state.incidents.record(anomaly(f"b{number}", after(number)), NOW)

        together(10, work)
        incident = state.incidents.get(incident_id)
        assert (incident.sightings, incident.events) == (7, 524)
        assert incident.status is IncidentStatus.ESCALATED
        assert [entry.kind for entry in incident.timeline].count("status") == 1

    def test_one_of_two_different_moves_wins(self, lasting_url: str, open_more: OpenMore) -> None:
        state = open_more(lasting_url)
        incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
        state.incidents.move(incident_id, IncidentStatus.ANALYSING, "", NOW)
        state.incidents.move(incident_id, IncidentStatus.ACTING, "", NOW)

        def move(number: int) -> bool:
            to = IncidentStatus.VERIFYING if number % 2 else IncidentStatus.ESCALATED
            try:
                state.incidents.move(incident_id, to, "", NOW)
            except NotPossible:
                return False
            return True

        together(6, move)
        moves = [entry.data for entry in state.incidents.get(incident_id).timeline if entry.kind == "status"]
        assert all(later["from"] == earlier["to"] for earlier, later in pairwise(moves))


def run(execution_id: str, minutes: float = 0, case_id: str = "timeout") -> Execution:
    return Execution(
        execution_id=execution_id,
        case_id=case_id,
        workflow_id="w1",
        incident_id="i1",
        agent="action",
        action="notify",
        parameters_hash="0123456789abcdef",
        started_at=after(minutes),
        duration_ms=12.345678901234567,
        outcome=Outcome.SUCCESS,
        tokens=2**40,
        cost_usd=0.000123,
    )


class TestExecutions:
    def test_run_is_kept_once_as_first_given(self, state: State) -> None:
        executions: Executions = state.executions
        executions.add(run("x1"))
        executions.add(run("x1").model_copy(update={"outcome": Outcome.FAILURE}))
        assert executions.list() == [run("x1")]

    def test_list_is_newest_first_within_bounds(self, state: State) -> None:
        for number in (1, 3, 2, 0):
            state.executions.add(run(f"x{number}", number))
        assert [one.execution_id for one in state.executions.list()] == ["x3", "x2", "x1", "x0"]
        assert [one.execution_id for one in state.executions.list(after(1), after(3))] == ["x2", "x1"]
        assert [one.execution_id for one in state.executions.list(limit=1)] == ["x3"]

    def test_runs_of_a_case_are_found_by_index(self, new_postgresql: str, open_more: OpenMore) -> None:
        state = open_more(new_postgresql)
        with state.database.read() as connection:
            connection.execute(text("SET enable_seqscan = off"))
            plan = connection.execute(
                text("EXPLAIN SELECT * FROM executions WHERE case_id = 'a' ORDER BY started_at DESC LIMIT 9")
            )
            assert any("executions_case_id_started_at_ix" in line for (line,) in plan)


class TestEffects:
    def test_first_claim_wins_and_result_is_kept(self, state: State) -> None:
        effects: Effects = state.effects
        assert effects.claim("k", NOW)
        assert not effects.claim("k", after(9))
        assert effects.claim("other", NOW)
        assert effects.result("k") is None
        effects.finish("k", {"status": ActionStatus.APPLIED, "n": 1, "text": "결제\x00"})
        assert effects.result("k") == {"status": "applied", "n": 1, "text": "결제\x00"}
        assert effects.result("unknown") is None
        assert not effects.claim("k", after(10))

    def test_finishing_what_nobody_claimed_is_refused(self, state: State) -> None:
        with pytest.raises(NotFound):
            state.effects.finish("k", {})

    def test_empty_result_is_a_result(self, state: State) -> None:
        state.effects.claim("k", NOW)
        state.effects.finish("k", {})
        assert state.effects.result("k") == {}

    def test_one_of_many_claims_wins(self, state: State) -> None:
        for key in ("k1", "k2", "k3"):
            assert together(8, lambda _, key=key: state.effects.claim(key, NOW)).count(True) == 1  # type: ignore[misc]


class TestPolicies:
    def test_nothing_was_ever_set(self, state: State) -> None:
        policies: Policies = state.policies
        assert (policies.current("sampling"), policies.history("sampling")) == (None, [])

    def test_versions_count_up_and_all_are_kept(self, state: State) -> None:
        policies: Policies = state.policies
        body = {"base_rate": 0.01, "services": {"결제": 0.1}, "exempt": ["a"]}
        first = policies.put("sampling", body, "kim", START)
        assert (first.version, first.body, first.by, first.at) == (1, body, "kim", START)
        second = policies.put("sampling", {"base_rate": 1}, "lee", NOW)
        assert policies.put("other", {}, "kim", NOW).version == 1
        assert policies.current("sampling") == second
        assert policies.history("sampling") == [second, first]
        assert policies.history("sampling", limit=1) == [second]

    def test_each_change_is_audited_with_what_it_replaced(self, state: State) -> None:
        state.policies.put("sampling", {"base_rate": 1}, "kim", START)
        state.policies.put("sampling", {"base_rate": 0.5}, "lee", NOW)
        entries = state.audit.list(object="sampling")
        assert [(entry.actor, entry.action, entry.at) for entry in entries] == [
            ("lee", "policy.set", NOW),
            ("kim", "policy.set", START),
        ]
        assert entries[0].detail == {"version": 2, "body": {"base_rate": 0.5}, "before": {"base_rate": 1}}

    def test_an_expectation_that_is_out_of_date_changes_nothing(self, state: State) -> None:
        with pytest.raises(NotPossible, match="Nobody has set"):
            state.policies.put("sampling", {}, "kim", START, expected=1)
        state.policies.put("sampling", {"n": 1}, "kim", START, expected=0)
        for expected in (0, 2):
            with pytest.raises(NotPossible, match="kim set version 1 of the policy sampling"):
                state.policies.put("sampling", {"n": 2}, "lee", NOW, expected=expected)
        assert [found.body for found in state.policies.history("sampling")] == [{"n": 1}]
        assert [entry.actor for entry in state.audit.list()] == ["kim"]

    def test_many_at_once_lose_no_version(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        put = together(8, lambda number: states[number % 4].policies.put("sampling", {"n": number}, "kim", NOW))
        assert sorted(found.version for found in put) == list(range(1, 9))
        assert sorted(found.body["n"] for found in states[0].policies.history("sampling")) == list(range(8))
        assert len(states[0].audit.list()) == 8

    def test_one_of_many_with_the_same_expectation_wins(self, lasting_url: str, open_more: OpenMore) -> None:
        states = [open_more(lasting_url) for _ in range(4)]
        states[0].policies.put("sampling", {}, "kim", START)

        def put(number: int) -> int:
            try:
                return states[number % 4].policies.put("sampling", {"n": number}, "lee", NOW, expected=1).version
            except NotPossible:
                return 0

        assert sorted(together(8, put)) == [0] * 7 + [2]
        assert len(states[0].policies.history("sampling")) == 2


def test_postgresql_connections_that_were_cut_are_made_again(new_postgresql: str, open_more: OpenMore) -> None:
    state, killer = open_more(new_postgresql), open_more(new_postgresql)
    assert state.effects.claim("k", NOW)
    with killer.database.write() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
        connection.execute(text(others + "current_database()"))
    assert not state.effects.claim("k", NOW)


def test_a_writer_that_holds_on_makes_others_try_again(new_postgresql: str, open_more: OpenMore) -> None:
    state, holder = open_more(new_postgresql), open_more(new_postgresql)
    incident_id = state.incidents.record(anomaly("a"), NOW)[0].incident_id
    with state.database.read() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "10s"
        connection.execute(text("SET lock_timeout = '50ms'"))
        connection.commit()
    with holder.database.write() as connection:
        connection.execute(select(incidents).with_for_update())
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            state.incidents.move(incident_id, IncidentStatus.ANALYSING, "", NOW)
    assert state.incidents.move(incident_id, IncidentStatus.ANALYSING, "", NOW).status is IncidentStatus.ANALYSING
