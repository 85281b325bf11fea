"""A real, very small model is asked: it calls no tools, so it gets the evidence and one question, bound to the form.

Its answers are of little use, and that is the point: what is shown is the rules' or holds against the evidence.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from bdp.app import App
from bdp.explain.agents.form import BriefFindings, Routed
from bdp.explain.agents.settings import AgentSettings
from bdp.llm.ask import Ask, Prompt
from bdp.model.analysis import Check
from bdp.model.batch import RecordKind
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from tests.integration.test_local_model import NAME, home, weights

__all__ = ["home", "weights"]


@pytest.fixture
def app(home: Path) -> App:
    overrides = {
        "llm": {
            "chain": ["local"],
            "local": {"model": NAME, "context_tokens": 8192, "max_tokens": 700, "threads": 1, "seconds": 120},
            "retry": {"asks_again": 0},
        },
        "agents": AgentSettings(seconds=120, answer_tokens=700).model_dump(),
    }
    return App(load(home, overrides), store=open_store(StoreSettings(database=f"t{uuid.uuid4().hex}")))


def test_it_answers_in_the_form_of_findings(app: App) -> None:
    with app as opened:
        prompt = Prompt("You judge. Answer briefly.", 'Question: "why?"\n<data>\n{"evidence":[{"id":"E1"}]}\n</data>')
        answer = opened.gateway.ask(Ask("sre", lambda tokens: prompt, BriefFindings, seconds=120, max_tokens=700))
        assert answer.value.evidence_strength in {"strong", "moderate", "weak"}
        assert (answer.provider, answer.steps, answer.nano_usd) == ("local", 0, 0)
        routed = opened.gateway.ask(Ask("orchestrator", lambda tokens: prompt, Routed, seconds=60, max_tokens=60))
        assert set(routed.value.agents) <= {"sre", "security", "efficiency"}


def test_a_question_is_answered_whatever_it_says(app: App) -> None:
    row = {"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": "timed out"}
    with app as opened:
        opened.desk.take(RecordKind.EVENTS, json.dumps([row] * 20).encode(), "", None)
        opened.pipeline.drain()
        opened.pipeline.finish()
        reply = opened.asking.ask("Which errors did pay have?")
    assert reply.claims
    if reply.source == "ai":
        assert any(claim.check is Check.SUPPORTED for claim in reply.claims)
        assert reply.price.provider == "local"
    else:
        assert "20 abnormal events of 20 events" in reply.summary
        assert reply.reason in {"invalid", "timeout", "no_claims"}
