"""OTLP log records become events.

`severity_number` decides the level, else `severity_text`, else an attribute such as `level`, else what stands among the
first words of the message (`bdp.intake.line_level`). The body is the message; a map as body is read like a JSON event:
names that mean a column fill it, the others become attributes `body.<name>`. `exception.type` is the error code,
`exception.message` the message where there is none. The time is the record's, else when it was observed, else its
arrival.
"""

from __future__ import annotations

from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from bdp.intake.aliases import LEVELS, OTEL_LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.flatten import flat, sound, text_of
from bdp.intake.limits import Edge
from bdp.intake.line_level import first_level
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.columns import NAMES, Named, fill, says_level
from bdp.intake.protocols.otlp import Signal, groups
from bdp.intake.protocols.otlp_attributes import (
    DROPPED_ATTRIBUTES,
    Surroundings,
    gather,
    plain,
    surroundings,
    timed,
)
from bdp.intake.refusal import RefusedRecord
from bdp.intake.tolerance import LEVEL_ORIGINAL

EVENT_NAME = "event.name"
_SIGNAL = Signal(ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records", LogRecord)
_OPEN: Final[frozenset[str]] = frozenset()
_LEVEL_SET: Final = frozenset({"level"})


def read_logs(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read an `ExportLogsServiceRequest`; see `Protocol.read`."""
    depth = parcel.edge.settings.max_depth
    for group in groups(body, content_type, _SIGNAL, parcel):
        around = surroundings(group.resource, group.scope, depth)
        for record, raw in group.records:
            try:
                event = _event(record, around, parcel.edge)
            except RefusedRecord as error:
                parcel.refuse(error, raw)
            else:
                parcel.event(event, raw)


def _event(record: LogRecord, around: Surroundings, edge: Edge) -> EventRecord:
    attributes = around.attributes.copy()
    named: Named = []
    gather(record.attributes, attributes, named, edge.settings.max_depth)
    message = _message(record, attributes, named, edge.settings.max_depth)
    level = _level(record, attributes)
    event = EventRecord(
        ts=timed(record.time_unix_nano, record.observed_time_unix_nano, edge, attributes),
        level=level or "INFO",
        message=message,
        trace_id=_id(record.trace_id),
        span_id=_id(record.span_id),
        attributes=attributes,
    )
    if named:
        fill(event, named, _LEVEL_SET if level else _OPEN)
    around.complete(event)
    if record.event_name:
        attributes[EVENT_NAME] = sound(record.event_name)
    if record.dropped_attributes_count:
        attributes[DROPPED_ATTRIBUTES] = str(record.dropped_attributes_count)
    if not event.message:
        event.message = _other_message(record, attributes)
    if level is None and LEVEL_ORIGINAL not in attributes and not says_level(named):
        event.level = first_level(event.message) or event.level
    return event


def _message(record: LogRecord, attributes: dict[str, str], named: Named, depth: int) -> str:
    """Return a body of text; take a map apart, whose message is then among `named`."""
    body = record.body
    kind = body.WhichOneof("value")
    if kind == "string_value":
        return sound(body.string_value)
    if kind is None:
        return ""
    found = plain(body)
    if not isinstance(found, dict):
        return text_of(found)
    for name, value, _ in flat(found, depth):
        if name in NAMES and not isinstance(value, (list, dict)):
            named.append((name, value))
        else:
            attributes[sound(f"body.{name}")] = text_of(value)
    return ""


def _other_message(record: LogRecord, attributes: dict[str, str]) -> str:
    """What a person can read where the body is no text: the exception, the event's name, or the body as JSON."""
    told = attributes.get("exception.message") or attributes.get(EVENT_NAME)
    return told or (text_of(plain(record.body)) if record.body.WhichOneof("value") else "")


def _level(record: LogRecord, attributes: dict[str, str]) -> str | None:
    text = record.severity_text
    by_name = LEVELS.get(text.strip().upper()) if text else None
    level = OTEL_LEVELS.get(record.severity_number) or by_name
    if text and (by_name is None or by_name != level):
        attributes[LEVEL_ORIGINAL] = sound(text)
    elif record.severity_number and level is None:
        attributes[LEVEL_ORIGINAL] = str(record.severity_number)
    return level


def _id(raw: bytes) -> str:
    """An id of zeros means none."""
    return raw.hex() if any(raw) else ""
