"""What the tests of protocols share: a request in, a batch out."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.message import Message

from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS
from bdp.model.batch import Batch
from tests.unit.intake.reading import NOW, Row, rows

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
NANOS = int(NOW.timestamp()) * 1_000_000_000


def take(protocol: str, body: bytes | Message | Any, settings: IntakeSettings | None = None, kind: str = "") -> Batch:
    """Read a request: bytes as they are, a message as protobuf, anything else as JSON."""
    parcel = Parcel(PROTOCOLS[protocol].kind, Edge(NOW, settings or IntakeSettings()), protocol)
    if isinstance(body, Message):
        body, kind = body.SerializeToString(), kind or PROTOBUF
    elif not isinstance(body, bytes):
        body, kind = json.dumps(body).encode(), kind or JSON
    PROTOCOLS[protocol].read(body, kind, parcel)
    return parcel.batch("b1", Ids.seeded(1))


def taken(protocol: str, body: bytes | Message | Any) -> list[Row]:
    """The records of a request of which none is refused."""
    batch = take(protocol, body)
    assert batch.refused == ()
    return rows(batch)


def built(shape: Any, **fields: Any) -> Any:
    """A message of plain dicts, which its stub does not know it takes."""
    return shape(**fields)


def pairs(**values: Any) -> list[dict[str, Any]]:
    """Attributes as protobuf takes them, with `__` for a dot in a name."""
    return [{"key": name.replace("__", "."), "value": any_value(value)} for name, value in values.items()]


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": pairs(**value)}}
    if isinstance(value, list):
        return {"array_value": {"values": [any_value(item) for item in value]}}
    return {{str: "string_value", int: "int_value", float: "double_value", bytes: "bytes_value"}[type(value)]: value}
