"""Insights: what analysing a metric of a fabric yields."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from bdp.model.anomaly import Severity
from bdp.model.noun import Noun

CRITICAL_RISK = 80
"""From here on people are told at once."""
HIGH_RISK = 60
MEDIUM_RISK = 40
"""From here on the hourly digest tells."""
TTL = timedelta(days=30)


class PredictionType(StrEnum):
    """What is about to go wrong, or already does."""

    PERFORMANCE_DEGRADATION = "performance_degradation"
    ANOMALY_DETECTED = "anomaly_detected"
    RESOURCE_SATURATION = "resource_saturation"
    CONNECTION_INSTABILITY = "connection_instability"
    PACKET_LOSS_DETECTED = "packet_loss_detected"
    LATENCY_SPIKE = "latency_spike"
    BANDWIDTH_THROTTLING = "bandwidth_throttling"
    QP_ERROR_RATE_HIGH = "qp_error_rate_high"
    MEMORY_REGISTRATION_FAILURE = "memory_registration_failure"
    RDMA_TIMEOUT = "rdma_timeout"


class InsightSource(StrEnum):
    """Who says so."""

    AI = "ai"
    RULES = "rules"
    CACHED = "cached"


class Opinion(Noun):
    """What one source says of a sample.

    Attributes:
        prediction_type: None: it sees nothing wrong.
        model_used: name of the model; `rules` where no model spoke.
    """

    prediction_type: PredictionType | None
    risk_score: Annotated[int, Field(ge=0, le=100)]
    explanation: str
    recommendations: Annotated[tuple[str, ...], Field(min_length=2, max_length=4)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    model_used: str
    source: InsightSource


class Insight(Noun):
    """One finding about one fabric stream or port.

    Attributes:
        entity_id: `alert_<stream>_<epoch seconds>`; the same finding always gets the same id.
        timestamp: of the sample that was analysed (event time, UTC).
        risk_score: 0..100; >= 80 now, 60-79 within an hour, 40-59 watch it, below: for information.
        model_used: name of the model; `rules` where no model spoke.
        related_entity: the stream or port.
        ttl: when it may be forgotten (UTC).
        beside: what the other source says, rules beside a model or a model beside rules; None where only one spoke.
    """

    entity_id: str
    timestamp: datetime
    entity_type: Literal["insight"] = "insight"
    prediction_type: PredictionType
    risk_score: Annotated[int, Field(ge=0, le=100)]
    explanation: str
    recommendations: Annotated[tuple[str, ...], Field(min_length=2, max_length=4)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    model_used: str
    source: InsightSource
    related_entity: str
    ttl: datetime
    beside: Opinion | None = None


def severity_of(risk_score: int) -> Severity:
    """Return the class of a risk: critical at once, high within an hour, medium to be watched, low for information."""
    bounds = ((CRITICAL_RISK, Severity.CRITICAL), (HIGH_RISK, Severity.HIGH), (MEDIUM_RISK, Severity.MEDIUM))
    return next((severity for least, severity in bounds if risk_score >= least), Severity.LOW)


class InsightFilter(Noun):
    """Which insights; None takes all.

    Attributes:
        since: event time, from here on.
        until: event time, before here.
        min_risk: risk score, from here on.
    """

    since: datetime | None = None
    until: datetime | None = None
    min_risk: Annotated[int, Field(ge=0, le=100)] = 0
    prediction_type: PredictionType | None = None
    related_entity: str | None = None
    source: InsightSource | None = None


class InsightPage(Noun):
    """Some insights, newest event time first.

    Attributes:
        next: cursor of the page behind this one; empty if this is the last.
    """

    insights: tuple[Insight, ...]
    next: str = ""


class AlertState(StrEnum):
    """What was decided about telling people of an insight, or of an incident."""

    DUE = "due"
    """Critical, not decided yet, or held back for a summary."""
    TOLD = "told"
    """A message of its own or a summary tells it; the message may still be on its way."""
    DUPLICATE = "duplicate"
    """The same type at the same stream was told minutes ago; the digest counts it."""
    OLD = "old"
    """It was long over when it was found; the digest tells it."""
    BELOW = "below"
    """Not critical; the digest tells it."""
    UNREACHABLE = "unreachable"
    """Nobody could be reached for so long that its message was given up; the digest tells it."""
    NONE = "none"
    """For information only; nobody is told."""


class AlertStanding(Noun):
    """How it stands with telling people of one insight.

    Attributes:
        detected_at: when the insight was kept first.
        message: key of the message or digest that tells it; empty while there is none.
        told_at: when the first channel had that message.
    """

    state: AlertState
    detected_at: datetime
    message: str = ""
    told_at: datetime | None = None


class DueAlert(NamedTuple):
    """One insight that waits for a decision: what deciding needs of it."""

    entity_id: str
    related_entity: str
    prediction_type: PredictionType
    risk_score: int
    timestamp: datetime
    detected_at: datetime


class QuietInsights(NamedTuple):
    """What nobody was told at once, for the digest.

    Attributes:
        since: the earliest detection among them.
        states: how many by what was decided.
        types: how many by prediction type, most first.
        streams: the streams with most of them, and how many; at most as many as were asked for.
        stream_count: distinct streams.
        worst: the highest risks, worst first, at most as many as were asked for.
    """

    since: datetime
    states: dict[AlertState, int]
    types: dict[PredictionType, int]
    streams: list[tuple[str, int]]
    stream_count: int
    worst: list[Insight]
