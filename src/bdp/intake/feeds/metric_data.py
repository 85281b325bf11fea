"""What CloudWatch is asked for, and what its answers mean.

`GetMetricData` gives a metric as one result, and `ANOMALY_DETECTION_BAND(m, width)` as two under one id: the band's
upper and lower edge. Nothing documented says which is which, so at each time the lower value is the lower edge. While
the model is learning, or if there is none, the band is missing, and only the metric's own points are made.

Sources: CloudWatch API, "GetMetricData", "MetricDataResult", "ListMetrics"; CloudWatch User Guide, "Using math
expressions with CloudWatch metrics".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bdp.intake.flatten import sound
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.cloudwatch import owner
from bdp.intake.protocols.cloudwatch_metrics import UNITS
from bdp.intake.refusal import RefusedRecord
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

_MOST_QUERIES = 500
_MOST_PAGES = 100
_LISTED_PAGES = 40
_RECENT: Final = "PT3H"
_STATS: Final = {"Sum": "sum", "Average": "average", "Maximum": "max", "Minimum": "min", "SampleCount": "count"}
"""CloudWatch's statistic -> the label `stat`, as its metric streams call it."""


class Client(Protocol):
    """The part of boto3's client that is used."""

    meta: Any

    def get_metric_data(self, **asked: Any) -> Any: ...
    def list_metrics(self, **asked: Any) -> Any: ...


class Incomplete(Exception):
    """CloudWatch answered, but not all of it; the text says what."""


class WatchedMetric(BaseModel):
    """A metric to ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespace: str = Field(min_length=1, max_length=255, description="such as AWS/Lambda")
    metric_name: str = Field(min_length=1, max_length=255, description="such as Errors")
    stat: str = Field(default="Average", min_length=1, description="a statistic, such as Sum or p99")
    unit: str = Field(default="", description="CloudWatch's name of the unit, which its answers do not tell")
    dimensions: dict[str, str] = Field(
        default={}, description="exactly these dimensions; an empty value stands for every one that there is"
    )


@dataclass(frozen=True, order=True)
class Series:
    """One metric of one owner."""

    namespace: str
    metric_name: str
    stat: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]

    def query(self, number: int, period: int) -> dict[str, Any]:
        """Return the query whose id is `m<number>`."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.metric_name, "Dimensions": dimensions}
        return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": self.stat}}


@dataclass
class Measured:
    """The values of one series in one span: by time, UTC."""

    values: dict[datetime, float] = field(default_factory=dict)
    low: dict[datetime, float] = field(default_factory=dict)
    high: dict[datetime, float] = field(default_factory=dict)


def discover(client: Client, watched: Sequence[WatchedMetric], most: int) -> tuple[list[Series], int]:
    """Return at most so many series, each watched metric having its turn, and how many there are.

    Where there are more than 20,000 of one metric, only those are counted.
    """
    found = [sorted(set(_found(client, one))) for one in watched]
    turns = [series for turn in zip_longest(*found) for series in turn if series is not None]
    every = list(dict.fromkeys(turns))
    return every[:most], len(every)


def _found(client: Client, one: WatchedMetric) -> Iterator[Series]:
    if all(one.dimensions.values()):
        yield _series(one, one.dimensions)
        return
    asked: dict[str, Any] = {
        "Namespace": one.namespace,
        "MetricName": one.metric_name,
        "RecentlyActive": _RECENT,
        "Dimensions": [
            {"Name": name, "Value": value} if value else {"Name": name} for name, value in one.dimensions.items()
        ],
    }
    for _ in range(_LISTED_PAGES):
        answer = client.list_metrics(**asked)
        for metric in answer["Metrics"]:
            dimensions = {pair["Name"]: pair["Value"] for pair in metric.get("Dimensions", [])}
            if dimensions.keys() == one.dimensions.keys():
                yield _series(one, dimensions)
        if not answer.get("NextToken"):
            return
        asked["NextToken"] = answer["NextToken"]


def _series(one: WatchedMetric, dimensions: Mapping[str, str]) -> Series:
    return Series(one.namespace, one.metric_name, one.stat, one.unit, tuple(sorted(dimensions.items())))


