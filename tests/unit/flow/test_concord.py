"""Models held against rules by what was kept of both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bdp.errors import BadRequest
from bdp.flow.concord import Concord, concord
from bdp.model.inquiry import Advice
from bdp.model.insight import InsightSource, PredictionType
from bdp.store.state import State, open_state
from tests.contract.test_inquiries import START, advice, after, asked, keep, opinion, rules

DAY = timedelta(days=1)


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def told(state: State, entity: str = "") -> Concord:
    return concord(state.insights, state.inquiries, START - DAY, START + DAY, entity)


def beside(state: State, name: str, **fields: object) -> None:
    """A model spoke, and the rules decided."""
    one = asked(name, 50)
    keep(state, one)
    assert one.insight is not None
    said = opinion(**fields)  # type: ignore[arg-type]
    stands = one.insight.model_copy(update={"beside": said})
    closing = Advice(source=InsightSource.RULES, reason="unsure", opinion=said, insight=stands)
    state.inquiries.close_all({one.inquiry_id: closing}, after(9))


def test_both_sides_of_an_insight_are_one_input(state: State) -> None:
    for name, risk in (("a", 50), ("b", 60)):
        one = asked(name, risk)
        keep(state, one)
        state.inquiries.close_all({one.inquiry_id: advice(one, 80)}, after(9))
    beside(state, "c", risk=40, prediction_type=PredictionType.LATENCY_SPIKE, explanation="x" * 10)
    alone = asked("d", 50)
    keep(state, alone)
    state.inquiries.close_all({alone.inquiry_id: rules(alone, "away")}, after(9))
    found = told(state)
    total = found.comparison.total
    assert (total.inputs, total.near, total.same_type, total.only_first, total.only_second) == (3, 0, 1, 1, 0)
    assert total.type_percent == pytest.approx(33.3)
    assert total.risk_mean == pytest.approx((30 + 20 - 10) / 3, abs=0.01)
    assert found.sources == {InsightSource.AI: 2, InsightSource.RULES: 2, InsightSource.CACHED: 0}
    assert (found.fallback_percent, found.inquiries.reasons) == (50.0, {"unsure": 1, "away": 1})
    assert told(state, "a").comparison.total.inputs == 1


def test_a_model_that_sees_nothing_wrong_gives_no_judgement_but_is_counted(state: State) -> None:
    beside(state, "a", risk=5, prediction_type=None)
    found = told(state)
    assert (found.calm, found.comparison.total.inputs, found.comparison.total.only_first) == (1, 0, 1)


def test_nothing_there_and_an_empty_range(state: State) -> None:
    found = told(state)
    assert (found.comparison.types, found.fallback_percent, found.calm) == ((), None, 0)
    with pytest.raises(BadRequest, match="ends before it begins"):
        concord(state.insights, state.inquiries, START, START)
