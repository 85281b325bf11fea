"""What AWS sends: every recorded message is read into what a user looks for, or refused with a reason."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bdp.errors import BadRequest
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS, firehose
from bdp.intake.protocols.aws import MAX_LAYERS
from bdp.model.batch import Batch, Cause

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL = IntakeSettings(max_request_bytes=100_000, max_record_bytes=20_000)
Row = dict[str, Any]


def take(body: bytes, protocol: str = "aws_lambda", settings: IntakeSettings | None = None) -> Batch:
    speaks = PROTOCOLS[protocol]
    parcel = Parcel(speaks.kind, Edge(NOW, settings or IntakeSettings()), protocol)
    speaks.read(body, "", parcel)
    return parcel.batch("b", Ids.seeded(1))


def rows(batch: Batch) -> list[Row]:
    return [msgspec.json.decode(line) for line in batch.payload.splitlines()]


def events(document: object, protocol: str = "aws_lambda") -> list[Row]:
    batch = take(json.dumps(document).encode(), protocol)
    assert batch.refused == ()
    return rows(batch)


def packed(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def subscription(*messages: str, kind: str = "DATA_MESSAGE") -> bytes:
    lines = [{"id": f"3{i}", "timestamp": 1772362800000 + i, "message": text} for i, text in enumerate(messages)]
    document = {"messageType": kind, "owner": "1", "logGroup": "/aws/lambda/checkout", "logStream": "s"}
    return gzip.compress(json.dumps({**document, "subscriptionFilters": ["f"], "logEvents": lines}).encode())


def delivery(*records: bytes | str) -> Row:
    return {"requestId": "r", "timestamp": 1772362800000, "records": [{"data": packed(record)} for record in records]}


ALARM = {"level": "ERROR", "error_code": "EXAMPLE", "service": "TestInstance", "ts": "2015-06-03T17:43:27.123000Z"}
HELLO = {"message": "Hello from SNS!", "level": "INFO"}
LOG = {"service": "testLogGroup", "level": "ERROR", "message": "[ERROR] First test message"}
LOG_TS = {"ts": "2015-08-24T19:03:07Z"}
TOPIC = {"service": "mytopic", "ts": "2018-12-17T22:10:50.987000Z"}
WORLD = {"message": "Hello World"}

READ: dict[str, tuple[int, Row]] = {
    "aws-lambda-go/cloudwatch-alarm-sns-payload-multiple-metrics.json": (1, ALARM),
    "aws-lambda-go/cloudwatch-alarm-sns-payload-single-metric.json": (1, ALARM),
    "aws-lambda-go/cloudwatch-logs-event.json": (2, LOG | LOG_TS),
    "aws-lambda-go/kinesis-analytics-output-delivery-event.json": (
        1, {"message": "This is a test from Kinesis Analytics"},
    ),
    "aws-lambda-go/kinesis-event.json": (2, WORLD | {"service": "simple-stream", "ts": "2016-12-02T01:18:43.477000Z"}),
    "aws-lambda-go/kinesis-firehose-event.json": (2, WORLD | {"ts": "2017-10-05T15:33:44.302000Z"}),
    "aws-lambda-go/kinesis-time-window-event.json": (
        1, {"message": "Hello, this is a test.", "service": "lambda-stream"},
    ),
    "aws-lambda-go/sns-event.json": (1, HELLO | {"ts": "2015-06-03T17:43:27.123000Z"}),
    "aws-lambda-go/sqs-event.json": (1, {"message": "Message Body", "service": "SQSQueue"}),
    "powertools/cloudWatchAlarmEventCompositeMetric.json": (
        1, {"level": "ERROR", "error_code": "CompositeDemo.Main", "ts": "2023-08-04T12:56:46.138000Z"},
    ),
    "powertools/cloudWatchAlarmEventSingleMetric.json": (
        1, {"level": "ERROR", "error_code": "Test alert", "service": "AWS/Lambda"},
    ),
    "powertools/cloudWatchLogEvent.json": (2, LOG | LOG_TS),
    "powertools/cloudWatchLogEventWithPolicyLevel.json": (2, LOG),
    "powertools/eventBridgeEvent.json": (
        1, {"service": "aws.ec2", "message": "EC2 Instance State-change Notification: terminated"},
    ),
    "powertools/kafkaEventMsk.json": (1, TOPIC),
    "powertools/kafkaEventSelfManaged.json": (1, TOPIC),
    "powertools/kinesisFirehoseKinesisEvent.json": (2, WORLD | {"service": "delivery-stream-name"}),
    "powertools/kinesisFirehosePutEvent.json": (2, WORLD),
    "powertools/kinesisFirehoseSQSEvent.json": (1, {"message": "Test message.", "service": "SNS"}),
    "powertools/kinesisStreamCloudWatchLogsEvent.json": (
        6, {"service": "pt-1488-DummyLogDataFunction-gnWXPvL6jJyG", "ts": "2022-11-10T15:10:27.015000Z"},
    ),
    "powertools/kinesisStreamEvent.json": (2, {"message": "Hello, this is a test."}),
    "powertools/kinesisStreamEventOneRecord.json": (1, {"message": "test message"}),
    "powertools/s3EventBridgeNotificationObjectCreatedEvent.json": (
        1, {"service": "aws.s3", "message": "Object Created: PutObject"},
    ),
    "powertools/s3EventBridgeNotificationObjectDeletedEvent.json": (1, {"message": "Object Deleted: DeleteObject"}),
    "powertools/s3EventBridgeNotificationObjectExpiredEvent.json": (
        1, {"message": "Object Deleted: Lifecycle Expiration"},
    ),
    "powertools/s3EventBridgeNotificationObjectRestoreCompletedEvent.json": (
        1, {"message": "Object Restore Completed"},
    ),
    "powertools/s3SqsEvent.json": (1, {"message": "ObjectCreated:Put", "ts": "2023-04-12T20:43:38.021000Z"}),
    "powertools/snsEvent.json": (1, HELLO | {"service": "sns-lambda"}),
    "powertools/snsSqsEvent.json": (1, {"message": "hello world", "service": "powertools265"}),
    "powertools/snsSqsFifoEvent.json": (1, {"message": "hello world", "service": "Test.fifo"}),
    "powertools/sqsDlqTriggerEvent.json": (1, {"message": "hello world"}),
    "powertools/sqsEvent.json": (2, {"message": "Test message.", "service": "my-queue"}),
}  # fmt: skip
"""File -> how many events, and what the first one has."""

REFUSED = {
    "aws-lambda-go/kinesis-analytics-output-delivery-response.json": "answer of a transformation",
    "aws-lambda-go/kinesis-firehose-response.json": "answer of a transformation",
    "aws-lambda-go/ses-sns-event.json": "records of 'aws:ses' are not read",
}

UNKNOWN = {
    "aws-lambda-go/config-event.json",
    "powertools/cloudWatchDashboardEvent.json",
    "telegraf-cloudwatch-metric-stream/plugins/inputs/opentelemetry/testcases/profiles/profiles.json",
}

STREAMS = "telegraf-cloudwatch-metric-stream/plugins/inputs/cloudwatch_metric_streams/testdata"
METRICS = {f"{STREAMS}/record.json": 4, f"{STREAMS}/records.json": 4640}


def recorded(data_dir: Path, name: str) -> bytes:
    return (data_dir / "aws-events" / name).read_bytes()


def test_every_recorded_message_is_looked_at(data_dir: Path) -> None:
    folder = data_dir / "aws-events"
    found = {str(file.relative_to(folder)) for file in folder.rglob("*.json")}
    assert found == {*READ, *REFUSED, *UNKNOWN, *METRICS}


@pytest.mark.parametrize("name", READ)
def test_a_recorded_message_is_read(name: str, data_dir: Path) -> None:
    count, expected = READ[name]
    batch = take(recorded(data_dir, name))
    assert (batch.count, batch.refused) == (count, ())
    first = rows(batch)[0]
    assert {field: first[field] for field in expected} == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_telemetry_is_refused_with_the_reason(name: str, data_dir: Path) -> None:
    batch = take(recorded(data_dir, name))
    assert batch.count == 0
    assert all(REFUSED[name] in letter.reason for letter in batch.refused)
    assert batch.refused


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_another_document_is_a_bad_request(name: str, data_dir: Path) -> None:
    with pytest.raises(BadRequest, match="not a message of an AWS service"):
        take(recorded(data_dir, name))


@pytest.mark.parametrize("name", METRICS)
def test_a_recorded_metric_stream_is_points(name: str, data_dir: Path) -> None:
    body = recorded(data_dir, name)
    assert firehose.protocol_of(body) == firehose.METRICS
    batch = take(body, firehose.METRICS)
    assert (batch.count, batch.refused) == (METRICS[name], ())
    assert {row["labels"]["stat"] for row in rows(batch)} == {"max", "min", "sum", "count"}


def test_a_metric_has_its_owner_its_unit_and_its_minute(data_dir: Path) -> None:
    body = recorded(data_dir, f"{STREAMS}/record.json")
    (point, *_, counted) = rows(take(body, firehose.METRICS))
    assert point == {
        "ts": "2022-05-04T15:53:00Z",
        "name": "AWS/EC2/CPUUtilization",
        "entity": "i-0efc7fdf09c123428",
        "labels": {
            "InstanceId": "i-0efc7fdf09c123428", "account_id": "549734399709", "region": "us-west-2", "stat": "max",
        },
        "value": 10.011666666666667,
        "unit": "%",
    }  # fmt: skip
    assert (counted["labels"]["stat"], counted["value"], counted["unit"]) == ("count", 1.0, "1")


@pytest.mark.parametrize(
    ("state", "level", "code", "status"),
    [
        ("ALARM", "ERROR", "High5xx", "firing"),
        ("INSUFFICIENT_DATA", "WARN", "High5xx", "firing"),
        ("OK", "INFO", "", "resolved"),
    ],
)
def test_an_alarm_is_one_event_on_every_way(state: str, level: str, code: str, status: str) -> None:
    arn, at = "arn:aws:cloudwatch:us-east-1:1:alarm:High5xx", "2026-03-01T11:00:00.000+0000"
    dimension = {"name": "FunctionName", "value": "checkout"}
    trigger = {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Dimensions": [dimension]}
    notice = {
        "AlarmName": "High5xx", "NewStateValue": state, "NewStateReason": "crossed", "OldStateValue": "OK",
        "StateChangeTime": at, "AlarmArn": arn, "Trigger": trigger,
    }  # fmt: skip
    envelope = {
        "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:1:alarms",
        "Message": json.dumps(notice), "Timestamp": "2026-03-01T11:00:01Z",
    }  # fmt: skip
    metric = {"namespace": "AWS/Lambda", "name": "Errors", "dimensions": {"FunctionName": "checkout"}}
    data = {
        "alarmName": "High5xx",
        "state": {"value": state, "reason": "crossed", "timestamp": at},
        "configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": metric}}]},
    }
    change = {
        "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch", "id": "e", "time": at,
        "resources": [arn], "detail": data,
    }  # fmt: skip
    action = {"source": "aws.cloudwatch", "alarmArn": arn, "time": at, "alarmData": data}
    queued = {"Records": [{"messageId": "q", "eventSource": "aws:sqs", "body": json.dumps(envelope)}]}
    found = [row for document in (envelope, change, action, queued) for row in events(document)]
    assert len(found) == 4
    for row in found:
        assert (row["service"], row["level"], row["error_code"]) == ("checkout", level, code)
        assert row["ts"] == "2026-03-01T11:00:00Z"
        assert row["message"] == f"High5xx is {state}: crossed"
        assert (row["attributes"]["alert.name"], row["attributes"]["alert.status"]) == ("High5xx", status)
    assert len({row["event_id"] for row in found}) == 1


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("SubscriptionConfirmation", "sns.subscription_pending"),
        ("UnsubscribeConfirmation", "sns.subscription_ended"),
    ],
)
def test_a_confirmation_tells_a_person_what_to_open(kind: str, code: str) -> None:
    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    document = {
        "Type": kind, "MessageId": "m", "Token": "t", "TopicArn": "arn:aws:sns:us-east-1:1:alarms", "Message": "…",
        "SubscribeURL": url, "Timestamp": "2026-03-01T11:00:00Z",
    }  # fmt: skip
    (row,) = events(document, "aws_sns")
    assert (row["level"], row["error_code"], row["service"]) == ("WARN", code, "alarms")
    assert url in row["message"]
    assert row["attributes"]["sns.subscribe_url"] == url


def test_a_custom_event_of_a_bus_fills_the_columns_under_their_other_names() -> None:
    detail = {
        "severity": "error",
        "msg": "card refused",
        "service.name": "payments",
        "traceId": "t1",
        "basket": {"n": 3},
    }
    document = {
        "detail-type": "payment",
        "source": "shop",
        "id": "e1",
        "time": "2026-03-01T11:00:00Z",
        "detail": detail,
    }
    (row,) = events(document, "aws_eventbridge")
    assert (row["level"], row["message"], row["service"], row["trace_id"]) == (
        "ERROR",
        "card refused",
        "payments",
        "t1",
    )
    assert (row["event_id"], row["ts"]) == ("e1", "2026-03-01T11:00:00Z")
    assert (row["attributes"]["basket.n"], row["attributes"]["aws.detail_type"]) == ("3", "payment")


def test_what_an_aws_service_reports_has_the_level_that_its_detail_means() -> None:
    detail = {"status": "FAILED", "name": "nightly"}
    document = {"detail-type": "Step Functions Execution Status Change", "source": "aws.states", "detail": detail}
    (row,) = events({**document, "id": "e", "time": "2026-03-01T11:00:00Z"})
    assert (row["level"], row["error_code"]) == ("ERROR", "Step Functions Execution Status Change")
    assert row["attributes"]["detail.name"] == "nightly"


@pytest.mark.parametrize("way", ["lambda", "kinesis", "firehose"])
def test_log_lines_of_a_subscription(way: str) -> None:
    own = json.dumps({"timestamp": "2026-03-01T10:00:00Z", "level": "WARN", "message": "slow", "orderId": 7})
    data = subscription("2026-03-01T11:00:00Z 1234 ERROR no stock\n  at checkout.js:1\n", own)
    kinesis = {"data": packed(data), "approximateArrivalTimestamp": 1772362801.5, "sequenceNumber": "4"}
    documents: dict[str, Row] = {
        "lambda": {"awslogs": {"data": packed(data)}},
        "kinesis": {"Records": [{"kinesis": kinesis, "eventSource": "aws:kinesis", "eventSourceARN": "a:stream/x"}]},
        "firehose": delivery(data),
    }
    text, structured = events(documents[way])
    assert (text["service"], text["level"], text["ts"]) == ("checkout", "ERROR", "2026-03-01T11:00:00Z")
    assert text["message"].endswith("at checkout.js:1")
    assert text["attributes"]["aws.log.group.name"] == "/aws/lambda/checkout"
    assert (structured["message"], structured["level"], structured["ts"]) == ("slow", "WARN", "2026-03-01T10:00:00Z")
    assert structured["attributes"]["orderId"] == "7"
    assert text["event_id"] != structured["event_id"]


def test_a_control_message_only_tries_the_way() -> None:
    batch = take(
        json.dumps({"awslogs": {"data": packed(subscription("CWL CONTROL MESSAGE", kind="CONTROL_MESSAGE"))}}).encode()
    )
    assert (batch.count, batch.refused) == (0, ())


def test_a_record_of_many_lines_is_many_events() -> None:
    lines = '{"message": "a"}\n{"message": "b"}\n\nplain ERROR text\n{"message": \n'
    batch = take(json.dumps(delivery(lines, '[{"message": "c"}, {"message": "d"}]', '{\n "message": "e"\n}')).encode())
    assert [row["message"] for row in rows(batch)] == ["a", "b", "plain ERROR text", "c", "d", "e"]
    (letter,) = batch.refused
    assert letter.payload == b'{"message":'
    assert {row["ts"] for row in rows(batch)} == {"2026-03-01T11:00:00Z"}


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"data": "not base64!"}, "base64"),
        ({"data": 7}, "base64"),
        ({}, "base64"),
        ({"data": packed(b"\xff\xfe\x00")}, "UTF-8"),
        ({"data": packed(b"\xf3\x89\x9a\xc2rest")}, "Kinesis Producer Library"),
        ({"data": packed(gzip.compress(b"x" * 200)[:-10])}, "ends too early"),
        ({"data": packed(b"\x1f\x8bdamaged")}, "damaged"),
        ({"data": packed(b'{"message": }')}, "JSON"),
        ({"data": packed(gzip.compress(b" " * 5_000_000))}, "too large together"),
        ({"data": packed('{"metric_stream_name": "s", "metric_name": "m"}')}, "metric"),
        ({"data": packed('{"messageType": "DATA_MESSAGE", "logEvents": 7}')}, "logEvents"),
        ({"data": packed('{"AlarmName": 7}')}, "no name"),
        ({"data": packed('{"TopicArn": "t", "MessageId": "m"}')}, "no `Message`"),
        ({"data": packed('{"x": ' + "[" * 900 + "]" * 900 + "}")}, "deep"),
    ],
)
def test_a_bad_record_costs_its_neighbours_nothing(record: Row, why: str) -> None:
    good = {"data": packed('{"message": "good"}')}
    batch = take(json.dumps({**delivery(), "records": [good, record, good]}).encode(), settings=SMALL)
    assert [row["message"] for row in rows(batch)] == ["good", "good"]
    (letter,) = batch.refused
    assert why in letter.reason
    assert letter.index in (0, 1)


def test_bombs_share_one_limit() -> None:
    bomb = packed(gzip.compress(b" " * 60_000))
    batch = take(json.dumps({**delivery(), "records": [{"data": bomb}] * 50}).encode(), settings=SMALL)
    assert {letter.cause for letter in batch.refused} == {Cause.TOO_LARGE}
    assert len(batch.refused) == 49


def test_messages_inside_messages_have_an_end() -> None:
    inner: Any = "deep"
    for _ in range(MAX_LAYERS + 2):
        inner = json.dumps({"TopicArn": "t", "MessageId": "m", "Message": inner})
    batch = take(inner.encode())
    assert batch.count == 0
    assert "inside each other" in batch.refused[0].reason


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]]", b"7", b"null", b"[7]", b'{"message": "plain"}', b"\xff", b"[" * 9999]
)
@pytest.mark.parametrize("protocol", ["aws_sns", "aws_eventbridge", "aws_lambda", firehose.EVENTS, firehose.METRICS])
def test_what_aws_does_not_send_is_a_bad_request(body: bytes, protocol: str) -> None:
    with pytest.raises(BadRequest):
        take(body, protocol)


@pytest.mark.parametrize(
    "line",
    [
        "text", "7", "{}", '{"metric_name": "m"}', '{"metric_name": "m", "value": {}, "timestamp": 1772362800000}',
        '{"metric_name": "m", "value": {"max": "1"}, "timestamp": 1772362800000}',
        '{"metric_name": "m", "value": {"max": 1}, "timestamp": "x"}',
        '{"metric_name": "m", "value": {"max": 1' + "0" * 400 + '}, "timestamp": 1772362800000}',
        '{"metric_name": "m", "value": {"max": NaN}, "timestamp": 1772362800000}',
    ],
)  # fmt: skip
def test_a_bad_metric_costs_its_neighbour_nothing(line: str) -> None:
    good = '{"metric_name": "m", "namespace": "N", "value": {"max": 1}, "timestamp": 1772362800000, "unit": "Count"}'
    batch = take(json.dumps(delivery(f"{good}\n{line}\n{good}")).encode(), firehose.METRICS)
    assert [row["value"] for row in rows(batch)] == [1.0, 1.0]
    assert len(batch.refused) == 1
