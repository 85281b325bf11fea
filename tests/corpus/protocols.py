"""Good requests of each protocol, one record each or several, in the form in which corpus and fuzzers bend them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bdp.intake.protocols.loki import MESSAGES as LOKI
from bdp.intake.protocols.prometheus import MESSAGES as PROMETHEUS
from tests.corpus.entry import MOMENT, Good

NANOS = int(datetime.fromisoformat(MOMENT).timestamp()) * 1_000_000_000
MILLIS = NANOS // 1_000_000
JSON, PROTOBUF = "application/json", "application/x-protobuf"
Row = dict[str, Any]


def text(value: str) -> Row:
    return {"stringValue": value}


def pair(key: str, value: str) -> Row:
    return {"key": key, "value": text(value)}


def log(good: Good, number: int) -> Row:
    return {
        "timeUnixNano": str(NANOS),
        "severityNumber": 9,
        "body": text(good.message(number)),
        "attributes": [pair("n", str(number))],
        "traceId": "5b8efff798038103d269b633813fc60c",
    }


def logs(good: Good, records: list[Any]) -> Row:
    resource = {"attributes": [pair("service.name", good.tag)]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]}


def span(good: Good, number: int) -> Row:
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": good.message(number),
        "kind": 2,
        "startTimeUnixNano": str(NANOS),
        "endTimeUnixNano": str(NANOS + 5_000_000),
        "attributes": [pair("n", str(number))],
    }


def spans(good: Good, records: list[Any]) -> Row:
    resource = {"attributes": [pair("service.name", good.tag)]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": records}]}]}


def gauge(good: Good, number: int) -> Row:
    point = {
        "timeUnixNano": str(NANOS),
        "asDouble": number,
        "attributes": [pair("tag", good.tag), pair("note", good.message(number))],
    }
    return {"name": "good", "unit": "1", "gauge": {"dataPoints": [point]}}


def metrics(good: Good, records: list[Any]) -> Row:
    resource = {"attributes": [pair("service.name", good.tag)]}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "s"}, "metrics": records}]}]}


def packed(shape: Callable[[], Any], request: Row) -> bytes:
    """Return OTLP-JSON as protobuf, by the same table that the product has for JSON ids."""
    from bdp.intake.protocols.otlp_json import message_of

    message: Message = message_of(shape, request)  # type: ignore[arg-type]
    return message.SerializeToString()


def logs_protobuf(good: Good, *numbers: int) -> bytes:
    return packed(ExportLogsServiceRequest, logs(good, [log(good, number) for number in numbers]))


def spans_protobuf(good: Good, *numbers: int) -> bytes:
    return packed(ExportTraceServiceRequest, spans(good, [span(good, number) for number in numbers]))


def metrics_protobuf(good: Good, *numbers: int) -> bytes:
    return packed(ExportMetricsServiceRequest, metrics(good, [gauge(good, number) for number in numbers]))


def labels(**named: str) -> list[Any]:
    return [PROMETHEUS["Label"](name=name.encode(), value=value.encode()) for name, value in sorted(named.items())]


def series(good: Good, number: int) -> Any:
    named = labels(__name__="good_total", tag=good.tag, note=good.message(number), instance="a:1")
    return PROMETHEUS["TimeSeries"](labels=named, samples=[PROMETHEUS["Sample"](value=number, timestamp=MILLIS)])


def written(*rows: Any) -> bytes:
    made: bytes = PROMETHEUS["WriteRequest"](timeseries=list(rows)).SerializeToString()
    return made


def value(good: Good, number: int) -> list[Any]:
    return [str(NANOS), good.message(number), {"n": str(number)}]


def pushed(good: Good, values: list[Any], **more: str) -> Row:
    return {"streams": [{"stream": {"service_name": good.tag, **more}, "values": values}]}


def entry(good: Good, number: int) -> Any:
    metadata = [LOKI["LabelPair"](name=b"n", value=str(number).encode())]
    at = LOKI["Timestamp"](seconds=NANOS // 1_000_000_000)
    return LOKI["Entry"](timestamp=at, line=good.message(number).encode(), metadata=metadata)


def stream(written_labels: str, *entries: Any) -> Any:
    return LOKI["Stream"](labels=written_labels.encode(), entries=list(entries))


def push(*streams: Any) -> bytes:
    made: bytes = LOKI["PushRequest"](streams=list(streams)).SerializeToString()
    return made


def alert(good: Good, number: int) -> Row:
    return {
        "status": "firing",
        "labels": {"alertname": f"good{number}", "service": good.tag, "severity": "warning"},
        "annotations": {"summary": good.message(number)},
        "startsAt": MOMENT,
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{good.tag}-{number}",
        "n": str(number),
    }


def webhook(alerts: list[Any]) -> Row:
    return {"version": "4", "status": "firing", "receiver": "bdp", "groupKey": "{}:{}", "alerts": alerts}


def log_events(good: Good, *numbers: int) -> list[Row]:
    return [
        {
            "id": f"{good.tag}{number}",
            "timestamp": MILLIS,
            "message": good.message(number),
            "extractedFields": {"n": str(number)},
        }
        for number in numbers
    ]


def subscription(good: Good, events: list[Any]) -> Row:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "1",
        "logGroup": f"/aws/{good.tag}",
        "logStream": "s",
        "logEvents": events,
    }


def awslogs(document: Any) -> Row:
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode(), mtime=0)).decode()}}


def kinesis_record(data: bytes) -> Row:
    return {
        "eventSource": "aws:kinesis",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:1:stream/s",
        "eventVersion": "1.0",
        "kinesis": {
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": NANOS / 1e9,
            "sequenceNumber": "1",
        },
    }


def kinesis(*datas: bytes) -> Row:
    return {"Records": [kinesis_record(data) for data in datas]}


def firehose(*datas: bytes) -> Row:
    return {
        "requestId": "r",
        "timestamp": MILLIS,
        "records": [{"data": base64.b64encode(data).decode()} for data in datas],
    }


def metric_line(good: Good, number: int) -> bytes:
    return json.dumps(
        {
            "metric_stream_name": "m",
            "account_id": "1",
            "region": "r",
            "namespace": "AWS/EC2",
            "metric_name": "good",
            "dimensions": {"tag": good.tag, "note": good.message(number)},
            "timestamp": MILLIS,
            "value": {"count": number},
            "unit": "Percent",
        }
    ).encode()


def notification(good: Good, message: str, number: int = 1) -> Row:
    return {
        "Type": "Notification",
        "MessageId": f"{good.tag}-{number}",
        "TopicArn": "arn:aws:sns:us-east-1:1:topic",
        "Message": message,
        "Timestamp": MOMENT,
    }


def bus_event(good: Good, number: int) -> Row:
    return {
        "version": "0",
        "id": f"{good.tag}-{number}",
        "detail-type": "Order",
        "source": "shop",
        "account": "1",
        "time": MOMENT,
        "region": "us-east-1",
        "resources": [],
        "detail": good.event(number),
    }
