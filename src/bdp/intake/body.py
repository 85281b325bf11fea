"""A request's body: decompressed within its limit, then taken apart into records.

Memory: the body before and after decompression, each at most `max_request_bytes`; a bomb is stopped within 4 MiB of it
(a snappy one before it is decompressed, by the size that it announces).
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Callable, Iterator

import cramjam
import msgspec
import zstandard

from bdp.errors import BadRequest, TooLarge, UnknownEncoding
from bdp.intake.array import split_array
from bdp.intake.limits import IntakeSettings
from bdp.intake.zstd import zstd_parts

_STEP = 64 * 1024
_MANY = 1_000_000
"""Commas in an array; each may end an item, and an item costs about 100 bytes before it is looked at."""
_MOST_LAYERS = 4
_MOST_MEMBERS = 100_000
_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_GZIP, _ZLIB, _PLAIN_DEFLATE = 31, 15, -15


def read_body(raw: bytes, content_encoding: str, settings: IntakeSettings, charset: str = "utf-8") -> bytes:
    """Return the body without its content encodings (`gzip`, `deflate`, `zstd`, `snappy`, `identity`, or several).

    Raises:
        UnknownEncoding: a content encoding or charset that is not read.
        BadRequest: the data are damaged, or still compressed.
        TooLarge: the body is larger than the limit, before or after decompression.
    """
    check_charset(charset)
    names = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    for name in names:
        if name not in _DECODERS:
            raise UnknownEncoding(
                f"The content encoding {name[:40]!r} is not read.", "Send gzip, zstd, snappy, deflate or identity."
            )
    if len(names) - names.count("identity") > _MOST_LAYERS:
        raise BadRequest(f"The body has {len(names)} content encodings.", f"Send at most {_MOST_LAYERS}.")
    limit = settings.max_request_bytes
    _check(len(raw), limit)
    for name in reversed(names):
        raw = _DECODERS[name](raw, limit)
    _check_plain(raw, names)
    return raw.removeprefix(b"\xef\xbb\xbf")


def check_charset(charset: str) -> None:
    """Check a charset's name.

    Raises:
        UnknownEncoding: it is not read.
    """
    if charset.strip().strip('"').lower() not in ("", "utf-8", "utf8", "us-ascii"):
        raise UnknownEncoding(f"The charset {charset[:40]!r} is not read.", "Send UTF-8.")


def is_array(body: bytes) -> bool:
    """Say whether the body is one JSON array, by its first byte that is not white space."""
    return body[:4096].lstrip()[:1] == b"["


def array_items(body: bytes, most: int = sys.maxsize) -> list[bytes]:
    """Return the items of a JSON array as they stand in it.

    Raises:
        BadRequest: the array is not valid JSON.
        TooLarge: it has more than `most` items, and many of them.
    """
    if body.count(b",") > _MANY:
        return split_array(body, most)
    try:
        return [bytes(item) for item in _RAW.decode(body)]
    except (ValueError, RecursionError):
        return split_array(body, most)  # the items one by one, each with its own reason


def line_chunks(body: bytes, size: int) -> Iterator[bytes]:
    """Yield the body in pieces of about `size` bytes that end with a line; a longer line is one piece."""
    start = 0
    while len(body) - start > size:
        end = body.rfind(b"\n", start, start + size) + 1
        if not end:
            end = body.find(b"\n", start + size) + 1 or len(body)
        yield body[start:end]
        start = end
    if start < len(body):
        yield body[start:]


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"The request has more than {limit} bytes.", "Send it in smaller parts.")


def _check_plain(body: bytes, names: list[str]) -> None:
    """Compressed data without their header would be refused as text that is not UTF-8, which helps nobody."""
    for magic, name in _MAGIC.items():
        if body.startswith(magic):
            header = ", ".join([name, *(other for other in names if other != "identity")])
            raise BadRequest(f"The body looks {name}-compressed.", f"Send Content-Encoding: {header}.")


def _identity(raw: bytes, limit: int) -> bytes:
    return raw


def _gzip(raw: bytes, limit: int) -> bytes:
    return _inflate(raw, limit, _GZIP)


def _deflate(raw: bytes, limit: int) -> bytes:
    """HTTP's deflate has a zlib header; some clients leave it out."""
    headed = len(raw) >= 2 and raw[0] & 15 == 8 and (raw[0] * 256 + raw[1]) % 31 == 0
    return _inflate(raw, limit, _ZLIB if headed else _PLAIN_DEFLATE)


def _inflate(raw: bytes, limit: int, window: int) -> bytes:
    """Inflate all members, never holding more than the limit and one step.

    The input goes in by steps: what a member leaves over is copied, and of a long rest that would take for ever.
    """
    read = io.BytesIO(raw).read
    parts: list[bytes] = []
    size = 0
    rest = read(_STEP)
    for _ in range(_MOST_MEMBERS):
        if not rest:
            return b"".join(parts)
        inflater = zlib.decompressobj(window)
        ended = False
        while not ended:
            part = _inflated(inflater, rest)
            size += len(part)
            _check(size, limit)
            parts.append(part)
            ended = inflater.eof
            rest = inflater.unconsumed_tail or (b"" if ended else read(_STEP))
            if not part and not rest and not ended:
                raise BadRequest("The compressed body ends too early.", "Send it again whole.")
        rest = inflater.unused_data or read(_STEP)
    raise BadRequest(f"The compressed body has more than {_MOST_MEMBERS} members.", "Compress it as a whole.")


def _inflated(inflater: zlib._Decompress, raw: bytes) -> bytes:
    try:
        return inflater.decompress(raw, _STEP)
    except zlib.error as error:
        raise BadRequest(f"The compressed body is damaged: {error}.", "Check the content encoding.") from None


def _zstd(raw: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for part in zstd_parts(io.BytesIO(raw).read):
            size += len(part)
            _check(size, limit)
            parts.append(part)
    except (zstandard.ZstdError, EOFError) as error:
        raise BadRequest(f"The compressed body is damaged: {error}.", "Check the content encoding.") from None
    return b"".join(parts)


def _snappy(raw: bytes, limit: int) -> bytes:
    """The block format, as Prometheus and Loki send it: its header says how long it gets, and it gets no longer."""
    if not raw:
        return b""
    try:
        _check(cramjam.snappy.decompress_raw_len(raw), limit)
        return bytes(cramjam.snappy.decompress_raw(raw))
    except cramjam.DecompressionError as error:
        raise BadRequest(f"The compressed body is damaged: {error}.", "Send snappy's block format, whole.") from None


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
    "snappy": _snappy,
}
