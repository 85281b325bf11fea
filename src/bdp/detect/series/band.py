"""Values outside an expected band that somebody else has learnt, such as CloudWatch's anomaly detection.

Both edges of a band are series of their own: `<name>.band_low` and `<name>.band_high`, with the metric's labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

Series = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class Outside:
    """One value outside its band.

    Attributes:
        ts: UTC.
        low: the band's lower edge at that time, in the value's unit; `high` the upper one.
    """

    ts: datetime
    value: float
    low: float
    high: float
    direction: Literal["above", "below"]

    @property
    def distance(self) -> float:
        """How far it lies outside the nearer edge, in widths of the band; infinite where the band has none."""
        beyond = self.value - self.high if self.direction == "above" else self.low - self.value
        return beyond / (self.high - self.low) if self.high > self.low else math.inf


def outside(values: Series, lower: Series, upper: Series) -> list[Outside]:
    """Return the values that lie outside the band, by time.

    A value on an edge is inside. Where an edge is missing (a model that is still learning gives none) or not a number,
    nothing is said. The lower one of two edges is the lower edge, whichever was given as which.
    """
    found = []
    for ts in sorted(values.keys() & lower.keys() & upper.keys()):
        value, edges = values[ts], (lower[ts], upper[ts])
        if not all(map(math.isfinite, (value, *edges))):
            continue
        low, high = min(edges), max(edges)
        if value > high:
            found.append(Outside(ts, value, low, high, "above"))
        elif value < low:
            found.append(Outside(ts, value, low, high, "below"))
    return found


def points_outside(points: Iterable[MetricPoint]) -> list[tuple[MetricPoint, Outside]]:
    """Return the points outside their band, each with what it missed, where both edges are among the points.

    Memory: the points of series that have an edge among them.
    """
    series: dict[tuple[object, ...], dict[datetime, MetricPoint]] = {}
    for point in points:
        series.setdefault((point.name, point.entity, *sorted(point.labels.items())), {})[point.ts] = point
    found = []
    for (name, *rest), measured in series.items():
        low, high = series.get((f"{name}{BAND_LOW}", *rest)), series.get((f"{name}{BAND_HIGH}", *rest))
        if low and high:
            lines = outside(_values(measured), _values(low), _values(high))
            found += [(measured[one.ts], one) for one in lines]
    return found


def _values(points: Mapping[datetime, MetricPoint]) -> dict[datetime, float]:
    return {ts: point.value for ts, point in points.items()}
