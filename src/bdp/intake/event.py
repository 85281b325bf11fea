"""The event as it is read at the edge: the same fields as `bdp.model.event.Event`, with the level still as text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from bdp.model.event import Status

Weight = Annotated[float, msgspec.Meta(ge=1, le=1e9)]


class EventRecord(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One event on its way into a batch; the field names are the store's columns.

    It holds only text, numbers and one flat dict, so the garbage collector need not watch it.

    Attributes:
        weight: how many real events it stands for, 1 or more.
    """

    event_id: str = ""
    ts: datetime
    tenant: str = ""
    service: str = ""
    route: str = ""
    level: str = "INFO"
    error_code: str = ""
    status: Status = 0
    duration_ms: float = 0.0
    message: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    user_id: str = ""
    client_ip: str = ""
    weight: Weight = 1.0
    attributes: dict[str, str] = {}
