"""Valid JSON that cannot be an event as it is: nesting, numbers, wrong types, doubled names, times, sizes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from tests.corpus.entry import IN, MOMENT, Entry, Good, among, item, whole

_TS = f'"ts":"{MOMENT}"'.encode()
MIB = 1024 * 1024


def _of(fields: str | bytes) -> bytes:
    raw = fields.encode() if isinstance(fields, str) else fields
    return b"{" + _TS + b"," + raw + b"}"


def _nested(depth: int, opened: bytes, closed: bytes, leaf: bytes = b"1") -> bytes:
    return opened * depth + leaf + closed * depth


def _nesting() -> Iterator[Entry]:
    idea = "deep nesting"
    for depth in (10, 100, 200):
        yield among(f"deep-objects-{depth}", idea, _of(b'"x":' + _nested(depth, b'{"a":', b"}")), IN)
        yield among(f"deep-arrays-{depth}", idea, _of(b'"x":' + _nested(depth, b"[", b"]")), IN)
    for depth in (1_500, 100_000):
        yield among(f"deep-objects-{depth}", idea, _of(b'"x":' + _nested(depth, b'{"a":', b"}")), "schema")
        yield among(f"deep-arrays-{depth}", idea, _of(b'"x":' + _nested(depth, b"[", b"]")), "schema")
        yield item(f"deep-arrays-{depth}-in-array", idea, _of(b'"x":' + _nested(depth, b"[", b"]")), "schema")
        yield item(f"deep-objects-{depth}-in-array", idea, _of(b'"x":' + _nested(depth, b'{"]":', b"}")), "schema")
    yield among("deep-mixed", idea, _of(b'"x":' + _nested(20_000, b'[{"a":', b"}]")), "schema")
    yield among("deep-in-attributes", idea, _of(b'"attributes":' + _nested(20_000, b'{"a":', b"}")), "schema")
    yield among("deep-in-message", idea, _of(b'"message":' + _nested(20_000, b"[", b"]")), "schema")
    yield among("deep-not-closed", idea, b'{"a":' * 50_000, "schema")
    yield among("deep-only-closing", idea, b"]}" * 50_000, "schema")
    yield among("deep-array-line", idea, b"[" * 500_000 + b"]" * 500_000, "schema")
    yield whole("deep-array-body-not-closed", idea, b"[" * 900_000, 400, "JSON array")
    yield Entry(
        "deep-single-object", idea, lambda good: _of(b'"x":' + _nested(60_000, b'{"a":', b"}")), refused=("schema",)
    )


_NUMBERS: dict[str, tuple[str, str]] = {
    "duration-1e400": ('"duration_ms":1e400', "schema"),
    "duration-minus-1e400": ('"duration_ms":-1e400', "schema"),
    "duration-nan": ('"duration_ms":NaN', "schema"),
    "duration-infinity": ('"duration_ms":Infinity', "schema"),
    "duration-minus-zero": ('"duration_ms":-0', IN),
    "duration-tiny": ('"duration_ms":1e-400', IN),
    "duration-negative": ('"duration_ms":-5', IN),
    "duration-int64-overflow": ('"duration_ms":9223372036854775808', IN),
    "duration-309-digits": ('"duration_ms":1' + "0" * 309, "schema"),
    "duration-5000-digits": ('"duration_ms":1' + "0" * 5000, "schema"),
    "duration-text-5000-digits": ('"duration":"1' + "0" * 5000 + 's"', "schema"),
    "status-99999": ('"status":99999', "schema"),
    "status-negative": ('"status":-1', "schema"),
    "status-fraction": ('"status":200.5', IN),
    "status-65536": ('"status":65536', "schema"),
    "status-uint64-overflow": ('"status":18446744073709551616', "schema"),
    "status-minus-int64-overflow": ('"status":-9223372036854775809', "schema"),
    "status-1e400": ('"status":1e400', IN),
    "status-5000-digits": ('"status":' + "9" * 5000, "schema"),
    "weight-zero": ('"weight":0', "schema"),
    "weight-negative": ('"weight":-1', "schema"),
    "weight-half": ('"weight":0.5', "schema"),
    "weight-huge": ('"weight":1e300', "schema"),
    "weight-nan": ('"weight":NaN', "schema"),
    "weight-text": ('"weight":"many"', "schema"),
    "level-huge": ('"level":1' + "0" * 30, IN),
    "level-5000-digits": ('"level":' + "9" * 5000, "schema"),
    "level-negative": ('"level":-7', IN),
    "severity-number-99": ('"severity_number":99', IN),
    "attribute-5000-digits": ('"attributes":{"k":' + "9" * 5000 + "}", "schema"),
    "attribute-100k-digits": ('"attributes":{"k":' + "9" * 100_000 + "}", "schema"),
    "attribute-list-5000-digits": ('"k":[' + "9" * 5000 + "]", "schema"),
    "attribute-1e400": ('"attributes":{"k":1e400,"l":-1e400,"m":1e-400}', IN),
    "attribute-list-1e400": ('"k":[1e400,NaN,-Infinity]', IN),
    "attribute-uint64-overflow": ('"attributes":{"k":18446744073709551616}', IN),
    "message-number": ('"message":12345678901234567890123', IN),
    "service-5000-digits": ('"service":' + "9" * 5000, "schema"),
    "number-leading-zero": ('"k":007', "schema"),
    "number-hexadecimal": ('"k":0x1f', "schema"),
    "number-plus": ('"k":+1', "schema"),
    "number-bare-dot": ('"k":1.', "schema"),
    "number-exponent-cut": ('"k":1e', "schema"),
    "number-exponent-huge": ('"k":1e999999999999', IN),
    "number-two-dots": ('"k":1.2.3', "schema"),
    "number-minus-alone": ('"k":-', "schema"),
}


def _numbers() -> Iterator[Entry]:
    for name, (fields, cause) in _NUMBERS.items():
        yield among(f"number-{name.removeprefix('number-')}", "numbers", _of(fields), cause)
    for name in ("attribute-5000-digits", "duration-1e400", "status-99999", "status-5000-digits"):
        fields, cause = _NUMBERS[name]
        yield item(f"number-{name}-in-array", "numbers", _of(fields), cause)


_TEXTS = (
    "event_id",
    "tenant",
    "service",
    "route",
    "error_code",
    "message",
    "trace_id",
    "span_id",
    "parent_id",
    "user_id",
    "client_ip",
)


def _types() -> Iterator[Entry]:
    """Text takes any scalar, and lists and objects stay attributes; numbers take numbers."""
    idea = "wrong types"
    scalars = ("true", "17", "-1.5e3", "false")
    for number, name in enumerate(_TEXTS):
        yield among(f"type-{name}-scalar", idea, _of(f'"{name}":{scalars[number % 4]}'), IN)
        yield among(f"type-{name}-list", idea, _of(f'"{name}":["a",{{"b":null}},[]]'), IN)
        yield among(f"type-{name}-object", idea, _of(f'"{name}":{{"deep":{{"er":[1]}}}}'), IN)
        yield among(f"type-{name}-null", idea, _of(f'"{name}":null'), IN)
    for name, value, cause in (
        ("level", "true", IN),
        ("level", "[]", IN),
        ("level", "{}", IN),
        ("level", "null", IN),
        ("level", '"\\ud800"', IN),
        ("status", "true", IN),
        ("status", '"OK"', IN),
        ("status", "[200]", IN),
        ("status", "null", IN),
        ("duration_ms", "true", "schema"),
        ("duration_ms", '"fast"', "schema"),
        ("duration_ms", "[1]", IN),
        ("duration_ms", "null", IN),
        ("duration_ms", '"1e5"', "schema"),
        ("weight", "true", "schema"),
        ("weight", "[1]", IN),
        ("weight", "null", IN),
        ("ts", "true", "schema"),
        ("ts", "null", IN),
        ("ts", "[2026]", IN),
        ("ts", '{"year":2026}', IN),
        ("attributes", "[]", IN),
        ("attributes", '"text"', IN),
        ("attributes", "7", IN),
        ("attributes", "null", IN),
        ("attributes", '{"a":null,"b":{},"c":[],"d":{"e":{}}}', IN),
        ("resource", "7", IN),
        ("resource", "[[[]]]", IN),
    ):
        what = {"t": "true", "n": "null", "[": "list", "{": "object", '"': "text", "f": "false"}.get(value[0], "number")
        suffix = f"{len(value)}" if what in ("text", "object") else ""
        raw = f'{{"{name}":{value}}}'.encode() if name == "ts" else _of(f'"{name}":{value}')
        yield among(f"type-{name}-{what}{suffix}", idea, raw, cause)


def _doubles() -> Iterator[Entry]:
    idea = "duplicates"
    yield among("double-key-service", idea, _of('"service":"a","service":"b"'), IN)
    yield among("double-key-ts", idea, _of(_TS), IN)
    yield among("double-key-types", idea, _of('"status":200,"status":"x"'), IN)
    yield among("double-key-attribute", idea, _of('"attributes":{"k":"1","k":"2"}'), IN)
    yield among("double-key-object", idea, _of('"attributes":{"a":"1"},"attributes":{"b":"2"}'), IN)
    yield among("double-key-alias", idea, _of('"@timestamp":"bad","timestamp":"worse"'), IN)
    yield among("double-key-nested-and-dotted", idea, _of('"log":{"level":"error"},"log.level":"info"'), IN)
    yield among("double-key-empty-and-nested", idea, _of('"":{"":1},"":{"":2},".":3'), IN)
    yield Entry(
        "double-event-ids",
        idea,
        good=3,
        body=lambda good: b"\n".join(json.dumps(good.event(n) | {"event_id": "same"}).encode() for n in (1, 2, 3)),
    )
    yield Entry(
        "double-idempotency-key-lines",
        idea,
        lambda good: good.lines(1, 2),
        good=2,
        headers={"Idempotency-Key": "k" * 128},
    )


_TIMES: dict[str, tuple[str, str]] = {
    "year-0": ('"0000-01-01T00:00:00Z"', "schema"),
    "year-1": ('"0001-01-01T00:00:00+10:00"', "schema"),
    "year-1969": ('"1969-12-31T23:59:59.999999Z"', "schema"),
    "year-9999": ('"9999-12-31T23:59:59Z"', "clock"),
    "year-9999-west": ('"9999-12-31T23:59:59-12:00"', "schema"),
    "year-10000": ('"10000-01-01T00:00:00Z"', "schema"),
    "ahead-25-hours": ('"2026-03-02T14:00:00Z"', "clock"),
    "ahead-23-hours": ('"2026-03-02T10:00:00Z"', IN),
    "ahead-by-its-zone": ('"2026-03-02T12:00:00-10:00"', "clock"),
    "leap-second": ('"2016-12-31T23:59:60Z"', IN),
    "leap-second-with-fraction": ('"2016-12-31T23:59:60.5+00:00"', IN),
    "second-61": ('"2026-01-01T00:00:61Z"', "schema"),
    "hour-24": ('"2026-01-01T24:00:00Z"', "schema"),
    "february-30": ('"2026-02-30T00:00:00Z"', "schema"),
    "month-13": ('"2026-13-01T00:00:00Z"', "schema"),
    "zone-named": ('"2026-01-01T00:00:00 Asia/Seoul"', "schema"),
    "zone-plus-25": ('"2026-01-01T00:00:00+25:00"', "schema"),
    "zone-kst-space": ('"2026-01-01 00:00:00 +0900"', IN),
    "nanoseconds": ('"2026-01-01T00:00:00.123456789Z"', IN),
    "fraction-of-1000-digits": ('"2026-01-01T00:00:00.' + "1" * 1000 + 'Z"', IN),
    "number-311-digits": ("1" * 311, "schema"),
    "number-4000-digits": ("-" + "1" * 4000, "schema"),
    "half-a-pair": ('"\\ud800"', "schema"),
    "half-a-pair-in-a-time": ('"2026-01-01T00:00:00\\udc00"', "schema"),
    "only-a-day": ('"2026-01-01"', IN),
    "empty-text": ('""', IN),
    "words": ('"yesterday"', "schema"),
    "us-order": ('"03/01/2026 12:00"', "schema"),
    "full-width-digits": ('"２０２６-01-01T00:00:00Z"', "schema"),
    "megabyte": ('"' + "2026-" * 100_000 + '"', "schema"),
    "number-negative": ("-1", "schema"),
    "number-zero": ("0", IN),
    "number-1e300": ("1e300", "schema"),
    "number-1e400": ("1e400", "schema"),
    "number-nan": ("NaN", "schema"),
    "number-int64-overflow": ("9223372036854775808", "clock"),
    "number-5000-digits": ("9" * 5000, "schema"),
    "number-text-19-digits": ('"9999999999999999999"', "clock"),
    "number-text-spaces": ('"  1769940000  "', IN),
}


def _times() -> Iterator[Entry]:
    for name, (value, cause) in _TIMES.items():
        yield among(f"time-{name}", "times", f'{{"ts":{value}}}'.encode(), cause)
    for name in ("year-9999", "year-9999-west", "number-5000-digits"):
        value, cause = _TIMES[name]
        yield item(f"time-alias-{name}-in-array", "times", f'{{"@timestamp":{value}}}'.encode(), cause)


def _record(good: Good, **fields: Any) -> bytes:
    return json.dumps(good.event(1) | fields).encode()


def _sizes() -> Iterator[Entry]:
    idea = "sizes"
    yield among("size-id-10-mib", idea, _of(b'"event_id":"' + b"x" * (10 * MIB) + b'"'), "too_large", "1048576")
    yield among("size-line-without-end", idea, b"x" * (2 * MIB), "too_large", "1048576")
    yield item("size-item-2-mib", idea, _of(b'"message":"' + b"x" * (2 * MIB) + b'"'), "too_large", "1048576")
    yield among("size-just-over", idea, _of(b'"m":"' + b"x" * (MIB - len(_of(b'"m":""')) + 1) + b'"'), "too_large")
    yield among("size-just-under", idea, _of(b'"m":"' + b"x" * (MIB - len(_of(b'"m":""'))) + b'"'), IN)
    many = json.dumps({f"k{n}": n for n in range(10_000)}).encode()
    yield among("size-10k-attributes", idea, _of(b'"attributes":' + many), IN)
    yield among("size-10k-fields", idea, _of(many[1:-1]), IN)
    yield among(
        "size-10k-attributes-of-controls",
        idea,
        _of(b'"attributes":' + json.dumps({f"\x01\"'.{n}": "\0" for n in range(10_000)}).encode()),
        IN,
    )
    yield among("size-list-of-300k-numbers", idea, _of(b'"k":[' + b"1," * 300_000 + b"1]"), IN)
    yield whole("size-100001-lines", idea, b"{}\n" * 100_001, 413, "100000 records")
    yield whole("size-100001-items", idea, b"[" + b"{}," * 100_000 + b"{}]", 413, "100000 records")
    yield whole("size-100001-bad-lines", idea, b"x\n" * 100_001, 413, "100000 records")
    yield whole("size-8-million-items", idea, b"[" + b"0," * (8 * MIB) + b"0]", 413, "100000 records")
    yield Entry("size-8-million-blank-lines", idea, lambda good: b"\n" * (8 * MIB) + good.line(1), good=1)
    yield whole("size-over-32-mib", idea, lambda good: b" " * (32 * MIB + 1), 413, "bytes")
    yield Entry("size-just-32-mib", idea, lambda good: good.line(1).ljust(32 * MIB), good=1)


def _mixed() -> Iterator[Entry]:
    """One bad record of each sort, good ones between, in an order that a seed gives."""
    bad: list[tuple[bytes, str]] = [
        (b"{", "schema"),
        (b'{"ts":"nope"}', "schema"),
        (_of(b'"message":"\xff"'), "encoding"),
        (b'{"ts":"9999-01-01T00:00:00Z"}', "clock"),
        (_of(b'"m":"' + b"y" * (MIB + 1) + b'"'), "too_large"),
        (_of('"status":-5'), "schema"),
        (b"\0", "schema"),
        (_of(b'"x":' + b"[" * 3000 + b"]" * 3000), "schema"),
    ]
    for seed in range(6):
        order = random.Random(seed).sample(bad, len(bad))

        def body(good: Good, order: list[tuple[bytes, str]] = order) -> bytes:
            return b"\n".join(part for n, (raw, _) in enumerate(order, 1) for part in (good.line(n), raw))

        yield Entry(f"mixed-{seed}", "mixed batches", body, good=len(bad), refused=tuple(cause for _, cause in order))

    yield Entry(
        "mixed-90-good",
        "mixed batches",
        lambda good: b"\n".join(b"{" if n % 10 == 0 else good.line(n - n // 10) for n in range(1, 101)),
        good=90,
        refused=("schema",) * 10,
    )
    yield Entry("mixed-all-bad", "mixed batches", lambda good: b"x\n" * 500, refused=("schema",) * 500)


def entries() -> Iterator[Entry]:
    for part in (_nesting, _numbers, _types, _doubles, _times, _sizes, _mixed):
        yield from part()
