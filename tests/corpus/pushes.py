"""Malformed Prometheus remote writes and Loki pushes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from typing import Any

from bdp.intake.protocols.prometheus import MESSAGES
from tests.corpus import protocols as made
from tests.corpus.encoding import snappy, varint
from tests.corpus.entry import IN, METRICS, Entry, Good, outcome, whole
from tests.corpus.otlp import field

WRITE, PUSH = "/api/v1/write", "/loki/api/v1/push"
_WRITE = {"Content-Type": made.PROTOBUF, "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
_PROTOBUF = {"Content-Type": made.PROTOBUF}
_JSON = {"Content-Type": made.JSON}


def _series(labels: list[Any], value: float = 1.0, at: int = made.MILLIS) -> bytes:
    row = MESSAGES["TimeSeries"](labels=labels, samples=[MESSAGES["Sample"](value=value, timestamp=at)])
    made_bytes: bytes = row.SerializeToString()
    return made_bytes


def _label(name: bytes, value: bytes) -> Any:
    return MESSAGES["Label"](name=name, value=value)


_NAMED = [_label(b"__name__", b"m")]
_BAD_SERIES: dict[str, tuple[bytes, str | int]] = {
    "no-name": (_series([_label(b"a", b"b")]), "schema"),
    "no-labels": (_series([]), "schema"),
    "name-empty": (_series([_label(b"__name__", b"")]), "schema"),
    "label-twice": (_series([*_NAMED, _label(b"a", b"1"), _label(b"a", b"2")]), "schema"),
    "label-not-utf8": (_series([*_NAMED, _label(b"a", b"\xff")]), "encoding"),
    "label-name-not-utf8": (_series([*_NAMED, _label(b"\xed\xa0\x80", b"x")]), "encoding"),
    "label-nul": (_series([*_NAMED, _label(b"a\0", b"b\0")]), IN),
    "infinite": (_series(_NAMED, math.inf), "schema"),
    "minus-infinite": (_series(_NAMED, -math.inf), "schema"),
    "nan": (_series(_NAMED, math.nan), 0),
    "subnormal": (_series(_NAMED, 5e-324), IN),
    "minus-zero": (_series(_NAMED, -0.0), IN),
    "ahead": (_series(_NAMED, 1, made.MILLIS + 97_200_000), "clock"),
    "year-292-million": (_series(_NAMED, 1, 2**63 - 1), "schema"),
    "before-1970": (_series(_NAMED, 1, -1), "schema"),
    "int64-min": (_series(_NAMED, 1, -(2**63)), "schema"),
    "no-samples": (MESSAGES["TimeSeries"](labels=_NAMED).SerializeToString(), 0),
    "empty-series": (b"", 0),
    "10k-labels": (_series([*_NAMED, *(_label(b"l%d" % n, b"v") for n in range(10_000))]), IN),
    "unknown-fields": (_series(_NAMED) + field(99, 2, b"exemplar"), IN),
}


def _prometheus() -> Iterator[Entry]:
    idea = "Prometheus remote write"
    for name, (bad, cause) in _BAD_SERIES.items():

        def body(good: Good, bad: bytes = bad) -> bytes:
            return snappy(made.written(made.series(good, 1)) + field(1, 2, bad) + made.written(made.series(good, 2)))

        fields = {"odd": cause} if isinstance(cause, int) else outcome(cause)
        yield Entry(
            f"prometheus-{name}", idea, body, path=WRITE, good=2, kind=METRICS, headers=_WRITE, status=204, **fields
        )
    for name, raw in {
        "noise": random.Random(3).randbytes(500),
        "cut-length": b"\x0a\xff",
        "wire-type-7": b"\x0f",
        "length-beyond": b"\x0a\x7f\x0a",
        "inner-damaged": field(1, 2, b"\x0a\x05ab"),
        "json": b'{"timeseries":[]}',
    }.items():
        yield whole(f"prometheus-whole-{name}", idea, snappy(raw), 400, path=WRITE, headers=_WRITE)
    for share in (0.2, 0.4, 0.8, 0.97):
        yield whole(
            f"prometheus-cut-at-{share}",
            idea,
            lambda good, share=share: snappy(
                (raw := made.written(*(made.series(good, n) for n in (1, 2))))[: int(len(raw) * share)]
            ),
            400,
            path=WRITE,
            headers=_WRITE,
        )
    for name, raw in {
        "not-snappy": b"\x0a\x00plain",
        "framed": b"\xff\x06\x00\x00sNaPpY",
        "cut": snappy(b"x" * 5000)[:-9],
        "noise": random.Random(5).randbytes(900),
        "length-short": varint(2) + snappy(b"y" * 100)[1:],
        "length-long": varint(5000) + snappy(b"y" * 100)[1:],
        "only-length": varint(100),
        "length-of-11-bytes": b"\xff" * 11,
        "offset-before-the-start": varint(64) + b"\xfe\xff\x00",
        "literal-beyond": varint(100) + b"\xf0\xff",
    }.items():
        yield whole(f"prometheus-snappy-{name}", "snappy", raw, 400, path=WRITE, headers=_WRITE)
    yield whole(
        "prometheus-snappy-says-4-gib", "snappy", varint(2**32 - 1) + b"\0", 413, "bytes", path=WRITE, headers=_WRITE
    )
    yield whole("prometheus-snappy-says-1-tib", "snappy", varint(2**40) + b"\0", 400, path=WRITE, headers=_WRITE)
    yield whole("prometheus-snappy-bomb", "bombs", snappy(bytes(40 << 20)), 413, "bytes", path=WRITE, headers=_WRITE)
    yield whole(
        "prometheus-snappy-twice",
        "snappy",
        lambda good: snappy(snappy(made.written(made.series(good, 1)))),
        400,
        path=WRITE,
        headers=_WRITE,
    )
    yield Entry("prometheus-empty", idea, lambda good: snappy(b""), path=WRITE, headers=_WRITE, status=204)
    yield Entry("prometheus-nothing", idea, lambda good: b"", path=WRITE, headers=_WRITE, status=204)
    v2 = {**_WRITE, "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
    yield whole(
        "prometheus-version-2",
        idea,
        lambda good: snappy(made.written(made.series(good, 1))),
        415,
        path=WRITE,
        headers=v2,
    )
    yield whole(
        "prometheus-json",
        idea,
        b"{}",
        415,
        path=WRITE,
        headers={"Content-Type": made.JSON, "Content-Encoding": "identity"},
    )
    yield whole(
        "prometheus-unknown-encoding",
        idea,
        lambda good: b"x",
        415,
        "encoding",
        path=WRITE,
        headers=_WRITE | {"Content-Encoding": "lz4"},
    )
    yield whole("prometheus-no-token", idea, b"", 401, "token", path=WRITE, headers=_WRITE, token="")
    sample = field(2, 2, MESSAGES["Sample"](value=1, timestamp=made.MILLIS).SerializeToString())
    wide = field(1, 2, _NAMED[0].SerializeToString()) + field(1, 2, _label(b"l", b"x" * (1 << 20)).SerializeToString())
    for name, tail in (("shared-label", b""), ("letters", field(1, 2, _label(b"l", b"y").SerializeToString()))):
        yield whole(
            f"prometheus-bomb-{name}",
            "bombs",
            snappy(field(1, 2, wide + tail + sample * 5000)),
            413,
            "share",
            path=WRITE,
            headers=_WRITE,
        )
    yield whole(
        "prometheus-bomb-100001-samples",
        "bombs",
        snappy(field(1, 2, field(1, 2, _NAMED[0].SerializeToString()) + sample * 100_001)),
        413,
        "100000 records",
        path=WRITE,
        headers=_WRITE,
    )


_VALUES: dict[str, tuple[str, str]] = {
    "null": ("null", "schema"),
    "number": ("7", "schema"),
    "empty": ("[]", "schema"),
    "one": ('["1"]', "schema"),
    "four": ('["1","a",{},{}]', "schema"),
    "time-number": ('[1772366400000000000,"x"]', IN),
    "time-word": ('["now","x"]', "schema"),
    "time-float": ('[1.5e18,"x"]', "schema"),
    "time-true": ('[true,"x"]', "schema"),
    "time-negative": ('["-1","x"]', "schema"),
    "time-20-digits": ('["10000000000000000000","x"]', "schema"),
    "time-ahead": ('["9000000000000000000","x"]', "clock"),
    "time-zero": ('["0","x"]', IN),
    "time-5000-digits": ('["' + "1" * 5000 + '","x"]', "schema"),
    "line-number": ('["0",5]', "schema"),
    "line-null": ('["0",null]', "schema"),
    "line-empty": ('["0",""]', IN),
    "line-surrogate": ('["0","\\udc00"]', IN),
    "line-nul": ('["0","a\\u0000"]', IN),
    "line-2-mib": ('["0","' + "x" * (2 << 20) + '"]', "too_large"),
    "metadata-list": ('["0","x",[]]', "schema"),
    "metadata-nested": ('["0","x",{"a":{"b":{"c":[1]}}}]', IN),
    "line-is-deep-json": ('["0","{\\"a\\":' + "[" * 5000 + '"]', IN),
    "line-is-json-with-odd-fields": (
        json.dumps(["0", json.dumps({"status": 99999, "ts": "never", "weight": -5, "level": [], "duration": "∞"})]),
        IN,
    ),
    "line-is-json-of-10k-fields": (json.dumps(["0", json.dumps({f"k{n}": n for n in range(10_000)})]), IN),
    "line-is-json-5000-digits": (json.dumps(["0", '{"a":' + "9" * 5000 + "}"]), IN),
}
_STREAMS: dict[str, tuple[str, str]] = {
    "null": ("null", "schema"),
    "number": ("5", "schema"),
    "no-values": ('{"stream":{}}', "schema"),
    "no-labels": ('{"values":[]}', "schema"),
    "labels-list": ('{"stream":[],"values":[]}', "schema"),
    "labels-nested": ('{"stream":{"a":{}},"values":[["0","x"]]}', "schema"),
    "values-object": ('{"stream":{},"values":{}}', "schema"),
}


def _loki_json() -> Iterator[Entry]:
    idea = "Loki push"
    for name, (bad, cause) in _VALUES.items():

        def body(good: Good, bad: str = bad) -> bytes:
            return (
                json.dumps(made.pushed(good, [made.value(good, 1), "HERE", made.value(good, 2)]))
                .replace('"HERE"', bad)
                .encode()
            )

        yield Entry(f"loki-value-{name}", idea, body, path=PUSH, good=2, headers=_JSON, status=204, **outcome(cause))
    for name, (bad, cause) in _STREAMS.items():

        def pushed(good: Good, bad: str = bad) -> bytes:
            push = made.pushed(good, [made.value(good, 1), made.value(good, 2)])
            push["streams"].insert(0, "HERE")
            return json.dumps(push).replace('"HERE"', bad).encode()

        yield Entry(f"loki-stream-{name}", idea, pushed, path=PUSH, good=2, headers=_JSON, status=204, **outcome(cause))
    for name, raw in {
        "not-json": b"{",
        "array": b"[]",
        "no-streams": b"{}",
        "streams-object": b'{"streams":{}}',
        "deep": b'{"streams":' + b"[" * 50_000,
        "nothing": b"",
    }.items():
        yield whole(f"loki-whole-{name}", idea, raw, 400, path=PUSH, headers=_JSON)
    yield Entry(
        "loki-json-not-utf8",
        idea,
        lambda good: json.dumps(made.pushed(good, [made.value(good, 1), ["0", "?!"]])).encode().replace(b"?!", b"\xff"),
        path=PUSH,
        good=1,
        odd=1,
        headers=_JSON,
        status=204,
    )
    yield whole(
        "loki-bomb-shared-label",
        "bombs",
        lambda good: json.dumps(made.pushed(good, [["0", "x"]] * 5000, l="x" * (1 << 20))).encode(),
        413,
        "share",
        path=PUSH,
        headers=_JSON,
    )
    yield whole(
        "loki-bomb-letters",
        "bombs",
        lambda good: json.dumps(made.pushed(good, [["x", "x"]] * 5000, l="x" * (1 << 20))).encode(),
        413,
        "share",
        path=PUSH,
        headers=_JSON,
    )
    yield whole(
        "loki-bomb-100001-lines",
        "bombs",
        lambda good: json.dumps(made.pushed(good, [["0", "x"]] * 100_001)).encode(),
        413,
        "100000",
        path=PUSH,
        headers=_JSON,
    )


_LABELS: dict[str, tuple[str, str]] = {
    "none": ("", "schema"),
    "no-braces": ('a="b"', "schema"),
    "not-closed": ('{a="b"', "schema"),
    "no-quotes": ("{a=b}", "schema"),
    "no-value": ("{a}", "schema"),
    "empty": ("{}", IN),
    "quote-open": ('{a="b}', "schema"),
    "escapes": ('{a="\\x41\\u0042\\U0001F600\\U00110000\\q\\ud800"}', IN),
    "comma-at-the-end": ('{a="b",}', IN),
    "comma-only": ("{,}", IN),
    "backquotes": ("{a=`b`}", IN),
    "doubled": ('{a="b",a="c"}', IN),
    "korean-name": ('{이름="b"}', "schema"),
    "nul": ('{a="\0"}', IN),
    "rubbish-behind": ('{a="b"} x', "schema"),
    "many-spaces": ("{" + " " * 50_000 + 'a="b"' + " " * 50_000 + "!}", "schema"),
    "100k-backslashes": ('{a="' + "\\" * 100_001 + '"}', "schema"),
}


def _loki_protobuf() -> Iterator[Entry]:
    idea = "Loki push"
    for name, (labels, cause) in _LABELS.items():

        def body(good: Good, labels: str = labels) -> bytes:
            entry = made.entry(good, 9)
            entry.ClearField("metadata")
            rows = [
                made.stream(f'{{service_name="{good.tag}"}}', made.entry(good, 1)),
                made.stream(labels, entry),
                made.stream(f'{{service_name="{good.tag}"}}', made.entry(good, 2)),
            ]
            return snappy(made.push(*rows))

        yield Entry(
            f"loki-labels-{name}", idea, body, path=PUSH, good=2, headers=_PROTOBUF, status=204, **outcome(cause)
        )
    lines: dict[str, tuple[bytes, str]] = {
        "line-not-utf8": (field(2, 2, b"\xff\xfe"), IN),
        "no-time": (field(2, 2, b"x"), IN),
        "nanos-negative": (field(1, 2, field(2, 0, varint(2**64 - 5))), "schema"),
        "seconds-int64-max": (field(1, 2, field(1, 0, varint(2**63 - 1))), "schema"),
        "seconds-negative": (field(1, 2, field(1, 0, varint(2**64 - 5))), "schema"),
        "line-2-mib": (field(2, 2, b"x" * (2 << 20)), "too_large"),
        "metadata-not-utf8": (field(3, 2, field(1, 2, b"\xff") + field(2, 2, b"\xfe")), IN),
    }
    for name, (raw, cause) in lines.items():

        def line(good: Good, raw: bytes = raw) -> bytes:
            good_rows = made.stream(f'{{service_name="{good.tag}"}}', made.entry(good, 1), made.entry(good, 2))
            return snappy(made.push(good_rows) + field(1, 2, field(1, 2, b'{a="b"}') + field(2, 2, raw)))

        yield Entry(
            f"loki-entry-{name}", idea, line, path=PUSH, good=2, headers=_PROTOBUF, status=204, **outcome(cause)
        )
    for name, raw in {"noise": random.Random(9).randbytes(300), "cut": b"\x0a\x50\x0a"}.items():
        yield whole(f"loki-protobuf-{name}", idea, snappy(raw), 400, path=PUSH, headers=_PROTOBUF)
    yield whole(
        "loki-protobuf-plain",
        idea,
        lambda good: made.push(made.stream("{}", made.entry(good, 1))),
        400,
        path=PUSH,
        headers=_PROTOBUF,
    )
    yield whole(
        "loki-type-text",
        idea,
        b"hello",
        415,
        path=PUSH,
        headers={"Content-Type": "text/plain", "Content-Encoding": "identity"},
    )
    yield whole("loki-snappy-says-4-gib", "snappy", varint(2**32 - 1) + b"\0", 413, path=PUSH, headers=_PROTOBUF)
    yield Entry(
        "loki-protobuf-labels-not-utf8",
        idea,
        lambda good: snappy(
            made.push(made.stream(f'{{service_name="{good.tag}"}}', made.entry(good, 1)))
            + field(1, 2, field(1, 2, b'{a="\xff"}') + field(2, 2, b""))
        ),
        path=PUSH,
        good=1,
        refused=("encoding",),
        headers=_PROTOBUF,
        status=204,
    )


def entries() -> Iterator[Entry]:
    for part in (_prometheus, _loki_json, _loki_protobuf):
        yield from part()
