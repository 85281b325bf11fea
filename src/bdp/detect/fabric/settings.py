"""When a fabric's metrics are worth an insight."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["en", "ko"]
Asking = Literal["raised", "triggered", "every"]


class FabricSettings(BaseModel):
    """Bounds of the fabric detector; the risks beyond them are the table in `risk.py`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Language = Field(default="en", description="Language of explanations and recommendations.")
    ask: Asking = Field(
        default="raised",
        description="Samples that a model is asked about, where one is set up. raised: those that the rules raise; "
        "triggered: also those worth an analysis of which the rules say nothing, or nothing new; every: all samples of "
        "streams with a baseline, which is dear.",
    )
    baseline_samples: int = Field(
        default=6,
        ge=2,
        le=90,
        description="Samples of the last 15 minutes from which on their mean is a baseline. The error of a mean of 6 "
        "is 0.4 of one sample's spread, enough for a bound of 1.5 times; one sample per 10 s gives it after a minute.",
    )
    utilization_bound: float = Field(default=80, gt=0, le=100, description="Analyse above this utilisation, %.")
    latency_ratio: float = Field(
        default=2, gt=1, description="Analyse from this multiple of the P99 latency's baseline."
    )
    error_bound: float = Field(default=0.05, gt=0, le=1, description="Analyse above this error rate, a fraction.")
    change_bound: float = Field(default=0.2, gt=0, description="Analyse when a metric is this far from its baseline.")
    anomaly_ratio: float = Field(default=1.5, gt=1, description="Abnormal from this multiple of the baseline.")
    normal_low: float = Field(default=40, ge=0, le=100, description="Lower end of normal utilisation, %.")
    normal_high: float = Field(default=70, ge=0, le=100, description="Upper end of normal utilisation, %.")
    normal_errors: float = Field(default=0.01, gt=0, le=1, description="Error rates below this are normal, a fraction.")
    qp_errors: float = Field(default=5, gt=0, description="Queue pair errors of one sample from which on they count.")
    duplicate_seconds: int = Field(
        default=300, ge=0, le=86_400, description="The same finding on the same stream is not repeated this soon."
    )
    slow_repeat_seconds: int = Field(
        default=3600, ge=0, le=604_800, description="The same for a slow degradation, which lasts for hours."
    )
    flap_seconds: int = Field(
        default=600, ge=60, le=3600, description="Length of the window in which a link's falls are counted."
    )
    maintenance_minutes: int = Field(
        default=60, ge=1, le=10_080, description="How long a maintenance lasts that does not state its end."
    )
    settle_seconds: int = Field(
        default=15, ge=1, le=300, description="An incomplete sample is judged when it is this old."
    )
    max_streams: int = Field(
        default=50_000, ge=1, description="Streams kept, and ports kept; the least recently heard goes first."
    )
