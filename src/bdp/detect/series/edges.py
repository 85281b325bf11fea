"""Metrics that come with the edges of their expected band, learnt elsewhere: told when they leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bdp.detect.series.band import Outside, points_outside
from bdp.detect.series.roster import Key, hashed, key_of
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType
from bdp.model.metric import BAND_HIGH, BAND_LOW, MetricPoint

_ROW: Final = "edges/"
_MOST: Final = 10_000
_AGAIN: Final = 3600.0
"""Seconds after which a metric that stays outside is told again."""
_RISKS: Final = ((0.0, 45), (0.5, 60), (2.0, 70), (5.0, 79))
"""Widths of the band beyond its edge -> risk."""
_ADVICE: Final = (
    "Look at what changed around this time: deploys, configuration, traffic, limits of the service.",
    "Compare with the provider's own view of the metric; the band is the provider's.",
)


class EdgeDetector:
    """Remembers which metrics were told to be outside their band, and when; at most 10,000."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._dirty: dict[str, None] = {}

    def observe(self, points: Sequence[MetricPoint]) -> list[Insight]:
        """Return an insight for each metric that leaves its band, and for one that stays outside each hour."""
        if not any(point.name.endswith((BAND_LOW, BAND_HIGH)) for point in points):
            return []
        found: list[Insight] = []
        for point, outside in sorted(points_outside(points), key=lambda pair: pair[0].ts):
            key = key_of(point)
            name, at = hashed(key), point.ts.timestamp()
            before = self._told.get(name)
            if before is None or at - before >= _AGAIN:
                self._told.pop(name, None)
                self._told[name] = at
                self._dirty[name] = None
                found.append(_insight(point, key, outside))
        while len(self._told) > _MOST:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._dirty[oldest] = None
        return found

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        dirty, self._dirty = self._dirty, {}
        return {_ROW + name: msgspec.msgpack.encode(self._told[name]) if name in self._told else None for name in dirty}

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described; rows of others are left alone."""
        own = {name: msgspec.msgpack.decode(data, type=float) for name, data in rows.items() if name.startswith(_ROW)}
        self._told = {name.removeprefix(_ROW): at for name, at in sorted(own.items(), key=lambda item: item[1])}
        self._dirty = {}


def raised(insight: Insight) -> bool:
    """Return whether an insight is one of this detector's; those of the other series detector have ids of this form."""
    return insight.recommendations == _ADVICE


def _insight(point: MetricPoint, key: Key, outside: Outside) -> Insight:
    entity = point.entity or point.name
    return Insight(
        entity_id=f"alert_{entity}/{point.name}_{hashed(key)[:8]}_{int(point.ts.timestamp())}",
        timestamp=point.ts,
        prediction_type=PredictionType.ANOMALY_DETECTED,
        risk_score=max(risk for beyond, risk in _RISKS if outside.distance >= beyond),
        explanation=_told(point, outside),
        recommendations=_ADVICE,
        confidence=0.7,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=entity,
        ttl=point.ts + TTL,
    )


def _told(point: MetricPoint, outside: Outside) -> str:
    of, unit = f" of {point.entity}" if point.entity else "", f" {point.unit}" if point.unit else ""
    return (
        f"{point.name}{of}: {outside.value:.6g}{unit} is {outside.direction} the expected band "
        f"from {outside.low:.6g} to {outside.high:.6g}{unit}."
    )
