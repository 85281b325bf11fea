"""Points of a fabric for the tests; seconds count from a fixed instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import isnan

from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.model.change import Change, ChangeKind
from bdp.model.insight import Insight
from bdp.model.metric import MetricPoint

START = datetime(2026, 11, 16, 8, tzinfo=UTC)
NORMAL = {
    "latency_p99": 3.0,
    "utilization": 55.0,
    "error_rate": 2e-4,
    "bandwidth_gbps": 104.5,
    "qp_errors": 0.0,
}
HOST = {"instance": "node7:9100", "device": "mlx5_0", "port": "1"}
PORT = "node7:9100/mlx5_0/1"


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def sample(
    second: float, stream: str = "ib-01", labels: dict[str, str] | None = None, /, **values: float
) -> list[MetricPoint]:
    """One sample: normal but for what is given; NaN leaves a metric out."""
    return [
        MetricPoint(ts=at(second), name=name, entity=stream, value=value, labels=labels or {})
        for name, value in (NORMAL | values).items()
        if not isnan(value)
    ]


def counter(second: float, name: str, value: float, **labels: str) -> MetricPoint:
    return MetricPoint(ts=at(second), name=name, entity="node7:9100", value=float(value), labels=HOST | labels)


def downs(second: float, value: float, **labels: str) -> list[MetricPoint]:
    return [counter(second, "node_infiniband_link_downed_total", value, **labels)]


def maintenance(second: float, service: str = "", ref: str = "", summary: str = "") -> Change:
    return Change(ts=at(second), kind=ChangeKind.MAINTENANCE, service=service, ref=ref, summary=summary)


def warmed(until: int = 900, step: int = 10, stream: str = "ib-01", settings: FabricSettings | None = None,
           labels: dict[str, str] | None = None, **values: float) -> FabricDetector:  # fmt: skip
    """A detector that has seen a quarter of an hour of calm samples, up to the second before `until`."""
    detector = FabricDetector(settings or FabricSettings())
    for second in range(0, until, step):
        assert not detector.observe(sample(second, stream, labels, **values)), "calm samples must raise nothing"
    return detector


def feed(detector: FabricDetector, batches: Iterable[Sequence[MetricPoint]]) -> list[Insight]:
    return [one for batch in batches for one in detector.observe(batch)]


def told(insights: Iterable[Insight]) -> list[tuple[str, int]]:
    return [(one.prediction_type.value, one.risk_score) for one in insights]
