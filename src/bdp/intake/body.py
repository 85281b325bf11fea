"""A request's body: decompressed within its limit, then taken apart into records.

Memory: the body before and after decompression, each at most `max_request_bytes`; a bomb is stopped within 4 MiB of it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator

import msgspec
import zstandard

from bdp.errors import BadRequest, TooLarge, UnknownEncoding
from bdp.intake.limits import IntakeSettings
from bdp.intake.zstd import zstd_parts

_STEP = 64 * 1024
_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_GZIP, _ZLIB, _PLAIN_DEFLATE = 31, 15, -15


def read_body(raw: bytes, content_encoding: str, settings: IntakeSettings, charset: str = "utf-8") -> bytes:
    """Return the body without its content encodings (`gzip`, `deflate`, `zstd`, `identity`, or several).

    Raises:
        UnknownEncoding: a content encoding or charset that is not read.
        BadRequest: the data are damaged, or still compressed.
        TooLarge: the body is larger than the limit, before or after decompression.
    """
    if charset.strip().strip('"').lower() not in ("", "utf-8", "utf8", "us-ascii"):
        raise UnknownEncoding(f"The charset {charset[:40]!r} is not read.", "Send UTF-8.")
    names = [name.strip().lower() for name in content_encoding.split(",") if name.strip()]
    for name in names:
        if name not in _DECODERS:
            raise UnknownEncoding(
                f"The content encoding {name[:40]!r} is not read.", "Send gzip, zstd, deflate or identity."
            )
    limit = settings.max_request_bytes
    _check(len(raw), limit)
    for name in reversed(names):
        raw = _DECODERS[name](raw, limit)
    _check_plain(raw, names)
    return raw.removeprefix(b"\xef\xbb\xbf")


def is_array(body: bytes) -> bool:
    """Say whether the body is one JSON array, by its first byte that is not white space."""
    return body[:4096].lstrip()[:1] == b"["


def array_items(body: bytes) -> list[bytes]:
    """Return the items of a JSON array as they stand in it.

    Raises:
        BadRequest: the array is not valid JSON.
    """
    try:
        return [bytes(item) for item in _RAW.decode(body)]
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"The body is not a valid JSON array: {error}.", "Send a JSON array or one object a line."
        ) from None


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
    """Inflate all members, never holding more than the limit and one step."""
    parts: list[bytes] = []
    size = 0
    while raw:
        inflater = zlib.decompressobj(window)
        while not inflater.eof:
            part = _inflated(inflater, raw)
            size += len(part)
            _check(size, limit)
            parts.append(part)
            raw = inflater.unconsumed_tail
            if not part and not raw and not inflater.eof:
                raise BadRequest("The compressed body ends too early.", "Send it again whole.")
        raw = inflater.unused_data
    return b"".join(parts)


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


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
