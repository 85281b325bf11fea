"""What AWS delivers by HTTP: a delivery sent again counts once, and Firehose hears what it wants to hear."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.web.api import create_api

TOKEN = "the token"
SNS = {
    "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:1:orders", "Message": "no stock",
    "Timestamp": "2026-03-01T11:00:00Z",
}  # fmt: skip


def delivery(*records: bytes) -> bytes:
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"requestId": "r1", "timestamp": 1772362800000, "records": data}).encode()


@pytest.fixture
def firehose(app: App) -> Any:
    headers = {"X-Amz-Firehose-Access-Key": TOKEN, "X-Amz-Firehose-Request-Id": "r1"}
    with TestClient(create_api(app, TOKEN), headers=headers, raise_server_exceptions=False) as opened:
        yield opened


def stored(app: App, table: str = "events") -> int:
    app.pipeline.drain()
    return int(app.store.query(f"SELECT count() AS n FROM {table}")[0]["n"])


@pytest.mark.parametrize("way", ["sns", "lambda", "eventbridge"])
def test_the_same_delivery_counts_once(app: App, client: TestClient, way: str) -> None:
    first = client.post(f"/v1/aws/{way}", content=json.dumps(SNS), headers={"Content-Type": "text/plain"})
    again = client.post(f"/v1/aws/{way}", content=json.dumps(SNS), headers={"Content-Type": "text/plain"})
    assert (first.json()["accepted"], first.json()["repeated"], again.json()["repeated"]) == (1, False, True)
    assert stored(app) == 1


def test_an_alarm_may_come_to_the_alerts_too(app: App, client: TestClient) -> None:
    alarm = json.dumps({"AlarmName": "High5xx", "NewStateValue": "ALARM", "StateChangeTime": "2026-03-01T11:00:00Z"})
    assert client.post("/v1/alerts/cloudwatch", json={**SNS, "Message": alarm}).json()["accepted"] == 1
    app.pipeline.drain()
    assert app.store.query("SELECT error_code, level FROM events") == [{"error_code": "High5xx", "level": "ERROR"}]


def test_a_firehose_delivery_is_answered_in_its_way(app: App, firehose: TestClient) -> None:
    body = delivery(b'{"message": "a"}\n{"message": "b"}', b"not {json", b'{"message": ')
    for encoding, content in (("gzip", gzip.compress(body)), ("", body)):
        answer = firehose.post("/v1/aws/firehose", content=content, headers={"Content-Encoding": encoding})
        assert (answer.status_code, set(answer.json())) == (200, {"requestId", "timestamp"})
        assert answer.json()["requestId"] == "r1"
        assert answer.headers["content-type"] == "application/json"
    assert stored(app) == 3
    total = app.ledger()[0]
    assert (total.accepted, total.dead_lettered) == (4, 1)


def test_a_metric_stream_is_metric_points(app: App, firehose: TestClient, data_dir: Path) -> None:
    folder = data_dir / "aws-events/telegraf-cloudwatch-metric-stream/plugins/inputs/cloudwatch_metric_streams/testdata"
    assert firehose.post("/v1/aws/firehose", content=(folder / "record.json").read_bytes()).status_code == 200
    assert (stored(app, "metrics"), stored(app)) == (4, 0)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (delivery(b"a"), {"X-Amz-Firehose-Access-Key": "other"}, 401),
        (delivery(b"a"), {"X-Amz-Firehose-Access-Key": ""}, 401),
        (b"{}", {}, 400),
        (b"", {}, 400),
        (gzip.compress(delivery(b"a"))[:-9], {"Content-Encoding": "gzip"}, 400),
        (delivery(b"a"), {"Content-Encoding": "br"}, 415),
        (gzip.compress(b" " * 5_000_000), {"Content-Encoding": "gzip"}, 413),
    ],
)
def test_firehose_hears_of_errors_in_its_way_too(
    app: App, firehose: TestClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = firehose.post("/v1/aws/firehose", content=content, headers=headers)
    assert answer.status_code == status
    told = answer.json()
    assert (told["requestId"], isinstance(told["timestamp"], int)) == ("r1", True)
    assert told["errorMessage"]
    assert app.ledger()[0].accepted == 0


def test_firehose_needs_its_key(app: App) -> None:
    with TestClient(create_api(app, TOKEN)) as client:
        assert client.post("/v1/aws/firehose", content=delivery(b"a")).status_code == 401
