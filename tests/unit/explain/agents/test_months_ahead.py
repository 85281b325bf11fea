"""A month that lies ahead is answered by the forecast, or told to be beyond it: never by another month's figure."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.detect.cost.settings import CostSettings
from bdp.explain.agents.question import understood
from bdp.explain.agents.reply import Reply
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.settings import ExplainSettings
from bdp.flow.asking import Asking
from bdp.flow.costs import Costs
from bdp.flow.costs_ahead import CostsAhead
from bdp.llm.gateway import NoModel
from bdp.model.analysis import Check
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import open_state
from tests.unit.explain.agents.scene import NOW
from tests.unit.explain.costs.bill import fill, line

TODAY = NOW.date()
RDS = "Amazon Relational Database Service"


def asked(store: ClickHouseStore, question: str) -> Reply:
    """Return an answer whose claims all hold, with the forecast of reports."""
    clock = ManualClock(NOW)
    outlook = CostsAhead(Costs(store, CostSettings(), clock))
    with closing(open_state("sqlite://")) as state:
        asking = Asking(store, state.incidents, NoModel(), clock, AgentSettings(), ExplainSettings(), outlook)
        reply = asking.ask(question)
    assert [claim for claim in reply.claims if claim.check is not Check.SUPPORTED] == []
    assert reply.answers
    return reply


def test_a_month_beyond_the_forecast_has_no_figure_of_another(store: ClickHouseStore) -> None:
    fill(store, [line(TODAY - timedelta(days=back), 100, service_name=RDS) for back in range(1, 400)])
    for question, says in (
        (
            "What will we spend in December?",
            "Cost from 2026-12-01 to 2026-12-31 UTC is not forecast; the forecast ends",
        ),
        ("12월 비용 예상은?", "2026-12-01 ~ 2026-12-31 UTC 비용은 예측되지 않음; 예측은 2026-03-31 UTC까지"),
        ("What will RDS cost next month?", f"Cost of `{RDS}` from 2026-04-01 to 2026-04-30 UTC is not forecast"),
        ("다음 달 예산을 초과할까?", "2026-04-01 ~ 2026-04-30 UTC 비용은 예측되지 않음"),
    ):
        reply = asked(store, question)
        told = " ".join(claim.text for claim in reply.claims)
        assert says in told
        assert "USD" not in told
        assert reply.notes == ()
    assert "2026-03-01 to 2026-03-31" in asked(store, "What will we spend in March?").summary


@pytest.mark.parametrize(
    ("text", "coming", "ahead"),
    [
        ("What will we spend in December?", [(2026, 12)], True),
        ("Will costs rise in June?", [(2026, 6)], True),
        ("Forecast the bill of February", [(2027, 2)], True),
        ("cost of January 2027", [(2027, 1)], True),
        ("2027년 1월 비용", [(2027, 1)], True),
        ("다음 달 비용 예측", [(2026, 4)], True),
        ("11월 예상 요금은?", [(2026, 11)], True),
        ("What do we expect to spend in March?", [], True),
        ("이번 달 예상 비용", [], True),
        ("What did we spend in December?", [], False),
        ("12월 비용은?", [], False),
        ("Did February cost more than expected?", [], False),
        ("지난 12월 비용이 예상보다 많이 나왔나요?", [], False),
    ],
)
def test_a_month_beside_a_word_for_the_future_is_the_coming_one(
    text: str, coming: list[tuple[int, int]], ahead: bool
) -> None:
    question = understood(text, NOW)
    assert question.coming == tuple(date(year, month, 1) for year, month in coming)
    assert question.ahead is ahead
    assert question.unread == ()
