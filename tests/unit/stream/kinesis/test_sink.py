"""Kinesis as a sink: whole batches, split and packed; partial failures are made good, silence is an error."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from bdp.errors import BadRecord, BadSetting, StreamUnavailable
from bdp.model.batch import Batch, RecordKind
from bdp.stream.kinesis.record import unwrap
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.kinesis.sink import REQUEST_RECORDS, KinesisSink, _Entry, _requests
from bdp.stream.pack import unpack
from bdp.stream.shared.parts import Part
from bdp.stream.shared.tally import Reports, Tally
from tests.contract import kinesis_rig

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

Open = Callable[[KinesisSettings], KinesisSink]


class Told(Reports):
    """Keeps what was reported last."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def acknowledge(self, producer_id: str, totals: Mapping[str, int], *, waiting: bool, closed: bool) -> None:
        self.totals = dict(totals)


@pytest.fixture
def endpoint() -> str:
    return kinesis_rig.endpoint()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> KinesisClient:
    return kinesis_rig.client_of(monkeypatch)


@pytest.fixture
def stream(client: KinesisClient) -> str:
    name = f"s-{uuid.uuid4().hex[:8]}"
    client.create_stream(StreamName=name, ShardCount=4)
    return name


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def open_sink(told: Told) -> Iterator[Callable[[KinesisSettings], KinesisSink]]:
    opened: list[KinesisSink] = []

    def open_one(settings: KinesisSettings) -> KinesisSink:
        opened.append(KinesisSink(settings, Tally("p", told, 0.05), "p"))
        return opened[-1]

    yield open_one
    for sink in opened:
        sink.close()


@pytest.fixture
def sink(stream: str, endpoint: str, open_sink: Open) -> KinesisSink:
    return open_sink(settings(stream, endpoint))


def settings(stream: str, endpoint: str, **more: Any) -> KinesisSettings:
    return KinesisSettings(stream_name=stream, region="us-east-1", endpoint_url=endpoint, **more)


def batch(name: str, services: list[str], size: int = 10) -> Batch:
    lines = [
        json.dumps({"service": service, "n": n, "x": os.urandom(size).hex()}) for n, service in enumerate(services)
    ]
    payload = "\n".join(lines).encode()
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=len(lines), payload=payload)


def held(client: KinesisClient, stream: str) -> dict[str, list[Batch]]:
    """Every batch in the stream, by shard."""
    found: dict[str, list[Batch]] = {}
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        name = shard["ShardId"]
        place = client.get_shard_iterator(StreamName=stream, ShardId=name, ShardIteratorType="TRIM_HORIZON")
        records = client.get_records(ShardIterator=place["ShardIterator"])["Records"]
        found[name] = [unpack(unwrap(record["Data"])[0]) for record in records]
    return found


def test_every_record_is_there_once_and_a_service_stays_in_one_shard(
    sink: KinesisSink, client: KinesisClient, stream: str
) -> None:
    services = [f"service-{n % 7}" for n in range(70)]
    assert sink.append([batch("a", services), batch("b", services)]) == [True, True]
    assert sink.append([batch("b", services)]) == [False]
    shards: dict[str, set[str]] = {}
    counted: Counter[str] = Counter()
    for shard, batches in held(client, stream).items():
        for one in batches:
            for line in one.payload.splitlines():
                row = json.loads(line)
                shards.setdefault(row["service"], set()).add(shard)
                counted[f"{one.batch_id.partition('#')[0]}/{row['n']}"] += 1
    assert counted == Counter({f"{name}/{n}": 1 for name in "ab" for n in range(70)})
    assert all(len(found) == 1 for found in shards.values())
    assert len({next(iter(found)) for found in shards.values()}) > 1


def test_a_large_batch_is_several_records(sink: KinesisSink, client: KinesisClient, stream: str) -> None:
    large = batch("large", ["shop"] * 60, size=50_000)
    assert len(large.payload) > 5 << 20
    sink.append([large])
    parts = [one for batches in held(client, stream).values() for one in batches]
    assert sum(part.count for part in parts) == 60
    assert len({part.batch_id for part in parts}) == len(parts) > 5


