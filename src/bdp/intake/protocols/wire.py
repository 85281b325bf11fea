"""What stands on the wire: protobuf messages declared as tables, and JSON bodies as senders really write them.

The messages of Prometheus and Loki are a few fields each, so they are declared here as data and read by protobuf's own
parser. That needs no compiler and no generated file, is as fast as one, and leaves hostile bytes to a hardened parser.
Text is declared as `bytes`: protobuf refuses a whole request for one string that is not UTF-8, we only that record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from bdp.errors import BadRequest, TooLarge, UnknownFormat
from bdp.intake.flatten import text_of
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_PROTOBUF_NAMES = frozenset({PROTOBUF, "application/protobuf", "application/vnd.google.protobuf"})
_MOST_VALUES = 4_000_000
"""Commas and brackets in a JSON body; 32 MiB of records have at most half as many."""
_ENCODER = msgspec.json.Encoder()
_FIELD = descriptor_pb2.FieldDescriptorProto

Fields = Mapping[str, tuple[int, str]]
"""Name -> (number, type); a type is protobuf's own (`double`, `sint64`, …) or a message's name; `[]` in front: many."""


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Return the class of each message, by name."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, type_name) in fields.items():
            _add(message, field, number, type_name, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: int, type_name: str, package: str) -> None:
    plain = type_name.removeprefix("[]")
    field = message.field.add(name=name, number=number)
    field.label = _FIELD.LABEL_OPTIONAL if plain == type_name else _FIELD.LABEL_REPEATED
    if plain[0].islower():
        field.type = _FIELD.Type.Value(f"TYPE_{plain.upper()}")
    else:
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{package}.{plain}"


def parsed(shape: type[Message], body: bytes) -> Any:
    """Return the message that a body holds.

    Raises:
        BadRequest: it holds none.
    """
    try:
        return shape.FromString(body)
    except (DecodeError, ValueError, RecursionError):
        raise BadRequest(
            f"The body is no protobuf message {shape.DESCRIPTOR.name}.", "Check that it is whole, and its encoding."
        ) from None


def check_count(count: int, what: str, most: int) -> None:
    """Refuse a request that holds more parts than records are taken.

    Raises:
        TooLarge: it does.
    """
    if count > most:
        raise TooLarge(f"The request has more than {most} {what}.", "Send it in smaller parts.")


def check_shared(piece: bytes, what: str, most: int) -> None:
    """Refuse a request whose records share far too large a part; refusing that alone would hide their number.

    Args:
        most: most bytes of one record.

    Raises:
        TooLarge: it is four times as large as a record may be.
    """
    if len(piece) > 4 * most:
        raise TooLarge(f"{what} has {len(piece)} bytes, which its records share.", f"At most {4 * most} are taken.")


def is_json(content_type: str, body: bytes) -> bool:
    """Say whether a body is JSON, else it is protobuf. Without a content type, its first byte tells.

    Raises:
        UnknownFormat: it is neither.
    """
    if not content_type:
        return body[:64].lstrip()[:1] == b"{"
    if content_type not in _PROTOBUF_NAMES and content_type != JSON:
        raise UnknownFormat(f"The content type {content_type[:60]!r} is not read.", f"Send {PROTOBUF} or {JSON}.")
    return content_type == JSON


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds.

    Memory: a value of two bytes takes up to 70 when it is decoded, so their number is bounded.

    One string that is not UTF-8 must not cost its neighbours: its bad bytes become U+FFFD, and so do lone surrogates,
    later. NaN and the infinities become text.

    Raises:
        BadRequest: it holds none.
        TooLarge: it holds too many values.
    """
    check_count(body.count(b",") + body.count(b"[") + body.count(b"{"), "values", _MOST_VALUES)
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        value = _lenient(body, error)
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object.", "See the protocol's description.")
    return value


def _lenient(body: bytes, reason: Exception) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"), parse_constant=str)
    except (ValueError, RecursionError):
        detail = "it is nested too deeply" if isinstance(reason, RecursionError) else str(reason)
        raise BadRequest(f"The body is not valid JSON: {detail}.", "Send one JSON object.") from None


def json_bytes(value: Any) -> bytes:
    """Return a decoded JSON value as bytes, to keep it; lone surrogates are made sound, a bottomless one goes."""
    try:
        return _ENCODER.encode(value)
    except (ValueError, RecursionError):
        pass
    try:
        return text_of(value).encode()
    except RecursionError:
        return b'"nested too deeply to be kept"'


def text(raw: bytes, name: str) -> str:
    """Return UTF-8 bytes as text.

    Raises:
        RefusedRecord: they are not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RefusedRecord(f"{name}: not UTF-8 (byte {error.start})", Cause.ENCODING) from None
