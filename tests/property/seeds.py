"""Seeds of the fuzzers: requests that are right, made here and recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.corpus import protocols as made
from tests.corpus.entry import Good

GOOD = Good("seed")
_RECORDED: dict[str, tuple[str, ...]] = {
    "otlp_logs": ("otel-samples/otlp-json/examples/logs.json", "otel-samples/otlp-json/examples/events.json"),
    "otlp_metrics": ("otel-samples/otlp-json/examples/metrics.json",),
    "otlp_traces": ("otel-samples/otlp-json/examples/trace.json",),
    "aws_lambda": ("aws-events/*/*.json",),
    "aws_sns": ("aws-events/*/*[sS]ns*.json",),
    "aws_eventbridge": ("aws-events/*/*vent*ridge*.json", "aws-events/*/cloudWatchAlarm*.json"),
    "alerts_cloudwatch": ("aws-events/*/cloud*larm*.json",),
    "aws_firehose": ("aws-events/*/*irehose*.json",),
    "aws_metric_stream": ("aws-events/telegraf-cloudwatch-metric-stream/*/*/*/*/record*.json",),
}
_ALERTS = "alert-payloads/keep/{}_provider/alerts_mock.json"
LARGEST = 60_000
_TEXT = rb"""# HELP wait_seconds How long.
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{path="/a\"\\\n",le="0.5"} 3 1772366399
wait_seconds_bucket{path="/a",le="+Inf"} 4e0 # {trace_id="a"} 0.7
{"quoted.name",job="x"} -1.5
up 1
"""


def seeds(protocol: str, data: Path) -> list[tuple[str, bytes]]:
    """Return (content type, body) of requests that this protocol's reader takes."""
    found = list(_made(protocol))
    for pattern in _RECORDED.get(protocol, ()):
        files = [path.read_bytes() for path in sorted(data.glob(pattern))]
        found += [(made.JSON, body) for body in files if len(body) <= LARGEST]
    if protocol.startswith("alerts_"):
        path = data / _ALERTS.format(protocol.removeprefix("alerts_").replace("alertmanager", "prometheus"))
        if path.exists():
            found += [(made.JSON, json.dumps(alert).encode()) for alert in _alerts(json.loads(path.read_bytes()))]
    assert found, protocol
    return found


def _alerts(document: dict[str, Any]) -> list[Any]:
    """Return what a vendor would send, out of the file's own wrapping."""
    alerts = document["ALERTS"]
    inner = [alert["payload"] for alert in alerts.values() if isinstance(alert, dict) and "payload" in alert]
    return inner or [alerts]


def _made(protocol: str) -> Iterator[tuple[str, bytes]]:
    if protocol == "otlp_logs":
        yield made.JSON, _json(made.logs(GOOD, [made.log(GOOD, 1), made.log(GOOD, 2)]))
        yield made.PROTOBUF, made.logs_protobuf(GOOD, 1, 2, 3)
    elif protocol == "otlp_traces":
        yield made.JSON, _json(made.spans(GOOD, [made.span(GOOD, 1), made.span(GOOD, 2)]))
        yield made.PROTOBUF, made.spans_protobuf(GOOD, 1, 2, 3)
    elif protocol == "otlp_metrics":
        yield made.JSON, _json(made.metrics(GOOD, [made.gauge(GOOD, 1), _HISTOGRAM, _EXPONENTIAL, _SUMMARY]))
        yield made.PROTOBUF, made.metrics_protobuf(GOOD, 1, 2, 3)
    elif protocol.startswith("prometheus") and not protocol.startswith("alerts"):
        yield made.PROTOBUF, made.written(made.series(GOOD, 1), made.series(GOOD, 2))
    elif protocol == "exposition":
        yield "text/plain", _TEXT
        yield "application/openmetrics-text", _TEXT + b"# EOF\n"
    elif protocol == "loki":
        yield made.JSON, _json(made.pushed(GOOD, [made.value(GOOD, 1), made.value(GOOD, 2)]))
        yield (
            made.PROTOBUF,
            made.push(made.stream('{app="x", b="\\"c\\u0041"}', made.entry(GOOD, 1), made.entry(GOOD, 2))),
        )
    elif protocol.startswith("alerts_"):
        yield made.JSON, _json(made.webhook([made.alert(GOOD, 1), made.alert(GOOD, 2)]))
    elif protocol.startswith("aws_"):
        yield from ((made.JSON, body) for body in _aws(protocol))


def _aws(protocol: str) -> Iterator[bytes]:
    lines = made.awslogs(made.subscription(GOOD, made.log_events(GOOD, 1, 2)))
    if protocol == "aws_metric_stream":
        yield _json(made.firehose(made.metric_line(GOOD, 1) + b"\n" + made.metric_line(GOOD, 2)))
    elif protocol == "aws_firehose":
        yield _json(made.firehose(GOOD.line(1), GOOD.line(2)))
    else:
        yield _json(lines)
        yield _json(made.subscription(GOOD, made.log_events(GOOD, 1, 2)))
        yield _json(made.kinesis(GOOD.line(1), _json(lines)))
        yield _json(made.notification(GOOD, json.dumps(made.bus_event(GOOD, 1))))
        yield _json(made.bus_event(GOOD, 1))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


_AT = str(made.NANOS)
_HISTOGRAM = {
    "name": "h",
    "histogram": {
        "aggregationTemporality": 2,
        "dataPoints": [
            {"timeUnixNano": _AT, "count": "3", "sum": 4.5, "bucketCounts": ["1", "2"], "explicitBounds": [1.5]}
        ],
    },
}
_EXPONENTIAL = {
    "name": "e",
    "exponentialHistogram": {
        "aggregationTemporality": 1,
        "dataPoints": [
            {
                "timeUnixNano": _AT,
                "count": "3",
                "scale": 1,
                "zeroCount": 1,
                "positive": {"offset": 2, "bucketCounts": ["1", "0", "1"]},
                "negative": {"offset": -2, "bucketCounts": ["1"]},
            }
        ],
    },
}
_SUMMARY = {
    "name": "s",
    "summary": {
        "dataPoints": [
            {"timeUnixNano": _AT, "count": "3", "sum": 4.5, "quantileValues": [{"quantile": 0.5, "value": 2.0}]}
        ]
    },
}
