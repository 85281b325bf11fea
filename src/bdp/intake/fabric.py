"""Fabric samples: what an InfiniBand stream or port did at one instant becomes a point for each of its figures."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

from bdp.intake.events import check_size, read_object
from bdp.intake.flatten import text_of
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import check_time, read_time
from bdp.model.metric import MetricPoint

UNITS: Final = {
    "latency_p99": "us",
    "utilization": "%",
    "error_rate": "1",
    "bandwidth_gbps": "Gbit/s",
    "qp_errors": "1",
}
"""Figure -> unit. Percent is 0 to 100, the error rate a fraction."""

_MOST: Final = {"utilization": 110.0, "error_rate": 1.0}
"""What a figure cannot exceed; a counter read at the wrong instant may show a little over 100 %."""
_TIMES: Final = ("timestamp", "ts", "@timestamp", "time")
_KNOWN: Final = frozenset({"stream_id", "labels", *_TIMES, *UNITS})
_MARK: Final = b'"stream_id"'


def is_sample(item: bytes) -> bool:
    """Say whether a metric record may be a fabric sample; a point of another kind may mention the word as well."""
    return _MARK in item


def sample_points(item: bytes, edge: Edge) -> list[MetricPoint] | None:
    """Return the points of a fabric sample, whose entity is `stream_id`; None if the record is none.

    Raises:
        RefusedRecord: a field is missing, unknown or does not fit; then none of its figures is taken.
    """
    check_size(item, edge)
    record = read_object(item)
    if "stream_id" not in record:
        return None
    unknown = next((name for name in record if name not in _KNOWN), None)
    if unknown is not None:
        raise RefusedRecord(f"unknown field {unknown[:60]!r}; a fabric sample has {', '.join(sorted(_KNOWN))}")
    stream = record["stream_id"]
    if not isinstance(stream, str | int) or isinstance(stream, bool) or not str(stream).strip():
        raise RefusedRecord(f"stream_id: expected text, got {shown(stream)}")
    ts, labels = _time(record, edge), _labels(record)
    figures = {name: _figure(name, record[name]) for name in UNITS if record.get(name) is not None}
    if not figures:
        raise RefusedRecord(f"no figure; a fabric sample needs one of {', '.join(UNITS)}")
    return [
        MetricPoint(ts=ts, name=name, entity=text_of(stream), labels=labels, value=value, unit=UNITS[name])
        for name, value in figures.items()
    ]


def _time(record: dict[str, Any], edge: Edge) -> datetime:
    name = next((name for name in _TIMES if record.get(name) is not None), None)
    if name is None:
        raise RefusedRecord("timestamp: missing; a fabric sample needs stream_id, timestamp and a figure")
    try:
        ts = read_time(record[name])
    except RefusedRecord as error:
        raise RefusedRecord(f"{name}{error.what.removeprefix('ts')}", error.cause) from None
    check_time(ts, edge.latest)
    return ts


def _labels(record: dict[str, Any]) -> dict[str, str]:
    labels = record.get("labels") or {}
    if not isinstance(labels, dict):
        raise RefusedRecord(f"labels: expected an object, got {shown(labels)}")
    return {text_of(name): text_of(value) for name, value in labels.items()}


def _figure(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RefusedRecord(f"{name}: expected a number, got {shown(value)}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise RefusedRecord(f"{name}: expected a number, got {shown(value)}") from None
    if not math.isfinite(number):
        raise RefusedRecord(f"{name}: {number} is not a finite number")
    if not 0 <= number <= _MOST.get(name, math.inf):
        meant = {"utilization": "percent from 0 to 100", "error_rate": "a fraction from 0 to 1"}.get(name, "0 or more")
        raise RefusedRecord(f"{name}: expected {meant}, got {number:g}")
    return number
