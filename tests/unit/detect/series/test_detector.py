"""The detector as the pipeline uses it: which series it keeps, what it tells, what survives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from bdp.detect.series.detector import SeriesDetector
from bdp.detect.series.settings import SeriesSettings
from bdp.model.insight import Insight, PredictionType
from bdp.model.metric import MetricPoint

START = datetime(2026, 3, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)


def detector(**settings: object) -> SeriesDetector:
    return SeriesDetector(SeriesSettings.model_validate(settings))


def points(
    values: Iterable[float], name: str = "cpu", entity: str = "host-1", first: int = 0, **labels: str
) -> list[MetricPoint]:
    return [
        MetricPoint(
            ts=START + (first + i) * STEP, name=name, entity=entity, labels=labels, value=float(value), unit="%"
        )
        for i, value in enumerate(values)
    ]


def noise(count: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(50, 2, count)


def spike(at: int, count: int, height: float = 400) -> list[float]:
    values = noise(count).tolist()
    values[at] = height
    return [float(value) for value in values]


def test_a_spike_is_one_insight_that_says_where_and_how_much() -> None:
    found = detector().observe(points(spike(500, 600)))
    (insight,) = found
    assert insight.timestamp == START + 500 * STEP
    assert insight.related_entity == "host-1"
    assert insight.prediction_type is PredictionType.ANOMALY_DETECTED
    assert insight.explanation.startswith("cpu of host-1: 400 %")
    assert 45 <= insight.risk_score < 80


def test_any_cut_and_any_order_inside_finds_the_same() -> None:
    stream = [*points(spike(300, 400)), *points(spike(350, 400), entity="host-2")]
    stream.sort(key=lambda point: point.ts)
    whole = detector().observe(stream)
    parts, rng = detector(), np.random.default_rng(3)
    cut: list[Insight] = []
    for begin in range(0, len(stream), 70):
        batch = stream[begin : begin + 70]
        cut += parts.observe([batch[i] for i in rng.permutation(len(batch))])
    assert cut == whole
    assert {insight.related_entity for insight in whole} == {"host-1", "host-2"}


def test_series_are_told_apart_by_their_labels() -> None:
    watch = detector()
    watch.observe([*points(noise(10), disk="a"), *points(noise(10), disk="b"), *points(noise(10))])
    assert watch.series == 3


def test_a_counter_is_judged_by_its_rate_and_a_reset_is_no_fall() -> None:
    growth = np.abs(noise(600, seed=4))
    total = np.cumsum(growth)
    total[300:] -= total[299]
    assert detector().observe(points(total, name="requests_total")) == []
    growth[500] = 4000
    (insight,) = detector().observe(points(np.cumsum(growth), name="requests_total"))
    assert "%/s" in insight.explanation


def test_the_counters_first_point_is_no_rate() -> None:
    watch = detector(learn_points=20)
    assert watch.observe(points([1e12, *(1e12 + np.cumsum(np.full(200, 7.0)))], name="bytes_total")) == []


def test_ignored_names_and_band_edges_are_not_watched() -> None:
    watch = detector()
    watch.observe([*points([1], name="latency_bucket"), *points([1], name="cpu.band_low"), *points([1])])
    assert watch.series == 1


def test_restored_it_goes_on_as_if_never_stopped() -> None:
    stream = points(spike(450, 600))
    whole = detector().observe(stream)
    first = detector()
    told = first.observe(stream[:400])
    first.save_all()
    rows = {name: row for name, row in first.changed_rows().items() if row is not None}
    second = detector()
    second.restore({**rows, "burst/meta": b"of another"})
    assert told + second.observe(stream[400:]) == whole
    assert len(whole) == 1


def test_a_row_is_written_when_it_is_due_and_when_an_anomaly_begins() -> None:
    watch = detector(snapshot_seconds=3600)
    watch.observe(points(noise(300)))
    assert len(watch.changed_rows()) == 1
    watch.observe(points(noise(5, seed=9), first=300))
    assert watch.changed_rows() == {}
    assert watch.observe(points([400], first=305))
    assert len(watch.changed_rows()) == 1
    assert watch.changed_rows() == {}


def test_a_state_of_another_layout_is_learnt_anew() -> None:
    watch = detector()
    watch.observe(points(noise(100)))
    watch.save_all()
    ((name, row),) = watch.changed_rows().items()
    assert row is not None
    other = detector()
    key, state, extra, unit = msgspec.msgpack.decode(row, type=tuple[tuple[str, ...], bytes, bytes, str])
    other.restore({name: msgspec.msgpack.encode((key, state[:-1], extra, unit))})
    assert other.observe(points(spike(200, 300))) == detector().observe(points(spike(200, 300)))


def test_the_series_that_is_silent_longest_is_forgotten_first() -> None:
    watch = detector(max_series=10)
    for i in range(15):
        watch.observe(points([1.0], entity=f"host-{i}", first=i))
    assert (watch.series, watch.evicted) == (10, 5)
    watch.save_all()
    rows = watch.changed_rows()
    assert sum(row is None for row in rows.values()) == 5
    assert sum(row is not None for row in rows.values()) == 10


def test_the_first_snapshots_of_many_series_are_spread_over_time() -> None:
    watch = detector(snapshot_seconds=3000)
    written = []
    for i in range(20):
        watch.observe([point for k in range(100) for point in points([i + k], entity=f"host-{k}", first=i)])
        written.append(len(watch.changed_rows()))
    assert sum(written[:11]) == 100, "each is written once in the first period"
    assert max(written) <= 20, "a tenth of the period writes about a tenth of the series"


def test_more_series_at_once_than_are_kept_do_not_mix() -> None:
    watch = detector(max_series=4, learn_points=20)
    rounds = [
        MetricPoint(ts=START + i * STEP, name="cpu", entity=f"host-{k}", value=float(k * 1000 + i % 3))
        for i in range(60)
        for k in range(9)
    ]
    assert watch.observe(rounds) == []
    assert watch.series <= 4


def test_late_doubled_and_strange_points_change_nothing() -> None:
    clean = points(spike(300, 400))
    late: Sequence[MetricPoint] = [clean[100], clean[299], *points([float("nan"), float("inf")], first=300)]
    watch = detector()
    found = watch.observe(clean[:300])
    watch.observe(late[:2])
    watch.observe([late[2]])
    assert found + watch.observe(clean[300:]) == detector().observe(clean)


def test_switched_off_it_says_and_keeps_nothing() -> None:
    watch = detector(enabled=False)
    assert watch.observe(points(spike(300, 400))) == []
    assert watch.changed_rows() == {}


def test_long_and_hostile_names_are_bounded() -> None:
    name, entity = "x" * 5000, "<script>\x00" * 1000
    hostile = [
        msgspec.structs.replace(point, labels={"l" * 900: "v" * 900})
        for point in points(spike(300, 400), name=name, entity=entity)
    ]
    (insight,) = detector().observe(hostile)
    assert len(insight.related_entity) <= 200
    assert len(insight.explanation) < 1500
