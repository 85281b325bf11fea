"""Insights: what analysing a metric of a fabric yields."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bdp.model.noun import Noun

CRITICAL_RISK = 80
"""From here on people are told at once."""
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


class Insight(Noun):
    """One finding about one fabric stream or port.

    Attributes:
        entity_id: `alert_<stream>_<epoch seconds>`; the same finding always gets the same id.
        timestamp: of the sample that was analysed (event time, UTC).
        risk_score: 0..100; >= 80 now, 60-79 within an hour, 40-59 watch it, below: for information.
        model_used: name of the model; `rules` where no model spoke.
        related_entity: the stream or port.
        ttl: when it may be forgotten (UTC).
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
