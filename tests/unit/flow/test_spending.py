"""What people are told of money, each once; and what is tidied up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from structlog.testing import capture_logs

from bdp.clock import ManualClock
from bdp.errors import StoreUnavailable
from bdp.flow.account import usd
from bdp.flow.spending import KEPT, LOST_AFTER, SpendingWatch
from bdp.flow.tell.alerting import Alerting
from bdp.llm.settings import BudgetSettings
from bdp.model.action import Message, MessageForm, Outgoing
from bdp.model.inquiry import Advice, Inquiry, InquiryCounts
from bdp.model.insight import InsightSource
from bdp.model.spending import NANO, Bill, Demand, Reason
from bdp.store.state import State, open_state
from bdp.telemetry import REGISTRY

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DOLLARS = BudgetSettings(incident_usd=None, day_usd=10, month_usd=20, hour_alarm_usd=2)
_numbers = count()


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def spend(
    state: State,
    dollars: float,
    at: datetime = START,
    settings: BudgetSettings = DOLLARS,
    outcome: str = "ok",
    **names: str,
) -> Reason | None:
    call, nano = f"c{next(_numbers)}", round(dollars * NANO)
    named = {"agent": "insights", "provider": "gemini", "model": "gemini-2.5-flash"} | names
    grant = state.spending.reserve(Demand(call_id=call, at=at, tokens=10, nano_usd=nano, **named), settings.bounds())
    if grant.reason is None:
        bill = Bill(call_id=call, ended_at=at, outcome=outcome, seconds=1, tokens_in=8, tokens_out=2, nano_usd=nano)
        state.spending.settle(bill)
    return grant.reason


def told(state: State) -> list[Message]:
    far = START + timedelta(days=400)
    found: list[Outgoing] = []
    while (one := state.alerts.claim(far, far + timedelta(days=1))) is not None:
        assert one.form is MessageForm.COST
        found.append(one)
        state.alerts.tried(one.message.key, far, told=True, again=None)
    return [one.message for one in found]


def watch(state: State, settings: BudgetSettings = DOLLARS, inquiries: object = None) -> SpendingWatch:
    return SpendingWatch(state.spending, state.alerts, settings, inquiries)  # type: ignore[arg-type]


def test_an_hour_that_costs_too_much_is_told_at_once_and_once(state: State) -> None:
    watches = [watch(state), watch(state)]
    spend(state, 2)
    watches[0].step(START)
    assert told(state) == []
    spend(state, 0.01)
    for second in range(3):
        for one in watches:
            one.step(START + timedelta(seconds=second))
    (message,) = told(state)
    assert message.title == "Models cost $2.01 in the hour from 2026-03-01 12:00 UTC"
    assert "bdp spending stop" in message.body
    spend(state, 3, START + timedelta(hours=1))
    watches[0].step(START + timedelta(hours=1))
    assert [one.key for one in told(state)] == ["cost:hour:2026-03-01T13"]


def test_an_hour_that_is_settled_after_its_end_is_told(state: State) -> None:
    spend(state, 5, START.replace(minute=59))
    watch(state).step(START.replace(hour=13, minute=1))
    assert [one.key for one in told(state)] == ["cost:hour:2026-03-01T12"]


@pytest.mark.parametrize(
    ("policy", "severity", "words"),
    [
        (
            "degrade",
            "medium",
            ["Requests that do not fit are left to the rules until 00:00 UTC.", "bdp spending allow day 5"],
        ),
        (
            "ask",
            "high",
            ["May it be more?", "bdp spending allow day 5", "until 00:00 UTC, requests that do not fit are left"],
        ),
        (
            "stop",
            "high",
            ["No model is asked any more", "until somebody resumes", "bdp spending allow day 5", "bdp spending resume"],
        ),
    ],
)
def test_a_reached_budget_is_told_with_what_helps(state: State, policy: str, severity: str, words: list[str]) -> None:
    settings = DOLLARS.model_copy(update={"at_limit": policy, "hour_alarm_usd": 100})
    spend(state, 9.5, settings=settings)
    one = watch(state, settings)
    one.step(START)
    assert told(state) == []  # there is room yet
    assert spend(state, 1, settings=settings) is Reason.DAY_BUDGET
    for second in range(3):
        one.step(START + timedelta(seconds=second))
    (message,) = told(state)
    assert message.severity == severity
    assert all(word in message.body for word in ["$9.50 spent", *words])


@pytest.mark.parametrize("policy", ["degrade", "ask", "stop"])
def test_nobody_is_told_of_one_request_too_large_for_what_is_left(state: State, policy: str) -> None:
    settings = DOLLARS.model_copy(update={"at_limit": policy, "hour_alarm_usd": 100})
    assert spend(state, 11, settings=settings) is Reason.DAY_BUDGET
    spend(state, 8.9, settings=settings)
    assert spend(state, 1.2, settings=settings) is Reason.DAY_BUDGET
    one = watch(state, settings)
    one.step(START)
    assert told(state) == []
    assert spend(state, 0.2, settings=settings) is None
    assert spend(state, 1.2, settings=settings) is Reason.DAY_BUDGET
    one.step(START)
    assert [message.title for message in told(state)] == ["The day's budget for models is reached: $10.00"]


def test_a_budget_is_told_again_only_after_more_was_allowed_and_used(state: State) -> None:
    settings = DOLLARS.model_copy(update={"hour_alarm_usd": 100})
    spend(state, 10, settings=settings)
    spend(state, 1, settings=settings)
    one = watch(state, settings)
    one.step(START)
    assert len(told(state)) == 1
    state.spending.allow("day", "2026-03-01", 5 * NANO, "jin", START)
    one.step(START)
    assert told(state) == []
    spend(state, 5, settings=settings)
    assert spend(state, 1, settings=settings) is Reason.DAY_BUDGET
    one.step(START)
    assert [message.title for message in told(state)] == ["The day's budget for models is reached: $15.00"]


def test_nobody_is_told_of_a_budget_of_nothing(state: State) -> None:
    settings = BudgetSettings(day_usd=0)
    assert spend(state, 1, settings=settings) is Reason.DAY_BUDGET
    watch(state, settings).step(START)
    assert told(state) == []


def test_the_account_of_a_day_comes_when_it_is_over_and_settled(state: State) -> None:
    settings = DOLLARS.model_copy(update={"hour_alarm_usd": 100})
    spend(state, 1.5)
    spend(state, 0.3, outcome="invalid")
    spend(state, 0.25, agent="improvement", model="claude|sonnet")
    for _ in range(20):
        spend(state, 0.01, agent=f"agent{next(_numbers)}")
    late = Demand(
        call_id="late", at=START, agent="a", provider="p", model="m", tokens=1, nano_usd=NANO // 2
    )  # fmt: skip
    state.spending.reserve(late, settings.bounds())
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    state.spending.settle(Bill(call_id="late", ended_at=midnight, outcome="timeout", seconds=30, nano_usd=NANO // 2))

    class Counted:
        def counts(self, since: datetime, until: datetime) -> InquiryCounts:
            assert (since, until) == (datetime(2026, 3, 1, tzinfo=UTC), midnight)
            sources = {InsightSource.AI: 30, InsightSource.RULES: 5, InsightSource.CACHED: 10}
            return InquiryCounts(sources=sources, reasons={}, waiting=0, nano_usd=NANO)

    one = watch(state, settings, Counted())
    one.step(midnight - timedelta(seconds=1))
    assert told(state) == []
    for second in range(3):
        one.step(midnight + timedelta(seconds=second))
    watch(state, settings).step(midnight + timedelta(hours=3))
    (message,) = told(state)
    assert message.title == "Models cost $2.75 on 2026-03-01"
    assert "24 requests, 2 of them in vain." in message.body
    line = "- $1.80 insights, gemini-2.5-flash: 2 requests, 1 failed, 16 tokens in (0 cached), 4 out"
    assert line in message.body
    assert "claude\\|sonnet" in message.body
    assert "- 8 more: $0.0800" in message.body
    assert "Insights: 30 answered by a model for $1.80, $0.0600 each; 15 by rules or from memory" in message.body
    assert "The day 2026-03-01: $2.75 spent of $10.00, 28%" in message.body
    assert "The month 2026-03: $2.75 spent of $20.00, 14%" in message.body


def test_what_was_paid_in_vain_is_in_the_cost_of_an_insight(state: State) -> None:
    yesterday, midnight = START - timedelta(days=1), datetime(2026, 3, 2, tzinfo=UTC)
    spend(state, 1.5, outcome="invalid")
    spend(state, 0.5)
    answers = {
        "before": (yesterday, InsightSource.AI),
        "one": (START, InsightSource.AI),
        "two": (midnight - timedelta(seconds=1), InsightSource.AI),
        "rules": (START, InsightSource.RULES),
        "after": (midnight, InsightSource.AI),
    }
    for name, (at, source) in answers.items():
        state.inquiries.add_all([Inquiry(inquiry_id=name, related_entity="s", timestamp=at, measures=())], at, at)
        state.inquiries.close_all({name: Advice(source=source, nano_usd=1)}, at)
    watch(state, inquiries=state.inquiries).step(midnight + timedelta(hours=9))
    (message,) = told(state)
    assert "Insights: 2 answered by a model for $2.00, $1.00 each; 1 by rules or from memory." in message.body


def test_money_that_brought_no_insight_is_told(state: State) -> None:
    spend(state, 1.5, outcome="invalid")
    one = Inquiry(inquiry_id="a", related_entity="s", timestamp=START, measures=())
    state.inquiries.add_all([one], START, START)
    state.inquiries.close_all({"a": Advice(source=InsightSource.RULES, reason="invalid")}, START)
    watch(state, inquiries=state.inquiries).step(datetime(2026, 3, 2, tzinfo=UTC))
    (message,) = told(state)
    assert "Insights: 0 answered by a model for $1.50; 1 by rules or from memory." in message.body


def test_the_account_waits_for_what_is_on_its_way(state: State) -> None:
    open_one = Demand(
        call_id="x", at=datetime(2026, 3, 1, 23, 59, tzinfo=UTC), agent="a", provider="p", model="m", tokens=1,
        nano_usd=NANO,
    )  # fmt: skip
    state.spending.reserve(open_one, DOLLARS.bounds())
    one, midnight = watch(state), datetime(2026, 3, 2, tzinfo=UTC)
    one.step(midnight)
    assert told(state) == []
    one.step(midnight + LOST_AFTER)  # its process died: it is booked in full
    assert [message.title for message in told(state)] == ["Models cost $1.00 on 2026-03-01"]


def test_there_is_no_account_of_a_day_that_cost_nothing(state: State) -> None:
    spend(state, 0)
    watch(state).step(START + timedelta(days=1))
    assert told(state) == []


def test_lost_calls_are_booked_and_old_ones_forgotten(state: State) -> None:
    lost = Demand(call_id="lost", at=START, agent="a", provider="p", model="m", tokens=1, nano_usd=NANO)
    state.spending.reserve(lost, DOLLARS.bounds())
    one = watch(state)
    one.step(START + LOST_AFTER)
    assert state.spending.standings(START, DOLLARS.bounds())[0].reserved == NANO
    one.step(START + LOST_AFTER + timedelta(seconds=61))
    assert state.spending.standings(START, DOLLARS.bounds())[0].spent == NANO
    one.step(START + KEPT + timedelta(hours=1))
    assert state.spending.standings(START, DOLLARS.bounds())[0].spent == 0  # the hour is forgotten
    assert state.spending.standings(START, DOLLARS.bounds())[1].spent == NANO


def test_alerting_writes_and_sends_messages_about_money(state: State) -> None:
    spend(state, 3)
    sent: list[Message] = []

    class People:
        name = "people"

        def send(self, message: Message) -> None:
            sent.append(message)

    before = REGISTRY.get_sample_value("bdp_cost_messages_total") or 0
    clock = ManualClock(START)
    alerting = Alerting(
        state.insights, state.alerts, [People()], clock, others=[watch(state).step]
    )  # fmt: skip
    for _ in range(3):
        alerting.step(clock.now())
        clock.advance(timedelta(seconds=1))
    assert [message.event for message in sent] == ["SPENDING_ALARM"]
    assert REGISTRY.get_sample_value("bdp_cost_messages_total") == before + 1


def test_a_defect_where_money_is_watched_holds_up_no_alert_and_no_other(state: State) -> None:
    spend(state, 3)
    sent: list[Message] = []

    class People:
        name = "people"

        def send(self, message: Message) -> None:
            sent.append(message)

    def broken(now: datetime) -> None:
        raise ZeroDivisionError("a defect")

    clock = ManualClock(START)
    alerting = Alerting(
        state.insights, state.alerts, [People()], clock, others=[broken, watch(state).step]
    )  # fmt: skip
    with state.alerts.desk() as desk:
        alert = Message(key="alert", title="latency", body="", severity="critical", event="ALERT")
        desk.tell(MessageForm.ALERT, alert, (), START, START)
    with capture_logs() as logs:
        for _ in range(3):
            alerting.step(clock.now())
            clock.advance(timedelta(seconds=1))
    assert [message.event for message in sent] == ["ALERT", "SPENDING_ALARM"]
    (line,) = [one for one in logs if one["event"] == "alerting.broken"]
    assert "a defect" in line["reason"]


def test_alerts_go_out_before_money_is_looked_at(state: State) -> None:
    order: list[str] = []

    class People:
        name = "people"

        def send(self, message: Message) -> None:
            order.append(message.title)

    def away(now: datetime) -> None:
        order.append("money")
        raise StoreUnavailable("The state database is busy.")

    alerting = Alerting(state.insights, state.alerts, [People()], ManualClock(START), others=[away])
    with state.alerts.desk() as desk:
        alert = Message(key="alert", title="latency", body="", severity="critical", event="ALERT")
        desk.tell(MessageForm.ALERT, alert, (), START, START)
    with pytest.raises(StoreUnavailable):
        alerting.step(START)
    assert order == ["latency", "money"]


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "$0.00"), (1, "under $0.0001"), (123_456, "$0.0001"), (NANO // 8, "$0.1250"), (1234 * NANO, "$1,234.00")],
)
def test_money_is_told_with_digits_that_say_something(nano: int, text: str) -> None:
    assert usd(nano) == text
