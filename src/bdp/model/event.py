"""The wide event: one thing that happened in one service, with everything known about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec


class Level(StrEnum):
    """Severity of an event (OpenTelemetry's names without TRACE)."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"
    FATAL = "FATAL"


ABNORMAL_LEVELS = frozenset({Level.WARN, Level.ERROR, Level.FATAL})
Status = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Event(msgspec.Struct, kw_only=True):
    """One wide event; the field names are the store's columns.

    Attributes:
        ts: when it happened, UTC.
        duration_ms: milliseconds; 0 where unknown.
        status: HTTP or gRPC status; 0 where unknown.
        weight: how many real events this one stands for (sampling); 1 when all are kept.
        attributes: free text attributes, flattened: nested keys joined by a dot.
    """

    event_id: str = ""
    ts: datetime
    tenant: str = ""
    service: str = ""
    route: str = ""
    level: Level = Level.INFO
    error_code: str = ""
    status: Status = 0
    duration_ms: float = 0.0
    message: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    user_id: str = ""
    client_ip: str = ""
    weight: float = 1.0
    attributes: dict[str, str] = {}


class EventSignal(msgspec.Struct, gc=False):
    """The part of an event that detectors look at; decoding only this is several times cheaper."""

    ts: datetime
    service: str = ""
    route: str = ""
    level: Level = Level.INFO
    error_code: str = ""
    status: int = 0
    message: str = ""
    trace_id: str = ""
    weight: float = 1.0

    @property
    def abnormal(self) -> bool:
        """True for WARN and above, for any error code and for status 500 and above."""
        return self.level in ABNORMAL_LEVELS or self.error_code != "" or self.status >= 500


ABNORMAL_SQL = "(level IN ('WARN', 'ERROR', 'FATAL') OR error_code != '' OR status >= 500)"
"""The same rule as `EventSignal.abnormal`, in the store's SQL."""
