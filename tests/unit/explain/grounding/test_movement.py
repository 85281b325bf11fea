"""Where a text says that something rose or fell."""

from __future__ import annotations

import pytest

from bdp.explain.grounding.movement import moves
from bdp.explain.grounding.trend import FORMS
from bdp.model.analysis import Check
from tests.unit.explain.grounding.facts_of_a_shop import judged, verdict


@pytest.mark.parametrize(
    ("text", "up"),
    [
        ("it surged to", True),
        ("it was ballooning", True),
        ("it crept slowly up to", True),
        ("it went north", True),
        ("it is on the rise", True),
        ("it edged lower", False),
        ("it slipped", False),
        ("it is down 5 %", False),
        ("45 % under its usual level", False),
        ("it exceeded its norm", True),
        ("it tapered off", False),
        ("급증했다", True),
        ("껑충 뛰었다", True),
        ("내려앉았다", False),
        ("오름세다", True),
        ("평소를 밑돌았다", False),
        ("기준 50을 웃돈다", True),
        ("평소보다 5% 낮았다", False),
    ],
)
def test_a_word_of_direction_is_found(text: str, up: bool) -> None:
    assert {way for _, _, way, _ in moves(text)} == {up}


@pytest.mark.parametrize(
    "text",
    [
        "31 of 58 failures fall under it",
        "a share of 5 % falls to the message",
        "the service went down first",
        "it shows up 5 times",
        "파일을 내려받았다",
        "값이 오르내렸다",
    ],
)
def test_an_idiom_is_no_direction(text: str) -> None:
    assert moves(text) == []


def test_forms_are_made_by_rule() -> None:
    assert [FORMS[word] for word in ("dropped", "intensifies", "easing", "plunged", "soaring")] == [
        False, True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("cpu_utilization surged: 40 % -> 97 %", "cpu_utilization slumped: 40 % -> 97 %"),
        ("requests_per_sec dwindled to 10.", "requests_per_sec mushroomed to 10."),
        ("cpu_utilization headed north, 40 % to 97 %.", "cpu_utilization headed south, 40 % to 97 %."),
        ("cpu_utilization가 97%로 치솟았다.", "cpu_utilization가 97%로 주저앉았다."),
        ("requests_per_sec 하락세: 50 → 10", "requests_per_sec 상승세: 50 → 10"),
    ],
)
def test_a_direction_is_held_against_the_evidence(text: str, wrong: str) -> None:
    assert verdict(text, "E2", "E4") is Check.SUPPORTED, judged(text, "E2", "E4").reason
    assert verdict(wrong, "E2", "E4") is Check.CONTRADICTED, judged(wrong, "E2", "E4").reason
