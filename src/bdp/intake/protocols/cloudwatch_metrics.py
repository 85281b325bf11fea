"""CloudWatch metric streams in JSON, as Firehose delivers them: one point for each statistic of a minute.

Source: CloudWatch User Guide, "Metric stream JSON output format".
"""

from __future__ import annotations

from typing import Any, Final

from bdp.intake.flatten import sound, text_of
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.cloudwatch import owner
from bdp.intake.protocols.wire import json_bytes
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import read_time
from bdp.model.metric import MetricPoint

MARK = "metric_stream_name"

UNITS: Final = {
    "Percent": "%", "Seconds": "s", "Milliseconds": "ms", "Microseconds": "us", "Bytes": "By", "Kilobytes": "kBy",
    "Megabytes": "MBy", "Gigabytes": "GBy", "Bits": "bit", "Bytes/Second": "By/s", "Bits/Second": "bit/s",
    "Count": "1", "Count/Second": "1/s", "None": "",
}  # fmt: skip
"""CloudWatch's unit -> UCUM; another one stays as it is."""

_COUNT = "count"
_MAX_STATISTICS = 50


def read_line(record: Any, parcel: Parcel) -> None:
    """Add the points of one metric in one minute, the statistic in the label `stat`; a bad one is refused whole."""
    try:
        points = _points(record)
    except RefusedRecord as error:
        parcel.refuse(error, lambda: json_bytes(record))
        return
    for point in points:
        parcel.point(point, lambda: json_bytes(record))


def _points(record: Any) -> list[MetricPoint]:
    if not isinstance(record, dict) or not isinstance(record.get("metric_name"), str):
        raise RefusedRecord("expected a metric of a CloudWatch metric stream, an object with `metric_name`")
    values = record.get("value")
    if not isinstance(values, dict) or not values:
        raise RefusedRecord(f"value: expected statistics by name, got {shown(values)}")
    ts = read_time(record.get("timestamp"))
    name = "/".join(text_of(record[key]) for key in ("namespace", "metric_name") if record.get(key))
    unit = text_of(record.get("unit") or "")
    series = {"entity": owner([record]), "name": name}
    labels = _labels(record)
    return [
        MetricPoint(
            ts=ts,
            labels={**labels, "stat": sound(stat)},
            value=_number(stat, value),
            unit="1" if stat == _COUNT else UNITS.get(unit, unit),
            **series,
        )
        for stat, value in list(values.items())[:_MAX_STATISTICS]
    ]


def _labels(record: dict[str, Any]) -> dict[str, str]:
    dimensions = record.get("dimensions")
    named = dimensions if isinstance(dimensions, dict) else {}
    labels = {sound(name): text_of(value) for name, value in named.items()}
    about = {"account_id": record.get("account_id"), "region": record.get("region")}
    return labels | {name: text_of(value) for name, value in about.items() if value}


def _number(stat: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e308:
        raise RefusedRecord(f"value.{stat[:40]}: expected a number, got {shown(value)}")
    return float(value)
