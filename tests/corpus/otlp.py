"""Malformed OTLP, in protobuf and JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.corpus import protocols as made
from tests.corpus.encoding import PACKERS, gzip_of_zeros, snappy, varint
from tests.corpus.entry import IN, METRICS, Entry, Good, outcome, whole

LOGS = "/v1/logs"
_JSON = {"Content-Type": made.JSON}
_PROTOBUF = {"Content-Type": made.PROTOBUF}


def field(number: int, kind: int, content: bytes) -> bytes:
    """Return one field of a protobuf message: its tag, its length where it has one, its content."""
    return varint(number << 3 | kind) + (varint(len(content)) if kind == 2 else b"") + content


def request(*records: bytes) -> bytes:
    """Return an OTLP request around records as bytes; the numbers are the same in all signals."""
    return field(1, 2, field(2, 2, b"".join(field(2, 2, record) for record in records)))


def record_of(good: Good, number: int) -> bytes:
    """Return one good log record with its service as an attribute, since these requests have no resource."""
    message = ExportLogsServiceRequest.FromString(made.logs_protobuf(good, number))
    record = message.resource_logs[0].scope_logs[0].log_records[0]
    record.attributes.add(key="service.name").value.string_value = good.tag
    return record.SerializeToString()


def any_value(depth: int) -> bytes:
    """Return an AnyValue of arrays inside each other."""
    inner = field(1, 2, b"x")
    for _ in range(depth):
        inner = field(5, 2, field(1, 2, inner))
    return inner


_RECORDS: dict[str, tuple[bytes, str]] = {
    "body-not-utf8": (field(5, 2, field(1, 2, b"\xff\xfe")), "encoding"),
    "body-cut-character": (field(5, 2, field(1, 2, "한".encode()[:2])), "encoding"),
    "severity-text-not-utf8": (field(3, 2, b"\xc0\x80"), "encoding"),
    "attribute-key-not-utf8": (field(6, 2, field(1, 2, b"\x80")), "encoding"),
    "length-beyond-the-end": (b"\x2a\x7fabc", "encoding"),
    "length-of-4-gb": (b"\x2a\xff\xff\xff\xff\x0f", "encoding"),
    "length-of-11-bytes": (b"\x2a" + b"\xff" * 11, "encoding"),
    "varint-cut": (b"\x10\x80", "encoding"),
    "tag-cut": (b"\xff", "encoding"),
    "field-zero": (b"\x00\x00", "encoding"),
    "group-not-closed": (b"\x0b\x08\x01", "encoding"),
    "group-closed-only": (b"\x0c", "encoding"),
    "wire-type-7": (b"\x0f\x01", "encoding"),
    "wrong-wire-type": (field(1, 2, b"12345678"), IN),
    "wrong-wire-type-for-body": (b"\x28\x01", IN),
    "unknown-fields": (field(9999, 2, b"x" * 100) + field(500, 0, b"\x01"), IN),
    "severity-unknown": (field(2, 0, varint(999)), IN),
    "severity-negative": (field(2, 0, varint(2**64 - 3)), IN),
    "time-max": (field(1, 1, b"\xff" * 8), "clock"),
    "time-year-2200": (field(1, 1, (7_258_118_400 * 10**9).to_bytes(8, "little")), "clock"),
    "deep-any-value-50": (field(5, 2, any_value(20)), IN),
    "deep-any-value-500": (field(5, 2, any_value(500)), "encoding"),
    "deep-any-value-20000": (field(5, 2, any_value(20_000)), "encoding"),
    "trace-id-of-3-bytes": (field(9, 2, b"abc"), IN),
    "trace-id-of-1-kib": (field(9, 2, b"a" * 1024), IN),
    "body-twice": (field(5, 2, field(1, 2, b"a")) + field(5, 2, field(3, 0, b"\x01")), IN),
    "empty": (b"", IN),
    "nul-and-controls": (field(5, 2, field(1, 2, b"a\0\x1b[2J\x07")), IN),
    "10k-attributes": (b"".join(field(6, 2, field(1, 2, b"k%d" % n)) for n in range(10_000)), IN),
    "body-2-mib": (field(5, 2, field(1, 2, b"x" * (2 << 20))), "too_large"),
    "infinite-double": (field(5, 2, field(4, 1, b"\0\0\0\0\0\0\xf0\x7f")), IN),
    "noise": (random.Random(7).randbytes(500), "encoding"),
}

_JSON_RECORDS: dict[str, tuple[str, str]] = {
    "null": ("null", "schema"),
    "number": ("7", "schema"),
    "text": ('"log"', "schema"),
    "array": ("[]", "schema"),
    "time-word": ('{"timeUnixNano":"soon"}', "schema"),
    "time-negative": ('{"timeUnixNano":"-5"}', "schema"),
    "time-fraction": ('{"timeUnixNano":1.5}', "schema"),
    "time-1e400": ('{"timeUnixNano":1e400}', "schema"),
    "time-uint64-overflow": ('{"timeUnixNano":"18446744073709551616"}', "schema"),
    "time-ahead": ('{"timeUnixNano":"9000000000000000000"}', "clock"),
    "time-object": ('{"timeUnixNano":{}}', "schema"),
    "trace-id-not-hex": ('{"traceId":"xyz"}', "schema"),
    "trace-id-odd": ('{"traceId":"abc"}', "schema"),
    "trace-id-number": ('{"traceId":5}', "schema"),
    "severity-word": ('{"severityNumber":"SEVERITY_NUMBER_UNHEARD_OF"}', IN),
    "severity-int32-overflow": ('{"severityNumber":99999999999}', "schema"),
    "severity-unknown": ('{"severityNumber":4711}', IN),
    "body-plain-text": ('{"body":"hello"}', "schema"),
    "body-two-kinds": ('{"body":{"stringValue":"a","intValue":"5"}}', IN),
    "body-int-word": ('{"body":{"intValue":"five"}}', "schema"),
    "body-bytes-not-base64": ('{"body":{"bytesValue":"!!!"}}', "schema"),
    "body-bool-word": ('{"body":{"boolValue":"yes"}}', "schema"),
    "body-nan": ('{"body":{"doubleValue":"NaN"}}', IN),
    "body-bare-nan": ('{"body":{"doubleValue":NaN}}', IN),
    "body-lone-surrogate": ('{"body":{"stringValue":"a\\ud800b"}}', IN),
    "body-deep": ('{"body":' + '{"arrayValue":{"values":[' * 100 + "]}}" * 100 + "}", "schema"),
    "attributes-object": ('{"attributes":{"a":"b"}}', "schema"),
    "attributes-of-numbers": ('{"attributes":[1,2]}', "schema"),
    "attributes-of-nulls": ('{"attributes":[null]}', IN),
    "attribute-key-number": ('{"attributes":[{"key":5}]}', "schema"),
    "attribute-5000-digits-text": ('{"attributes":[{"key":"a","value":{"intValue":"' + "9" * 5000 + '"}}]}', "schema"),
    "unknown-field": ('{"shoeSize":43,"\\ud800":1}', IN),
    "flags-negative": ('{"flags":-1}', "schema"),
    "both-spellings": ('{"timeUnixNano":"1","time_unix_nano":"2"}', IN),
    "observed-uint64-max": ('{"observedTimeUnixNano":"18446744073709551615"}', "clock"),
}


def _protobuf_records() -> Iterator[Entry]:
    for name, (bad, cause) in _RECORDS.items():
        yield Entry(
            f"otlp-protobuf-{name}",
            "OTLP protobuf",
            lambda good, bad=bad: request(record_of(good, 1), bad, record_of(good, 2)),
            path=LOGS,
            good=2,
            headers=_PROTOBUF,
            **outcome(cause),
        )


def _json_records() -> Iterator[Entry]:
    def body(good: Good, bad: str) -> bytes:
        mark = '"HERE"'
        text = json.dumps(made.logs(good, [made.log(good, 1), "HERE", made.log(good, 2)]))
        return text.replace(mark, bad).encode()

    for name, (bad, cause) in _JSON_RECORDS.items():
        yield Entry(
            f"otlp-json-{name}",
            "OTLP JSON",
            lambda good, bad=bad: body(good, bad),
            path=LOGS,
            good=2,
            headers=_JSON,
            **outcome(cause),
        )


def _structure() -> Iterator[Entry]:
    """What holds the records is wrong, beside a part that is right."""
    groups: dict[str, tuple[Any, str]] = {
        "resource-number": ({"resource": 7, "scopeLogs": [{"logRecords": [{}]}]}, "schema"),
        "scopes-object": ({"scopeLogs": {}}, "schema"),
        "records-text": ({"scopeLogs": [{"logRecords": "x"}]}, "schema"),
        "scope-number": ({"scopeLogs": [{"scope": 7, "logRecords": [{}]}]}, "schema"),
        "group-null": (None, "schema"),
        "group-array": ([], "schema"),
        "resource-attribute-bad": (
            {"resource": {"attributes": [{"key": 1}]}, "scopeLogs": [{"logRecords": [{}]}]},
            "schema",
        ),
    }
    for name, (group, cause) in groups.items():

        def body(good: Good, group: Any = group) -> bytes:
            request = made.logs(good, [made.log(good, 1), made.log(good, 2)])
            request["resourceLogs"].insert(0, group)
            return json.dumps(request).encode()

        yield Entry(f"otlp-json-{name}", "OTLP JSON", body, path=LOGS, good=2, headers=_JSON, **outcome(cause))
    bad_scope = field(1, 2, field(2, 2, b"\x0a\xff"))
    bad_resource = field(1, 2, field(1, 2, b"\x0a\x05ab") + field(2, 2, b""))
    for name, part in {"scope": bad_scope, "resource": bad_resource}.items():
        yield Entry(
            f"otlp-protobuf-{name}-damaged",
            "OTLP protobuf",
            lambda good, part=part: made.logs_protobuf(good, 1, 2) + part,
            path=LOGS,
            good=2,
            headers=_PROTOBUF,
            refused=("encoding",),
        )


def _wholes() -> Iterator[Entry]:
    idea = "OTLP whole requests"
    for name, body in {
        "not-json": b"{",
        "array": b"[]",
        "text": b'"x"',
        "deep": b'{"resourceLogs":' + b"[" * 100_000,
        "number": b"7",
        "resources-object": b'{"resourceLogs":{}}',
        "nothing": b"",
        "protobuf-as-json": b"\x0a\x00",
    }.items():
        yield whole(f"otlp-json-whole-{name}", idea, body, 400, path=LOGS, headers=_JSON)
    for name, body in {
        "json-as-protobuf": b'{"resourceLogs":[]}',
        "cut-tag": b"\x0a",
        "cut-length": b"\x0a\xff",
        "length-4-gb": b"\x0a\xff\xff\xff\xff\x0f",
        "wire-type-6": b"\x0e",
        "noise": random.Random(1).randbytes(1000),
        "group-of-100k": b"\x0b" * 100_000,
    }.items():
        yield whole(f"otlp-protobuf-whole-{name}", idea, body, 400, path=LOGS, headers=_PROTOBUF)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        yield whole(
            f"otlp-protobuf-cut-at-{share}",
            idea,
            lambda good, share=share: (raw := made.logs_protobuf(good, 1, 2, 3))[: int(len(raw) * share)],
            400,
            path=LOGS,
            headers=_PROTOBUF,
        )
    yield Entry("otlp-protobuf-nothing", idea, lambda good: b"", path=LOGS, headers=_PROTOBUF)
    yield Entry("otlp-json-empty", idea, lambda good: b"{}", path=LOGS, headers=_JSON)
    yield Entry("otlp-json-nulls", idea, lambda good: b'{"resourceLogs":null}', path=LOGS, headers=_JSON)
    for name, kind in {"text": "text/plain", "grpc": "application/grpc", "odd": "x"}.items():
        yield whole(
            f"otlp-type-{name}",
            idea,
            lambda good: made.logs_protobuf(good, 1),
            415,
            path=LOGS,
            headers={"Content-Type": kind},
        )
    yield Entry(
        "otlp-type-none-json",
        idea,
        lambda good: json.dumps(made.logs(good, [made.log(good, 1)])).encode(),
        path=LOGS,
        good=1,
    )
    yield Entry("otlp-type-none-protobuf", idea, lambda good: made.logs_protobuf(good, 1), path=LOGS, good=1)
    yield whole(
        "otlp-no-token",
        idea,
        lambda good: made.logs_protobuf(good, 1),
        401,
        "token",
        path=LOGS,
        headers=_PROTOBUF,
        token="",
    )
    yield whole("otlp-get", idea, b"", 405, path=LOGS, method="GET")
    yield Entry(
        "otlp-json-not-utf8",
        idea,
        lambda good: (
            json.dumps(made.logs(good, [made.log(good, 1), {"body": {"stringValue": "?!"}}]))
            .encode()
            .replace(b"?!", b"\xff")
        ),
        path=LOGS,
        good=1,
        odd=1,
        headers=_JSON,
    )
    for encoding, pack in PACKERS.items():
        yield whole(
            f"otlp-{encoding}-cut",
            idea,
            lambda good, pack=pack: pack(made.logs_protobuf(good, *range(50)))[:-60],
            400,
            path=LOGS,
            headers=_PROTOBUF | {"Content-Encoding": encoding},
        )
    yield Entry(
        "otlp-snappy-fits",
        idea,
        lambda good: snappy(made.logs_protobuf(good, 1)),
        path=LOGS,
        good=1,
        headers=_PROTOBUF | {"Content-Encoding": "snappy"},
    )
    yield Entry(
        "otlp-duplicate-records",
        idea,
        lambda good: request(record_of(good, 1), record_of(good, 2)) + request(record_of(good, 3)),
        path=LOGS,
        good=3,
        headers=_PROTOBUF,
    )


def _bombs() -> Iterator[Entry]:
    idea = "bombs"
    yield whole(
        "otlp-bomb-gzip",
        idea,
        lambda good: gzip_of_zeros(10),
        413,
        path=LOGS,
        headers=_PROTOBUF | {"Content-Encoding": "gzip"},
    )
    yield whole(
        "otlp-bomb-100001-records", idea, request(*[b""] * 100_001), 413, "100000 records", path=LOGS, headers=_PROTOBUF
    )
    large = field(1, 2, field(1, 2, b"k") + field(2, 2, field(1, 2, b"x" * (1 << 20))))
    shared = field(1, 2, large) + field(2, 2, field(2, 2, b"") * 50_000)
    yield whole("otlp-bomb-shared-attribute", idea, field(1, 2, shared), 413, "share", path=LOGS, headers=_PROTOBUF)
    many = b"".join(field(1, 2, field(1, 2, b"k%d" % n) + field(2, 2, field(1, 2, b"v"))) for n in range(10_000))
    shared = field(1, 2, many) + field(2, 2, field(2, 2, b"") * 50_000)
    yield whole(
        "otlp-bomb-shared-10k-attributes", idea, field(1, 2, shared), 413, "share", path=LOGS, headers=_PROTOBUF
    )
    bad = field(1, 2, large) + field(2, 2, field(2, 2, b"\xff") * 50_000)
    yield whole("otlp-bomb-letters", idea, field(1, 2, bad), 413, "share", path=LOGS, headers=_PROTOBUF)
    yield whole(
        "otlp-bomb-empty-scopes", idea, b"\x0a\x02\x12\x00" * (1 << 20), 413, "resources", path=LOGS, headers=_PROTOBUF
    )
    yield whole(
        "otlp-bomb-empty-resources", idea, b"\x0a\x00" * (16 << 20), 413, "resources", path=LOGS, headers=_PROTOBUF
    )
    yield whole(
        "otlp-bomb-scopes-in-one",
        idea,
        field(1, 2, b"\x12\x00" * (2 << 20)),
        413,
        "resources",
        path=LOGS,
        headers=_PROTOBUF,
    )
    yield whole(
        "otlp-bomb-json-scopes",
        idea,
        b'{"resourceLogs":[' + b"{}," * (1 << 20) + b"{}]}",
        413,
        "resources",
        path=LOGS,
        headers=_JSON,
    )


Row = dict[str, Any]
_SPAN_CHANGES: dict[str, tuple[Row, str]] = {
    "ends-before-it-starts": ({"endTimeUnixNano": "5"}, IN),
    "no-times": ({"startTimeUnixNano": "0", "endTimeUnixNano": "0"}, IN),
    "start-word": ({"startTimeUnixNano": "then"}, "schema"),
    "end-uint64-max": ({"endTimeUnixNano": "18446744073709551615"}, IN),
    "kind-unknown": ({"kind": 77}, IN),
    "status-text": ({"status": "ERROR"}, "schema"),
    "status-code-unknown": ({"status": {"code": 42}}, IN),
    "events-object": ({"events": {}}, "schema"),
    "links-of-text": ({"links": ["x"]}, "schema"),
    "name-number": ({"name": 5}, "schema"),
    "name-nul": ({"name": "a\0b"}, IN),
    "name-2-mib": ({"name": "n" * (2 << 20)}, "too_large"),
    "status-code-attribute-99999": (
        {"attributes": [{"key": "http.response.status_code", "value": {"intValue": "99999"}}]},
        IN,
    ),
    "id-null": ({"spanId": None, "traceId": None}, IN),
    "id-of-zeros": ({"traceId": "0" * 32}, IN),
}
_METRIC_CHANGES: dict[str, tuple[Any, str]] = {
    "no-name": ({"gauge": {"dataPoints": [{"asDouble": 1}]}}, "schema"),
    "no-data": ({"name": "m"}, "schema"),
    "no-value": ({"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": "1"}]}}, "schema"),
    "infinite": ({"name": "m", "gauge": {"dataPoints": [{"asDouble": "Infinity"}]}}, "schema"),
    "word": ({"name": "m", "gauge": {"dataPoints": [{"asDouble": "much"}]}}, "schema"),
    "int64-overflow": ({"name": "m", "sum": {"dataPoints": [{"asInt": "9223372036854775808"}]}}, "schema"),
    "ahead": (
        {"name": "m", "gauge": {"dataPoints": [{"asDouble": 1, "timeUnixNano": "9000000000000000000"}]}},
        "clock",
    ),
    "points-text": ({"name": "m", "gauge": {"dataPoints": "x"}}, "schema"),
    "buckets-do-not-match": (
        {"name": "m", "histogram": {"dataPoints": [{"count": 1, "bucketCounts": [1, 2], "explicitBounds": [1, 2, 3]}]}},
        "schema",
    ),
    "bucket-negative": ({"name": "m", "histogram": {"dataPoints": [{"bucketCounts": [-1]}]}}, "schema"),
    "scale-huge": ({"name": "m", "exponentialHistogram": {"dataPoints": [{"scale": 2147483647}]}}, "schema"),
    "scale-low": ({"name": "m", "exponentialHistogram": {"dataPoints": [{"scale": -2147483648}]}}, "schema"),
    "temporality-unknown": ({"name": "m", "sum": {"aggregationTemporality": 99, "dataPoints": [{"asDouble": 1}]}}, IN),
    "offset-int32-max": (
        {
            "name": "m",
            "exponentialHistogram": {"dataPoints": [{"positive": {"offset": 2147483647, "bucketCounts": ["1"]}}]},
        },
        "in2",
    ),
}


def _other_signals() -> Iterator[Entry]:
    def spans(good: Good, change: Row) -> bytes:
        return json.dumps(
            made.spans(good, [made.span(good, 1), made.span(good, 2) | {"attributes": []} | change, made.span(good, 2)])
        ).encode()

    for name, (change, cause) in _SPAN_CHANGES.items():
        yield Entry(
            f"otlp-span-{name}",
            "OTLP JSON",
            lambda good, change=change: spans(good, change),
            path="/v1/traces",
            good=2,
            headers=_JSON,
            **outcome(cause),
        )

    def metrics(good: Good, bad: Any) -> bytes:
        return json.dumps(made.metrics(good, [made.gauge(good, 1), bad, made.gauge(good, 2)])).encode()

    for name, (bad, cause) in _METRIC_CHANGES.items():
        fields = {"odd": int(cause[2:])} if cause[:2] == "in" else outcome(cause)
        yield Entry(
            f"otlp-metric-{name}",
            "OTLP JSON",
            lambda good, bad=bad: metrics(good, bad),
            path="/v1/metrics",
            good=2,
            kind=METRICS,
            headers=_JSON,
            **fields,
        )
    shapes: dict[str, tuple[str, Callable[..., bytes]]] = {
        "/v1/traces": ("traces", made.spans_protobuf),
        "/v1/metrics": ("metrics", made.metrics_protobuf),
    }
    for path, (name, pack) in shapes.items():
        for share in (0.2, 0.6, 0.98):
            yield whole(
                f"otlp-{name}-cut-at-{share}",
                "OTLP whole requests",
                lambda good, pack=pack, share=share: (raw := pack(good, 1, 2, 3))[: int(len(raw) * share)],
                400,
                path=path,
                headers=_PROTOBUF,
            )
        yield Entry(
            f"otlp-{name}-logs-sent-there",
            "OTLP whole requests",
            lambda good: made.logs_protobuf(good, 1),
            path=path,
            headers=_PROTOBUF,
            refused=("encoding",),
        )


def entries() -> Iterator[Entry]:
    for part in (_protobuf_records, _json_records, _structure, _wholes, _bombs, _other_signals):
        yield from part()
