"""A remembered answer serves an alike sample with that sample's own figures, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from bdp.explain.insight.memory import kept, key_of, served
from bdp.explain.insight.sheet import opinion_of
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import InsightSource, Opinion, PredictionType
from tests.unit.explain.insight.samples import SAID, insight, judged, question

OLD = question()
ALIKE = question("ib-17", 74, latency=14.03, baseline=4.62, used=61.8)


def said(text: str = SAID, inquiry: Inquiry = OLD, **fields: Any) -> Opinion:
    found = opinion_of(judged(explanation=text, **fields), inquiry, "m-1")
    assert isinstance(found, Opinion), found
    return found


def again(text: str = SAID, old: Inquiry = OLD, new: Inquiry = ALIKE, **fields: Any) -> Opinion | None:
    remembered = kept(said(text, old, **fields), old)
    return None if remembered is None else served(remembered, new)


def test_it_serves_with_the_new_samples_figures_and_name() -> None:
    found = again(recommendations=["Look at ib-02.", "Wait 30 minutes; 14.2 µs is too much."])
    assert found is not None
    assert found.explanation == (
        "P99 latency of ib-17 is 14.0 µs, 3.0 times its 15-minute mean of 4.6 µs; 62 % utilised."
    )
    assert found.recommendations == ("Look at ib-17.", "Wait 30 minutes; 14.0 µs is too much.")
    assert (found.source, found.model_used, found.risk_score) == (InsightSource.CACHED, "m-1", 75)


def test_also_in_korean_and_in_another_unit() -> None:
    found = again("ib-02의 P99 지연 14.2µs, 평균 0.0046ms의 3.1배.")
    assert found is not None
    assert found.explanation == "ib-17의 P99 지연 14.0µs, 평균 0.0046ms의 3.0배."


def test_a_name_is_taken_out_as_a_whole_word_and_only_if_it_is_no_common_one() -> None:
    old, new = question("a-1"), question("b-2", 74, latency=14.03)
    found = again("On a-1 the data-1 path is slow: 14.2 µs.".replace("data-1", "data"), old, new)
    assert found is not None
    assert found.explanation == "On b-2 the data path is slow: 14.0 µs."
    assert kept(said("On link the P99 latency is 14.2 µs.", question("link")), question("link")) is None
    assert kept(said("The uplink is slow: 14.2 µs.", question("link")), question("link")) is not None


@pytest.mark.parametrize(
    "text",
    [
        "P99 latency is over 3 times its mean.",
        "P99 latency is about 14.2 µs.",
        "P99 latency tripled.",
        "지연 14.2µs 이상.",
        "IB-02 is slow: 14.2 µs.",
    ],
)
def test_what_cannot_be_said_of_another_is_not_kept(text: str) -> None:
    assert kept(said(text), OLD) is None


def test_where_a_number_may_be_two_figures_that_differ_now_there_is_no_reuse() -> None:
    twin = Measure(name="utilization_5min_ago", value=62.3, unit="%")
    old = OLD.model_copy(update={"measures": (*OLD.measures, twin)})
    text = "Some time ago it was 62 % utilised, P99 latency is 14.2 µs."
    same = ALIKE.model_copy(update={"measures": (*ALIKE.measures, twin)})
    assert again(text, old, same) is not None  # 61.8 and 62.3: both are 62
    other = ALIKE.model_copy(update={"measures": (*ALIKE.measures, twin.model_copy(update={"value": 57.0}))})
    assert again(text, old, other) is None
    assert again(text, old, ALIKE) is None  # it has no such figure


def test_a_measure_that_is_spoken_of_must_be_on_the_same_side_of_its_baseline() -> None:
    text = "P99 latency is 14.2 µs; utilisation is 13 % above its mean of 55 %."
    assert again(text) is not None
    assert again(text, new=question("ib-17", 74, latency=14.03, baseline=4.62, used=49.0)) is None


def test_alike_samples_have_one_key() -> None:
    assert key_of(OLD, "en", "m") == key_of(ALIKE, "en", "m")


@pytest.mark.parametrize(
    "other",
    [
        question("ib-17", 85),
        question("ib-17", None),
        question("ib-17", 74, latency=17.5),
        question("ib-17", 74, baseline=5.6),
        question("ib-17", 74, used=71.0),
        question("ib-17", 74, link_falls_10min=1.0),
        ALIKE.model_copy(update={"maintenance": "M-1"}),
        ALIKE.model_copy(update={"insight": insight("ib-17", 74, PredictionType.RESOURCE_SATURATION)}),
    ],
)
def test_others_have_another(other: Inquiry) -> None:
    assert key_of(OLD, "en", "m") != key_of(other, "en", "m")


def test_so_has_another_language_or_model() -> None:
    assert len({key_of(OLD, "en", "a"), key_of(OLD, "ko", "a"), key_of(OLD, "en", "b")}) == 3
