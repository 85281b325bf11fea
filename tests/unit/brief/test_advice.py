"""Advice follows from the numbers and stays silent where they are ordinary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bdp.brief.advice import ChattyLogs, RisingCost, SlowRoute, advise
from bdp.model.briefing import Briefing, Chatter, CostTrend

START = datetime(2026, 11, 20, tzinfo=UTC)


def briefing(
    slowest: tuple[tuple[str, float], ...] = (),
    chatter: tuple[Chatter, ...] = (),
    costs: tuple[CostTrend, ...] = (),
    events: float = 10_000,
) -> Briefing:
    return Briefing(
        start_time=START, end_time=START + timedelta(days=1), top=(), total_incidents=0, by_status={}, trends=(),
        slowest=slowest, executions=(), waiting=(), cost_total=0, cost_before=0, currency="USD", ledger={},
        events=events, chatter=chatter, costs=costs,
    )  # fmt: skip


def test_slow_routes() -> None:
    found = advise(briefing(slowest=(("a /x", 2_000.0), ("b /y", 500.0), ("c /z", 499.0))))
    assert found == [SlowRoute("a /x", 2_000.0), SlowRoute("b /y", 500.0)]


def test_chatty_logs_need_a_share_and_a_number() -> None:
    many, few = Chatter(service="a", debug=3_000), Chatter(service="b", debug=900)
    assert advise(briefing(chatter=(many, few))) == [ChattyLogs("a", 3_000, 0.3)]
    assert advise(briefing(chatter=(few,), events=1_000)) == []
    assert advise(briefing(chatter=(many,), events=100_000)) == []


def test_rising_costs_are_ordered_by_money_and_need_a_past() -> None:
    costs = (
        CostTrend(service="big", now=150, usual=100),
        CostTrend(service="small", now=12, usual=4),
        CostTrend(service="cents", now=0.9, usual=0.1),
        CostTrend(service="steady", now=110, usual=100),
        CostTrend(service="new", now=80, usual=None),
    )
    assert advise(briefing(costs=costs)) == [RisingCost("big", 150, 100), RisingCost("small", 12, 4)]


def test_at_most_three_of_a_kind() -> None:
    assert len(advise(briefing(slowest=tuple((f"r{i}", 900.0) for i in range(9))))) == 3
