"""Prometheus remote write 1.0: the samples of time series become metric points.

`entity` is the label `instance`, else `job`; both stay labels. `__name__` is the name, whose suffix says the unit;
other labels are kept as they are. Of a native histogram, the count and the sum are kept, as `_count` and `_sum`; its
buckets, exemplars and metadata are not read. NaN is left out and not refused: the stale marker says that a series
ended, any other NaN that there is no value. An infinite value is refused, since the store's JSON has none. Samples may
come in any order.

A refused record's payload is a `WriteRequest` with that series and that sample alone, not compressed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from bdp.errors import UnknownFormat
from bdp.intake.flatten import sound
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.units import unit_of
from bdp.intake.protocols.wire import PROTOBUF, check_count, check_shared, declare, parsed, text
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import from_micros
from bdp.model.metric import MetricPoint

V2: Final = "io.prometheus.write.v2.Request"
"""The message of remote write 2.0, which is not read."""

MESSAGES: Final = declare(
    "bdp.prometheus",
    {
        "Label": {"name": (1, "bytes"), "value": (2, "bytes")},
        "Sample": {"value": (1, "double"), "timestamp": (2, "int64")},
        "Histogram": {
            "count_int": (1, "uint64"),
            "count_float": (2, "double"),
            "sum": (3, "double"),
            "timestamp": (15, "int64"),
        },
        "TimeSeries": {"labels": (1, "[]Label"), "samples": (2, "[]Sample"), "histograms": (4, "[]Histogram")},
        "WriteRequest": {"timeseries": (1, "[]TimeSeries")},
    },
)
"""The part of Prometheus' `remote.proto` and `types.proto` that is read; protobuf skips the rest."""

_PIECES = declare("bdp.prometheus.pieces", {"WriteRequest": {"timeseries": (1, "[]bytes")}})["WriteRequest"]
_NAME = "__name__"


def read_remote_write(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read a `prometheus.WriteRequest` that is no longer compressed; see `Protocol.read`.

    Raises:
        UnknownFormat: it is remote write 2.0, or no protobuf.
    """
    if content_type and (not content_type.startswith(PROTOBUF) or V2 in content_type):
        raise UnknownFormat(
            f"The content type {content_type[:100]!r} is not read.",
            f"Send remote write 1.0: {PROTOBUF};proto=prometheus.WriteRequest.",
        )
    for series in _all_series(body, parcel):
        _add_series(series, parcel)


def _all_series(body: bytes, parcel: Parcel) -> Iterator[Any]:
    """Parse a small request at once, a large one series by series: an empty sample of 2 bytes becomes 40."""
    settings = parcel.edge.settings
    if len(body) <= settings.max_record_bytes:
        yield from parsed(MESSAGES["WriteRequest"], body).timeseries
        return
    pieces = parsed(_PIECES, body).timeseries
    check_count(len(pieces), "series", settings.max_records)
    for piece in pieces:
        check_shared(piece, "A series", settings.max_record_bytes)
        yield parsed(MESSAGES["TimeSeries"], piece)


def _add_series(series: Any, parcel: Parcel) -> None:
    try:
        labels = _labels(series)
    except RefusedRecord as error:
        for sample in _samples(series):
            parcel.refuse(error, partial(_alone, series, sample))
        return
    name = labels.pop(_NAME)
    entity = labels.get("instance") or labels.get("job") or ""
    for sample in _samples(series):
        raw = partial(_alone, series, sample)
        try:
            ts = _time(sample)
            for suffix, value in _values(sample):
                full = name + suffix
                unit = unit_of(full)
                parcel.point(MetricPoint(ts=ts, name=full, entity=entity, labels=labels, value=value, unit=unit), raw)
        except RefusedRecord as error:
            parcel.refuse(error, raw)


def _labels(series: Any) -> dict[str, str]:
    labels = {text(label.name, "label name"): text(label.value, "label") for label in series.labels}
    if len(labels) < len(series.labels):
        raise RefusedRecord("labels: a name stands there twice")
    if any("\0" in name + value for name, value in labels.items()):
        labels = {sound(name): sound(value) for name, value in labels.items()}
    if not labels.get(_NAME):
        raise RefusedRecord(f"labels: the series has no {_NAME}")
    return labels


def _samples(series: Any) -> Iterator[Any]:
    yield from series.samples
    yield from series.histograms


def _time(sample: Any) -> datetime:
    return from_micros(sample.timestamp * 1000)


def _values(sample: Any) -> list[tuple[str, float]]:
    """Return the suffix of the name and the value of each point that a sample makes."""
    if isinstance(sample, MESSAGES["Sample"]):
        values = [("", sample.value)]
    else:
        values = [("_count", sample.count_float or float(sample.count_int)), ("_sum", sample.sum)]
        if math.isnan(sample.sum):
            return []  # a stale histogram; its count means nothing
    for _, value in values:
        if math.isinf(value):
            raise RefusedRecord(f"value: {value} is not a finite number")
    return [(suffix, value) for suffix, value in values if not math.isnan(value)]


def _alone(series: Any, sample: Any) -> bytes:
    field = "samples" if isinstance(sample, MESSAGES["Sample"]) else "histograms"
    one = MESSAGES["TimeSeries"](labels=series.labels, **{field: [sample]})
    request: bytes = MESSAGES["WriteRequest"](timeseries=[one]).SerializeToString()
    return request
