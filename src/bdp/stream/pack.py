"""A batch as bytes and back, for sinks that hold it whole: the table, Kafka, Kinesis.

Layout: four bytes that name the format, four for the length of what follows unpacked (little endian), then one zstd
frame (level 1, with its own checksum) of the batch in msgpack with field names. A reader ignores fields that it does
not know and gives missing ones their defaults, so that neighbouring versions of BDP read each other's batches.
"""

from __future__ import annotations

import struct

import msgspec
import zstandard

from bdp.errors import BadRecord
from bdp.model.batch import Batch

MAX_BYTES = 1 << 29
"""Largest batch that is packed or unpacked, in bytes before compression."""

_HEAD = struct.Struct("<4sI")
_FORMAT = b"BDP1"
_decoder = msgspec.msgpack.Decoder(Batch)


def pack(batch: Batch) -> bytes:
    """Return the batch as bytes.

    Raises:
        BadRecord: it is over `MAX_BYTES`, or its texts are no Unicode.
    """
    try:
        plain = msgspec.msgpack.encode(batch)
    except (UnicodeEncodeError, OverflowError) as error:
        raise BadRecord(f"The batch {batch.batch_id[:80]!r} cannot be packed: {error}.") from error
    if len(plain) > MAX_BYTES:
        raise BadRecord(f"The batch {batch.batch_id[:80]!r} has {len(plain)} bytes.", f"Send at most {MAX_BYTES}.")
    # One compressor a call: it lets other threads run, so two of them must not share one.
    frame = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(plain)
    return _HEAD.pack(_FORMAT, len(plain)) + frame


def unpack(packed: bytes) -> Batch:
    """Return the batch in the bytes that `pack` made; never makes more than `MAX_BYTES` of them.

    Raises:
        BadRecord: they are damaged, cut, or of another format.
    """
    try:
        form, size = _HEAD.unpack_from(packed)
        if form != _FORMAT or size > MAX_BYTES:
            raise ValueError("they do not begin as a batch does")
        return _decoder.decode(_plain(packed[_HEAD.size :], size))
    except (struct.error, ValueError, zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise BadRecord(
            f"{len(packed)} bytes are no packed batch: {error}.", "Keep them aside; they cannot be read."
        ) from error


def _plain(frame: bytes, size: int) -> bytes:
    # The frame names its length as well: a larger one is refused before a byte of it is made.
    if zstandard.frame_content_size(frame) != size:
        raise ValueError("their two lengths differ")
    plain = zstandard.ZstdDecompressor().decompress(frame, read_across_frames=False, allow_extra_data=False)
    if len(plain) != size:
        raise ValueError("they are cut")
    return plain
