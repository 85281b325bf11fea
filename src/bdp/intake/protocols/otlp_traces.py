"""OTLP spans become events.

`ts` is the start, `route` the attribute `http.route` or else the span's name. A span whose status is an error has level
ERROR and as its message what the status or the latest exception says; its error code is `error.type`, else the
exception's type. Any other span is INFO with its name as the message. Kind, status, name, events and links stay
attributes, the last two as JSON.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bdp.intake.event import EventRecord
from bdp.intake.flatten import sound
from bdp.intake.limits import Edge
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.columns import Named, fill
from bdp.intake.protocols.otlp import Signal, groups
from bdp.intake.protocols.otlp_attributes import (
    DROPPED_ATTRIBUTES,
    Surroundings,
    gather,
    surroundings,
    texts,
    timed,
)
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import from_micros

_SIGNAL = Signal(ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans", Span)
_KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
_STATUSES: Final = {Status.STATUS_CODE_OK: "OK", Status.STATUS_CODE_ERROR: "ERROR"}
_ROUTES: Final = ("http.route", "route")
_CLOSED: Final = frozenset({"level", "duration_ms", "message", "route", "event_id", "trace_id", "span_id", "parent_id"})
_ENCODER = msgspec.json.Encoder()


def read_traces(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read an `ExportTraceServiceRequest`; see `Protocol.read`."""
    depth = parcel.edge.settings.max_depth
    for group in groups(body, content_type, _SIGNAL, parcel):
        around = surroundings(group.resource, group.scope, depth)
        for span, raw in group.records:
            try:
                event = _event(span, around, parcel.edge)
            except RefusedRecord as error:
                parcel.refuse(error, raw)
            else:
                parcel.event(event, raw)


def _event(span: Span, around: Surroundings, edge: Edge) -> EventRecord:
    attributes = around.attributes.copy()
    named: Named = []
    depth = edge.settings.max_depth
    gather(span.attributes, attributes, named, depth)
    name = sound(span.name)
    event = EventRecord(
        ts=timed(span.start_time_unix_nano, span.end_time_unix_nano, edge, attributes),
        route=next((str(value) for key, value in named if key in _ROUTES and value), name),
        duration_ms=_duration(span),
        message=name,
        trace_id=_id(span.trace_id),
        span_id=_id(span.span_id),
        parent_id=_id(span.parent_span_id),
        attributes=attributes,
    )
    fill(event, named, _CLOSED)
    around.complete(event)
    attributes["span.name"] = name
    _note(span, attributes, depth)
    if span.status.code == Status.STATUS_CODE_ERROR:
        _fail(event, span, depth)
    return event


def _duration(span: Span) -> float:
    """Milliseconds; a span that has no end, or ends before it starts, has none."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    return (end - start) / 1e6 if 0 < start < end else 0.0


def _note(span: Span, attributes: dict[str, str], depth: int) -> None:
    if span.kind in _KINDS:
        attributes["span.kind"] = _KINDS[span.kind]
    if span.status.code in _STATUSES:
        attributes["otel.status_code"] = _STATUSES[span.status.code]
    if span.status.message:
        attributes["otel.status_description"] = sound(span.status.message)
    if span.trace_state:
        attributes["span.trace_state"] = sound(span.trace_state)
    if span.events:
        attributes["span.events"] = _json([_told(event, depth) for event in span.events])
    if span.links:
        attributes["span.links"] = _json([_link(link, depth) for link in span.links])
    if span.dropped_attributes_count:
        attributes[DROPPED_ATTRIBUTES] = str(span.dropped_attributes_count)


def _told(event: Span.Event, depth: int) -> dict[str, Any]:
    at = from_micros(event.time_unix_nano // 1000)
    return {"name": sound(event.name), "ts": at, "attributes": texts(event.attributes, depth)}


def _link(link: Span.Link, depth: int) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "attributes": texts(link.attributes, depth),
    }


def _fail(event: EventRecord, span: Span, depth: int) -> None:
    event.level = "ERROR"
    thrown = next((told for told in reversed(span.events) if told.name == "exception"), None)
    about = texts(thrown.attributes, depth) if thrown else {}
    event.error_code = event.error_code or about.get("exception.type", "")
    event.message = sound(span.status.message) or about.get("exception.message") or event.message


def _json(value: Any) -> str:
    return _ENCODER.encode(value).decode()


def _id(raw: bytes) -> str:
    """An id of zeros means none."""
    return raw.hex() if any(raw) else ""
