"""Metric points."""

from __future__ import annotations

from datetime import datetime

import msgspec


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
