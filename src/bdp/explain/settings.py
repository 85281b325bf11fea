"""What can be set about explaining."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ExplainSettings(BaseModel):
    """How far the analyst looks, and when it dares to name a cause."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    playbooks: Path | None = Field(
        default=None, description="folder with your own playbooks; a same name replaces ours"
    )
    margin_seconds: int = Field(
        default=30, ge=0, le=3600, description="seconds by which an incident's stretch is widened"
    )
    change_minutes: int = Field(
        default=120, ge=1, le=1440, description="how long before the onset changes are looked at"
    )
    blame_minutes: int = Field(default=30, ge=1, le=1440, description="a change older than this is never blamed")
    baseline_minutes: int = Field(default=60, ge=1, le=1440, description="least length of the baseline for attributes")
    shapes: int = Field(
        default=2000, ge=50, le=20_000, description="most distinct masked messages that templates learn from"
    )
    baseline_events: int = Field(
        default=500_000, ge=1000, description="more normal events shorten the baseline for attributes"
    )
    attribute_sample: int = Field(
        default=20_000, ge=100, le=100_000, description="newest events that suggest attributes"
    )
    traces: int = Field(default=50, ge=1, le=200, description="most traces that are followed")
    least_events: int = Field(default=5, ge=1, description="fewer abnormal events end INCONCLUSIVE")
    likely_score: float = Field(default=0.5, ge=0, le=1, description="least score of a LIKELY cause")
    confirmed_score: float = Field(default=0.8, ge=0, le=1, description="least score of a CONFIRMED cause")
    tie_margin: float = Field(default=0.1, ge=0, le=1, description="two rival causes closer than this end INCONCLUSIVE")
