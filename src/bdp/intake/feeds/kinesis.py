"""A Kinesis stream as a way in: every shard in order, its records into custody exactly once.

Kinesis keeps no reader's place, so it is kept in the home (`checkpoints.py`), with the range that is about to be
delivered: after a crash that range is read again with the same bounds, so that its id is known. A shard made by a
split or a merge is read when its parents are at their end. One process reads all shards.

Memory: one answer of GetRecords (at most 10 MiB) and its records.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.errors import BadSetting, MissingExtra, Retry
from bdp.intake.feeds.checkpoints import Checkpoint, Checkpoints, Plan
from bdp.intake.feeds.feed import Deliver, Stopped, deliver_surely
from bdp.intake.feeds.reading import FeedReader, Message
from bdp.telemetry import Absence

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import RecordTypeDef, ShardTypeDef

log = structlog.get_logger(__name__)

_THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException",
        "KMSThrottlingException", "RequestLimitExceeded",
    }
)  # fmt: skip
_EXPIRED: Final = "ExpiredIteratorException"
_BEHIND_SECONDS = 0.2  # a shard answers five times a second at most
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0


class KinesisFeedSettings(BaseModel):
    """A stream to read from. Credentials come as AWS's own tools find them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["kinesis"] = "kinesis"
    name: str = Field(
        default="kinesis",
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="source that the ledger shows; also names the checkpoints, so it must not change or stand twice",
    )
    stream_name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{1,128}$", description="name of the stream")
    region: str = Field(default="", description="AWS region; empty: as AWS's own tools find it")
    endpoint_url: str = Field(default="", description="address of another endpoint than the region's")
    format: str = Field(
        default="aws",
        description="aws: JSON, lines, CloudWatch Logs subscriptions; or events, metrics, costs, changes, a protocol",
    )
    start: Literal["earliest", "latest"] = Field(default="earliest", description="where the first reading begins")
    poll_records: int = Field(default=5000, ge=1, le=10_000, description="most records of one request")
    poll_seconds: float = Field(default=1.0, ge=0.2, le=60, description="pause between rounds once all is read")
    shards_seconds: float = Field(default=30.0, ge=1, le=3600, description="how often new shards are looked for")
    timeout_seconds: float = Field(default=10.0, ge=1, le=300, description="longest wait for an answer")


@dataclass
class _Line:
    """One shard that is being read."""

    shard: str
    at: Checkpoint
    iterator: str = ""
    waiting: list[RecordTypeDef] = field(default_factory=list)
    """Records of a planned range that did not come whole yet."""
    wait: float = 0.0
    due: float = 0.0


