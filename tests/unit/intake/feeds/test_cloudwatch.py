"""CloudWatch's metrics as a way in.

Against moto's server where it serves the call; it knows no anomaly detection, so bands, pages and errors come from
answers in the documented shape, which botocore checks against AWS's own description of the service.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from bdp.clock import ManualClock, SystemClock
from bdp.detect.series.band import points_outside
from bdp.errors import BadSetting
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoints
from bdp.intake.feeds.cloudwatch import DEFAULT_METRICS, CloudWatchFeed, CloudWatchFeedSettings
from bdp.intake.feeds.feed import Feeds
from bdp.intake.feeds.metric_data import Incomplete, WatchedMetric
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch
from bdp.model.metric import MetricPoint

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
EDGE = datetime(2026, 3, 1, 11, 55, tzinfo=UTC)
"""End of the last period of five minutes that ended three minutes ago."""
Row = dict[str, Any]


class Custody:
    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}
        self.given: list[str] = []
        self.crash = ""

    def take(self, batch: Batch) -> None:
        self.given.append(batch.batch_id)
        if self.crash == "before":
            raise Crash
        self.batches.setdefault(batch.batch_id, batch)
        if self.crash:
            raise Crash

    @property
    def rows(self) -> list[Row]:
        return [json.loads(line) for batch in list(self.batches.values()) for line in batch.payload.splitlines()]


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def custody() -> Custody:
    return Custody()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def open_feed(tmp_path: Path, custody: Custody, clock: ManualClock) -> Callable[..., CloudWatchFeed]:
    def opened(client: Any = None, **given: Any) -> CloudWatchFeed:
        settings = CloudWatchFeedSettings(**{"region": "us-east-1", **given})
        connect = (lambda _: client) if client is not None else None
        parts = (IntakeSettings(), custody.take, Checkpoints(tmp_path / "feeds.db"), clock, Ids(), connect)
        return CloudWatchFeed(settings, *parts)

    return opened


Open = Callable[..., CloudWatchFeed]


def drain(feed: CloudWatchFeed) -> float:
    """Poll until nothing is left; return the seconds to the next span."""
    for _ in range(50):
        if due := feed.poll(threading.Event()):
            return due
    raise AssertionError("it never ends")


# ------------------------------------------------------------------------------------------------- moto's real server


@pytest.fixture
def cloudwatch(aws_endpoint: str, aws: None) -> Any:
    session: Any = boto3.Session()
    return session.client("cloudwatch", region_name="us-east-1", endpoint_url=aws_endpoint)


def put(client: Any, name: str, owner: str, values: Sequence[float], end: datetime = EDGE) -> None:
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "FunctionName", "Value": owner}],
            "Timestamp": end - timedelta(minutes=5 * (len(values) - number)),
            "Value": value,
        }
        for number, value in enumerate(values)
    ]
    client.put_metric_data(Namespace="AWS/Lambda", MetricData=data)


def watched(name: str, **more: Any) -> WatchedMetric:
    given = {"stat": "Sum", "unit": "Count", "dimensions": {"FunctionName": ""}, **more}
    return WatchedMetric(namespace="AWS/Lambda", metric_name=name, **given)


def test_each_value_comes_once_over_restarts(
    cloudwatch: Any, aws_endpoint: str, open_feed: Open, custody: Custody, clock: ManualClock
) -> None:
    name, owner = f"Errors{uuid.uuid4().hex[:8]}", "checkout"
    settings = {"endpoint_url": aws_endpoint, "metrics": [watched(name)], "account_id": "123456789012"}
    put(cloudwatch, name, owner, [1, 2, 3])
    due = drain(open_feed(**settings))
    assert due == pytest.approx(150)  # the period from 11:55 ends at 12:00 and waits three minutes
    assert [(row["ts"], row["value"]) for row in custody.rows] == [
        ("2026-03-01T11:40:00Z", 1.0),
        ("2026-03-01T11:45:00Z", 2.0),
        ("2026-03-01T11:50:00Z", 3.0),
    ]
    row = custody.rows[0]
    assert (row["name"], row["entity"], row["unit"]) == (f"AWS/Lambda/{name}", owner, "1")
    assert row["labels"] == {
        "FunctionName": owner, "stat": "sum", "region": "us-east-1", "account_id": "123456789012",
    }  # fmt: skip
    clock.advance(timedelta(minutes=10))
    put(cloudwatch, name, owner, [4, 5, 6], end=EDGE + timedelta(minutes=15))
    drain(open_feed(**settings))
    assert [row["value"] for row in custody.rows] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(custody.given) == 2


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_custody_neither_skips_nor_doubles(
    cloudwatch: Any, aws_endpoint: str, open_feed: Open, custody: Custody, clock: ManualClock, crash: str
) -> None:
    name = f"Errors{uuid.uuid4().hex[:8]}"
    settings = {"endpoint_url": aws_endpoint, "metrics": [watched(name)]}
    put(cloudwatch, name, "f", [1, 2])
    custody.crash = crash
    with pytest.raises(Crash):
        drain(open_feed(**settings))
    custody.crash = ""
    clock.advance(timedelta(minutes=5))
    put(cloudwatch, name, "f", [3], end=EDGE + timedelta(minutes=5))
    drain(open_feed(**settings))
    assert [row["value"] for row in custody.rows] == [1.0, 2.0, 3.0]
    assert custody.given[0] == custody.given[1]


def test_dimensions_are_found_and_bounded(
    cloudwatch: Any, aws_endpoint: str, open_feed: Open, custody: Custody
) -> None:
    mark = uuid.uuid4().hex[:8]
    for owner in ("a", "b", "c"):
        put(cloudwatch, f"Errors{mark}", owner, [1])
    put(cloudwatch, f"Duration{mark}", "a", [9])
    whole = [{"MetricName": f"Errors{mark}", "Timestamp": EDGE - timedelta(minutes=5), "Value": 3}]
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=whole)
    metrics = [watched(f"Errors{mark}"), watched(f"Duration{mark}", stat="Average")]
    drain(open_feed(endpoint_url=aws_endpoint, metrics=metrics, max_metrics=3))
    found = [(row["name"].removesuffix(mark), row["entity"]) for row in custody.rows]
    # Each metric has its turn, so that many of one do not leave out the other; what has no dimension is another one.
    assert found == [("AWS/Lambda/Errors", "a"), ("AWS/Lambda/Duration", "a"), ("AWS/Lambda/Errors", "b")]


def test_it_runs_in_a_thread_and_stops(cloudwatch: Any, aws_endpoint: str, custody: Custody, tmp_path: Path) -> None:
    name = f"Errors{uuid.uuid4().hex[:8]}"
    put(cloudwatch, name, "f", [1], end=datetime.now(UTC) - timedelta(minutes=10))
    settings = CloudWatchFeedSettings(region="us-east-1", endpoint_url=aws_endpoint, metrics=(watched(name),))
    feed = CloudWatchFeed(
        settings, IntakeSettings(), custody.take, Checkpoints(tmp_path / "feeds.db"), SystemClock(), Ids()
    )
    feeds = Feeds([feed])
    feeds.start()
    limit = time.monotonic() + 20
    while not custody.rows:
        assert time.monotonic() < limit
        time.sleep(0.02)
    begun = time.monotonic()
    feeds.close()
    assert time.monotonic() - begun < 2
    assert (feed.trouble, len(custody.rows)) == ("", 1)


# ------------------------------------------------------------------------------- answers in the documented shape


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    session: Any = boto3.Session()
    client = session.client("cloudwatch", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


ONE = watched("Errors", dimensions={"FunctionName": "f"})
TWO = watched("Duration", stat="Average", unit="Milliseconds", dimensions={"FunctionName": "f"})
STEP = timedelta(minutes=5)


def result(id: str, label: str, values: Sequence[float], status: str = "Complete", back: int = 0) -> Row:
    begin = EDGE - STEP * (back or len(values))
    times = [begin + STEP * number for number in range(len(values))]
    return {"Id": id, "Label": label, "Timestamps": times, "Values": list(values), "StatusCode": status}


def answer(*results: Row, **more: Any) -> Row:
    return {"MetricDataResults": list(results), **more}


def test_the_edges_of_the_band_are_series_and_what_is_outside_is_found(
    stub: Stubber, open_feed: Open, custody: Custody
) -> None:
    metric = {
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
    }  # fmt: skip
    expected = {
        "MetricDataQueries": [
            {"Id": "m0", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}},
            {"Id": "b0", "Expression": "ANOMALY_DETECTION_BAND(m0, 2.5)"},
        ],
        "StartTime": EDGE - timedelta(hours=1),
        "EndTime": EDGE,
        "ScanBy": "TimestampAscending",
    }
    given = answer(
        result("m0", "Errors", [3, 9, 1, 5]),
        result("b0", "Errors (expected)", [8, 8, 8, 8]),
        result("b0", "Errors (expected)", [2, 2, 2, 2]),
    )
    stub.add_response("get_metric_data", given, expected)
    drain(open_feed(stub.client, metrics=[ONE], band_width=2.5, history_hours=1))
    by_name: dict[str, list[float]] = {}
    for row in custody.rows:
        by_name.setdefault(row["name"].removeprefix("AWS/Lambda/"), []).append(row["value"])
    assert by_name == {"Errors": [3, 9, 1, 5], "Errors.band_low": [2] * 4, "Errors.band_high": [8] * 4}
    points = [MetricPoint(**row | {"ts": datetime.fromisoformat(row["ts"])}) for row in custody.rows]
    assert [(point.value, one.direction) for point, one in points_outside(points)] == [(9.0, "above"), (1.0, "below")]


@pytest.mark.parametrize(
    "band",
    [[], [result("b0", "expected", [])], [result("b0", "expected", []), result("b0", "expected", [])],
     [result("b0", "expected", [8, 8, 8])]],
    ids=["no-result", "empty", "two-empty", "one-edge"],
)  # fmt: skip
def test_a_model_that_is_learning_gives_no_band(
    stub: Stubber, open_feed: Open, custody: Custody, band: list[Row]
) -> None:
    stub.add_response("get_metric_data", answer(result("m0", "Errors", [3, 9, 1]), *band), None)
    drain(open_feed(stub.client, metrics=[ONE]))
    assert [(row["name"], row["value"]) for row in custody.rows] == [
        ("AWS/Lambda/Errors", 3.0),
        ("AWS/Lambda/Errors", 9.0),
        ("AWS/Lambda/Errors", 1.0),
    ]


def test_a_band_that_covers_a_part_is_taken_for_that_part(stub: Stubber, open_feed: Open, custody: Custody) -> None:
    given = answer(result("m0", "m", [3, 9]), result("b0", "b", [2]), result("b0", "b", [8, 8]))
    stub.add_response("get_metric_data", given)
    drain(open_feed(stub.client, metrics=[ONE]))
    edges = [(row["name"][-9:], row["ts"][11:16]) for row in custody.rows if "band" in row["name"]]
    assert edges == [(".band_low", "11:50"), ("band_high", "11:50")]


def test_pages_are_put_together(stub: Stubber, open_feed: Open, custody: Custody) -> None:
    first = answer(
        result("m0", "Errors", [1, 2], "PartialData", back=3),
        result("m1", "Duration", [7, 8, 9]),
        NextToken="more",
    )
    stub.add_response("get_metric_data", first)
    again = dict.fromkeys(("MetricDataQueries", "StartTime", "EndTime", "ScanBy"), ANY)
    stub.add_response("get_metric_data", answer(result("m0", "Errors", [3])), {**again, "NextToken": "more"})
    drain(open_feed(stub.client, metrics=[ONE, TWO], band_width=0))
    assert [(row["value"], row["unit"]) for row in custody.rows] == [
        (1.0, "1"), (2.0, "1"), (3.0, "1"), (7.0, "ms"), (8.0, "ms"), (9.0, "ms"),
    ]  # fmt: skip


def test_a_part_of_an_answer_is_asked_for_again_in_shorter_spans(
    stub: Stubber, open_feed: Open, custody: Custody
) -> None:
    stub.add_response("get_metric_data", answer(result("m0", "Errors", [1], "PartialData", back=2)))
    for number in (2, 1):
        stub.add_response("get_metric_data", answer(result("m0", "Errors", [float(number)], back=number)))
    feed = open_feed(stub.client, metrics=[ONE], history_hours=1 / 6)
    assert feed.poll(threading.Event()) == 0.0
    assert custody.given == []
    drain(feed)
    assert [row["value"] for row in custody.rows] == [2.0, 1.0]
    assert len(custody.given) == 2


def test_an_answer_that_failed_inside_is_never_taken_for_no_values(
    stub: Stubber, open_feed: Open, custody: Custody
) -> None:
    stub.add_response("get_metric_data", answer(result("m0", "Errors", [], "InternalError")))
    feed = open_feed(stub.client, metrics=[ONE], history_hours=1 / 12)
    with pytest.raises(Incomplete, match="InternalError"):
        feed.poll(threading.Event())
    stub.add_response("get_metric_data", answer(result("m0", "Errors", [4])))
    drain(feed)
    assert [row["value"] for row in custody.rows] == [4.0]


def test_values_out_of_the_span_and_out_of_numbers(stub: Stubber, open_feed: Open, custody: Custody) -> None:
    given = answer(result("m0", "Errors", [1, float("inf"), 3, 4], back=3))  # the last lies behind the span
    stub.add_response("get_metric_data", given)
    drain(open_feed(stub.client, metrics=[ONE], history_hours=1))
    assert [row["value"] for row in custody.rows] == [1.0, 3.0]
    (batch,) = custody.batches.values()
    assert [letter.reason for letter in batch.refused] == ["value: inf is not a finite number"]


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("Throttling", 400, "asks for fewer requests"),
        ("AccessDenied", 403, "cloudwatch:ListMetrics"),
        ("InternalFailure", 500, "InternalFailure"),
        ("ValidationError", 400, "band_width = 0"),
    ],
)
def test_what_aws_refuses_is_told_and_passes(
    stub: Stubber, custody: Custody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, status: int, told: str
) -> None:
    monkeypatch.setattr("bdp.intake.feeds.cloudwatch._FIRST_WAIT", 0.2)
    stub.add_client_error("get_metric_data", code, "No.", status)
    now = datetime.now(UTC)
    value = {"Id": "m0", "Timestamps": [now - timedelta(hours=1)], "Values": [1.0], "StatusCode": "Complete"}
    stub.add_response("get_metric_data", answer(value))
    settings = CloudWatchFeedSettings(region="us-east-1", metrics=(ONE,))
    checkpoints = Checkpoints(tmp_path / "feeds.db")
    client: Any = stub.client
    feed = CloudWatchFeed(settings, IntakeSettings(), custody.take, checkpoints, SystemClock(), Ids(), lambda _: client)
    feeds, seen = Feeds([feed]), ""
    feeds.start()
    limit = time.monotonic() + 20
    while not custody.rows:
        seen = feed.trouble or seen
        assert time.monotonic() < limit
        time.sleep(0.01)
    feeds.close()
    assert told in seen
    assert feed.trouble == ""


def test_many_metrics_are_asked_for_in_several_requests(stub: Stubber, open_feed: Open, custody: Custody) -> None:
    def listed(start: int, count: int) -> list[Row]:
        return [
            {
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "Dimensions": [{"Name": "FunctionName", "Value": f"f{number:04}"}],
            }
            for number in range(start, start + count)
        ]

    stub.add_response("list_metrics", {"Metrics": listed(0, 500), "NextToken": "more"})
    stub.add_response("list_metrics", {"Metrics": listed(500, 100)})
    for first, count in ((0, 250), (250, 50)):
        stub.add_response("get_metric_data", answer(*[result(f"m{n}", "e", [first + n]) for n in range(count)]))
    drain(open_feed(stub.client, metrics=[watched("Errors")], max_metrics=300, history_hours=1 / 12))
    assert [(row["entity"], row["value"]) for row in custody.rows] == [(f"f{n:04}", float(n)) for n in range(300)]
    assert len(custody.batches) == 1


def test_what_is_watched_where_nothing_is_said() -> None:
    names = [f"{one.namespace} {one.metric_name} {one.stat}" for one in DEFAULT_METRICS]
    assert names == [
        "AWS/Lambda Errors Sum",
        "AWS/Lambda Duration Average",
        "AWS/RDS CPUUtilization Average",
        "AWS/RDS DatabaseConnections Average",
    ]


def test_a_profile_that_is_not_there_ends_the_feed(open_feed: Open) -> None:
    with pytest.raises(BadSetting, match="nobody"):
        open_feed(profile="nobody").poll(threading.Event())
