"""Questions about samples, and answers to them, for the tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bdp.explain.insight.form import Judged, Judgements
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = "P99 latency of ib-02 is 14.2 µs, 3.1 times its 15-minute mean of 4.6 µs; 62 % utilised."
STEPS = ("Read port_xmit_wait along the path.", "Look for a slow receiver.")


def insight(stream: str = "ib-02", risk: int = 72, kind: PredictionType = PredictionType.LATENCY_SPIKE) -> Insight:
    return Insight(
        entity_id=f"alert_{stream}_{START.timestamp():.0f}",
        timestamp=START,
        prediction_type=kind,
        risk_score=risk,
        explanation="P99 latency is 14.2 µs, 3.09 times its 15-minute mean of 4.6 µs.",
        recommendations=STEPS,
        confidence=0.8,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=stream,
        ttl=START + TTL,
    )


def measures(latency: float = 14.217, baseline: float = 4.6, used: float = 62.3, **more: float) -> tuple[Measure, ...]:
    found = [
        Measure(name="latency_p99", value=latency, unit="µs", baseline=baseline, reference="< 5", stands_out=True),
        Measure(name="utilization", value=used, unit="%", baseline=55.1, reference="40-70"),
        Measure(name="error_rate", value=0.021, unit="%", baseline=0.019, reference="< 0.1"),
        Measure(name="bandwidth_gbps", value=110.4, unit="Gbit/s", baseline=104.9),
        Measure(name="qp_errors", value=0, baseline=0.1),
    ]
    return (*found, *(Measure(name=name, value=value) for name, value in more.items()))


def question(
    stream: str = "ib-02", risk: int | None = 72, /, *, given: tuple[Measure, ...] = (), **figures: float
) -> Inquiry:
    """A question about one sample; a risk of None: the rules say nothing."""
    raised = None if risk is None else insight(stream, risk)
    return Inquiry(
        inquiry_id=raised.entity_id if raised else f"ask_{stream}_{START.timestamp():.0f}",
        related_entity=stream,
        timestamp=START,
        measures=given or measures(**figures),
        insight=raised,
    )


def judged(**fields: Any) -> Judged:
    given: dict[str, Any] = {
        "id": "1",
        "prediction_type": "latency_spike",
        "risk_score": 75,
        "explanation": SAID,
        "recommendations": list(STEPS),
        "confidence": 0.9,
    }
    return Judged(**given | fields)


def answers(*items: Judged) -> Judgements:
    return Judgements(answers=list(items))
