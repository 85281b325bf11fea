"""What can be set about the agents."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AgentSettings(BaseModel):
    """How far the agents look and how much they may ask of a model; budgets in money are the gateway's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=6, ge=0, le=30, description="most rounds of look-ups; then a model must answer")
    seconds: float = Field(default=90.0, ge=2, le=600, description="longest time for an answer by a model")
    tokens: int = Field(
        default=60_000, ge=1000, description="tokens of all requests of one question, from which on it must end"
    )
    answer_tokens: int = Field(default=2000, ge=200, le=32_768, description="most tokens of one answer")
    rows: int = Field(default=20, ge=1, le=100, description="most rows of one look-up")
    span_days: int = Field(default=31, ge=1, le=366, description="longest time that one look-up covers")
    usual_hours: int = Field(
        default=24,
        ge=1,
        le=744,
        description="how far back a question without a time is answered, from the newest event",
    )
