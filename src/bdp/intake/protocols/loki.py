"""Loki's push API: log lines with their stream's labels become events.

Labels and structured metadata become columns where they name one (`service_name`, `trace_id`, `level`, …) and else
attributes. A stream without a service gets the first of `SERVICES` that it has as a label, which is Loki's own order.
The level is the label `level`, else `detected_level`, else the line's own: a JSON object's field, or what stands among
the first words of the message (`bdp.intake.line_level`). A line is the message. If it is a JSON object, its fields are
read as those of a JSON event, but for its time: its message, if it has one, is the message then, and what names no
column is an attribute (`line.<name>` where a label has the name). A line that is not UTF-8 is kept, its bad bytes as
U+FFFD.

A refused record's payload is a push of that line alone, as JSON; too large, as protobuf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, TypeGuard

import msgspec

from bdp.errors import BadRequest
from bdp.intake.event import EventRecord
from bdp.intake.flatten import flat, sound, text_of
from bdp.intake.line_level import first_level
from bdp.intake.parcel import Parcel, Raw
from bdp.intake.protocols.columns import NAMES, Named, fill, says_level
from bdp.intake.protocols.wire import check_count, declare, is_json, json_bytes, json_object, parsed, text
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import from_micros
from bdp.model.batch import Cause

SERVICES: Final = (
    "app_name", "name", "app_kubernetes_io_name", "container", "container_name", "k8s_container_name", "component",
    "workload", "job", "k8s_job_name",
)  # fmt: skip
"""Labels that name the service where none of the alias table does, as Loki's `discover_service_name`."""

MESSAGES: Final = declare(
    "bdp.loki",
    {
        "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
        "LabelPair": {"name": (1, "bytes"), "value": (2, "bytes")},
        "Entry": {"timestamp": (1, "Timestamp"), "line": (2, "bytes"), "metadata": (3, "[]LabelPair")},
        "Stream": {"labels": (1, "bytes"), "entries": (2, "[]Entry")},
        "PushRequest": {"streams": (1, "[]Stream")},
    },
)
"""Loki's `push.proto`."""

_PIECES: Final = declare(
    "bdp.loki.pieces",
    {"Stream": {"labels": (1, "bytes"), "entries": (2, "[]bytes")}, "PushRequest": {"streams": (1, "[]bytes")}},
)
Labels = dict[str, str]
Row = tuple[int, str, Mapping[str, Any]]
"""Nanoseconds since 1970, line, structured metadata."""


class Pushed(NamedTuple):
    """One stream of a push; its entries are parsed as they are read."""

    labels: bytes
    entries: Iterable[Any]


