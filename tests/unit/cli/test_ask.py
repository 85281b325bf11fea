"""`bdp ask`: what a person reads of an answer."""

from __future__ import annotations

import io

from rich.console import Console

from bdp.cli.ask import shown
from bdp.explain.agents.reply import Price, Reply
from bdp.explain.grounding import tally
from bdp.model.analysis import Check, Claim
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp
from tests.unit.explain.scene import ONSET


def test_a_served_home_is_asked_over_http(bdp: Bdp, served: Served) -> None:
    told = bdp("ask", "Which errors were there?", "--queries", "--home", served.home)
    assert told.code == 0
    assert "30 abnormal events of 30 events" in told.out
    assert "✓" in told.out
    assert "No model is set up" in told.out
    assert "SELECT" in told.out
    assert "by rules, no model was paid" in told.out
    assert not set(HOSTILE) & set("\x1b\x07\u202e\u2028\x9b") & set(told.out)


def test_in_korean_and_as_json(bdp: Bdp, served: Served) -> None:
    told = bdp("ask", "어떤 오류가 있었나요?", "--home", served.home)
    assert "비정상 30건" in told.out
    assert "설정된 모델이 없어" in told.out
    assert "근거" in told.out
    reply = Reply.model_validate(bdp("ask", "어떤 오류가 있었나요?", "--json", "--home", served.home).object)
    assert reply.source == "rules"


def test_what_is_not_understood_is_told_before_anything_else(bdp: Bdp, served: Served) -> None:
    told = bdp("ask", "오늘 날씨가 어때요?", "--home", served.home).out
    assert told.startswith("이 질문을 이해하지 못했거나")
    assert told.index("답할 수 있는 질문") < told.index("질문과는 별개로") < told.index("비정상 30건")
    told = bdp("ask", "Which errors were there at 25:99?", "--home", served.home).out
    assert told.index("I read no time in `25:99`") < told.index("Claims")


def test_about_an_incident(bdp: Bdp, served: Served, incident_id: str) -> None:
    told = bdp("ask", "What is to be done?", "--incident", incident_id, "--home", served.home)
    assert "Proposed next" in told.out
    assert bdp("ask", "Why?", "--incident", "01JNZ0000000000000000000ZZ", "--home", served.home).code == 3


def test_claims_that_do_not_hold_are_struck_out_and_the_cost_is_told() -> None:
    claims = (
        Claim(text="It failed 40 times.", evidence=("E1",), check=Check.SUPPORTED),
        Claim(text="It failed 99 times.", evidence=("E1",), check=Check.CONTRADICTED, reason="the evidence has 40"),
        Claim(text="Aliens did it.", evidence=("E1",), check=Check.UNSUPPORTED, reason="not in this evidence"),
    )
    reply = Reply(
        question="Why?", language="en", agents=("sre",), start_time=ONSET, end_time=ONSET, summary=claims[0].text,
        claims=claims, grounding=tally(claims), evidence=(), source="ai",
        price=Price(
            model="m", provider="vllm", requests=3, steps=2, tokens_in=900, tokens_out=134, usd=0.0123, seconds=4.2
        ),
    )  # fmt: skip
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, color_system="standard", record=True)
    for part in shown(reply):
        screen.print(part)
    styled, text = screen.export_text(styles=True, clear=False), screen.export_text()
    assert "1 of 3 checkable claims hold" in text
    assert "vllm/m: 3 requests, 2 rounds of look-ups, 1,034 tokens, $0.0123, 4.2 s" in text
    assert "contradicted: the evidence has 40" in text
    assert "unsupported: not in this evidence" in text
    struck = [line for line in styled.splitlines() if "\x1b[9;" in line or "\x1b[31;9m" in line or ";9m" in line]
    assert len(struck) == 1
    assert "99 times" in struck[0]
