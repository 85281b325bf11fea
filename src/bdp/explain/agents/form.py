"""What an agent's model answers with: claims with evidence, never free prose, never an action of its own making.

Actions are chosen by the number of an offer: what an incident's playbooks propose, with parameters that our code filled
in. So no text that a model read can become an action, a parameter or a target.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

EvidenceIds = Annotated[list[Annotated[str, Field(max_length=8)]], Field(max_length=8)]
Strength = Literal["strong", "moderate", "weak"]
Match = Literal["exact", "partial", "inferred"]
Risk = Literal["low", "medium", "high"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Statement(_Part):
    """One sentence with the evidence that it rests on."""

    text: str = Field(min_length=1, max_length=500)
    evidence: EvidenceIds = Field(description="such as E1, E4")


class Choice(_Part):
    """One of the offered actions."""

    offer: str = Field(max_length=8, description="such as A1")
    priority: int = Field(ge=1, le=20, description="1 is first")


class Alternative(_Part):
    """Another possible cause and what speaks against it."""

    mechanism: str = Field(max_length=80)
    statement: str = Field(max_length=300)
    evidence: EvidenceIds
    refutation: str = Field(max_length=300)


class Findings(_Part):
    """What an agent found."""

    mechanism: str = Field(max_length=80, description="name of one of the hypotheses, or unknown")
    root_cause: Statement
    summary: Statement = Field(description="the answer in one line")
    claims: list[Statement] = Field(max_length=12)
    actions: list[Choice] = Field(max_length=8)
    alternatives: list[Alternative] = Field(max_length=4)
    evidence_strength: Strength
    match: Match
    risk: Risk

    def whole(self) -> Findings:
        """Return these findings."""
        return self


ShortIds = Annotated[list[Annotated[str, Field(pattern=r"^E[0-9]{1,3}$")]], Field(min_length=1, max_length=3)]


class ShortStatement(_Part):
    """One short sentence with the evidence that it rests on."""

    text: str = Field(min_length=1, max_length=160)
    evidence: ShortIds


class BriefFindings(_Part):
    """What an agent found, for small models: fewer words, so that an answer ends within the tokens that it has."""

    mechanism: str = Field(max_length=40, description="name of one of the hypotheses, or unknown")
    root_cause: ShortStatement
    summary: ShortStatement = Field(description="the answer in one line")
    claims: list[ShortStatement] = Field(max_length=3)
    actions: list[Annotated[str, Field(pattern=r"^A[0-9]{1,2}$")]] = Field(max_length=3, description="offers")
    evidence_strength: Strength
    match: Match
    risk: Risk

    def whole(self) -> Findings:
        """Return these findings in the full form."""
        told = self.model_dump(exclude={"actions"})
        actions = [{"offer": offer, "priority": place} for place, offer in enumerate(self.actions, 1)]
        return Findings.model_validate({**told, "actions": actions, "alternatives": []})


class Routed(_Part):
    """Who is to answer."""

    agents: list[Literal["sre", "security", "efficiency"]] = Field(min_length=1, max_length=2)
