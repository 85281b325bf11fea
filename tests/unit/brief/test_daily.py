"""The briefing's numbers are those of the store and the state, for exactly the stretch that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest

from bdp.brief.daily import collect
from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.model.batch import Ledger, RecordKind
from bdp.model.briefing import Briefing, Chatter, Trend
from bdp.model.decision import Approval, ApprovalStatus, Role, Vote
from bdp.model.execution import Execution, Outcome
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import State, open_state
from tests.kept import empty_store

START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(days=1)
NUMBERS = count()


@dataclass
class Desk:
    store: ClickHouseStore
    state: State

    def events(self, at: datetime, number: int, **fields: object) -> None:
        row = {"ts": at.isoformat(), "service": "shop", "level": "INFO", **fields}
        self.insert(RecordKind.EVENTS, [row] * number)

    def cost(self, day: datetime, service: str, billed: float, currency: str = "USD") -> None:
        row = {
            "charge_period_start": day.isoformat(),
            "charge_period_end": (day + timedelta(days=1)).isoformat(),
            "service_name": service,
            "billed_cost": billed,
            "billing_currency": currency,
        }
        self.insert(RecordKind.COSTS, [row])

    def insert(self, kind: RecordKind, rows: list[dict[str, object]]) -> None:
        self.store.insert(kind, b"\n".join(map(msgspec.json.encode, rows)), f"t{next(NUMBERS)}")

    def incident(self, name: str, severity: Severity, start: datetime, minutes: int = 10, events: float = 50) -> str:
        anomaly = Anomaly(
            anomaly_id=name, kind=AnomalyKind.BURST, subject=Subject(service=name), signature=name.ljust(16, "0"),
            severity=severity, start_time=start, detected_at=start + timedelta(minutes=minutes), count=events,
            threshold=10, expected=None, window_seconds=300, never_seen=False, templates=(), trace_ids=(),
        )  # fmt: skip
        return self.state.incidents.record(anomaly, start)[0].incident_id

    def run(self, name: str, incident_id: str, started: datetime, tokens: int = 0, cost: float = 0.0) -> None:
        run = Execution(
            execution_id=name, case_id="", workflow_id="", incident_id=incident_id, agent="analyst", action="explain",
            parameters_hash="", started_at=started, duration_ms=1, outcome=Outcome.SUCCESS, tokens=tokens,
            cost_usd=cost,
        )  # fmt: skip
        self.state.executions.add(run)

    def ask(self, name: str) -> None:
        self.state.approvals.ask(
            Approval(
                approval_id=name, incident_id="i", workflow_id="w", plan="plan", undo="", requested_at=START,
                action=ActionProposal(type=ActionType.NOTIFY, description=""), expires_at=END,
            )
        )  # fmt: skip

    def collect(self, start: datetime = START, end: datetime = END) -> Briefing:
        ledger = {"http": Ledger(accepted=7, stored=5, dead_lettered=2), "file": Ledger(accepted=3, stored=2)}
        state = self.state
        return collect(self.store, state.incidents, state.executions, state.approvals, ledger, start, end)


@pytest.fixture
def desk() -> Iterator[Desk]:
    store = empty_store()
    state = open_state("sqlite://")
    yield Desk(store, state)
    state.close()
    store.close()


def test_an_empty_store_gives_an_empty_briefing(desk: Desk) -> None:
    briefing = desk.collect()
    assert (briefing.events, briefing.total_incidents, briefing.cost_total, briefing.top) == (0, 0, 0, ())
    assert [*briefing.trends, *briefing.slowest, *briefing.executions] == []


def test_counts_are_weighted_and_end_at_the_end(desk: Desk) -> None:
    desk.events(START, 3, level="ERROR", weight=2.0)
    desk.events(END - timedelta(microseconds=1), 4)
    desk.events(END, 50, level="ERROR")
    desk.events(START - timedelta(microseconds=1), 5, level="WARN")
    desk.events(START, 1, service="cart", status=503)
    desk.events(START, 2, service="cart", level="DEBUG")

    briefing = desk.collect()

    assert (briefing.events, briefing.abnormal, briefing.events_before) == (13, 7, 5)
    assert briefing.trends == (Trend(service="shop", now=6, before=5), Trend(service="cart", now=1, before=0))
    assert briefing.chatter == (Chatter(service="cart", debug=2),)


def test_slow_routes_need_some_calls(desk: Desk) -> None:
    desk.events(START, 30, route="/slow", duration_ms=900.0)
    desk.events(START, 30, route="/fast", duration_ms=5.0)
    desk.events(START, 3, route="/rare", duration_ms=60_000.0)
    assert desk.collect().slowest == (("shop /slow", 900.0), ("shop /fast", 5.0))


def test_a_sampled_call_counts_as_often_as_it_stands_for(desk: Desk) -> None:
    desk.events(START, 30, duration_ms=10.0, weight=100.0)
    desk.events(START, 100, duration_ms=900.0)
    ((_, p95),) = desk.collect().slowest
    assert p95 < 50  # the 100 slow ones are 3 % of 3,100 calls


def test_the_worst_three_incidents_of_the_stretch(desk: Desk) -> None:
    names = [
        desk.incident("low", Severity.LOW, START + timedelta(hours=1)),
        desk.incident("critical", Severity.CRITICAL, START + timedelta(hours=2)),
        desk.incident("few", Severity.HIGH, START + timedelta(hours=3), events=20),
        desk.incident("many", Severity.HIGH, START + timedelta(hours=4), events=90),
    ]
    desk.incident("later", Severity.CRITICAL, END)
    desk.incident("earlier", Severity.CRITICAL, START - timedelta(hours=2))
    reaches_in = desk.incident("overnight", Severity.MEDIUM, START - timedelta(minutes=5), minutes=20)

    briefing = desk.collect()

    assert [report.incident.incident_id for report in briefing.top] == [names[1], names[3], names[2]]
    assert briefing.total_incidents == 5
    assert briefing.by_status == {"open": 5}
    assert reaches_in not in {report.incident.incident_id for report in briefing.top}


def test_runs_of_the_stretch_and_of_its_incidents_with_their_money(desk: Desk) -> None:
    incident = desk.incident("x", Severity.HIGH, START)
    desk.run("in time", "other", START + timedelta(hours=3), tokens=100, cost=0.25)
    desk.run("worked on years later", incident, START + timedelta(days=900), tokens=11, cost=0.5)
    desk.run("of another day", "other", END, tokens=1_000, cost=9.0)

    briefing = desk.collect()

    assert {run.execution_id for run in briefing.executions} == {"in time", "worked on years later"}
    assert (briefing.tokens, briefing.money_usd) == (111, 0.75)


def test_only_open_questions_wait(desk: Desk) -> None:
    desk.ask("open")
    desk.ask("answered")
    vote = Vote(by="kim", role=Role.APPROVER, status=ApprovalStatus.APPROVED, at=START, via="cli")
    desk.state.approvals.vote("answered", vote, START)
    assert [approval.approval_id for approval in desk.collect().waiting] == ["open"]


def test_costs_against_a_usual_day(desk: Desk) -> None:
    for back in range(1, 9):
        desk.cost(START - timedelta(days=back), "db", 1_000 if back == 8 else 10)
    desk.cost(START, "db", 30)
    desk.cost(START, "new", 5)
    desk.cost(START, "db", 99_999, currency="KRW")
    desk.cost(END, "db", 70)

    briefing = desk.collect()

    assert (briefing.cost_total, briefing.cost_before, briefing.currency) == (35, 10, "USD")
    assert [(cost.service, cost.now, cost.usual) for cost in briefing.costs] == [("db", 30, 10), ("new", 5, None)]


def test_a_currency_cannot_break_out_of_the_query(desk: Desk) -> None:
    desk.cost(START, "db", 3, currency="x\\' OR 1=1 --")
    assert desk.collect().cost_total == 3


def test_the_ledger_is_summed(desk: Desk) -> None:
    expected = {"accepted": 10, "stored": 7, "dead_lettered": 2, "dropped": 0, "in_flight": 1}
    assert desk.collect().ledger == expected
