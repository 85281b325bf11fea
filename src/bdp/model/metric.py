"""Metric points."""

from __future__ import annotations

from datetime import datetime

import msgspec

BAND_LOW = ".band_low"
"""Behind a metric's name: the series of the lower edge of its expected band, with the same entity and labels."""

BAND_HIGH = ".band_high"


class MetricPoint(msgspec.Struct, kw_only=True):
    """One value of one series; the series is `name` with its `labels`.

    Attributes:
        ts: UTC.
        entity: what it measures, such as a host, a service or a fabric stream.
        unit: UCUM code, such as `us`, `%`, `1`, `Gbit/s`.
    """

    ts: datetime
    name: str
    entity: str = ""
    labels: dict[str, str] = {}
    value: float
    unit: str = ""
