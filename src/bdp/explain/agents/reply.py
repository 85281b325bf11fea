"""The answer to a question: claims that code has checked, over numbered evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from bdp.explain.insight.examples import Language
from bdp.model.analysis import ActionProposal, Analysis, Claim, Grounding, Hypothesis
from bdp.model.evidence import Evidence
from bdp.model.noun import Noun


class Price(Noun):
    """What an answer took of a model; zeros where none was asked.

    Attributes:
        steps: rounds of look-ups by the model.
    """

    model: str = ""
    provider: str = ""
    requests: int = 0
    steps: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0


class Factors(Noun):
    """How sure a model says that it is; people see it, nothing follows from it."""

    evidence: Literal["strong", "moderate", "weak"]
    match: Literal["exact", "partial", "inferred"]
    risk: Literal["low", "medium", "high"]


class Reply(Noun):
    """An answer.

    Attributes:
        agents: who answered; routed: by `rules` or by a `model`.
        start_time, end_time: the span of event time that was looked at.
        summary: one line, of what is supported.
        claims: each checked; contradicted ones are shown struck out, unsupported ones never as facts.
        source: `ai` if a model's findings stand, else `rules`.
        reason: why the rules' answer stands, one of a few words; empty with `ai`.
        told: the same for people.
        beside: claims of a model whose findings do not stand, checked.
        notes: what of the question was not read as it stands, such as a time, and what was taken in its place.
        answers: False where rules did not understand the question or nothing is stored on it; `summary` says so.
        offered: claims, each checked, on what was not asked for: where rules did not understand the words.
        examples: questions that can be answered, where this one was not.
        grounding: of `claims` and `offered`.
        analysis: of the incident that was asked about, if one was.
    """

    question: str
    language: Language
    agents: tuple[str, ...]
    routed: Literal["rules", "model"] = "rules"
    start_time: datetime
    end_time: datetime
    summary: str
    claims: tuple[Claim, ...]
    grounding: Grounding
    evidence: tuple[Evidence, ...]
    actions: tuple[ActionProposal, ...] = ()
    alternatives: tuple[Hypothesis, ...] = ()
    factors: Factors | None = None
    source: Literal["ai", "rules"] = "rules"
    reason: str = ""
    told: str = ""
    beside: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    answers: bool = True
    offered: tuple[Claim, ...] = ()
    examples: tuple[str, ...] = ()
    analysis: Analysis | None = None
    price: Price = Field(default_factory=Price)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like values."""
        return self.model_dump(mode="json")
