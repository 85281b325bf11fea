"""A shard as a lane reads it: its own numbers, throttling, expiry, deletion and the end. The server is a list here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from bdp.clock import SystemClock
from bdp.errors import StreamUnavailable
from bdp.model.batch import Batch, Cause, Ledger, RecordKind
from bdp.stream.kinesis import shard as shard_module
from bdp.stream.kinesis.record import wrap
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.kinesis.shard import KinesisShard
from bdp.stream.pack import pack
from bdp.stream.shared.books import SqlBooks
from bdp.stream.shared.lane import Lane, Spot

DAY = 86_400_000
FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
"""Sequence numbers are as long as this."""


class Server:
    """One shard as Kinesis keeps it; answers hold at most `limit` records."""

    def __init__(self) -> None:
        self.records: list[tuple[int, bytes]] = []
        self.put = 0
        self.closed = False
        self.limit = 1000
        self.failures: list[str] = []
        self.hollow = 0
        """Answers that come empty although there is more."""
        self.stuck_when_deleted = False
        self.calls = 0

    def add(self, *names: str) -> None:
        for name in names:
            self.put += 1
            value = wrap(pack(batch(name)), "p", 2)
            self.records.append((FIRST + 7 * self.put, value))

    def delete(self, count: int) -> None:
        del self.records[:count]

    def get_shard_iterator(self, ShardIteratorType: str, StartingSequenceNumber: str = "0", **_: str) -> Any:
        if ShardIteratorType == "AT_SEQUENCE_NUMBER" and not int(StartingSequenceNumber) >= FIRST:
            raise failure("InvalidArgumentException")
        return {"ShardIterator": f"{ShardIteratorType}:{StartingSequenceNumber}"}

    def get_records(self, ShardIterator: str) -> Any:
        self.calls += 1
        if self.failures:
            raise failure(self.failures.pop(0))
        kind, start = ShardIterator.split(":")
        deleted = kind == "AT_SEQUENCE_NUMBER" and all(number != int(start) for number, _ in self.records)
        if self.hollow or (deleted and self.stuck_when_deleted):
            self.hollow = max(self.hollow - 1, 0)
            return {"Records": [], "NextShardIterator": ShardIterator, "MillisBehindLatest": DAY}
        rest = [record for record in self.records if record[0] >= int(start)]
        found, left = rest[: self.limit], rest[self.limit :]
        following = f"NEXT:{found[-1][0] + 1 if found else start}"
        return {
            "Records": [{"SequenceNumber": str(number), "Data": data} for number, data in found],
            "NextShardIterator": None if self.closed and not left else following,
            "MillisBehindLatest": 1000 * len(left),
        }


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


def batch(name: str) -> Batch:
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=2, payload=b"{}\n{}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "_BEHIND_SECONDS", 0.01)
    monkeypatch.setattr(shard_module, "_FIRST_PAUSE", 0.02)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[SqlBooks]:
    opened = SqlBooks(f"sqlite:///{tmp_path / 'books.db'}", SystemClock())
    yield opened
    opened.close()


@pytest.fixture
def open_lane(server: Server, books: SqlBooks) -> Callable[[], Lane]:
    settings = KinesisSettings(stream_name="s", poll_seconds=0.2, timeout_seconds=1)

    def opened() -> Lane:
        shard = KinesisShard(settings, "shardId-000000000000", lambda: cast(Any, server))
        return Lane("lane", shard, books, SystemClock(), 1)

    return opened


Open = Callable[[], Lane]


def move(lane: Lane, most: int = 1000) -> list[str]:
    """Store what waits, at most so many records, as far as the books go."""
    if not lane.wait(lane.committed(), 0.3):
        return []
    items = lane.read(lane.committed(), most, 1 << 20)
    lane.begin(items[-1].offset)
    lane.commit(items[-1].offset, {"http": sum(item.batch.count for item in items)}, (), {})
    return [item.batch.batch_id for item in items]


def test_a_lane_goes_on_where_the_books_say_and_counts_for_itself(server: Server, open_lane: Open) -> None:
    server.limit = 2
    server.add("a", "b", "c", "d", "e")
    first = open_lane()
    assert move(first, 4) == ["a", "b"]
    assert (first.committed(), move(first, 2)) == (2, ["c"])
    server.add("f")
    second = open_lane()
    assert second.committed() == 3
    assert move(second) + move(second) == ["d", "e", "f"]
    assert second.committed() == 6


def test_a_range_that_was_cut_off_is_read_with_its_bounds(server: Server, open_lane: Open) -> None:
    server.add("a", "b", "c", "d")
    first = open_lane()
    assert move(first, 2) == ["a"]
    assert first.wait(1, 1)
    first.begin(3)
    server.add("e")
    second = open_lane()
    assert (second.committed(), second.plan()) == (1, 3)
    assert [item.batch.batch_id for item in second.read(1, 1, 1)] == ["b", "c"]
    second.commit(3, {"http": 4}, (), {})
    assert move(second) == ["d", "e"]


def test_an_earlier_reader_can_change_nothing(server: Server, open_lane: Open) -> None:
    server.add("a")
    earlier = open_lane()
    assert earlier.wait(0, 1)
    later = open_lane()
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        earlier.begin(1)
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        earlier.commit(1, {"http": 2}, (), {})
    assert earlier.lost
    assert move(later) == ["a"]


def test_throttling_and_an_expired_iterator_only_take_time(server: Server, open_lane: Open) -> None:
    lane = open_lane()
    server.add("a", "b")
    throttled = "ProvisionedThroughputExceededException"
    server.failures = [throttled, throttled, "ExpiredIteratorException"]
    assert move(lane) == ["a", "b"]
    server.add("c")
    server.failures = ["ExpiredIteratorException"]
    assert move(lane) == ["c"]


def test_a_throttled_shard_is_not_taken_for_a_silent_one(server: Server, open_lane: Open) -> None:
    server.add("a")
    server.failures = ["ProvisionedThroughputExceededException"] * 200
    lane = open_lane()
    begun = server.calls
    with pytest.raises(StreamUnavailable, match="others read the shard"):
        lane.wait(0, 0.1)
    assert server.calls - begun < 10, "it must ask ever more seldom"
    server.failures = []
    assert move(lane) == ["a"]


def test_empty_answers_in_between_are_no_end(server: Server, open_lane: Open) -> None:
    server.add("a")
    server.hollow = 5
    lane = open_lane()
    assert lane.wait(0, 0.0)
    assert move(lane) == ["a"]


def test_any_other_error_is_said(server: Server, open_lane: Open) -> None:
    server.failures = ["AccessDeniedException"]
    with pytest.raises(StreamUnavailable, match="AccessDenied"):
        open_lane().wait(0, 0.1)


@pytest.mark.parametrize("stuck", [False, True], ids=["answers go on", "answers stay empty"])
def test_records_that_were_deleted_are_passed_over_and_said(server: Server, open_lane: Open, stuck: bool) -> None:
    server.add("a", "b", "c", "d")
    first = open_lane()
    assert move(first, 2) == ["a"]
    server.delete(3)
    server.stuck_when_deleted = stuck
    with capture_logs() as logs:
        second = open_lane()
        assert move(second) == ["d"]
    assert second.committed() == 2
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["lane.messages_may_be_lost"]


def test_nothing_is_said_where_the_place_is_still_there(server: Server, open_lane: Open) -> None:
    server.add("a", "b")
    assert move(open_lane(), 2) == ["a"]
    with capture_logs() as logs:
        assert move(open_lane()) == ["b"]
    assert not [entry for entry in logs if entry["log_level"] == "error"]


def test_a_begun_range_keeps_its_bounds_where_its_records_are_gone(server: Server, open_lane: Open) -> None:
    server.add("a", "b", "c", "d", "e")
    first = open_lane()
    assert move(first, 2) == ["a"]
    assert first.wait(1, 1)
    first.begin(4)
    server.delete(3)
    second = open_lane()
    assert [item.batch.batch_id for item in second.read(1, 9, 9)] == ["d"]
    assert [item.offset for item in second.read(4, 9, 1 << 20)] == [5]
    second.commit(4, {"http": 2}, (), {})
    assert move(second) == ["e"]


def test_a_begun_range_that_is_gone_is_let_go(server: Server, open_lane: Open) -> None:
    server.add("a", "b", "c")
    first = open_lane()
    assert first.wait(0, 1)
    first.begin(2)
    server.delete(2)
    second = open_lane()
    with pytest.raises(StreamUnavailable, match=r"1 to 2 of the lane lane are gone"):
        second.read(0, 9, 9)
    assert move(second) == ["c"]
    assert second.committed() == 3


def test_the_end_of_a_shard_is_written_down_once_all_is_stored(
    server: Server, open_lane: Open, books: SqlBooks
) -> None:
    server.add("a", "b")
    server.limit = 1
    server.closed = True
    lane = open_lane()
    assert lane.wait(0, 1)
    assert not lane.wait(2, 0.05), "all is fetched, and nothing stored"
    assert books.ended("") == {}
    assert move(lane) + move(lane) == ["a", "b"]
    assert not lane.wait(lane.committed(), 0.05)
    (at,) = books.ended("la").values()
    assert books.ended("x") == {}
    calls = server.calls
    again = open_lane()
    assert not again.wait(again.committed(), 0.05)
    assert books.ended("lane") == {"lane": at}
    assert server.calls - calls < 3
    books.retire("lane")
    assert books.ended("lane") == {}


def test_a_record_that_is_no_batch_becomes_a_dead_letter(server: Server, open_lane: Open, books: SqlBooks) -> None:
    server.add("a")
    server.records.append((FIRST + 1000, b"not ours \x00"))
    assert move(open_lane()) == ["a"]
    lane = open_lane()
    assert not lane.wait(lane.committed(), 0.05)
    (letter,) = books.dead_letters()
    assert (letter.source, letter.cause, letter.payload) == ("kinesis", Cause.ENCODING, b"not ours \x00")
    assert books.ledger() == {
        "http": Ledger(accepted=2, stored=2),
        "kinesis": Ledger(accepted=1, dead_lettered=1),
    }


def test_a_stream_that_was_made_anew_is_noticed(server: Server) -> None:
    shard = KinesisShard(KinesisSettings(stream_name="s"), "shardId-000000000000", lambda: cast(Any, server))
    shard.seek(Spot(3, "12"), Spot(3, "12"))
    with pytest.raises(StreamUnavailable, match="made anew"):
        shard.fetch(0)


def test_a_shard_that_is_read_up_is_asked_no_more_often_than_is_set(server: Server) -> None:
    server.add("a")
    seldom = KinesisSettings(stream_name="s", poll_seconds=60)
    shard = KinesisShard(seldom, "shardId-000000000000", lambda: cast(Any, server))
    begun = time.monotonic()
    assert [message.offset for message in shard.fetch(0)] == [1]
    assert list(shard.fetch(0.05)) == []
    assert not shard.behind()
    assert (server.calls, time.monotonic() - begun < 5) == (1, True)
