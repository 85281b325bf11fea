"""The shards of a stream: which there are, and which may be read now.

A shard made by a split or a merge is read when its parents are at their end, so that one service's records stay in
order and a batch that comes again is recognised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bdp.errors import StreamUnavailable
from bdp.stream.kinesis.client import away, library

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import ShardTypeDef

QUIET: Final = timedelta(hours=1)
"""How long a shard that has ended keeps its detector, in which anomalies may still be open."""
_SHARD_ID = re.compile(r"shardId-([0-9]{1,18})")


@dataclass(frozen=True)
class ShardInfo:
    """One shard.

    Attributes:
        number: of the lane; the number in its id.
        parents: numbers of the shards that it was made of.
        closed: it gets no more records.
    """

    number: int
    shard_id: str
    parents: tuple[int, ...]
    closed: bool = False


def list_shards(client: KinesisClient, stream: str) -> dict[int, ShardInfo]:
    """Return all shards that still have records or get new ones, by number.

    Raises:
        StreamUnavailable: Kinesis does not answer, or there is no such stream.
    """
    exceptions = library()
    found: list[ShardTypeDef] = []
    try:
        answer = client.list_shards(StreamName=stream)
        found += answer["Shards"]
        while token := answer.get("NextToken"):
            answer = client.list_shards(NextToken=token)
            found += answer["Shards"]
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise away("Kinesis does not name its shards", error) from error
    shards = [_info(shard) for shard in found]
    return {shard.number: shard for shard in shards}


def shard_id_of(number: int) -> str:
    """Return the id of the shard with this number."""
    return f"shardId-{number:012d}"


def readable(shards: Mapping[int, ShardInfo], ended: Mapping[int, datetime], now: datetime) -> list[int]:
    """Return the numbers of the shards that are to be read now, oldest first.

    Args:
        ended: when those that were read to their end were.
    """
    return [
        number
        for number, shard in sorted(shards.items())
        if all(parent in ended or parent not in shards for parent in shard.parents)
        and (number not in ended or not shard.closed or now - ended[number] < QUIET)
    ]


def _info(shard: ShardTypeDef) -> ShardInfo:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
    above = tuple(_number(name) for name in parents if name)
    return ShardInfo(_number(shard["ShardId"]), shard["ShardId"], above, closed)


def _number(shard_id: str) -> int:
    found = _SHARD_ID.fullmatch(shard_id)
    if found is None or shard_id_of(int(found[1])) != shard_id:
        raise StreamUnavailable(
            f"The shard {shard_id[:100]!r} has no number in its name.", "BDP reads shards named shardId-000000000000."
        )
    return int(found[1])