class KinesisFeed:
    """`feed.Feed` on a stream.

    Args:
        connect: makes the client.
    """

    def __init__(
        self,
        settings: KinesisFeedSettings,
        reader: FeedReader,
        deliver: Deliver,
        checkpoints: Checkpoints,
        clock: Clock,
        connect: Callable[[KinesisFeedSettings], KinesisClient] | None = None,
    ) -> None:
        self.name = settings.name
        self.trouble = ""
        self._absence = Absence(log, "feed.interrupted", "feed.resumed", clock.monotonic, feed=settings.name)
        self._settings = settings
        self._reader = reader
        self._deliver = deliver
        self._checkpoints = checkpoints
        self._clock = clock
        self._connect = connect or kinesis_client
        self._lines: dict[str, _Line] = {}
        self._listed = float("-inf")
        self._behind = False
        self._key = f"{self.name}/{settings.stream_name}"

    def run(self, stop: threading.Event) -> None:
        """See `feed.Feed.run`."""
        exceptions = _exceptions()
        client = self._connect(self._settings)
        wait = _FIRST_WAIT
        while not stop.is_set():
            try:
                self._behind = False
                self._round(client, stop)
                wait = _FIRST_WAIT
                stop.wait(_BEHIND_SECONDS if self._behind else self._settings.poll_seconds)
            except Stopped:
                return
            except (exceptions.ClientError, exceptions.BotoCoreError, Retry) as error:
                self.trouble = f"Kinesis: {error}"
                self._absence.met(self.trouble)
                self._lines.clear()
                self._listed = float("-inf")
                stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    def _round(self, client: KinesisClient, stop: threading.Event) -> None:
        if self._clock.monotonic() - self._listed >= self._settings.shards_seconds:
            self._find_shards(client)
        for line in list(self._lines.values()):
            if stop.is_set():
                return
            if line.due <= self._clock.monotonic():
                self._read(client, line, stop)

    def _find_shards(self, client: KinesisClient) -> None:
        """Take up every shard whose parents are at their end."""
        shards = {shard["ShardId"]: shard for shard in _list_shards(client, self._settings.stream_name)}
        known = self._checkpoints.of(self._key)
        for name in known.keys() - shards.keys():
            self._checkpoints.forget(self._key, name)
            self._lines.pop(name, None)
        begin = self._clock.now().timestamp() if self._settings.start == "latest" and not known else 0.0
        if not known and begin:
            # Before anything is read: what comes while we are away for the first time counts too.
            for name in shards:
                self._checkpoints.put(self._key, name, Checkpoint(begin))
            known = self._checkpoints.of(self._key)
        for name, shard in shards.items():
            if name not in self._lines and _is_next(shard, shards, known):
                self._lines[name] = _Line(name, known.get(name, Checkpoint()))
        self._listed = self._clock.monotonic()

    def _read(self, client: KinesisClient, line: _Line, stop: threading.Event) -> None:
        """Bring one answer of a shard into custody."""
        exceptions = _exceptions()
        try:
            line.iterator = line.iterator or _iterator(client, self._settings.stream_name, line.at)(line.shard)
            answer = client.get_records(ShardIterator=line.iterator, Limit=self._settings.poll_records)
        except exceptions.ClientError as error:
            self._hold(line, error)
            return
        line.iterator, line.wait = answer.get("NextShardIterator", ""), 0.0
        at_end = not line.iterator
        self._behind = self._behind or answer.get("MillisBehindLatest", 0) > 0
        caught_up = not answer["Records"] and answer.get("MillisBehindLatest", 0) == 0
        self._take(line, [*line.waiting, *answer["Records"]], at_end or caught_up, stop)
        self.trouble = ""
        self._absence.over()
        if at_end:
            self._move(line, replace(line.at, ended=True))
            del self._lines[line.shard]
            self._listed = float("-inf")

    def _hold(self, line: _Line, error: Any) -> None:
        """Wait where we are too fast; begin anew where the place in the shard has expired.

        Raises:
            ClientError: it is something else.
        """
        code = error.response.get("Error", {}).get("Code", "")
        if code == _EXPIRED:
            line.iterator = ""
            line.waiting = []
        elif code in _THROTTLED:
            line.wait = min(line.wait * 2 or _FIRST_WAIT, _LONGEST_WAIT)
            line.due = self._clock.monotonic() + line.wait
            log.info("feed.throttled", feed=self.name, shard=line.shard, seconds=line.wait)
        else:
            raise error

    def _take(self, line: _Line, records: list[RecordTypeDef], at_end: bool, stop: threading.Event) -> None:
        line.waiting = []
        if line.at.plan:
            rest = self._take_planned(line, line.at.plan, records, at_end, stop)
            if rest is None:
                line.waiting = records
                return
            records = rest
        while records:
            run = self._reader.run([self._message(line, record) for record in records])
            used = records[: run.used]
            plan = Plan(used[0]["SequenceNumber"], used[-1]["SequenceNumber"], len(used))
            self._move(line, line.at.planned(plan))
            deliver_surely(self, self._deliver, run.batch(self._batch_id(line, plan)), stop)
            self._move(line, line.at.settled(), later=len(used) < len(records))
            records = records[run.used :]

    def _take_planned(
        self, line: _Line, plan: Plan, records: list[RecordTypeDef], at_end: bool, stop: threading.Event
    ) -> list[RecordTypeDef] | None:
        """Deliver what an earlier life may have delivered, under the same id; None while it has not come whole."""
        inside = [record for record in records if int(record["SequenceNumber"]) <= int(plan.last)]
        whole = at_end or len(inside) < len(records) or (inside and inside[-1]["SequenceNumber"] == plan.last)
        if not whole:
            return None
        if inside:
            run = self._reader.run([self._message(line, record) for record in inside], whole=True)
            deliver_surely(self, self._deliver, run.batch(self._batch_id(line, plan)), stop)
        self._move(line, line.at.settled())
        return records[len(inside) :]

    def _move(self, line: _Line, at: Checkpoint, *, later: bool = False) -> None:
        """Keep where the shard stands; `later` leaves it to the next plan, which says it as well."""
        if not later:
            self._checkpoints.put(self._key, line.shard, at)
        line.at = at

    def _batch_id(self, line: _Line, plan: Plan) -> str:
        stream = self._settings.stream_name
        short = stream if len(stream) <= 60 else hashlib.sha256(stream.encode()).hexdigest()[:32]
        return f"{self.name}:{short}:{line.shard}:{plan.first}+{plan.count}"

    def _message(self, line: _Line, record: RecordTypeDef) -> Message:
        place = f"{self._settings.stream_name}/{line.shard}@{record['SequenceNumber']}"
        at = record.get("ApproximateArrivalTimestamp")
        return Message(place, record["Data"], at.astimezone(UTC) if isinstance(at, datetime) else None)


def kinesis_client(settings: KinesisFeedSettings) -> KinesisClient:
    """Return a client.

    Raises:
        MissingExtra: the library is not installed.
        BadSetting: there is no region.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra(
            "A Kinesis feed needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    seconds = settings.timeout_seconds
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 2}
    )
    try:
        return boto3.client(
            "kinesis", region_name=settings.region or None, endpoint_url=settings.endpoint_url or None, config=config
        )
    except (_exceptions().BotoCoreError, ValueError) as error:
        raise BadSetting(f"The feed {settings.name} cannot reach AWS: {error}.", "Set its region.") from error


def _exceptions() -> Any:
    try:
        import botocore.exceptions
    except ImportError as error:
        raise MissingExtra(
            "A Kinesis feed needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    return botocore.exceptions


def _list_shards(client: KinesisClient, stream: str) -> list[ShardTypeDef]:
    answer = client.list_shards(StreamName=stream)
    shards = list(answer["Shards"])
    while token := answer.get("NextToken"):
        answer = client.list_shards(NextToken=token)
        shards += answer["Shards"]
    return shards


def _is_next(shard: ShardTypeDef, shards: dict[str, ShardTypeDef], known: dict[str, Checkpoint]) -> bool:
    """Say whether a shard is to be read now: it is not at its end, and its parents are, or expired."""
    name = shard["ShardId"]
    if name in known and known[name].ended:
        return False
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return all(known[parent].ended if parent in known else False for parent in parents if parent and parent in shards)


def _iterator(client: KinesisClient, stream: str, at: Checkpoint) -> Callable[[str], str]:
    def fetch(shard: str) -> str:
        if at.after:
            answer = client.get_shard_iterator(
                StreamName=stream,
                ShardId=shard,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                StartingSequenceNumber=at.after,
            )
        elif at.begin:
            begin = datetime.fromtimestamp(at.begin, UTC)
            answer = client.get_shard_iterator(
                StreamName=stream, ShardId=shard, ShardIteratorType="AT_TIMESTAMP", Timestamp=begin
            )
        else:
            answer = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return answer["ShardIterator"]

    return fetch
