"""OTLP metrics become metric points.

`entity` is the resource's `service.instance.id`, else `host.name`, else `service.name`. Labels are the attributes of
resource, scope and point, and what a reader needs to add values up: `otel.metric.type` (gauge, sum, histogram,
exponential_histogram, summary), `otel.metric.temporality` (delta, cumulative), `otel.metric.monotonic` (true, false).
Names stay as they are. One point of a distribution becomes several, as Prometheus names them:

- histogram: `_count`, `_sum`, `_min`, `_max`, and `_bucket` with `le`, each counting all values up to it;
- exponential histogram: the same, with a bucket for each populated one;
- summary: `_count`, `_sum`, and the name itself with `quantile`.

A point with the flag "no recorded value" says that a series ended, and NaN says that there is no value: both are left
out and not refused. An infinite value is refused, since the store's JSON has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    DataPointFlags,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from bdp.intake.flatten import sound
from bdp.intake.limits import Edge
from bdp.intake.parcel import Parcel, Raw
from bdp.intake.protocols.otlp import Group, Signal, groups
from bdp.intake.protocols.otlp_attributes import surroundings, texts, timed
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import check_time
from bdp.model.metric import MetricPoint

ENTITIES: Final = ("service.instance.id", "host.name", "service.name")
"""Attributes of the resource that name what is measured; the first that is there counts."""

_SIGNAL = Signal(ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics", Metric)
_TEMPORALITIES: Final = {1: "delta", 2: "cumulative"}
_COUNT_UNIT = "1"
_SCALES: Final = range(-31, 32)
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

Value = tuple[str, str, str, float]
"""Suffix of the name, label, its value, number."""


def read_metrics(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read an `ExportMetricsServiceRequest`; see `Protocol.read`."""
    for group in groups(body, content_type, _SIGNAL, parcel):
        entity, labels = _resource(group, parcel.edge.settings.max_depth)
        for metric, raw in group.records:
            _add_metric(metric, entity, labels, raw, parcel)


def _resource(group: Group, depth: int) -> tuple[str, dict[str, str]]:
    around = surroundings(group.resource, group.scope, depth)
    of_resource = texts(group.resource.attributes, depth)
    entity = next((of_resource[name] for name in ENTITIES if of_resource.get(name)), "")
    return entity, of_resource | around.attributes


def _add_metric(metric: Metric, entity: str, shared: dict[str, str], raw: Raw, parcel: Parcel) -> None:
    """Add each data point's points, or refuse that data point; its letter holds the whole metric."""
    kind = metric.WhichOneof("data")
    if not metric.name or kind is None:
        parcel.refuse(RefusedRecord("metric: it has no name" if kind else "metric: it has no data"), raw)
        return
    data = getattr(metric, kind)
    labels = shared | _about(kind, data)
    name, unit = sound(metric.name), sound(metric.unit)
    for point in data.data_points:
        if point.flags & _NO_VALUE:
            continue
        try:
            ts, values = _when(point, parcel.edge), list(_VALUES[kind](point))
            _check_finite(values)
        except RefusedRecord as error:
            parcel.refuse(error, raw)
            continue
        own = labels | texts(point.attributes, parcel.edge.settings.max_depth) if point.attributes else labels
        for made in _points(name, unit, entity, own, ts, values):
            parcel.point(made, raw)


def _points(
    name: str, unit: str, entity: str, labels: dict[str, str], ts: datetime, values: Iterable[Value]
) -> Iterator[MetricPoint]:
    for suffix, label, text, number in values:
        if not math.isnan(number):
            yield MetricPoint(
                ts=ts,
                name=name + suffix,
                entity=entity,
                labels=labels | {label: text} if label else labels,
                value=number,
                unit=_COUNT_UNIT if suffix in ("_count", "_bucket") else unit,
            )


def _about(kind: str, data: Any) -> dict[str, str]:
    about = {"otel.metric.type": kind}
    if kind not in ("gauge", "summary") and data.aggregation_temporality in _TEMPORALITIES:
        about["otel.metric.temporality"] = _TEMPORALITIES[data.aggregation_temporality]
    if kind == "sum":
        about["otel.metric.monotonic"] = "true" if data.is_monotonic else "false"
    return about


def _when(point: Any, edge: Edge) -> datetime:
    # Its origin is not noted: as a label it would make another series.
    ts = timed(point.time_unix_nano, 0, edge, {})
    check_time(ts, edge.latest)
    return ts


def _check_finite(values: Iterable[Value]) -> None:
    for suffix, _, _, number in values:
        if math.isinf(number):
            raise RefusedRecord(f"value{suffix}: {number} is not a finite number")


def _number(point: NumberDataPoint) -> Iterator[Value]:
    kind = point.WhichOneof("value")
    if kind is None:
        raise RefusedRecord("value: the data point has none")
    yield "", "", "", float(getattr(point, kind))


def _histogram(point: HistogramDataPoint) -> Iterator[Value]:
    yield from _totals(point)
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if not counts:
        return
    if len(counts) != len(bounds) + 1:
        raise RefusedRecord(f"bucket_counts: {len(counts)} for {len(bounds)} bounds; one more than bounds is needed")
    yield from _buckets(zip([*bounds, math.inf], counts, strict=True))


def _totals(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> Iterator[Value]:
    yield "_count", "", "", float(point.count)
    for name in ("sum", "min", "max"):
        if point.HasField(name):
            yield f"_{name}", "", "", getattr(point, name)


def _buckets(counts: Iterable[tuple[float, int]]) -> Iterator[Value]:
    """Return cumulative buckets for (upper bound, count), lowest first, the last one infinite."""
    total = 0
    for bound, count in counts:
        total += count
        yield "_bucket", "le", "+Inf" if bound == math.inf else repr(bound), float(total)


def _exponential(point: ExponentialHistogramDataPoint) -> Iterator[Value]:
    if point.scale not in _SCALES:
        raise RefusedRecord(f"scale: {point.scale} is outside {_SCALES[0]} to {_SCALES[-1]}")
    yield from _totals(point)
    yield from _buckets(_populated(point))


def _populated(point: ExponentialHistogramDataPoint) -> Iterator[tuple[float, int]]:
    """Bucket i holds the values of (base^i, base^(i+1)]; below zero it is mirrored."""
    low, high = point.negative, point.positive
    for place in range(len(low.bucket_counts) - 1, -1, -1):
        if low.bucket_counts[place]:
            yield -_bound(point.scale, low.offset + place), low.bucket_counts[place]
    if point.zero_count:
        yield point.zero_threshold, point.zero_count
    beyond = 0
    for place, count in enumerate(high.bucket_counts):
        bound = _bound(point.scale, high.offset + place + 1)
        if bound == math.inf:
            beyond += count
        elif count:
            yield bound, count
    yield math.inf, beyond


def _bound(scale: int, index: int) -> float:
    try:
        return float(2.0 ** (index * 2.0**-scale))
    except OverflowError:
        return math.inf


def _summary(point: SummaryDataPoint) -> Iterator[Value]:
    yield "_count", "", "", float(point.count)
    yield "_sum", "", "", point.sum
    for at in point.quantile_values:
        yield "", "quantile", repr(at.quantile), at.value


_VALUES: Final[dict[str, Callable[[Any], Iterator[Value]]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
