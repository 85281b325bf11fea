from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
import zstandard

from bdp.errors import BadRequest, TooLarge, UnknownEncoding
from bdp.intake.body import line_chunks, read_body
from bdp.intake.limits import IntakeSettings

SETTINGS = IntakeSettings()
TEXT = b'{"a":1}\n' * 1000
SMALL = IntakeSettings(max_request_bytes=100_000)
BARE = zlib.compressobj(wbits=-15)
BARE_DEFLATE = BARE.compress(TEXT) + BARE.flush()


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [("", TEXT), ("identity", TEXT), ("gzip", gzip.compress(TEXT)),
     ("GZIP", gzip.compress(TEXT[:80]) + gzip.compress(TEXT[80:])),
     ("zstd", zstandard.compress(TEXT)),
     ("zstd", zstandard.compress(TEXT[:80]) + zstandard.compress(TEXT[80:])),
     ("deflate", zlib.compress(TEXT)), ("deflate", BARE_DEFLATE),
     ("gzip, zstd", zstandard.compress(gzip.compress(TEXT)))],
)  # fmt: skip
def test_encodings_are_undone(encoding: str, raw: bytes) -> None:
    assert read_body(raw, encoding, SETTINGS) == TEXT


def test_a_byte_order_mark_is_dropped() -> None:
    assert read_body(b"\xef\xbb\xbf{}", "", SETTINGS) == b"{}"


@pytest.mark.parametrize("encoding", ["br", "x-snappy-framed", "gzip, rot13"])
def test_unknown_encodings_are_named(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match=encoding.rsplit(maxsplit=1)[-1]):
        read_body(b"", encoding, SETTINGS)


def test_only_utf8_is_read() -> None:
    assert read_body(b"{}", "", SETTINGS, charset='"UTF-8"') == b"{}"
    with pytest.raises(UnknownEncoding, match="latin-1"):
        read_body(b"{}", "", SETTINGS, charset="latin-1")


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [("gzip", b"plain"), ("gzip", gzip.compress(TEXT)[:-20]), ("zstd", b"plain text"), ("deflate", b"\xff\xff\xff"),
     ("gzip", gzip.compress(TEXT) + b"rubbish")],
)  # fmt: skip
def test_damage_is_a_bad_request(encoding: str, raw: bytes) -> None:
    with pytest.raises(BadRequest):
        read_body(raw, encoding, SETTINGS)


@pytest.mark.parametrize(
    ("encoding", "raw", "header"),
    [("", gzip.compress(TEXT), "gzip"), ("identity", zstandard.compress(TEXT), "zstd"),
     ("gzip", gzip.compress(gzip.compress(TEXT)), "gzip, gzip")],
)  # fmt: skip
def test_a_compressed_body_without_its_header_is_told_which_to_send(encoding: str, raw: bytes, header: str) -> None:
    with pytest.raises(BadRequest, match=f"looks {header[:4]}-compressed") as caught:
        read_body(raw, encoding, SETTINGS)
    assert caught.value.next_step == f"Send Content-Encoding: {header}."


def test_a_truncated_zstd_body_is_not_taken_for_whole() -> None:
    raw = zstandard.compress(bytes(range(256)) * 400)
    with pytest.raises(BadRequest):
        read_body(raw[: len(raw) // 2], "zstd", SETTINGS)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress), ("deflate", zlib.compress)]
)
def test_a_bomb_is_stopped_at_the_limit(encoding: str, pack: object) -> None:
    assert callable(pack)
    bomb = pack(bytes(40_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="100000"):
            read_body(bomb, encoding, SMALL)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_chunks_end_with_a_line_and_lose_nothing() -> None:
    body = b"".join(b"x" * (i % 300) + b"\n" for i in range(2000)) + b"y" * 5000 + b"\nend"
    pieces = list(line_chunks(body, 1000))
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    assert max(map(len, pieces)) <= 5001 + 1000
