"""What a month will cost and whether budgets hold, as a question is answered: the forecast's own figures."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.explain.agents.reply import Reply
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.settings import ExplainSettings
from bdp.flow.asking import Asking
from bdp.flow.costs import Costs
from bdp.flow.costs_ahead import CostsAhead
from bdp.flow.daily_costs import CostQuery
from bdp.llm.gateway import NoModel
from bdp.model.analysis import Check
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import open_state
from tests.unit.flow.bills import even, lines, put

NOW = datetime(2026, 5, 21, 9, 0, tzinfo=UTC)
"""Day 80 of the bill: the last whole one is 20 May, day 79."""
S3, RDS = "Amazon S3", "Amazon Relational Database Service"


def outlook(store: ClickHouseStore, *budgets: Budget) -> CostsAhead:
    return CostsAhead(Costs(store, CostSettings(budgets=budgets), ManualClock(NOW)))


@pytest.fixture
def billed(store: ClickHouseStore) -> ClickHouseStore:
    put(store, [*lines(even(100.0, 80)), *lines(even(50.0, 80, 2), service_name=RDS)])
    return store


def asked(store: ClickHouseStore, question: str, *budgets: Budget) -> Reply:
    with closing(open_state("sqlite://")) as state:
        reply = Asking(
            store, state.incidents, NoModel(), ManualClock(NOW), AgentSettings(), ExplainSettings(),
            outlook(store, *budgets),
        ).ask(question)  # fmt: skip
    assert [claim for claim in reply.claims if claim.check is not Check.SUPPORTED] == []
    assert reply.answers
    return reply


def told(reply: Reply) -> str:
    return " ".join(claim.text for claim in reply.claims)


def test_a_month_is_what_was_spent_and_the_reports_forecast_of_the_rest(billed: ClickHouseStore) -> None:
    month = outlook(billed).month()
    assert month is not None
    assert (month.first, month.as_of, month.last) == (date(2026, 5, 1), date(2026, 5, 20), date(2026, 5, 31))
    report = Costs(billed, CostSettings(), ManualClock(NOW)).forecast(CostQuery(), 11)
    (rest,) = month.rest
    assert rest == report.forecasts[0]
    spent = billed.query(month.query)[0]["spent"]
    assert month.spent["USD"] == pytest.approx(spent)
    reply = asked(billed, "What will this month cost?")
    expected = (
        f"{spent + rest.total:,.2f} USD expected, from {spent + rest.low:,.2f} USD to {spent + rest.high:,.2f} USD"
    )
    assert expected in told(reply)
    assert f"{spent:,.2f} USD of it spent up to 2026-05-20" in told(reply)
    assert month.query in {one.query for one in reply.evidence}
    assert "2026-05-01 ~ 2026-05-31 UTC 비용" in told(asked(billed, "이번 달 예상 비용"))


def test_a_day_that_is_not_over_moves_no_forecast(billed: ClickHouseStore) -> None:
    before = outlook(billed).month()
    put(billed, lines([3.0], 80))
    assert outlook(billed).month() == before


def test_one_service_by_its_short_name(billed: ClickHouseStore) -> None:
    month = outlook(billed).month(RDS)
    assert month is not None
    total = month.spent["USD"] + month.rest[0].total
    assert 1_450 < total < 1_650
    reply = asked(billed, "이번 달 RDS 예상 비용은?")
    assert f"`{RDS}` 비용(세금과 크레딧 제외): 예상 {total:,.2f} USD" in told(reply)


def test_budgets_are_told_with_the_day_on_which_they_are_used_up(billed: ClickHouseStore) -> None:
    tight, past, roomy = (
        Budget(name="tight", amount=4_000),
        Budget(name="past", amount=1_000, service=S3),
        Budget(name="roomy", amount=90_000),
    )
    tight_one, past_one, _ = outlook(billed, tight, past, roomy).budgets()
    reply = asked(billed, "Will we exceed the budget?", tight, past, roomy)
    assert tight_one.outlook.overrun_day is not None
    assert tight_one.outlook.overrun_day > date(2026, 5, 20)
    assert "Budget `tight` of 4,000.00 USD" in reply.summary
    assert f"will be used up on {tight_one.outlook.overrun_day}" in told(reply)
    assert f"used up on {past_one.outlook.overrun_day}" in told(reply)
    assert "`roomy` of 90,000.00 USD" in told(reply)
    assert "will hold, exceeded with a chance of 0 %" in told(reply)
    spent = billed.query(past_one.query)[0]["spent"]
    assert past_one.outlook.spent == pytest.approx(spent)
    korean = told(asked(billed, "예산 초과할까?", tight))
    assert f"{tight_one.outlook.overrun_day}에 초과 예상" in korean


def test_without_a_budget_it_is_said_how_one_is_set(billed: ClickHouseStore) -> None:
    reply = asked(billed, "예산 초과할까?")
    assert "예산 0개" in reply.summary
    assert "[[costs.budgets]]" in " ".join(reply.notes)


def test_costs_that_lie_ahead_alone_forecast_nothing(store: ClickHouseStore) -> None:
    put(store, lines([5.0], 85))
    assert outlook(store).month() is None
    assert outlook(store, Budget(name="any", amount=1)).budgets() == ()
    assert "0 cost lines" in told(asked(store, "What will this month cost?"))


def test_costs_of_a_month_ago_are_of_their_own_month(store: ClickHouseStore) -> None:
    put(store, lines(even(100.0, 40)))  # up to 10 April
    month = outlook(store).month()
    assert month is not None
    assert (month.first, month.last) == (date(2026, 4, 1), date(2026, 4, 30))
    assert len(month.rest[0].days) == (month.last - month.as_of) / timedelta(days=1)
