"""A packed batch as a record of Kinesis: what Kafka keeps in headers stands before it."""

from __future__ import annotations

import struct

_HEAD = struct.Struct("<4sBI")
_FORMAT = b"BDPK"
MOST_BEFORE = _HEAD.size + 255
"""Most bytes that stand before the batch."""


def wrap(packed: bytes, producer_id: str, accepted: int) -> bytes:
    """Return the record's data: who sends it, how many records it brings into the ledger, the packed batch."""
    producer = producer_id.encode()[:255]
    return _HEAD.pack(_FORMAT, len(producer), accepted) + producer + packed


def unwrap(data: bytes) -> tuple[bytes, str, int | None]:
    """Return packed batch, producer, accepted records; data of another format as it is, with ("", None)."""
    if len(data) < _HEAD.size or not data.startswith(_FORMAT):
        return data, "", None
    _, length, accepted = _HEAD.unpack_from(data)
    start = _HEAD.size + length
    return data[start:], data[_HEAD.size : start].decode(errors="replace"), accepted