_PAIR = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.:/-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)\s*(,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_DETECTED: Final = "detected_level"
_DETECTED_AS: Final = "log.level"
"""The name by which a detected level is read: one that the label `level` outranks."""
_NANOS = re.compile(r"-?[0-9]{1,19}")
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def read_push(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read a push as JSON, or as a `logproto.PushRequest` that is no longer compressed; see `Protocol.read`."""
    if is_json(content_type, body):
        _read_json(json_object(body), parcel)
    else:
        _read_protobuf(_streams(body, parcel), parcel)


def _read_json(push: dict[str, Any], parcel: Parcel) -> None:
    streams = push.get("streams")
    if not isinstance(streams, list):
        raise BadRequest("streams: expected an array.", 'Send {"streams": [{"stream": {…}, "values": [[…]]}]}.')
    for stream in streams:
        labels = stream.get("stream") if isinstance(stream, dict) else None
        values = stream.get("values") if isinstance(stream, dict) else None
        if not _are_labels(labels) or not isinstance(values, list):
            error = RefusedRecord("streams: expected an object with `stream`, labels as text, and an array `values`")
            parcel.refuse(error, partial(json_bytes, {"streams": [stream]}))
            continue
        own = {sound(name): text_of(value) for name, value in labels.items()}
        for value in values:
            _add_value(own, value, parcel)


def _are_labels(labels: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(labels, dict) and not any(isinstance(value, (dict, list)) for value in labels.values())


def _add_value(labels: Labels, value: Any, parcel: Parcel) -> None:
    raw = partial(json_bytes, {"streams": [{"stream": labels, "values": [value]}]})
    try:
        row = _row(value)
    except RefusedRecord as error:
        parcel.refuse(error, raw)
    else:
        _add(labels, row, raw, parcel)


def _add(labels: Labels, row: Row, raw: Raw, parcel: Parcel) -> None:
    try:
        event = _event(labels, row, parcel)
    except RefusedRecord as error:
        parcel.refuse(error, raw)
    except RecursionError:
        parcel.refuse(RefusedRecord("the record is nested too deeply"), raw)
    else:
        parcel.event(event, raw)


def _row(value: Any) -> Row:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise RefusedRecord(f"values: expected [time, line] or [time, line, metadata], got {shown(value)}")
    at, line, metadata = value[0], value[1], value[2] if len(value) == 3 else {}
    if isinstance(at, bool) or not isinstance(at, (int, str)) or not _NANOS.fullmatch(str(at)[:30]):
        raise RefusedRecord(f"values: expected nanoseconds since 1970, got {shown(at)}")
    if not isinstance(line, str):
        raise RefusedRecord(f"values: expected a line of text, got {shown(line)}")
    if not isinstance(metadata, dict):
        raise RefusedRecord(f"values: expected metadata as an object, got {shown(metadata)}")
    return int(at), line, metadata


def _streams(body: bytes, parcel: Parcel) -> Iterator[Any]:
    """Parse a small push at once; of a large one count first: an entry of 2 bytes becomes 60."""
    if len(body) <= parcel.edge.settings.max_record_bytes:
        yield from parsed(MESSAGES["PushRequest"], body).streams
        return
    pieces = parsed(_PIECES["PushRequest"], body).streams
    check_count(len(pieces), "streams", parcel.edge.settings.max_records)
    for piece in pieces:
        stream = parsed(_PIECES["Stream"], piece)
        check_count(len(stream.entries), "entries", parcel.edge.settings.max_records)
        yield Pushed(stream.labels, _entries(stream, parcel))


def _entries(stream: Any, parcel: Parcel) -> Iterator[Any]:
    most = parcel.edge.settings.max_record_bytes
    for piece in stream.entries:
        if len(piece) <= most:
            yield parsed(MESSAGES["Entry"], piece)
        else:
            text = f"the entry has {len(piece)} bytes; at most {most} are taken"
            parcel.refuse(RefusedRecord(text, Cause.TOO_LARGE), partial(_alone, stream.labels, piece))


def _alone(labels: bytes, entry: bytes) -> bytes:
    stream = _PIECES["Stream"](labels=labels, entries=[entry]).SerializeToString()
    push: bytes = _PIECES["PushRequest"](streams=[stream]).SerializeToString()
    return push


def _read_protobuf(streams: Iterable[Any], parcel: Parcel) -> None:
    for stream in streams:
        try:
            labels = parse_labels(text(stream.labels, "labels"))
        except RefusedRecord as error:
            for entry in stream.entries:
                parcel.refuse(error, partial(_entry_json, {"loki.labels": _lossy(stream.labels)}, entry))
            continue
        for entry in stream.entries:
            _add(labels, _entry_row(entry), partial(_entry_json, labels, entry), parcel)


def _entry_row(entry: Any) -> Row:
    metadata = {_lossy(pair.name): _lossy(pair.value) for pair in entry.metadata}
    return entry.timestamp.seconds * 1_000_000_000 + entry.timestamp.nanos, _lossy(entry.line), metadata


def _entry_json(labels: Labels, entry: Any) -> bytes:
    at, line, metadata = _entry_row(entry)
    return json_bytes({"streams": [{"stream": labels, "values": [[str(at), line, metadata]]}]})


def _lossy(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def parse_labels(written: str) -> Labels:
    """Return the labels of `{name="value", …}`, with Go's escapes.

    Raises:
        RefusedRecord: they are written otherwise.
    """
    inner = written.strip()
    if not (inner.startswith("{") and inner.endswith("}")):
        raise RefusedRecord(f'labels: expected {{name="value", …}}, got {shown(written)}')
    return dict(_pairs(inner[1:-1].rstrip().removesuffix(","), written))


def _pairs(inner: str, written: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(inner):
        match = _PAIR.match(inner, at)
        if match is None:
            raise RefusedRecord(f'labels: expected {{name="value", …}}, got {shown(written)}')
        yield match[1], sound(_ESCAPE.sub(_unescaped, match[2]) if match[3] is None else match[3])
        at = match.end()


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _LETTERS.get(match[4], match[4])
    number = int(code, 16)
    return chr(number) if number <= 0x10FFFF else "\ufffd"


def _event(labels: Labels, row: Row, parcel: Parcel) -> EventRecord:
    at, line, metadata = row
    if len(line) > parcel.edge.settings.max_record_bytes:
        most = parcel.edge.settings.max_record_bytes
        raise RefusedRecord(f"the line has {len(line)} characters; at most {most} bytes are taken", Cause.TOO_LARGE)
    event = EventRecord(ts=from_micros(at // 1000), attributes={})
    outer = {**labels, **metadata}
    named = _sort_out(outer, event.attributes, parcel)
    if outer.get(_DETECTED):
        named.append((_DETECTED_AS, outer[_DETECTED]))
    fill(event, named)
    _read_line(event, line, says_level(named), parcel)
    if not event.service:
        event.service = next((text_of(outer[name]) for name in SERVICES if outer.get(name)), "")
    return event


def _read_line(event: EventRecord, line: str, has_level: bool, parcel: Parcel) -> None:
    fields = _json_fields(line)
    if fields:
        inner = _sort_out(fields, event.attributes, parcel)
        fill(event, inner, frozenset({"level"}) if has_level else frozenset())
        has_level = has_level or says_level(inner)
    if not event.message:
        event.message = sound(line)
    if not has_level:
        event.level = first_level(event.message) or event.level


def _json_fields(line: str) -> dict[str, Any]:
    if not line.lstrip().startswith("{"):
        return {}
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _sort_out(fields: Mapping[str, Any], attributes: dict[str, str], parcel: Parcel) -> Named:
    """Return the names that may fill a column; the others become attributes."""
    named: Named = []
    for name, value, _ in flat(fields, parcel.edge.settings.max_depth):
        if name in NAMES and not isinstance(value, (list, dict)):
            named.append((name, value))
        else:
            attributes[f"line.{sound(name)}" if name in attributes else sound(name)] = text_of(value)
    return named
