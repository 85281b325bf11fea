"""What OTLP's attributes mean: text for an event's attributes or a point's labels, and names that fill columns."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from bdp.intake.event import EventRecord
from bdp.intake.flatten import NUL, flat, sound, text_of
from bdp.intake.limits import Edge
from bdp.intake.protocols.columns import NAMES, Named, fill
from bdp.intake.times import EPOCH, from_micros
from bdp.intake.tolerance import TIME_SOURCE

SCOPE_NAME = "otel.scope.name"
SCOPE_VERSION = "otel.scope.version"
DROPPED_ATTRIBUTES = "otel.dropped_attributes_count"
_OF_RESOURCE: Final = {"service": "service.name", "tenant": "tenant.id"}
"""Columns that a resource may fill, and the attribute for its value where the record has another."""


@dataclass(frozen=True)
class Surroundings:
    """What the records of one scope share.

    Attributes:
        attributes: of the resource and the scope, as text.
        columns: column -> text, out of the resource.
    """

    attributes: dict[str, str]
    columns: dict[str, str]

    def complete(self, event: EventRecord) -> None:
        """Fill the resource's columns where the record has none of its own."""
        for column, text in self.columns.items():
            if getattr(event, column):
                event.attributes.setdefault(_OF_RESOURCE[column], text)
            else:
                setattr(event, column, text)


def surroundings(resource: Resource, scope: InstrumentationScope, depth: int) -> Surroundings:
    """Return what the records of one scope of one resource share."""
    named: Named = []
    attributes: dict[str, str] = {}
    gather(resource.attributes, attributes, named, depth)
    event = EventRecord(ts=EPOCH, attributes=attributes)
    fill(event, [pair for pair in named if NAMES[pair[0]][0] in _OF_RESOURCE])
    attributes.update({name: text_of(value) for name, value in named if NAMES[name][0] not in _OF_RESOURCE})
    attributes.update(_scope_texts(scope, depth))
    columns = {column: getattr(event, column) for column in _OF_RESOURCE if getattr(event, column)}
    return Surroundings(attributes, columns)


def texts(pairs: Iterable[KeyValue], depth: int) -> dict[str, str]:
    """Return attributes as text, all of them."""
    named: Named = []
    found: dict[str, str] = {}
    gather(pairs, found, named, depth)
    found.update({name: text_of(value) for name, value in named})
    return found


def gather(pairs: Iterable[KeyValue], attributes: dict[str, str], named: Named, depth: int) -> None:
    """Sort attributes out: what may fill a column into `named`, the rest as text into `attributes`.

    A map becomes dotted names down to `depth`, an array JSON, bytes base64; a value that is not set is left out.
    """
    for pair in pairs:
        key, value = pair.key, pair.value
        # Asking for the text is cheaper than asking what it is, and most values are text.
        text = value.string_value
        if not text:
            _gather_other(key, value, attributes, named, depth)
        elif key in NAMES:
            named.append((key, text))
        elif NUL in text or NUL in key:
            attributes[sound(key)] = sound(text)
        else:
            attributes[key] = text


def _gather_other(key: str, value: AnyValue, attributes: dict[str, str], named: Named, depth: int) -> None:
    found = plain(value)
    if found is None:
        return
    if isinstance(found, dict):
        for name, item, _ in flat({"": found}, depth):
            _place(key + name, item, attributes, named)
    else:
        _place(key, found, attributes, named)


def _place(name: str, value: Any, attributes: dict[str, str], named: Named) -> None:
    if name not in NAMES or isinstance(value, (list, dict)):
        attributes[sound(name)] = text_of(value)
    else:
        named.append((name, value))


def plain(value: AnyValue) -> Any:
    """Return a value as Python has it; bytes as base64, one that is not set as None."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def timed(nanos: int, observed: int, edge: Edge, attributes: dict[str, str]) -> datetime:
    """Return when something happened, else when it was seen, else its arrival; the last two are noted."""
    if nanos:
        return from_micros(nanos // 1000)
    if observed:
        attributes[TIME_SOURCE] = "observed"
        return from_micros(observed // 1000)
    attributes[TIME_SOURCE] = edge.undated_source
    return edge.undated or edge.now


def _scope_texts(scope: InstrumentationScope, depth: int) -> dict[str, str]:
    found = texts(scope.attributes, depth)
    if scope.name:
        found[SCOPE_NAME] = sound(scope.name)
    if scope.version:
        found[SCOPE_VERSION] = sound(scope.version)
    return found
