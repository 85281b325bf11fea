"""Short ways to write streams of signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from bdp.detect.burst.detector import BurstDetector
from bdp.model.anomaly import Anomaly, AnomalyEnd
from bdp.model.event import EventSignal, Level

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return MONDAY + timedelta(seconds=seconds)


def error(seconds: float, service: str = "shop", message: str = "it broke", **fields: object) -> EventSignal:
    values: dict[str, object] = {
        "route": "/pay",
        "level": Level.ERROR,
        "error_code": "E1",
        "status": 0,
        "trace_id": "",
        "weight": 1.0,
    }
    values.update(fields)
    return EventSignal(ts=at(seconds), service=service, message=message, **values)  # type: ignore[arg-type]


def normal(seconds: float, service: str = "other") -> EventSignal:
    return error(seconds, service, "fine", level=Level.INFO, error_code="", status=200)


def spread(start: float, length: float, count: int, service: str = "shop") -> list[EventSignal]:
    """Return `count` errors, evenly over the stretch."""
    return [error(start + length * i / count, service) for i in range(count)]


def play(detector: BurstDetector, batches: Iterable[Sequence[EventSignal]]) -> list[Anomaly | AnomalyEnd]:
    return [found for batch in batches for found in detector.observe(batch)]


def raised(found: Iterable[Anomaly | AnomalyEnd]) -> list[Anomaly]:
    return [one for one in found if isinstance(one, Anomaly)]


def ended(found: Iterable[Anomaly | AnomalyEnd]) -> list[AnomalyEnd]:
    return [one for one in found if isinstance(one, AnomalyEnd)]
