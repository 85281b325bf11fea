"""A Kinesis stream as a way in: each record once, shards in order, whatever is cut off in between."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from bdp.clock import SystemClock
from bdp.errors import StreamUnavailable
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoint, Checkpoints, Plan
from bdp.intake.feeds.feed import Feeds
from bdp.intake.feeds.kinesis import KinesisFeed, KinesisFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

PATIENCE = 30.0


class Custody:
    """Keeps batches; the same id counts once."""

    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}
        self.given: list[str] = []

    def take(self, batch: Batch) -> None:
        self.given.append(batch.batch_id)
        self.batches.setdefault(batch.batch_id, batch)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for batch in list(self.batches.values()) for line in batch.payload.splitlines()]

    @property
    def messages(self) -> Counter[str]:
        return Counter(row["message"] for row in self.rows)

    @property
    def refused(self) -> list[str]:
        return [letter.reason for batch in list(self.batches.values()) for letter in batch.refused]


@pytest.fixture
def custody() -> Custody:
    return Custody()


@pytest.fixture
def open_feed(stream: str, settings_of: dict[str, Any], tmp_path: Path) -> Callable[..., KinesisFeed]:
    def opened(deliver: Callable[[Batch], object], records: int = 1000, **more: Any) -> KinesisFeed:
        given = {"poll_seconds": 0.2, "shards_seconds": 1.0, **settings_of, **more}
        settings = KinesisFeedSettings(stream_name=stream, **given)
        intake = IntakeSettings(batch_records=records)
        reader = FeedReader(settings.name, settings.format, intake, SystemClock(), Ids())
        return KinesisFeed(settings, reader, deliver, Checkpoints(tmp_path / "feeds.db"), SystemClock())

    return opened


@pytest.fixture
def running() -> Iterator[Callable[[KinesisFeed], Feeds]]:
    started: list[Feeds] = []

    def run(feed: KinesisFeed) -> Feeds:
        feeds = Feeds([feed])
        feeds.start()
        started.append(feeds)
        return feeds

    yield run
    for feeds in started:
        feeds.close()


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.02)


def put(kinesis: KinesisClient, stream: str, first: int, count: int) -> None:
    lines = [
        json.dumps({"message": f"m{number}", "service": "shop"}).encode() for number in range(first, first + count)
    ]
    records: Any = [{"Data": line, "PartitionKey": f"k{number}"} for number, line in enumerate(lines)]
    for start in range(0, count, 500):
        assert kinesis.put_records(StreamName=stream, Records=records[start : start + 500])["FailedRecordCount"] == 0


def expected(count: int) -> Counter[str]:
    return Counter({f"m{number}": 1 for number in range(count)})


Open = Callable[..., KinesisFeed]
Run = Callable[[KinesisFeed], Feeds]


def test_every_record_comes_once_and_the_place_is_kept(
    kinesis: KinesisClient, stream: str, open_feed: Open, running: Run, custody: Custody
) -> None:
    put(kinesis, stream, 0, 300)
    feeds = running(open_feed(custody.take, records=40))
    until(lambda: len(custody.rows) == 300)
    assert feeds.troubles() == {}
    feeds.close()
    put(kinesis, stream, 300, 50)
    running(open_feed(custody.take))
    until(lambda: len(custody.rows) == 350)
    assert custody.messages == expected(350)
    assert len(custody.given) == len(set(custody.given))


def test_log_subscriptions_and_lines_and_what_cannot_be_read(
    kinesis: KinesisClient, stream: str, open_feed: Open, running: Run, custody: Custody
) -> None:
    subscription = {
        "messageType": "DATA_MESSAGE", "logGroup": "/aws/lambda/checkout", "logStream": "s",
        "logEvents": [{"id": "1", "timestamp": 1772362800000, "message": "ERROR no stock"}],
    }  # fmt: skip
    data = [gzip.compress(json.dumps(subscription).encode()), b'{"message": "a"}\n{"message": "b"}\n', b"\xff\xfe"]
    for record in data:
        kinesis.put_record(StreamName=stream, Data=record, PartitionKey="k")
    running(open_feed(custody.take))
    until(lambda: len(custody.rows) == 3 and len(custody.refused) == 1)
    row = next(row for row in custody.rows if row["service"] == "checkout")
    assert (row["level"], row["ts"]) == ("ERROR", "2026-03-01T11:00:00Z")
    assert custody.refused[0].startswith(f"{stream}/shardId-")
    undated = next(row for row in custody.rows if row["message"] == "a")
    assert "bdp.ts_source" not in undated["attributes"]


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("at", [1, 3])
def test_a_crash_around_the_append_neither_loses_nor_doubles(
    kinesis: KinesisClient, stream: str, open_feed: Open, running: Run, custody: Custody, taken: bool, at: int
) -> None:
    calls = 0

    def deliver(batch: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            if taken:
                custody.take(batch)
            raise Crash
        custody.take(batch)

    put(kinesis, stream, 0, 200)
    with pytest.raises(Crash):
        open_feed(deliver, records=30).run(threading.Event())
    before = set(custody.given)
    put(kinesis, stream, 200, 100)
    # Other sizes than before: the bounds of the range that was cut off must be the old ones all the same, though it
    # comes in several answers.
    running(open_feed(custody.take, records=70, poll_records=25))
    until(lambda: len(custody.rows) >= 300)
    assert custody.messages == expected(300)
    assert len(before & set(custody.given[len(before) :])) == (1 if taken else 0)


def test_reading_may_begin_with_what_comes_from_now_on(
    kinesis: KinesisClient, stream: str, open_feed: Open, running: Run, custody: Custody, tmp_path: Path
) -> None:
    put(kinesis, stream, 0, 20)
    time.sleep(1.1)  # the stream's own times are in whole seconds here
    running(open_feed(custody.take, start="latest"))
    until(lambda: len(Checkpoints(tmp_path / "feeds.db").of(f"kinesis/{stream}")) == 2)
    put(kinesis, stream, 20, 10)
    until(lambda: len(custody.rows) >= 10)
    assert custody.messages == Counter({f"m{number}": 1 for number in range(20, 30)})


def test_custody_that_is_away_is_waited_for(
    kinesis: KinesisClient, stream: str, open_feed: Open, running: Run, custody: Custody
) -> None:
    refusals = iter([StreamUnavailable("The disk is full.")])

    def deliver(batch: Batch) -> None:
        for refusal in refusals:
            custody.given.append(batch.batch_id)
            raise refusal
        custody.take(batch)

    put(kinesis, stream, 0, 10)
    running(open_feed(deliver))
    until(lambda: len(custody.rows) == 10)
    assert custody.given[0] == custody.given[1]
    assert custody.messages == expected(10)


def test_a_stream_that_is_not_there_is_a_trouble_that_passes(
    kinesis: KinesisClient, settings_of: dict[str, Any], running: Run, custody: Custody, tmp_path: Path
) -> None:
    settings = KinesisFeedSettings(stream_name=f"later-{time.monotonic_ns()}", **settings_of)
    reader = FeedReader("kinesis", "aws", IntakeSettings(), SystemClock(), Ids())
    feed = KinesisFeed(settings, reader, custody.take, Checkpoints(tmp_path / "feeds.db"), SystemClock())
    running(feed)
    until(lambda: "not found" in feed.trouble)
    kinesis.create_stream(StreamName=settings.stream_name, ShardCount=1)
    put(kinesis, settings.stream_name, 0, 5)
    until(lambda: len(custody.rows) == 5)
    until(lambda: feed.trouble == "")


def test_checkpoints_are_kept_by_feed_and_line(tmp_path: Path) -> None:
    first, other = Checkpoint(begin=5.5), Checkpoint(after="9", plan=Plan("10", "12", 3))
    Checkpoints(tmp_path / "feeds.db").put("a", "1", first)
    Checkpoints(tmp_path / "feeds.db").put("a", "2", other)
    Checkpoints(tmp_path / "feeds.db").put("b", "1", other.settled())
    again = Checkpoints(tmp_path / "feeds.db")
    assert again.of("a") == {"1": first, "2": other}
    assert again.of("b") == {"1": Checkpoint(after="12")}
    again.forget("a", "2")
    assert again.of("a") == {"1": first}


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}}, "GetRecords")


class Stream:
    """A stream with what the server on loopback lacks: shards that end, throttling, places that expire."""

    def __init__(self) -> None:
        self.shards: dict[str, list[bytes]] = {}
        self.parents: dict[str, list[str]] = {}
        self.closed: set[str] = set()
        self.failures: list[ClientError] = []
        self.read: list[str] = []

    def add(self, shard: str, *values: str, parents: tuple[str, ...] = ()) -> None:
        self.parents[shard] = list(parents)
        self.shards[shard] = [json.dumps({"message": value}).encode() for value in values]

    def list_shards(self, **_: Any) -> Any:
        names = ("ParentShardId", "AdjacentParentShardId")
        shards = [{"ShardId": shard, **dict(zip(names, self.parents[shard], strict=False))} for shard in self.shards]
        return {"Shards": shards}

    def get_shard_iterator(self, **asked: Any) -> Any:
        return {"ShardIterator": f"{asked['ShardId']}/{asked.get('StartingSequenceNumber', 0)}"}

    def get_records(self, ShardIterator: str, Limit: int) -> Any:
        if self.failures:
            raise self.failures.pop()
        shard, after = ShardIterator.split("/")
        records: list[dict[str, Any]] = [
            {"SequenceNumber": str(number), "Data": data, "PartitionKey": "k"}
            for number, data in enumerate(self.shards[shard], 1)
            if number > int(after)
        ][: min(Limit, 2)]
        if records:
            self.read.append(shard)
        last = int(records[-1]["SequenceNumber"]) if records else int(after)
        answer: dict[str, Any] = {"Records": records, "MillisBehindLatest": 0}
        if not (shard in self.closed and last == len(self.shards[shard])):
            answer["NextShardIterator"] = f"{shard}/{last}"
        return answer


def feed_on(stream: Stream, deliver: Callable[[Batch], object], folder: Path) -> KinesisFeed:
    settings = KinesisFeedSettings(stream_name="s", poll_seconds=0.2, shards_seconds=1.0)
    reader = FeedReader("kinesis", "events", IntakeSettings(), SystemClock(), Ids())
    client: Any = stream
    return KinesisFeed(
        settings, reader, deliver, Checkpoints(folder / "feeds.db"), SystemClock(), connect=lambda _: client
    )


def test_shards_of_splits_and_merges_come_behind_their_parents(custody: Custody, running: Run, tmp_path: Path) -> None:
    stream = Stream()
    stream.add("d", "m6", "m7", parents=("b", "c"))  # a merge of what a split made, listed first
    stream.add("b", "m3", "m4", parents=("a",))
    stream.add("c", "m5", parents=("a",))
    stream.add("a", "m0", "m1", "m2", parents=("expired long ago",))
    stream.closed = {"a", "b", "c"}
    feeds = running(feed_on(stream, custody.take, tmp_path))
    until(lambda: len(custody.rows) == 8)
    assert custody.messages == expected(8)
    order = [shard for number, shard in enumerate(stream.read) if shard not in stream.read[:number]]
    assert (order[0], order[-1]) == ("a", "d")
    feeds.close()
    running(feed_on(stream, custody.take, tmp_path))
    stream.shards["d"].append(b'{"message": "m8"}')
    until(lambda: len(custody.rows) == 9)
    assert custody.messages == expected(9)


def test_a_child_waits_while_its_parent_is_not_read(custody: Custody, running: Run, tmp_path: Path) -> None:
    stream = Stream()
    stream.add("a", "m0")
    stream.add("b", "m1", parents=("a",))
    feeds = running(feed_on(stream, custody.take, tmp_path))
    until(lambda: len(custody.rows) == 1)
    stream.shards["a"].append(b'{"message": "m2"}')
    until(lambda: len(custody.rows) == 2)
    assert "m1" not in custody.messages
    stream.closed.add("a")
    until(lambda: "m1" in custody.messages)
    assert feeds.troubles() == {}


def test_throttling_is_waited_out_and_an_expired_place_found_again(
    custody: Custody, running: Run, tmp_path: Path
) -> None:
    stream = Stream()
    stream.add("a", *[f"m{number}" for number in range(6)])
    stream.failures = [failure("ExpiredIteratorException"), failure("ProvisionedThroughputExceededException")]
    feeds = running(feed_on(stream, custody.take, tmp_path))
    until(lambda: len(custody.rows) == 6)
    assert custody.messages == expected(6)
    assert feeds.troubles() == {}


def test_another_error_is_a_trouble_and_is_tried_again(custody: Custody, running: Run, tmp_path: Path) -> None:
    stream = Stream()
    stream.add("a", "m0")
    stream.failures = [failure("AccessDeniedException")]
    feeds = running(feed_on(stream, custody.take, tmp_path))
    until(lambda: "AccessDenied" in feeds.troubles().get("kinesis", ""))
    until(lambda: len(custody.rows) == 1)
    until(lambda: feeds.troubles() == {})
