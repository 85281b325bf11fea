"""Both languages can say everything, with the same numbers."""

from __future__ import annotations

import math
import string

import pytest

from bdp.detect.fabric.counters import COUNTERS
from bdp.detect.fabric.risk import RISKS, Signal, Verdict
from bdp.detect.fabric.settings import Language
from bdp.detect.fabric.wording import WORDING, explain, number
from bdp.model.insight import PredictionType


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_rule_and_type_has_words(language: Language) -> None:
    words = WORDING[language]
    assert words.rules.keys() == words.notes.keys() == RISKS.keys()
    assert words.recommendations.keys() == set(PredictionType)
    assert all(2 <= len(some) <= 4 for some in words.recommendations.values())


def test_korean_is_korean_and_takes_the_same_numbers() -> None:
    english, korean = WORDING["en"], WORDING["ko"]
    assert all(fields(english.rules[rule]) == fields(korean.rules[rule]) for rule in RISKS)
    assert all(fields(english.notes[rule]) == fields(korean.notes[rule]) for rule in RISKS)
    texts = [text for some in korean.recommendations.values() for text in some] + list(korean.rules.values())
    assert all(any("가" <= character <= "힣" for character in text) for text in texts)
    assert all(len(korean.recommendations[kind]) == len(english.recommendations[kind]) for kind in PredictionType)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_counters_and_what_agrees_are_told(language: Language) -> None:
    facts = {"increase": 1234.0, "minutes": 5.0}
    lead, *others = [Signal(one.kind, one.type, 50, facts) for one in COUNTERS[:6]]
    text = explain(Verdict(lead.type, 50, lead, tuple(others)), language)
    assert lead.rule in text
    assert "1234" in text
    assert sum(other.rule in text for other in others) == 3
    assert "{" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1e-9, "0.000000001"), (0.04999, "0.05"), (99.96, "100"), (3.0, "3"), (4294967296, "4294967296")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("rule", ["saturation", "loss", "qp"])
def test_a_stream_without_a_mean_is_not_told_to_have_one(language: Language, rule: str) -> None:
    """A mean of nought would be a false statement about a stream that was never seen before."""
    facts = {"value": 97.0, "bound": 80.0, "baseline": math.nan}
    kind = PredictionType.RESOURCE_SATURATION
    told = explain(Verdict(kind, 90, Signal(rule, kind, 90, facts), ()), language)
    assert "97" in told
    assert "nan" not in told
    assert "15" not in told
