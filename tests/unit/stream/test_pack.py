"""A batch as bytes: whole or a clear error, and readable by the version before and behind."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import msgspec
import pytest
import zstandard

from bdp.errors import BadRecord
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Priority, RecordKind
from bdp.stream.pack import pack, unpack

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
BATCH = Batch(
    batch_id="one \x00 하나",
    source="http",
    kind=RecordKind.METRICS,
    count=2,
    payload=bytes(range(256)) * 4,
    refused=(DeadLetter(source="http", cause=Cause.CLOCK, reason="no", payload=b"\xff", index=1, first_seen=NOW),),
    drops=(Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=9),),
    redelivers=("1", "2"),
    attempts=3,
)


def framed(content: object, size: int | None = None) -> bytes:
    plain = msgspec.msgpack.encode(content)
    return struct.pack("<4sI", b"BDP1", len(plain) if size is None else size) + zstandard.compress(plain)


def same_or_refused(packed: bytes) -> bool:
    try:
        return unpack(packed) == BATCH
    except BadRecord:
        return True


def test_what_is_packed_comes_back() -> None:
    assert unpack(pack(BATCH)) == BATCH


def test_cut_or_flipped_bytes_are_found_wherever_they_are() -> None:
    packed = pack(BATCH)
    for at in range(len(packed)):
        with pytest.raises(BadRecord):
            unpack(packed[:at])
        for bit in (1, 16, 128):
            assert same_or_refused(packed[:at] + bytes([packed[at] ^ bit]) + packed[at + 1 :])
    with pytest.raises(BadRecord):
        unpack(packed + b"x")


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"BDP1",
        b"BDP2" + pack(BATCH)[4:],
        framed({"batch_id": "a"}),
        framed([1, 2]),
        framed({"batch_id": "a"}, size=1 << 31),
        struct.pack("<4sI", b"BDP1", 10) + zstandard.compress(b"\0" * (1 << 24)),  # swells beyond what it says
        framed(msgspec.to_builtins(BATCH) | {"kind": "dreams"}),
    ],
)
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(BadRecord):
        unpack(packed)


def test_versions_before_and_behind_are_read() -> None:
    least = {"batch_id": "a", "source": "http", "kind": "events", "count": 1, "payload": b"{}"}
    expected = Batch(batch_id="a", source="http", kind=RecordKind.EVENTS, count=1, payload=b"{}")
    assert unpack(framed(least)) == expected
    assert unpack(framed(least | {"tenant": "of a later version"})) == expected


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(BadRecord, match="cannot be packed"):
        pack(msgspec.structs.replace(BATCH, batch_id="\ud800"))