def ask(
    client: Client, series: Sequence[Series], span: tuple[datetime, datetime], period: int, width: float
) -> list[Measured]:
    """Return what CloudWatch has of each series in a span, in their order.

    Args:
        span: from and to (excluded), both at whole periods.
        width: of the band, in standard deviations; 0 asks for none.

    Raises:
        Incomplete: it gave less than was asked for.
    """
    found: list[Measured] = []
    at_once = _MOST_QUERIES // 2 if width else _MOST_QUERIES
    for start in range(0, len(series), at_once):
        found += _asked(client, series[start : start + at_once], span, period, width)
    return found


def _asked(
    client: Client, series: Sequence[Series], span: tuple[datetime, datetime], period: int, width: float
) -> list[Measured]:
    queries = [one.query(number, period) for number, one in enumerate(series)]
    if width:
        queries += [
            {"Id": f"b{number}", "Expression": f"ANOMALY_DETECTION_BAND(m{number}, {width:g})"}
            for number in range(len(series))
        ]
    values = _answered(client, queries, span)
    return [_measured(values.get(f"m{number}", {}), values.get(f"b{number}", {})) for number in range(len(series))]


def _answered(
    client: Client, queries: list[dict[str, Any]], span: tuple[datetime, datetime]
) -> dict[str, dict[datetime, list[float]]]:
    """Return the values by id and time, of all results and pages.

    Raises:
        Incomplete: a result is not whole.
    """
    asked: dict[str, Any] = {
        "MetricDataQueries": queries, "StartTime": span[0], "EndTime": span[1], "ScanBy": "TimestampAscending",
    }  # fmt: skip
    values: dict[str, dict[datetime, list[float]]] = {}
    states: dict[tuple[str, str], str] = {}
    for _ in range(_MOST_PAGES):
        answer = client.get_metric_data(**asked)
        for result in answer["MetricDataResults"]:
            states[result["Id"], result.get("Label", "")] = result.get("StatusCode", "Complete")
            times = values.setdefault(result["Id"], {})
            for at, value in zip(result.get("Timestamps", []), result.get("Values", []), strict=False):
                if span[0] <= (ts := at.astimezone(UTC)) < span[1]:
                    times.setdefault(ts, []).append(float(value))
        if not answer.get("NextToken"):
            break
        asked["NextToken"] = answer["NextToken"]
    else:
        raise Incomplete(f"it has more than {_MOST_PAGES} pages for one request")
    if bad := sorted({state for state in states.values() if state != "Complete"}):
        raise Incomplete(f"it answered {', '.join(bad)}")
    return values


def _measured(metric: dict[datetime, list[float]], band: dict[datetime, list[float]]) -> Measured:
    whole = {ts: edges for ts, edges in band.items() if len(edges) > 1}
    return Measured(
        {ts: given[-1] for ts, given in metric.items()},
        {ts: min(edges) for ts, edges in whole.items()},
        {ts: max(edges) for ts, edges in whole.items()},
    )


def add_points(series: Series, measured: Measured, labels: Mapping[str, str], parcel: Parcel) -> None:
    """Add the points of one series and of its band, named as in CloudWatch's metric streams.

    Args:
        labels: of all points, besides the dimensions and `stat`.
    """
    dimensions = {sound(name): sound(value) for name, value in series.dimensions}
    entity = owner([{"namespace": series.namespace, "dimensions": dimensions}])
    every = {**dimensions, **labels, "stat": _STATS.get(series.stat, series.stat)}
    unit = UNITS.get(series.unit, series.unit)
    metric = sound(f"{series.namespace}/{series.metric_name}")
    for suffix, values in (("", measured.values), (BAND_LOW, measured.low), (BAND_HIGH, measured.high)):
        name = metric + suffix
        for ts, value in sorted(values.items()):
            told = f"{name} {ts.isoformat()} {value}".encode
            if math.isfinite(value):
                point = MetricPoint(ts=ts, name=name, entity=entity, labels=every, value=value, unit=unit)
                parcel.point(point, told)
            else:
                parcel.refuse(RefusedRecord(f"value: {value} is not a finite number"), told)
