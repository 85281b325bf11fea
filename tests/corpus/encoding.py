"""Content encodings: unknown, doubled, contradicting, truncated, corrupted, and bombs."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable, Iterator

import cramjam
import zstandard

from tests.corpus.entry import Entry, Good, whole

MIB = 1024 * 1024


def snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.compress,
    "deflate": zlib.compress,
    "snappy": snappy,
}


def gzip_of_zeros(gigabytes: int) -> bytes:
    """Return one gzip member of that many GB of zeros: a part that ends on a byte, over and over."""
    packer = zlib.compressobj(9, wbits=-15)
    part = packer.compress(bytes(64 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + part * (gigabytes * 1000 // 64 + 1) + b"\x03\x00" + bytes(8)


def zstd_of_zeros(gigabytes: int) -> bytes:
    """Return a frame of blocks that repeat one byte 128 KiB long each."""
    block = ((128 * 1024) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    last = ((1) << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * (gigabytes * 8000) + last


def zstd_window(log: int) -> bytes:
    """Return a frame that declares a window of 2^log bytes."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3]) + b"\x01\x00\x00"


def zstd_content_size(size: int) -> bytes:
    """Return a frame in one segment that says how large it becomes, and lies."""
    return b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + b"\x09\x00\x00a"


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _plain(good: Good) -> bytes:
    return good.lines(*range(1, 40))


def _sent(
    name: str, encoding: str, body: Callable[[Good], bytes] | bytes, status: int, says: str = "", **more: str
) -> Entry:
    return whole(name, "content encodings", body, status, says, headers={"Content-Encoding": encoding, **more})


def _names() -> Iterator[Entry]:
    for name in (
        "br",
        "compress",
        "lz4",
        "snappy-framed",
        "aes128gcm",
        "x" * 500,
        "gzip;q=1",
        "gzip gzip",
        "*",
        "utf-8",
    ):
        yield _sent(f"encoding-unknown-{name[:12].replace('*', 'star')}", name, _plain, 415, "encoding")
    yield _sent("encoding-says-gzip-is-plain", "gzip", _plain, 400, "compressed")
    yield _sent("encoding-says-zstd-is-plain", "zstd", _plain, 400, "compressed")
    yield _sent("encoding-says-deflate-is-plain", "deflate", _plain, 400, "compressed")
    yield _sent("encoding-says-identity-is-gzip", "identity", lambda good: gzip.compress(_plain(good)), 400, "gzip")
    yield _sent("encoding-says-nothing-is-zstd", "", lambda good: zstandard.compress(_plain(good)), 400, "zstd")
    yield _sent("encoding-says-gzip-is-zstd", "gzip", lambda good: zstandard.compress(_plain(good)), 400, "")
    yield _sent(
        "encoding-says-once-is-twice",
        "gzip",
        lambda good: gzip.compress(gzip.compress(_plain(good))),
        400,
        "gzip, gzip",
    )
    yield _sent(
        "encoding-says-twice-is-once", "gzip, gzip", lambda good: gzip.compress(_plain(good)), 400, "compressed"
    )
    yield _sent(
        "encoding-order-swapped", "zstd, gzip", lambda good: zstandard.compress(gzip.compress(_plain(good))), 400, ""
    )
    for name, header, pack in (
        ("upper-case", "GZip", PACKERS["gzip"]),
        ("commas", " ,, gzip , ,", PACKERS["gzip"]),
        ("x-gzip", "x-gzip", PACKERS["gzip"]),
        ("identity-around", "identity, gzip, identity", PACKERS["gzip"]),
        ("bare-deflate", "deflate", bare_deflate),
        ("two", "gzip, zstd", lambda data: zstandard.compress(gzip.compress(data))),
    ):
        yield Entry(
            f"encoding-{name}",
            "content encodings",
            lambda good, pack=pack: pack(good.lines(1, 2)),
            good=2,
            headers={"Content-Encoding": header},
        )
    yield _sent("encoding-60-layers", ", ".join(["gzip"] * 60), lambda good: _layers(good, 60), 400, "at most 4")
    yield Entry(
        "encoding-1000-times-identity",
        "content encodings",
        lambda good: good.line(1),
        good=1,
        headers={"Content-Encoding": ",".join(["identity"] * 1000)},
    )


def _layers(good: Good, count: int) -> bytes:
    data = good.line(1)
    for _ in range(count):
        data = gzip.compress(data, mtime=0)
    return data


