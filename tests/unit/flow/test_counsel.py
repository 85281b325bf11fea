"""What follows from an opinion: who decides, and what stands beside."""

from __future__ import annotations

import pytest

from bdp.flow.counsel import Said, advised, is_sampled, left_to_rules
from bdp.model.insight import InsightSource
from tests.contract.test_inquiries import asked, opinion

ONE = asked("a", 50)
QUIET = ONE.model_copy(update={"inquiry_id": "ask_a_1", "insight": None})


def test_a_sure_model_decides_and_the_rules_stand_beside() -> None:
    found = advised(ONE, Said(opinion(72, confidence=0.7), 5, 300), 0.7)
    assert (found.source, found.reason, found.nano_usd, found.tokens) == (InsightSource.AI, "", 5, 300)
    assert found.insight is not None
    assert (found.insight.entity_id, found.insight.risk_score, found.insight.source) == (ONE.inquiry_id, 72, "ai")
    assert found.insight.beside is not None
    assert (found.insight.beside.risk_score, found.insight.beside.model_used) == (50, "rules")


def test_below_the_bound_the_rules_decide_the_risk() -> None:
    said = opinion(95, confidence=0.69)
    found = advised(ONE, Said(said), 0.7)
    assert (found.source, found.reason) == (InsightSource.RULES, "unsure")
    assert ONE.insight is not None
    assert found.insight == ONE.insight.model_copy(update={"beside": said})


@pytest.mark.parametrize("confidence", [0.2, 0.9])
def test_where_the_rules_are_silent_only_a_sure_model_raises_something(confidence: float) -> None:
    found = advised(QUIET, Said(opinion(72, confidence=confidence)), 0.7)
    assert (found.insight is not None) is (confidence > 0.7)
    calm = advised(QUIET, Said(opinion(2, prediction_type=None, confidence=confidence)), 0.7)
    assert calm.insight is None


def test_a_remembered_word_says_so() -> None:
    found = advised(ONE, Said(opinion(72, source=InsightSource.CACHED)), 0.7)
    assert found.source is InsightSource.CACHED
    assert found.insight is not None
    assert found.insight.source is InsightSource.CACHED


def test_left_to_the_rules_nothing_changes() -> None:
    found = left_to_rules(ONE, "away")
    assert (found.source, found.reason, found.insight, found.opinion) == (
        InsightSource.RULES,
        "away",
        ONE.insight,
        None,
    )


def test_the_share_grows_with_the_rate_and_keeps_who_was_in_it() -> None:
    ones = [asked(f"s{number}") for number in range(400)]
    small, large = ({one.inquiry_id for one in ones if is_sampled(one, rate)} for rate in (0.2, 0.6))
    assert small < large
    assert 50 < len(small) < 110
    assert 200 < len(large) < 280
