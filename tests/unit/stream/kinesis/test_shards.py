"""Which shards are read now: children wait for their parents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from bdp.errors import StreamUnavailable
from bdp.stream.kinesis.shards import QUIET, ShardInfo, list_shards, readable, shard_id_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def shards(**parents: tuple[int, ...]) -> dict[int, ShardInfo]:
    """Shards by number, `s3=(1, 2)`: made of 1 and 2, which are closed then."""
    numbers = {int(name[1:]): above for name, above in parents.items()}
    closed = {parent for above in numbers.values() for parent in above}
    return {
        number: ShardInfo(number, shard_id_of(number), above, number in closed) for number, above in numbers.items()
    }


def test_children_are_read_when_all_their_parents_have_ended() -> None:
    split_and_merged = shards(s0=(), s1=(), s2=(0,), s3=(0,), s4=(3, 1))
    assert readable(split_and_merged, {}, NOW) == [0, 1]
    assert readable(split_and_merged, {0: NOW}, NOW) == [0, 1, 2, 3]
    assert readable(split_and_merged, {0: NOW, 3: NOW}, NOW) == [0, 1, 2, 3]
    assert readable(split_and_merged, {0: NOW, 3: NOW, 1: NOW}, NOW) == [0, 1, 2, 3, 4]


def test_a_parent_that_kinesis_has_forgotten_holds_nobody_up() -> None:
    assert readable(shards(s2=(0,), s3=(1, 0)), {}, NOW) == [2, 3]


def test_an_ended_shard_is_kept_for_a_while_for_its_detector() -> None:
    ended = {0: NOW}
    assert readable(shards(s0=(), s1=(0,)), ended, NOW + QUIET - timedelta(seconds=1)) == [0, 1]
    assert readable(shards(s0=(), s1=(0,)), ended, NOW + QUIET) == [1]


def test_an_open_shard_is_read_whatever_was_written_down() -> None:
    assert readable(shards(s0=()), {0: NOW}, NOW + 2 * QUIET) == [0]


class Pages:
    """Names its shards on two pages."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def list_shards(self, StreamName: str = "", NextToken: str = "") -> Any:
        if NextToken:
            child = {"ShardId": self.names[1], "ParentShardId": self.names[0]}
            return {"Shards": [child | {"SequenceNumberRange": {"StartingSequenceNumber": "7"}}]}
        limits = {"StartingSequenceNumber": "1", "EndingSequenceNumber": "6"}
        return {"Shards": [{"ShardId": self.names[0], "SequenceNumberRange": limits}], "NextToken": "more"}


def test_all_pages_are_read() -> None:
    found = list_shards(cast(Any, Pages("shardId-000000000009", "shardId-000000000012")), "s")
    assert found == shards(s9=(), s12=(9,))


@pytest.mark.parametrize("name", ["shardId-1", "shard-000000000001", "shardId-00000000000x"])
def test_a_shard_without_a_number_is_said(name: str) -> None:
    with pytest.raises(StreamUnavailable, match="no number"):
        list_shards(cast(Any, Pages(name, name)), "s")