def _damage() -> Iterator[Entry]:
    for encoding, pack in PACKERS.items():
        if encoding == "snappy":
            continue
        for share in (0.1, 0.5, 0.98):
            yield _sent(
                f"encoding-{encoding}-cut-at-{share}",
                encoding,
                lambda good, pack=pack, share=share: (packed := pack(_plain(good)))[: int(len(packed) * share)],
                400,
            )
        yield _sent(f"encoding-{encoding}-one-byte", encoding, lambda good, pack=pack: pack(b"x")[:1], 400)
        yield _sent(
            f"encoding-{encoding}-rubbish-behind",
            encoding,
            lambda good, pack=pack: pack(_plain(good)) + b"rubbish",
            400,
        )
        for seed in range(2):
            yield _sent(f"encoding-{encoding}-noise-{seed}", encoding, random.Random(seed).randbytes(3000), 400)
    yield _sent(
        "encoding-gzip-wrong-checksum",
        "gzip",
        lambda good: PACKERS["gzip"](_plain(good))[:-8] + bytes(8),
        400,
        "damaged",
    )
    yield _sent("encoding-gzip-header-only", "gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 400, "early")
    yield _sent(
        "encoding-gzip-endless-name", "gzip", b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03" + b"n" * MIB, 400, "early"
    )
    yield _sent(
        "encoding-zstd-dictionary", "zstd", b"\x28\xb5\x2f\xfd\x03\x38\x01\x02\x03\x04\x01\x00\x00", 400, "damaged"
    )
    yield _sent(
        "encoding-zstd-wrong-checksum",
        "zstd",
        lambda good: zstandard.ZstdCompressor(write_checksum=True).compress(_plain(good))[:-4] + b"0000",
        400,
        "damaged",
    )
    yield Entry("encoding-gzip-empty-body", "content encodings", lambda good: b"", headers={"Content-Encoding": "gzip"})
    yield Entry(
        "encoding-zstd-empty-frame",
        "content encodings",
        lambda good: zstandard.compress(b""),
        headers={"Content-Encoding": "zstd"},
    )


def _bombs() -> Iterator[Entry]:
    idea = "bombs"
    for name, encoding, body, says in (
        ("gzip-10-gb", "gzip", lambda good: gzip_of_zeros(10), "bytes"),
        ("zstd-10-gb", "zstd", lambda good: zstd_of_zeros(10), "bytes"),
        ("deflate-2-gb", "deflate", lambda good: gzip_of_zeros(2)[10:], "bytes"),
        ("gzip-in-zstd", "gzip, zstd", lambda good: zstandard.compress(gzip_of_zeros(10)), "bytes"),
        ("gzip-in-gzip", "gzip, gzip", lambda good: gzip.compress(gzip_of_zeros(10), 1), "bytes"),
        ("million-members", "gzip", lambda good: gzip.compress(b" " * 60_000, mtime=0) * 2000, "bytes"),
    ):
        yield whole(f"bomb-{name}", idea, body, 413, says, headers={"Content-Encoding": encoding})
    for log in (28, 31, 41):
        yield whole(f"bomb-zstd-window-{log}", idea, zstd_window(log), 400, "", headers={"Content-Encoding": "zstd"})
    yield whole("bomb-zstd-says-1-tib", idea, zstd_content_size(1 << 40), 400, "", headers={"Content-Encoding": "zstd"})
    yield whole(
        "bomb-million-empty-gzip-members",
        idea,
        gzip.compress(b"", mtime=0) * 1_000_000,
        400,
        "members",
        headers={"Content-Encoding": "gzip"},
    )
    yield Entry(
        "bomb-50k-gzip-members",
        idea,
        lambda good: gzip.compress(b"\n", mtime=0) * 50_000 + gzip.compress(good.line(1)),
        good=1,
        headers={"Content-Encoding": "gzip"},
    )
    yield Entry(
        "bomb-500k-empty-zstd-frames",
        idea,
        lambda good: b"\x28\xb5\x2f\xfd\x00\x38\x01\x00\x00" * 500_000 + zstandard.compress(good.line(1)),
        good=1,
        headers={"Content-Encoding": "zstd"},
    )
    yield Entry(
        "bomb-just-under",
        idea,
        lambda good: gzip.compress(good.line(1).ljust(32 * MIB), 1),
        good=1,
        headers={"Content-Encoding": "gzip"},
    )


def entries() -> Iterator[Entry]:
    for part in (_names, _damage, _bombs):
        yield from part()
