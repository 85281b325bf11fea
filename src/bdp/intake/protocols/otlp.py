"""Taking an OTLP request apart, the same for its three signals.

A request holds resources, each holds scopes, each holds records. Where a protobuf request is damaged inside, it is
taken apart as plain bytes, so that one bad record is refused alone. A large one always is: a message of two bytes takes
a hundred when it is parsed, so counts and sizes are checked before. The payload of a refused record is a whole request
with this one record, in the form in which it came: the same reader reads it again.

Memory: the body, its parts as bytes (at most sixteen times a body of empty ones), and the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from bdp.errors import BadRequest
from bdp.intake.parcel import Parcel, Raw
from bdp.intake.protocols import wire
from bdp.intake.protocols.otlp_json import message_of
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause

_PARTS = wire.declare(
    "bdp.otlp",
    {
        "Request": {"resources": (1, "[]bytes")},
        "ResourceGroup": {"resource": (1, "bytes"), "scopes": (2, "[]bytes")},
        "ScopeGroup": {"scope": (1, "bytes"), "records": (2, "[]bytes")},
    },
)
"""A request as nested bytes; the field numbers are the same in all three signals."""


@dataclass(frozen=True)
class Signal:
    """One of OTLP's signals: its request, and the names of the three levels.

    Attributes:
        record: class of a record: a log record, a span, or a metric.
    """

    request: type[Message]
    resources: str
    scopes: str
    records: str
    record: type[Message]


@dataclass(frozen=True)
class Group:
    """The records of one scope of one resource, each with its form as it came."""

    resource: Resource
    scope: InstrumentationScope
    records: Iterable[tuple[Any, Raw]]


def groups(body: bytes, content_type: str, signal: Signal, parcel: Parcel) -> Iterator[Group]:
    """Yield what a request holds; what cannot be read in it is refused to the parcel.

    Raises:
        BadRequest: the whole of it cannot be read.
        UnknownFormat: it is neither protobuf nor JSON.
    """
    return _counted(_any_groups(body, content_type, signal, parcel), parcel)


def _counted(found: Iterable[Group], parcel: Parcel) -> Iterator[Group]:
    """Each group costs as much as a record, though it may hold none."""
    most = parcel.edge.settings.max_records
    for count, group in enumerate(found, 1):
        wire.check_count(count, "resources or scopes", most)
        yield group


def _any_groups(body: bytes, content_type: str, signal: Signal, parcel: Parcel) -> Iterator[Group]:
    if wire.is_json(content_type, body):
        return _json_groups(wire.json_object(body), signal, parcel)
    if len(body) > parcel.edge.settings.max_record_bytes:
        return _apart_groups(body, signal, parcel)
    try:
        request = signal.request.FromString(body)
    except (DecodeError, ValueError):
        return _apart_groups(body, signal, parcel)
    return _groups(request, signal, parcel.edge.settings.max_records)


def _groups(request: Message, signal: Signal, most: int) -> Iterator[Group]:
    resources = getattr(request, signal.resources)
    wire.check_count(len(resources), "resources", most)
    for of_resource in resources:
        for of_scope in getattr(of_resource, signal.scopes):
            resource, scope = of_resource.resource, of_scope.scope
            raw = partial(_request_of, resource, scope)
            records = getattr(of_scope, signal.records)
            yield Group(resource, scope, ((record, partial(raw, record)) for record in records))


def _request_of(resource: Message, scope: Message, record: Message) -> bytes:
    return _enclosed(resource.SerializeToString(), scope.SerializeToString(), record.SerializeToString())


def _enclosed(resource: bytes, scope: bytes, record: bytes) -> bytes:
    inner = _PARTS["ScopeGroup"](scope=scope, records=[record]).SerializeToString()
    outer = _PARTS["ResourceGroup"](resource=resource, scopes=[inner]).SerializeToString()
    request: bytes = _PARTS["Request"](resources=[outer]).SerializeToString()
    return request


def _apart_groups(body: bytes, signal: Signal, parcel: Parcel) -> Iterator[Group]:
    """Take a request apart level by level, and refuse the pieces that cannot be read."""
    most = parcel.edge.settings.max_record_bytes
    resources = wire.parsed(_PARTS["Request"], body).resources
    wire.check_count(len(resources), "resources", parcel.edge.settings.max_records)
    for outer in resources:
        try:
            of_resource = _read(_PARTS["ResourceGroup"], outer)
            wire.check_shared(of_resource.resource, "A resource", most)
            resource = _read(Resource, of_resource.resource)
        except RefusedRecord as error:
            parcel.refuse(error, partial(_in_request, outer))
            continue
        for inner in of_resource.scopes:
            try:
                of_scope = _read(_PARTS["ScopeGroup"], inner)
                wire.check_shared(of_scope.scope, "A scope", most)
                scope = _read(InstrumentationScope, of_scope.scope)
            except RefusedRecord as error:
                parcel.refuse(error, partial(_in_resource, of_resource.resource, inner))
                continue
            enclose = partial(_enclosed, of_resource.resource, of_scope.scope)
            yield Group(resource, scope, _apart(of_scope.records, enclose, signal, parcel))


def _apart(
    records: Iterable[bytes], enclose: Callable[[bytes], bytes], signal: Signal, parcel: Parcel
) -> Iterator[tuple[Any, Raw]]:
    for record in records:
        raw = partial(enclose, record)
        try:
            yield _record(signal.record, record, parcel), raw
        except RefusedRecord as error:
            parcel.refuse(error, raw)


def _in_request(outer: bytes) -> bytes:
    request: bytes = _PARTS["Request"](resources=[outer]).SerializeToString()
    return request


def _in_resource(resource: bytes, inner: bytes) -> bytes:
    return _in_request(_PARTS["ResourceGroup"](resource=resource, scopes=[inner]).SerializeToString())


def _record(shape: type[Message], raw: bytes, parcel: Parcel) -> Any:
    """Parse one record; its size bounds what it becomes."""
    most = parcel.edge.settings.max_record_bytes
    if len(raw) > most:
        name = shape.DESCRIPTOR.name
        raise RefusedRecord(f"{name}: it has {len(raw)} bytes; at most {most} are taken", Cause.TOO_LARGE)
    return _read(shape, raw)


def _read(shape: type[Message], raw: bytes) -> Any:
    try:
        return shape.FromString(raw)
    except (DecodeError, ValueError):
        text = f"{shape.DESCRIPTOR.name}: not valid protobuf, or text that is not UTF-8"
        raise RefusedRecord(text, Cause.ENCODING) from None


def _json_groups(request: dict[str, Any], signal: Signal, parcel: Parcel) -> Iterator[Group]:
    resources = _listed(request, signal.resources)
    if resources is None:
        raise BadRequest(f"{_camel(signal.resources)}: expected an array.", "Send an OTLP export request.")
    wire.check_count(len(resources), "resources", parcel.edge.settings.max_records)
    for of_resource in resources:
        for of_scope, raw in _json_scopes(of_resource, signal, parcel):
            try:
                resource = message_of(Resource, of_resource.get("resource") or {})
                scope = message_of(InstrumentationScope, of_scope.get("scope") or {})
            except RefusedRecord as error:
                parcel.refuse(error, raw)
                continue
            yield Group(resource, scope, _json_records(of_resource, of_scope, signal, parcel))


def _json_scopes(of_resource: Any, signal: Signal, parcel: Parcel) -> Iterator[tuple[dict[str, Any], Raw]]:
    whole = partial(wire.json_bytes, {_camel(signal.resources): [of_resource]})
    scopes = _listed(of_resource, signal.scopes)
    if scopes is None:
        text = f"{_camel(signal.resources)}: expected objects with an array {_camel(signal.scopes)}"
        parcel.refuse(RefusedRecord(text), whole)
    for of_scope in scopes or ():
        raw = partial(_json_request, signal, of_resource, of_scope)
        if _listed(of_scope, signal.records) is None:
            text = f"{_camel(signal.scopes)}: expected objects with an array {_camel(signal.records)}"
            parcel.refuse(RefusedRecord(text), raw)
        else:
            yield of_scope, raw


def _json_records(
    of_resource: dict[str, Any], of_scope: dict[str, Any], signal: Signal, parcel: Parcel
) -> Iterator[tuple[Any, Raw]]:
    for record in _listed(of_scope, signal.records) or ():
        alone = {"scope": of_scope.get("scope"), _camel(signal.records): [record]}
        raw = partial(_json_request, signal, of_resource, alone)
        try:
            yield message_of(signal.record, record), raw
        except RefusedRecord as error:
            parcel.refuse(error, raw)


def _json_request(signal: Signal, of_resource: dict[str, Any], of_scope: Any) -> bytes:
    outer = {"resource": of_resource.get("resource"), _camel(signal.scopes): [of_scope]}
    return wire.json_bytes({_camel(signal.resources): [outer]})


def _listed(holder: Any, name: str) -> list[Any] | None:
    """Return an object's array under either spelling of its name; empty if it is absent, None if it is no array."""
    if not isinstance(holder, dict):
        return None
    value = holder.get(_camel(name), holder.get(name))
    if value is None:
        return []
    return value if isinstance(value, list) else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