def test_a_record_that_never_fits_is_said_to_and_leaves_nothing_behind(
    sink: KinesisSink, client: KinesisClient, stream: str
) -> None:
    with pytest.raises(BadRecord, match="too large for Kinesis"):
        sink.append([batch("good", ["shop"]), batch("bad", ["shop"], size=2 << 20)])
    assert not any(held(client, stream).values())


def test_a_request_keeps_to_the_limits() -> None:
    part = Part(1, batch("a", ["shop"]), 1)
    small = [_Entry("b", part, b"x")] * 1201
    assert [len(request) for request in _requests(small)] == [REQUEST_RECORDS, REQUEST_RECORDS, 201]
    large = [_Entry("b", part, b"x" * 1_000_000)] * 12
    assert [len(request) for request in _requests(large)] == [5, 5, 2]


class Flaky:
    """Takes every other record, and now and then says that it has enough; else the real client."""

    def __init__(self, client: KinesisClient, forever: bool = False) -> None:
        self.client = client
        self.forever = forever
        self.calls = 0

    def put_records(self, StreamName: str, Records: list[Any]) -> Any:
        self.calls += 1
        error = "ProvisionedThroughputExceededException"
        if self.calls == 1 or self.forever:
            raise ClientError({"Error": {"Code": error, "Message": "…"}}, "PutRecords")
        taken = Records[::2]
        results: list[Any] = [{"ErrorCode": error}] * len(Records)
        results[::2] = self.client.put_records(StreamName=StreamName, Records=taken)["Records"]
        return {"Records": results, "FailedRecordCount": len(Records) - len(taken)}

    def close(self) -> None:
        self.client.close()


def flaky(sink: KinesisSink, client: KinesisClient, forever: bool = False) -> Flaky:
    between = Flaky(client, forever)
    sink._client = between  # type: ignore[assignment] # what the server on loopback never does
    return between


def test_what_was_not_taken_is_sent_again_and_only_that(
    sink: KinesisSink, client: KinesisClient, stream: str, told: Told
) -> None:
    between = flaky(sink, client)
    sink.append([batch("a", [f"service-{n}" for n in range(20)])])
    assert between.calls > 3
    rows = [
        json.loads(line)
        for found in held(client, stream).values()
        for one in found
        for line in one.payload.split(b"\n")
    ]
    assert sorted(row["n"] for row in rows) == list(range(20))
    sink.close()
    assert told.totals == {"http": 20}


def test_too_much_for_too_long_is_unavailable(
    stream: str, endpoint: str, client: KinesisClient, open_sink: Open
) -> None:
    sink = open_sink(settings(stream, endpoint, timeout_seconds=0.5))
    flaky(sink, client, forever=True)
    begun = time.monotonic()
    with pytest.raises(StreamUnavailable, match="ProvisionedThroughputExceeded"):
        sink.append([batch("a", ["shop"])])
    assert time.monotonic() - begun < 2


def test_a_stream_that_is_not_there_is_unavailable(endpoint: str, client: KinesisClient, open_sink: Open) -> None:
    with pytest.raises(StreamUnavailable, match="ResourceNotFound"):
        open_sink(settings("nothing", endpoint)).append([batch("a", ["shop"])])


def test_silence_is_unavailable_in_time(client: KinesisClient, open_sink: Open) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        sink = open_sink(settings("s", f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.5))
        begun = time.monotonic()
        with pytest.raises(StreamUnavailable):
            sink.append([batch("a", ["shop"])])
        assert time.monotonic() - begun < 5


def test_after_the_end_nothing_is_taken(sink: KinesisSink) -> None:
    sink.close()
    with pytest.raises(StreamUnavailable):
        sink.append([batch("a", ["shop"])])


def test_a_stream_must_be_named(told: Told) -> None:
    tally = Tally("p", told, 0.05)
    with pytest.raises(BadSetting, match="no Kinesis stream"):
        KinesisSink(KinesisSettings(), tally, "p")
    tally.close()
