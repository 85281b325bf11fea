"""What every database of the state must do for money and rates: reserve, settle, expire, tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from bdp.errors import BadRequest
from bdp.model.spending import NANO, Bill, Bounds, Demand, Reason, Standing
from bdp.ports import Spending
from bdp.store.state import State
from bdp.telemetry import REGISTRY

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CENT = NANO // 100
FREE = Bounds()
_numbers = count()


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def demand(nano_usd: int = CENT, *, seconds: float = 0, tokens: int = 100, call_id: str = "", **more: str) -> Demand:
    named = {"agent": "insights", "provider": "vllm", "model": "m"} | more
    return Demand(call_id=call_id or f"c{next(_numbers)}", at=later(seconds), tokens=tokens, nano_usd=nano_usd, **named)


def bill(call_id: str, nano_usd: int = CENT, *, outcome: str = "ok", seconds: float = 1, **tokens: int) -> Bill:
    return Bill(
        call_id=call_id, ended_at=later(seconds), outcome=outcome, seconds=1, nano_usd=nano_usd, **tokens
    )  # fmt: skip


@pytest.fixture
def spending(state: State) -> Spending:
    return state.spending


def standing(spending: Spending, name: str, bounds: Bounds = FREE, seconds: float = 0) -> Standing:
    found = {one.name: one for one in spending.standings(later(seconds), bounds, "i1")}
    return found[name]


def test_what_is_reserved_is_replaced_by_what_it_took(spending: Spending) -> None:
    asked = demand(5 * CENT, incident_id="i1")
    assert spending.reserve(asked, FREE).reason is None
    before = spending.standings(START, FREE, "i1")
    assert [(one.name, one.period, one.reserved, one.spent) for one in before] == [
        ("hour", "2026-03-01T12", 5 * CENT, 0),
        ("day", "2026-03-01", 5 * CENT, 0),
        ("month", "2026-03", 5 * CENT, 0),
        ("incident", "i1", 5 * CENT, 0),
    ]
    spending.settle(bill(asked.call_id, 2 * CENT))
    assert {(one.reserved, one.spent) for one in spending.standings(START, FREE, "i1")} == {(0, 2 * CENT)}


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(incident_usd=3 * CENT), Reason.INCIDENT_BUDGET),
        (Bounds(day_usd=3 * CENT), Reason.DAY_BUDGET),
        (Bounds(month_usd=3 * CENT), Reason.MONTH_BUDGET),
        (Bounds(incident_usd=3 * CENT, day_usd=3 * CENT, month_usd=3 * CENT), Reason.MONTH_BUDGET),
        (Bounds(day_usd=0), Reason.DAY_BUDGET),
    ],
)
def test_a_budget_is_never_exceeded(spending: Spending, bounds: Bounds, reason: Reason) -> None:
    grants = [spending.reserve(demand(incident_id="i1"), bounds) for _ in range(5)]
    most = 0 if bounds.day_usd == 0 else 3
    assert [grant.reason for grant in grants] == [None] * most + [reason] * (5 - most)
    assert standing(spending, "day").reserved == most * CENT


def test_a_budget_can_be_used_to_the_last_nano_dollar(spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT)
    assert spending.reserve(demand(CENT - 1), bounds).reason is None
    assert spending.reserve(demand(2), bounds).reason is Reason.DAY_BUDGET
    assert spending.reserve(demand(1), bounds).reason is None


def test_money_that_was_not_needed_serves_the_next(spending: Spending) -> None:
    bounds = Bounds(day_usd=3 * CENT)
    first = demand(3 * CENT)
    spending.reserve(first, bounds)
    assert spending.reserve(demand(), bounds).reason is Reason.DAY_BUDGET
    spending.settle(bill(first.call_id, CENT))
    assert spending.reserve(demand(2 * CENT), bounds).reason is None


def test_incidents_have_budgets_of_their_own(spending: Spending) -> None:
    bounds = Bounds(incident_usd=CENT)
    assert spending.reserve(demand(incident_id="i1"), bounds).reason is None
    assert spending.reserve(demand(incident_id="i1"), bounds).reason is Reason.INCIDENT_BUDGET
    assert spending.reserve(demand(incident_id="i2"), bounds).reason is None
    assert spending.reserve(demand(), bounds).reason is None


def test_what_costs_nothing_needs_no_budget(spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT)
    lied = demand(CENT)
    spending.reserve(lied, bounds)
    spending.settle(bill(lied.call_id, 9 * CENT))
    assert spending.reserve(demand(1), bounds).reason is Reason.DAY_BUDGET
    assert spending.reserve(demand(0), bounds).reason is None


def test_the_next_day_has_its_own_money(spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT, month_usd=2 * CENT)
    midnight = 12 * 3600
    last = demand(seconds=midnight - 1)
    assert spending.reserve(last, bounds).reason is None
    assert spending.reserve(demand(seconds=midnight), bounds).reason is None
    assert spending.reserve(demand(seconds=midnight + 86_400), bounds).reason is Reason.MONTH_BUDGET
    # Settled after midnight, it is still of the day that it was reserved in.
    spending.settle(bill(last.call_id, CENT // 2, seconds=midnight + 5))
    assert standing(spending, "day").spent == CENT // 2
    assert standing(spending, "day", seconds=midnight).spent == 0
    assert [line.day for line in spending.costs(date(2026, 3, 1), date(2026, 3, 3))] == [date(2026, 3, 1)]


def test_a_call_is_settled_once(spending: Spending) -> None:
    asked = demand(5 * CENT)
    spending.reserve(asked, FREE)
    for cost in (2, 3):
        spending.settle(bill(asked.call_id, cost * CENT))
    spending.settle(bill("nobody", 7 * CENT))
    assert (standing(spending, "day").spent, standing(spending, "day").reserved) == (2 * CENT, 0)


def test_a_call_is_reserved_once(spending: Spending) -> None:
    for _ in range(2):
        assert spending.reserve(demand(call_id="one"), Bounds(requests_per_minute=2)).reason is None
    assert standing(spending, "day").reserved == CENT
    assert spending.reserve(demand(call_id="two"), Bounds(requests_per_minute=2)).reason is None


def test_a_bill_above_its_reservation_is_booked_and_counted(spending: Spending) -> None:
    asked = demand(CENT, provider="liar")
    spending.reserve(asked, FREE)
    spending.settle(bill(asked.call_id, 10**30, tokens_in=10**30))
    assert standing(spending, "day").spent == 10**15  # more than that is nobody's bill
    counted = REGISTRY.get_sample_value("bdp_llm_over_reservation_total", {"provider": "liar"})
    assert counted is not None
    assert counted >= 1


def test_a_demand_beyond_all_measure_is_refused(spending: Spending) -> None:
    assert spending.reserve(demand(10**30), FREE).reason is Reason.REJECTED
    assert spending.reserve(demand(tokens=10**30), FREE).reason is Reason.REJECTED


def test_requests_keep_their_rate(spending: Spending) -> None:
    bounds = Bounds(requests_per_minute=3)
    for seconds in (0.2, 20.9, 40):
        assert spending.reserve(demand(seconds=seconds), bounds).reason is None
    full = spending.reserve(demand(seconds=59.5), bounds)
    assert full.reason is Reason.RATE
    assert full.wait_seconds == pytest.approx(62 - 59.5, abs=0.2)
    assert spending.reserve(demand(seconds=60.1), bounds).reason is Reason.RATE
    assert spending.reserve(demand(seconds=59.6 + full.wait_seconds), bounds).reason is None
    assert spending.reserve(demand(seconds=62.9), bounds).wait_seconds == pytest.approx(20 + 62 - 62.9, abs=0.2)


def test_each_provider_and_agent_has_its_rate(spending: Spending) -> None:
    bounds = Bounds(requests_per_minute=2, agent_requests_per_minute=1)
    assert spending.reserve(demand(agent="a", provider="p"), bounds).reason is None
    assert spending.reserve(demand(agent="a", provider="q"), bounds).reason is Reason.RATE
    assert spending.reserve(demand(agent="b", provider="p"), bounds).reason is None
    assert spending.reserve(demand(agent="c", provider="p"), bounds).reason is Reason.RATE
    assert spending.reserve(demand(agent="c", provider="q"), bounds).reason is None


def test_tokens_keep_their_rate_and_come_back_when_not_used(spending: Spending) -> None:
    bounds = Bounds(tokens_per_minute=1000)
    first = demand(tokens=700)
    assert spending.reserve(first, bounds).reason is None
    refused = spending.reserve(demand(tokens=400, seconds=1), bounds)
    assert refused.reason is Reason.RATE
    assert refused.wait_seconds == pytest.approx(61, abs=0.2)
    spending.settle(bill(first.call_id, tokens_in=500, tokens_out=100))
    assert spending.reserve(demand(tokens=400, seconds=1), bounds).reason is None
    assert spending.reserve(demand(tokens=1, seconds=1), bounds).reason is Reason.RATE
    assert spending.reserve(demand(tokens=1001, seconds=1), bounds).reason is Reason.REJECTED


@pytest.mark.parametrize(
    ("outcome", "used", "free"),
    [("timeout", 0, 0), ("away", 0, 0), ("throttled", 0, 700), ("access", 0, 700), ("away", 300, 400)],
)
def test_tokens_of_a_failure_come_back_only_if_it_is_known(
    spending: Spending, outcome: str, used: int, free: int
) -> None:
    bounds = Bounds(tokens_per_minute=700)
    asked = demand(tokens=700)
    spending.reserve(asked, bounds)
    spending.settle(bill(asked.call_id, 0, outcome=outcome, tokens_in=used))
    assert spending.reserve(demand(tokens=free + 1), bounds).reason in (Reason.RATE, Reason.REJECTED)
    assert spending.reserve(demand(tokens=free), bounds).reason is None


@pytest.mark.parametrize("outcome", [Reason.UNSENT, Reason.BREAKER])
def test_of_a_request_that_was_never_sent_nothing_counts(spending: Spending, outcome: Reason) -> None:
    bounds = Bounds(
        day_usd=CENT, incident_usd=CENT, requests_per_minute=2, agent_requests_per_minute=2, tokens_per_minute=200
    )  # fmt: skip
    assert spending.reserve(demand(0, seconds=3, tokens=99), bounds).reason is None
    for second in range(5):
        asked = demand(CENT, seconds=second, tokens=101, incident_id="i1")
        assert spending.reserve(asked, bounds).reason is None
        for _ in range(2):  # again, it gives nothing back
            spending.settle(bill(asked.call_id, 7, outcome=outcome, tokens_in=7))
    assert {(one.spent, one.reserved) for one in spending.standings(START, FREE, "i1")} == {(0, 0)}
    assert spending.costs(date(2026, 3, 1), date(2026, 3, 2)) == []
    assert spending.reserve(demand(0, seconds=4, tokens=102), bounds).reason is Reason.RATE
    sent = demand(CENT, seconds=4, tokens=101, incident_id="i1")
    assert spending.reserve(sent, bounds).reason is None
    for other in (demand(0, seconds=4, tokens=0, agent="b"), demand(0, seconds=4, tokens=0, provider="q")):
        assert spending.reserve(other, bounds).reason is Reason.RATE
    spending.settle(bill(sent.call_id))
    (line,) = spending.costs(date(2026, 3, 1), date(2026, 3, 2))
    assert (line.calls, line.failed, line.nano_usd) == (1, 0, CENT)


def test_a_request_that_was_never_sent_leaves_the_second_that_it_was_moved_to(spending: Spending) -> None:
    bounds = Bounds(requests_per_minute=2)
    ahead = demand(seconds=86_400)
    assert spending.reserve(ahead, bounds).reason is None
    assert [spending.reserve(demand(seconds=1), bounds).reason for _ in range(2)] == [None, Reason.RATE]
    spending.settle(bill(ahead.call_id, 0, outcome=Reason.UNSENT))
    assert [spending.reserve(demand(seconds=1), bounds).reason for _ in range(2)] == [None, Reason.RATE]


def test_a_clock_that_steps_back_opens_no_window_and_blocks_nobody_for_long(spending: Spending) -> None:
    bounds = Bounds(requests_per_minute=2, tokens_per_minute=1000)
    ahead = demand(seconds=86_400, tokens=600)
    assert spending.reserve(ahead, bounds).reason is None
    assert spending.reserve(demand(seconds=1), bounds).reason is None
    refused = spending.reserve(demand(seconds=2), bounds)
    assert refused.reason is Reason.RATE
    assert refused.wait_seconds < 62
    # Its tokens come back to where they are counted now.
    spending.settle(bill(ahead.call_id, tokens_in=10))
    assert spending.reserve(demand(seconds=65, tokens=1000), bounds).reason is None


def test_a_refusal_reserves_nothing(spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT, requests_per_minute=2)
    assert spending.reserve(demand(2 * CENT), bounds).reason is Reason.DAY_BUDGET
    assert spending.reserve(demand(), bounds).reason is None
    assert spending.reserve(demand(0), bounds).reason is None
    assert spending.reserve(demand(0), bounds).reason is Reason.RATE
    assert standing(spending, "day").reserved == CENT


def test_a_budget_that_stops_stops_all_until_a_person_resumes(state: State, spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT, incident_usd=CENT, stops=True)
    first = demand(incident_id="i1")
    assert spending.reserve(first, bounds.model_copy(update={"day_usd": None})).reason is None
    spending.settle(bill(first.call_id, CENT))
    assert spending.reserve(demand(incident_id="i1", seconds=1), Bounds(incident_usd=CENT, stops=True)).reason is (
        Reason.INCIDENT_BUDGET
    )
    assert spending.stopped() is None  # an incident's budget stops nothing but itself
    assert spending.reserve(demand(seconds=2), bounds).reason is Reason.DAY_BUDGET
    assert spending.stopped() == later(2)
    assert spending.reserve(demand(0), FREE).reason is Reason.STOPPED
    spending.allow("day", "2026-03-01", CENT, "jin", later(3))
    assert spending.reserve(demand(), bounds).reason is Reason.STOPPED
    for _ in range(2):
        spending.resume(later(4), "jin")
    assert spending.stopped() is None
    assert spending.reserve(demand(), bounds).reason is None
    told = [(entry.actor, entry.action, entry.at) for entry in state.audit.list("spending")]
    assert told == [
        ("jin", "spending.resume", later(4)),
        ("jin", "spending.allow", later(3)),
        ("bdp", "spending.stop", later(2)),
    ]


@pytest.mark.parametrize("name", ["day", "month", "incident"])
def test_a_request_too_large_for_what_is_left_is_refused_alone(spending: Spending, name: str) -> None:
    bounds = Bounds(**{f"{name}_usd": 100 * CENT}, stops=True)
    refused = Reason(f"{name}_budget")

    def ask(cents: int, seconds: float = 0) -> Demand | Reason:
        asked = demand(cents * CENT, incident_id="i1", seconds=seconds)
        return spending.reserve(asked, bounds).reason or asked

    def spend(cents: int) -> None:
        asked = ask(cents)
        assert isinstance(asked, Demand)
        spending.settle(bill(asked.call_id, cents * CENT))

    assert ask(101) is refused
    spend(50)
    on_its_way = ask(45)
    assert isinstance(on_its_way, Demand)
    assert ask(10) is refused  # what is on its way may come back
    spending.settle(bill(on_its_way.call_id, 39 * CENT))
    assert ask(12) is refused
    assert (standing(spending, name, bounds).refused, spending.stopped()) == (False, None)
    spend(1)
    spend(9)
    assert (standing(spending, name, bounds).refused, spending.stopped()) == (False, None)  # all that was asked fitted
    assert ask(2, seconds=7) is refused
    assert standing(spending, name, bounds).refused
    assert spending.stopped() == (None if name == "incident" else later(7))


def test_a_person_can_stop(spending: Spending) -> None:
    for seconds in (1, 2):
        spending.stop(later(seconds), "jin")
    assert spending.stopped() == later(1)
    assert spending.reserve(demand(), FREE).reason is Reason.STOPPED


def test_a_person_can_put_more_on_one_period(spending: Spending) -> None:
    bounds = Bounds(day_usd=CENT)
    spending.reserve(demand(), bounds)
    assert spending.reserve(demand(), bounds).reason is Reason.DAY_BUDGET
    for _ in range(2):
        spending.allow("day", "2026-03-01", CENT, "jin", START)
    assert standing(spending, "day", bounds).limit == 3 * CENT
    assert standing(spending, "day", bounds, 86_400).limit == CENT
    assert [spending.reserve(demand(), bounds).reason for _ in range(3)] == [None, None, Reason.DAY_BUDGET]


@pytest.mark.parametrize(("name", "amount"), [("hour", 1), ("week", 1), ("day", 0), ("day", -1)])
def test_no_other_budget_or_amount_is_allowed(spending: Spending, name: str, amount: int) -> None:
    with pytest.raises(BadRequest):
        spending.allow(name, "2026-03-01", amount, "jin", START)


def test_what_was_never_settled_is_settled_in_full(spending: Spending) -> None:
    bounds = Bounds(tokens_per_minute=1000)
    calls = [demand(CENT, seconds=n / 10, tokens=1) for n in range(450)]
    for one in calls:
        assert spending.reserve(one, bounds).reason is None
    spending.settle(bill(calls[0].call_id, 1))
    assert spending.expire(later(40)) == 399
    assert spending.expire(later(40)) == 0
    spent = standing(spending, "day")
    assert (spent.spent, spent.reserved) == (399 * CENT + 1, 50 * CENT)
    spending.settle(bill(calls[1].call_id, 1))  # too late
    assert standing(spending, "day").spent == 399 * CENT + 1
    (line,) = spending.costs(date(2026, 3, 1), date(2026, 3, 2))
    assert (line.calls, line.failed) == (400, 399)


def test_costs_are_told_by_day_agent_and_model(spending: Spending) -> None:
    rows = [("a", "m", "ok", 3), ("a", "m", "timeout", 4), ("b", "m", "ok", 9), ("a", "n", "ok", 1)]
    for agent, model, outcome, cost in rows:
        asked = demand(9 * CENT, agent=agent, model=model)
        spending.reserve(asked, FREE)
        spending.settle(bill(asked.call_id, cost, outcome=outcome, tokens_in=10, tokens_out=2, tokens_cached=1))
    tomorrow = demand(CENT, seconds=86_400)
    spending.reserve(tomorrow, FREE)
    spending.settle(bill(tomorrow.call_id, CENT))
    told = spending.costs(date(2026, 3, 1), date(2026, 3, 2))
    assert {(line.day, line.provider) for line in told} == {(date(2026, 3, 1), "vllm")}
    assert [(line.agent, line.model, line.calls, line.failed, line.nano_usd) for line in told] == [
        ("b", "m", 1, 0, 9),
        ("a", "m", 2, 1, 7),
        ("a", "n", 1, 0, 1),
    ]
    assert [(line.tokens_in, line.tokens_out, line.tokens_cached) for line in told] == [
        (10, 2, 1),
        (20, 4, 2),
        (10, 2, 1),
    ]


def test_old_calls_are_forgotten_and_their_sums_are_not(spending: Spending) -> None:
    settled, still_open, new = (
        demand(CENT, incident_id="i1"),
        demand(CENT, incident_id="i2"),
        demand(CENT, seconds=86_400),
    )
    for one in (settled, still_open, new):
        spending.reserve(one, FREE)
    for one in (settled, new):
        spending.settle(bill(one.call_id, CENT))
    assert spending.forget(later(3600)) == 1
    assert standing(spending, "day").spent == CENT
    assert standing(spending, "incident").spent == 0  # i1
    assert len(spending.costs(date(2026, 3, 1), date(2026, 3, 3))) == 2
    spending.settle(bill(still_open.call_id, CENT))
    assert spending.standings(START, FREE, "i2")[-1].spent == CENT


def test_hostile_names_are_kept_apart_from_nothing(spending: Spending) -> None:
    name = "x\x00\ud800'; DROP TABLE spending_calls; --"
    bounds = Bounds(requests_per_minute=1, incident_usd=CENT)
    asked = demand(agent=name, provider=name, model=name, incident_id=name)
    assert spending.reserve(asked, bounds).reason is None
    assert spending.reserve(demand(provider=name), bounds).reason is Reason.RATE
    assert spending.reserve(demand(incident_id=name), bounds).reason is Reason.INCIDENT_BUDGET
    spending.settle(bill(asked.call_id, CENT))
    assert spending.standings(START, bounds, name)[-1].spent == CENT


def test_money_lasts(lasting_url: str, open_more: Callable[..., State]) -> None:
    first = open_more(lasting_url)
    asked = demand()
    first.spending.reserve(asked, FREE)
    first.spending.settle(bill(asked.call_id, CENT // 2))
    first.close()
    assert standing(open_more(lasting_url).spending, "day").spent == CENT // 2
