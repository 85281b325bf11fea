"""All detectors as one: who looks at what, and one state for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from bdp.detect.burst.detector import BurstSettings
from bdp.detect.watch import Finding, Watch
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind
from bdp.model.insight import Insight, PredictionType
from bdp.model.metric import MetricPoint
from tests.unit.detect.burst.signals import error

START = datetime(2026, 3, 2, tzinfo=UTC)


def series(name: str, entity: str, values: list[float], seconds: int = 60) -> list[MetricPoint]:
    return [
        MetricPoint(ts=START + timedelta(seconds=seconds * i), name=name, entity=entity, value=value)
        for i, value in enumerate(values)
    ]


def noise(count: int, level: float, seed: int = 1) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(level, level / 50, count)]


def fabric(minutes: int) -> list[MetricPoint]:
    latency, utilization = noise(minutes, 3.0), noise(minutes, 55.0, seed=2)
    latency[-5:] = [21.0, 22.0, 23.0, 22.5, 23.5]
    return sorted(
        [*series("latency_p99", "ib-1", latency), *series("utilization", "ib-1", utilization)],
        key=lambda point: point.ts,
    )


def insights(found: list[Finding]) -> list[Insight]:
    return [one for one in found if isinstance(one, Insight)]


def test_a_hosts_own_utilization_is_a_series_like_others() -> None:
    values = noise(300, 40.0)
    values[280] = 99.0
    (insight,) = insights(Watch(BurstSettings()).observe((), series("utilization", "host-1", values)))
    assert insight.explanation.startswith("utilization of host-1: 99")


def test_a_fabrics_samples_are_judged_by_the_fabrics_rules_alone() -> None:
    found = insights(Watch(BurstSettings()).observe((), fabric(300)))
    assert {insight.prediction_type for insight in found} == {PredictionType.LATENCY_SPIKE}


def test_events_and_metrics_end_in_one_list() -> None:
    watch = Watch(BurstSettings())
    found = watch.observe([error(second) for second in range(20)], fabric(300))
    kinds = {one.kind for one in found if isinstance(one, Anomaly)}
    assert kinds == {AnomalyKind.BURST, AnomalyKind.FABRIC}
    ends = watch.finish()
    assert {one.kind for one in ends if isinstance(one, AnomalyEnd)} == kinds


def test_one_state_for_all_survives() -> None:
    points = fabric(300)
    first, second = Watch(BurstSettings()), Watch(BurstSettings())
    told = first.observe((), points[:400])
    first.save_all()
    second.restore({name: row for name, row in first.changed_rows().items() if row is not None})
    assert [*told, *second.observe((), points[400:])] == Watch(BurstSettings()).observe((), points)
