"""Metrics and fabrics on their way from the stream to insights and to the one list of incidents."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bdp.clock import ManualClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.detect.watch import Watch
from bdp.flow.pipeline import Pipeline, PipelineSettings
from bdp.model.anomaly import Severity
from bdp.model.batch import Batch, RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.insight import PredictionType
from bdp.model.metric import MetricPoint
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from bdp.store.state import State, open_state
from bdp.stream.journal.journal import Journal

START = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Bench:
    """One home; `start` opens its stream and pipeline again, as a process that begins does."""

    folder: Path
    store: ClickHouseStore
    state: State
    clock: ManualClock

    def start(self) -> Pipeline:
        self.stream = Journal(self.folder / "journal.db")
        pipeline = Pipeline(
            self.stream,
            self.store,
            Watch(BurstSettings()),
            self.state.incidents,
            self.clock,
            PipelineSettings(range_records=2000),
            insights=self.state.insights,
        )
        pipeline.recover()
        return pipeline


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    state = open_state("sqlite://", lambda known, anomaly: judge(known, anomaly, DedupSettings()) is Judgement.REPEAT)
    bench = Bench(tmp_path, store, state, ManualClock(START))
    yield bench
    bench.stream.close()
    state.close()
    store.close()


def batch(kind: RecordKind, records: Sequence[msgspec.Struct]) -> Batch:
    payload = msgspec.json.Encoder().encode_lines(records).rstrip(b"\n")
    return Batch(batch_id=uuid.uuid4().hex, source="http", kind=kind, count=len(records), payload=payload)


def metrics(points: Sequence[MetricPoint]) -> Batch:
    return batch(RecordKind.METRICS, points)


def host(name: str, values: Sequence[float], first: int = 0) -> list[MetricPoint]:
    return [
        MetricPoint(ts=START + timedelta(minutes=5 * (first + i)), name=name, entity="db-1", value=float(value))
        for i, value in enumerate(values)
    ]


def sample(minute: int, latency: float, utilization: float = 55, errors: float = 0.0002) -> list[MetricPoint]:
    values = {
        "latency_p99": latency,
        "utilization": utilization,
        "error_rate": errors,
        "bandwidth_gbps": utilization * 2,
        "qp_errors": 0,
    }
    ts = START + timedelta(minutes=minute)
    return [MetricPoint(ts=ts, name=name, entity="ib-7", value=float(value)) for name, value in values.items()]


def noise(seed: int, count: int) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(40, 1, count)]


def test_a_metric_that_jumps_is_an_insight_and_an_incident_that_ends(bench: Bench) -> None:
    pipeline = bench.start()
    cpu, memory = noise(1, 400), noise(2, 400)
    for i in range(300, 303):
        cpu[i], memory[i] = 97 + i % 2, 93 - i % 3
    bench.stream.append([metrics([*host("cpu", cpu), *host("memory", memory)])])
    pipeline.drain()
    pipeline.finish()
    found = bench.state.insights.recent().insights
    assert {insight.explanation.split(" of ")[0] for insight in found} == {"cpu", "memory"}
    assert {insight.timestamp for insight in found} <= {START + timedelta(minutes=5 * i) for i in range(300, 303)}
    (incident,) = bench.state.incidents.list()
    assert incident.title == "Abnormal metrics of db-1"
    assert incident.start_time == START + timedelta(minutes=1500)
    assert incident.end_time is not None
    told = bench.state.incidents.get(incident.incident_id).timeline[0].text
    assert told.startswith(("Detected: cpu of db-1:", "Detected: memory of db-1:"))


def test_a_congested_stream_is_an_incident_that_becomes_worse(bench: Bench) -> None:
    pipeline = bench.start()
    calm = [point for minute in range(120) for point in sample(minute, 3.0 + 0.01 * (minute % 5))]
    bench.stream.append([metrics(calm)])
    pipeline.drain()
    assert not bench.state.insights.recent().insights
    for step, (latency, utilization) in enumerate([(8, 72), (14, 83), (18, 92), (20, 97), (20, 97)]):
        bench.stream.append([metrics(sample(120 + step, latency, utilization))])
        pipeline.drain()
    types = {insight.prediction_type for insight in bench.state.insights.recent().insights}
    assert {PredictionType.LATENCY_SPIKE, PredictionType.RESOURCE_SATURATION} <= types
    (incident,) = bench.state.incidents.list()
    assert (incident.title, incident.severity) == ("Fabric trouble on ib-7", Severity.CRITICAL)
    assert bench.state.alerts.standing(bench.state.insights.recent().insights[-1].entity_id) is not None


def test_a_restart_in_the_middle_neither_loses_nor_doubles_an_alarm(bench: Bench) -> None:
    pipeline = bench.start()
    cpu = noise(3, 400)
    cpu[350] = 400
    points = host("cpu", cpu)
    bench.stream.append([metrics(points[:200])])
    pipeline.drain()
    bench.stream.close()
    pipeline = bench.start()
    bench.stream.append([metrics(points[200:360])])
    pipeline.drain()
    bench.stream.close()
    pipeline = bench.start()
    bench.stream.append([metrics(points[360:])])
    pipeline.drain()
    (insight,) = bench.state.insights.recent().insights
    assert insight.timestamp == points[350].ts
    assert len(bench.state.incidents.list()) == 1


def test_maintenance_that_is_announced_is_known_to_the_fabric(bench: Bench) -> None:
    pipeline = bench.start()
    change = Change(
        ts=START + timedelta(minutes=118), kind=ChangeKind.MAINTENANCE, service="ib-7", ref="MNT-1", summary="cable"
    )
    calm = [point for minute in range(120) for point in sample(minute, 3.0)]
    down = [point for minute in range(120, 126) for point in sample(minute, 3.0, 0 if minute % 2 else 55)]
    bench.stream.append([batch(RecordKind.CHANGES, [change]), metrics([*calm, *down])])
    pipeline.drain()
    flaps = [
        insight.risk_score
        for insight in bench.state.insights.recent().insights
        if insight.prediction_type is PredictionType.CONNECTION_INSTABILITY
    ]
    assert max(flaps, default=0) < 40
    assert not bench.state.incidents.list()
