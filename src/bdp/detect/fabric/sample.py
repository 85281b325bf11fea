"""From points to samples and scrapes, in one pass; a point that is neither costs a look into a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from bdp.detect.fabric.counters import NAMES, Counter
from bdp.detect.fabric.place import LONGEST, cut, port_of
from bdp.detect.fabric.port import Scrape
from bdp.detect.fabric.rules import BANDWIDTH, ERRORS, LATENCY, QP, UTILIZATION, Values
from bdp.detect.fabric.track import METRICS, SECOND
from bdp.model.metric import MetricPoint

SLOTS: Final[Mapping[str, int]] = {
    "latency_p99": LATENCY,
    "utilization": UTILIZATION,
    "error_rate": ERRORS,
    "bandwidth_gbps": BANDWIDTH,
    "qp_errors": QP,
}
UNITS: Final[Mapping[tuple[int, str], float]] = {
    (LATENCY, "ns"): 1e-3,
    (LATENCY, "ms"): 1e3,
    (LATENCY, "s"): 1e6,
    (UTILIZATION, "1"): 100.0,
    (ERRORS, "%"): 0.01,
    (BANDWIDTH, "Mbit/s"): 1e-3,
}
"""What a value of another unit is multiplied with; any other unit is taken for the metric's own."""
_NAMES: Final[Mapping[str, int | Counter]] = {**SLOTS, **NAMES}
_LARGEST: Final = 1e300


class Gathered(NamedTuple):
    """A micro-batch by stream or port, then by instant (microseconds since 1970).

    Attributes:
        labels: of the first point of each stream and port.
    """

    streams: dict[str, dict[int, Values]]
    ports: dict[str, dict[int, Scrape]]
    labels: dict[str, Mapping[str, str]]


def gather(points: Sequence[MetricPoint]) -> Gathered:
    """Group the points of fabrics; of doubled ones the larger value counts, values that are no numbers are left out."""
    gathered = Gathered({}, {}, {})
    instants: dict[datetime, int] = {}
    find = _NAMES.get
    for point in points:
        what = find(point.name)
        if what is None or not 0 <= point.value < _LARGEST:
            continue
        instant = instants.get(point.ts)
        if instant is None:
            instant = instants[point.ts] = round(point.ts.timestamp() * SECOND)
        if isinstance(what, int):
            _add_sample(gathered, point, what, instant)
        else:
            _add_scrape(gathered, point, what.kind, instant)
    return gathered


def _add_sample(gathered: Gathered, point: MetricPoint, slot: int, instant: int) -> None:
    entity = point.entity if len(point.entity) <= LONGEST else cut(point.entity)
    samples = gathered.streams.get(entity)
    if samples is None:
        if not entity:
            return
        samples = gathered.streams[entity] = {}
        gathered.labels[entity] = point.labels
    values = samples.get(instant)
    if values is None:
        values = samples[instant] = [None] * METRICS
    value = point.value * UNITS.get((slot, point.unit), 1.0) if point.unit else point.value
    known = values[slot]
    values[slot] = value if known is None or value > known else known


def _add_scrape(gathered: Gathered, point: MetricPoint, kind: str, instant: int) -> None:
    entity = port_of(point.entity, point.labels)
    scrapes = gathered.ports.get(entity)
    if scrapes is None:
        scrapes = gathered.ports[entity] = {}
        gathered.labels[entity] = point.labels
    scrape = scrapes.setdefault(instant, {})
    scrape[kind] = max(point.value, scrape.get(kind, point.value))
