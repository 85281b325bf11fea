"""One shard of a Kinesis stream, as a lane reads it.

Kinesis does not count records: it names them by growing numbers with gaps. So we count them: an offset is the number
of records from the lane's start on, and the books keep beside it the record's sequence number, its mark.

A shard is read again from the record at the mark on, so that it is seen whether that record is still there: if it was
deleted after its time, others behind it may have been too.

Source: Kinesis Data Streams API reference, GetShardIterator and GetRecords: at most five requests a second for a shard,
an iterator lives five minutes, the last answer of a closed shard names no next one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog

from bdp.errors import StreamUnavailable
from bdp.stream.kinesis.client import THROTTLED, away, code_of, library
from bdp.stream.kinesis.record import unwrap
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.shared.lane import AT_ONCE, Message, Spot

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import GetRecordsOutputTypeDef, RecordTypeDef

log = structlog.get_logger(__name__)
_EXPIRED: Final = "ExpiredIteratorException"
_BEHIND_SECONDS = 0.2
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_DAY_MILLIS = 86_400_000
"""The shortest time that Kinesis keeps records."""
_FAR_MILLIS = _DAY_MILLIS // 2
_WHAT = "Kinesis cannot be read"


class KinesisShard:
    """`bdp.stream.shared.lane.Partition` on a shard. Use from one thread.

    Memory: one answer of GetRecords, at most 10 MiB.

    Args:
        client: gives the client, which others use as well.
    """

    source = "kinesis"

    def __init__(self, settings: KinesisSettings, shard_id: str, client: Callable[[], KinesisClient]) -> None:
        self._settings = settings
        self._shard_id = shard_id
        self._client = client
        self.reached = 0
        self._warned = False
        self.seek(Spot(0), Spot(0))

    @property
    def at_end(self) -> bool:
        """See `bdp.stream.shared.lane.Partition.at_end`."""
        return self._tip and not self._waiting

    @property
    def ended(self) -> bool:
        """See `bdp.stream.shared.lane.Partition.ended`."""
        return self._over and not self._waiting

    def seek(self, after: Spot, planned: Spot) -> None:
        """See `bdp.stream.shared.lane.Partition.seek`."""
        self.reached = after.offset
        self._planned = planned
        self._mark = after.mark
        self._waiting: deque[RecordTypeDef] = deque()
        self._over = False
        self._due = self._pause = self._poll_at = 0.0
        self._forget_iterator()

    def fetch(self, seconds: float) -> Sequence[Message]:
        """See `bdp.stream.shared.lane.Partition.fetch`."""
        until = time.monotonic() + seconds
        while not self._waiting:
            if self._over or max(self._due, self._poll_at) > until:
                time.sleep(max(until - time.monotonic(), 0))
                return []
            time.sleep(max(self._poll_at - time.monotonic(), 0))
            self._ask()
        return [self._numbered(self._waiting.popleft()) for _ in range(min(len(self._waiting), AT_ONCE))]

    def behind(self) -> bool:
        """See `bdp.stream.shared.lane.Partition.behind`. Asks until there are records, or none at the last poll."""
        until = time.monotonic() + self._settings.timeout_seconds
        while not (self._waiting or self._over or (self._tip and time.monotonic() < self._poll_at)):
            self._ask()
            if time.monotonic() > until:
                why = "it has more, and gives nothing" if not self._pause else "others read the shard as well"
                raise away(_WHAT, f"{self._shard_id}: {why}")
        return bool(self._waiting)

    def close(self) -> None:
        """See `bdp.stream.shared.lane.Partition.close`: there is nothing, the client stays with its owner."""

    def _forget_iterator(self) -> None:
        self._iterator = ""
        self._tip = False
        self._expecting = bool(self._mark)
        self._from_horizon = not self._mark

    def _ask(self) -> None:
        """Ask for records when that is allowed; Kinesis may say: not now.

        Raises:
            StreamUnavailable: there was no answer.
        """
        exceptions = library()
        time.sleep(max(self._due - time.monotonic(), 0))
        self._due = time.monotonic() + _BEHIND_SECONDS
        try:
            self._iterator = self._iterator or self._fresh_iterator()
            answer = self._client().get_records(ShardIterator=self._iterator)
        except exceptions.ClientError as error:
            self._hold(error)
        except exceptions.BotoCoreError as error:
            raise away(_WHAT, error) from error
        else:
            self._pause = 0.0
            self._take(answer)

    def _hold(self, error: Any) -> None:
        """Wait where we are too fast; begin anew where the iterator has expired."""
        code = code_of(error)
        if code == _EXPIRED:
            self._forget_iterator()
        elif code in THROTTLED:
            self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
            self._due = time.monotonic() + self._pause
            log.info("lane.throttled", shard=self._shard_id, seconds=self._pause, reason=code)
        else:
            raise away(_WHAT, error) from error

    def _take(self, answer: GetRecordsOutputTypeDef) -> None:
        lag = answer.get("MillisBehindLatest") or 0
        records = self._behind_mark(answer["Records"])
        self._iterator = answer.get("NextShardIterator") or ""
        self._over = not self._iterator
        self._tip = lag == 0 or self._over
        self._waiting.extend(records)
        if records:
            self._mark = records[-1]["SequenceNumber"]
        if self._tip:
            self._poll_at = time.monotonic() + self._settings.poll_seconds
        elif not answer["Records"] and lag >= _DAY_MILLIS and not self._from_horizon:
            # From a place that was deleted Kinesis may give nothing for ever.
            self._iterator, self._from_horizon = "", True
        self._warn(lag)

    def _behind_mark(self, records: Sequence[RecordTypeDef]) -> list[RecordTypeDef]:
        """Return the records behind our place, and say so if the one at our place is gone."""
        place = int(self._mark or 0)
        new = [record for record in records if int(record["SequenceNumber"]) > place]
        if self._expecting and records:
            there = any(record["SequenceNumber"] == self._mark for record in records)
            if new and not there:
                first = new[0]["SequenceNumber"]
                log.error("lane.messages_may_be_lost", shard=self._shard_id, after=self._mark, first=first)
            self._expecting = not (new or there)
        return new

    def _numbered(self, record: RecordTypeDef) -> Message:
        offset, mark, planned = self.reached + 1, record["SequenceNumber"], self._planned
        if offset <= planned.offset and int(mark) > int(planned.mark or 0):
            # The range that was begun keeps its bounds, also where its records are gone.
            log.error("lane.messages_lost", shard=self._shard_id, first=offset, last=planned.offset)
            offset = planned.offset + 1
        self.reached = offset
        value, producer_id, accepted = unwrap(record["Data"])
        return Message(offset=offset, value=value, producer_id=producer_id, accepted=accepted, mark=mark)

    def _fresh_iterator(self) -> str:
        exceptions = library()
        kind: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if not self._from_horizon:
            kind = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": self._mark}
        where: dict[str, Any] = {"StreamName": self._settings.stream_name, "ShardId": self._shard_id, **kind}
        try:
            return self._client().get_shard_iterator(**where)["ShardIterator"]
        except exceptions.ClientError as error:
            if code_of(error) != "InvalidArgumentException":
                raise
            raise StreamUnavailable(
                f"The stream does not know our place {self._mark} in {self._shard_id}: it was made anew.",
                "Give the new stream another name, and set it in stream.kinesis.stream_name.",
            ) from error

    def _warn(self, lag: int) -> None:
        if lag >= _FAR_MILLIS and not self._warned:
            log.warning("lane.far_behind", shard=self._shard_id, hours=round(lag / 3_600_000, 1))
        self._warned = lag >= _FAR_MILLIS
