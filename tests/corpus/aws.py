"""Malformed deliveries of AWS: CloudWatch Logs, Kinesis, Firehose, EventBridge, SNS."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.corpus import protocols as made
from tests.corpus.encoding import gzip_of_zeros
from tests.corpus.entry import HERE, IN, MOMENT, Entry, Good, outcome, placed, whole

IDEA = "AWS deliveries"
LAMBDA, SNS, BUS, FIREHOSE = "/v1/aws/lambda", "/v1/aws/sns", "/v1/aws/eventbridge", "/v1/aws/firehose"
_KEY = {"X-Amz-Firehose-Access-Key": "the token"}


def _lines(good: Good, bad: Any) -> Any:
    return made.subscription(good, [*made.log_events(good, 1), bad, *made.log_events(good, 2)])


_LOG_EVENTS: dict[str, tuple[Any, str | int]] = {
    "null": (None, 0),
    "number": (5, "schema"),
    "no-message": ({"id": "1", "timestamp": made.MILLIS}, IN),
    "message-number": ({"timestamp": made.MILLIS, "message": 5}, IN),
    "time-word": ({"timestamp": "x", "message": "m"}, "schema"),
    "time-negative": ({"timestamp": -5, "message": "m"}, "schema"),
    "time-ahead": ({"timestamp": made.MILLIS * 2, "message": "m"}, "clock"),
    "message-2-mib": ({"timestamp": made.MILLIS, "message": "x" * (2 << 20)}, "too_large"),
    "message-broken-json": ({"timestamp": made.MILLIS, "message": '{"a":'}, "schema"),
    "message-deep-json": ({"timestamp": made.MILLIS, "message": '{"a":' + "[" * 20_000 + "]" * 20_000 + "}"}, "schema"),
    "message-nul": ({"timestamp": made.MILLIS, "message": "a\0b"}, IN),
    "message-surrogate": ({"timestamp": made.MILLIS, "message": "\ud800"}, IN),
    "message-empty": ({"timestamp": made.MILLIS, "message": ""}, 0),
    "id-surrogate": ({"id": "\ud800", "timestamp": made.MILLIS, "message": "m"}, IN),
    "message-is-a-kinesis-event": ({"timestamp": made.MILLIS, "message": json.dumps(made.kinesis(b"x", b"y"))}, 2),
}


def _nested(depth: int) -> Any:
    document: Any = {"detail-type": "x", "source": "y", "detail": {}}
    for _ in range(depth):
        document = {"Records": [{"Sns": {"TopicArn": "t", "MessageId": "m", "Message": json.dumps(document)}}]}
    return document


def _logs() -> Iterator[Entry]:
    for name, (bad, cause) in _LOG_EVENTS.items():
        yield Entry(
            f"aws-logs-event-{name}",
            IDEA,
            lambda good, bad=bad: json.dumps(made.awslogs(_lines(good, bad))).encode(),
            path=LAMBDA,
            good=2,
            **outcome(cause),
        )
    packed: dict[str, tuple[Any, str]] = {
        "not-base64": ("!!!", "encoding"),
        "base64-of-noise": (base64.b64encode(b"\x1f\x8bnoise").decode(), "encoding"),
        "null": (None, "schema"),
        "number": (7, "schema"),
        "gzip-cut": (base64.b64encode(gzip.compress(b"{}" * 100)[:-12]).decode(), "encoding"),
        "gzip-of-noise": (base64.b64encode(gzip.compress(b"\xff\xfe")).decode(), "encoding"),
        "gzip-bomb": (base64.b64encode(gzip_of_zeros(1)).decode(), "too_large"),
        "surrogate": ("\ud800", "encoding"),
        "korean": ("한글", "encoding"),
    }
    for name, (data, cause) in packed.items():
        yield Entry(
            f"aws-logs-data-{name}",
            IDEA,
            lambda good, data=data: json.dumps({"awslogs": {"data": data}}).encode(),
            path=LAMBDA,
            **outcome(cause),
        )


def _records() -> Iterator[Entry]:
    records: dict[str, tuple[bytes, str]] = {
        "noise": (b"\xff\xfe\xfd", "encoding"),
        "cut-json": (b'{"a":', "schema"),
        "deep": (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "schema"),
        "aggregated": (b"\xf3\x89\x9a\xc2" + b"\0" * 20, "schema"),
        "gzip-damaged": (b"\x1f\x8b\x08\x00junk", "encoding"),
        "bomb": (gzip_of_zeros(1), "too_large"),
        "bad-time": (b'{"ts":"never"}', "schema"),
        "number": (b"5", IN),
        "2-mib": (b'{"m":"' + b"x" * (2 << 20) + b'"}', "too_large"),
    }
    for name, (data, cause) in records.items():

        def stream(good: Good, data: bytes = data) -> bytes:
            return json.dumps(
                made.kinesis(json.dumps(good.event(1)).encode(), data, json.dumps(good.event(2)).encode())
            ).encode()

        def delivery(good: Good, data: bytes = data) -> bytes:
            return json.dumps(
                made.firehose(json.dumps(good.event(1)).encode(), data, json.dumps(good.event(2)).encode())
            ).encode()

        # A bomb uses up what the whole request may inflate to, but plain neighbours need none of it.
        yield Entry(f"aws-kinesis-{name}", IDEA, stream, path=LAMBDA, good=2, **outcome(cause))
        yield Entry(
            f"aws-firehose-{name}", IDEA, delivery, path=FIREHOSE, good=2, headers=_KEY, token="", **outcome(cause)
        )


def _firehose() -> Iterator[Entry]:
    for name, bad in {
        "data-null": '{"data":null}',
        "data-number": '{"data":5}',
        "no-data": "{}",
        "not-base64": '{"data":"*"}',
    }.items():

        def holed(good: Good, bad: str = bad) -> bytes:
            document = made.firehose(json.dumps(good.event(1)).encode())
            document["records"].append(HERE)
            return placed(document, bad)

        cause = "encoding" if name == "not-base64" else "schema"
        yield Entry(
            f"aws-firehose-record-{name}", IDEA, holed, path=FIREHOSE, good=1, headers=_KEY, token="", refused=(cause,)
        )
    for name, body in {
        "not-json": b"{",
        "no-records": b"{}",
        "records-object": b'{"records":{}}',
        "array": b"[]",
        "nothing": b"",
        "deep": b'{"records":' + b"[" * 20_000,
    }.items():
        yield whole(f"aws-firehose-whole-{name}", IDEA, body, 400, path=FIREHOSE, headers=_KEY, token="")
    yield whole(
        "aws-firehose-wrong-key",
        IDEA,
        b"{}",
        401,
        "token",
        path=FIREHOSE,
        headers={"X-Amz-Firehose-Access-Key": "x"},
        token="",
    )
    yield whole("aws-firehose-no-key", IDEA, b"{}", 401, "token", path=FIREHOSE, token="")


def _bodies() -> Iterator[Entry]:
    for path, short in ((LAMBDA, "lambda"), (SNS, "sns"), (BUS, "eventbridge")):
        for name, body in {
            "not-json": b"<xml/>",
            "nothing": b"",
            "unknown-shape": b'{"hello":"world"}',
            "number": b"7",
            "list-of-unknown": b'[{"a":1}]',
            "deep": b'{"Records":' + b"[" * 50_000,
            "noise": random.Random(4).randbytes(200),
        }.items():
            yield whole(f"aws-{short}-whole-{name}", IDEA, body, 400, path=path)


def _bus() -> Iterator[Entry]:
    bent: dict[str, tuple[dict[str, Any], str]] = {
        "time-nonsense": ({"time": "x"}, "schema"),
        "time-ahead": ({"time": "2099-01-01T00:00:00Z"}, "clock"),
        "detail-list": ({"detail": [1, 2]}, IN),
        "detail-null": ({"detail": None}, IN),
        "detail-deep": ({"detail": {"a": [[[[[[]]]]]]}}, IN),
        "source-number": ({"source": 5}, IN),
        "type-object": ({"detail-type": {"a": 1}}, IN),
        "id-list": ({"id": [1]}, IN),
        "weight-zero": ({"detail": {"weight": 0}}, "schema"),
        "status-99999": ({"detail": {"status": 99999}}, "schema"),
    }
    for name, (change, cause) in bent.items():

        def body(good: Good, change: dict[str, Any] = change) -> bytes:
            return json.dumps(
                [
                    made.bus_event(good, 1),
                    made.bus_event(Good("odd"), 1) | {"detail": {}} | change,
                    made.bus_event(good, 2),
                ]
            ).encode()

        yield Entry(f"aws-bus-{name}", IDEA, body, path=BUS, good=2, **outcome(cause))


def _topics() -> Iterator[Entry]:
    alarms: dict[str, tuple[Any, str]] = {
        "no-name": ({"AlarmName": None, "NewStateValue": "ALARM"}, "schema"),
        "name-number": ({"AlarmName": 5}, "schema"),
        "name-empty": ({"AlarmName": ""}, "schema"),
        "state-odd": ({"AlarmName": "a", "NewStateValue": {"x": 1}}, IN),
        "trigger-text": ({"AlarmName": "a", "Trigger": "x"}, IN),
        "dimensions-odd": ({"AlarmName": "a", "Trigger": {"Dimensions": [{"name": []}, 5, None]}}, IN),
        "time-nonsense": ({"AlarmName": "a", "StateChangeTime": "x"}, "schema"),
        "name-surrogate": ({"AlarmName": "\ud800", "AlarmArn": "\udfff", "StateChangeTime": MOMENT}, IN),
    }
    for name, (alarm, cause) in alarms.items():
        yield Entry(
            f"aws-alarm-{name}",
            IDEA,
            lambda good, alarm=alarm: json.dumps(made.notification(good, json.dumps(alarm))).encode(),
            path=SNS,
            **outcome(cause),
        )


def _messages() -> Iterator[Entry]:
    texts: dict[str, tuple[Any, str | int]] = {
        "text": ("hello", IN),
        "number": (5, "schema"),
        "null": (None, "schema"),
        "cut-json": ('{"a":', "schema"),
        "deep": ('{"a":' + "[" * 9000 + "]" * 9000 + "}", "schema"),
        "empty": ("", 0),
        "list": ([1], "schema"),
        "surrogate": ("\ud800", IN),
        "braces": ("{no json}", IN),
    }
    for name, (message, cause) in texts.items():
        yield Entry(
            f"aws-sns-message-{name}",
            IDEA,
            lambda good, message=message: json.dumps(made.notification(good, message)).encode(),
            path=SNS,
            **outcome(cause),
        )


def _layers() -> Iterator[Entry]:
    yield Entry("aws-layers-4", IDEA, lambda good: json.dumps(_nested(3)).encode(), path=LAMBDA, odd=1)
    yield Entry(
        "aws-layers-8",
        IDEA,
        lambda good: json.dumps(_nested(8)).encode(),
        path=LAMBDA,
        refused=("schema",),
        says="inside each other",
    )
    bodies: dict[str, tuple[str, str]] = {
        "records-object": ('{"Records":{}}', "schema"),
        "record-null": ('{"Records":[null,5]}', "schema"),
        "kinesis-null": ('{"Records":[{"eventSource":"k","kinesis":null}]}', "schema"),
        "other": ('{"Records":[{"eventSource":"aws:moon","eventVersion":"1"}]}', "schema"),
    }
    for name, (text, cause) in bodies.items():
        yield Entry(f"aws-lambda-{name}", IDEA, lambda good, text=text: text.encode(), path=LAMBDA, refused=(cause,))


def entries() -> Iterator[Entry]:
    for part in (_logs, _records, _firehose, _bodies, _bus, _topics, _messages, _layers):
        yield from part()
