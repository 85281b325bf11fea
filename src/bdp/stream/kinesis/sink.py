"""A Kinesis stream as a sink.

An acknowledgement means that PutRecords took every record, which Kinesis has then copied to three zones. Of one request
some records may be taken and others not: only those are sent again. An outcome may stay unknown, by a time-out: then
the same batch is sent again, here or by another process, and its id counts once where it is read (`shared/lane.py`).

A batch is split as for Kafka (`shared/parts.py`): one service's events share a partition key, so they stay in one shard
and in order while nothing fails. Each record is one packed batch (`record.py`).

Source: Kinesis Data Streams API reference, PutRecords.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from bdp.errors import BadRecord, BadSetting, StreamUnavailable
from bdp.model.batch import Batch
from bdp.stream.kinesis.client import THROTTLED, away, code_of, connect, library
from bdp.stream.kinesis.record import MOST_BEFORE, wrap
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.pack import pack
from bdp.stream.shared.claims import Claims
from bdp.stream.shared.confirmed import Confirmed
from bdp.stream.shared.parts import Part
from bdp.stream.shared.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

log = structlog.get_logger(__name__)

RECORD_BYTES: Final = 1 << 20
"""Most bytes of a record with its partition key."""
REQUEST_BYTES: Final = 5 << 20
REQUEST_RECORDS: Final = 500

_KEY_BYTES = 16
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_WHAT = "Kinesis did not take the records"


class _Entry(NamedTuple):
    """One record to send."""

    batch_id: str
    part: Part
    data: bytes


class KinesisSink:
    """`bdp.ports.Sink` on a stream. Connects at the first use; use from any thread.

    Memory: what callers hold themselves, packed once more, and the ids of the last 50,000 batches.

    Args:
        tally: where acknowledged records are counted.
        producer_id: names this process in its records; a new one for each process.
    """

    name = "kinesis"

    def __init__(self, settings: KinesisSettings, tally: Tally, producer_id: str) -> None:
        library()
        if not settings.stream_name:
            raise BadSetting("There is no Kinesis stream to write to.", "Set stream.kinesis.stream_name.")
        self._settings = settings
        self._tally = tally
        self._producer_id = producer_id
        self._lock = threading.Lock()
        self._client: KinesisClient | None = None
        self._claims = Claims()
        self._confirmed = Confirmed()
        self._closed = False

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        until = time.monotonic() + self._settings.timeout_seconds
        client = self._ready()
        new, others = self._claims.take(batches)
        parts: dict[str, Sequence[Part]] = {}
        try:
            for name, batch in new.items():
                parts[name] = self._confirmed.split(batch, self._settings.keys, RECORD_BYTES)
            # All is packed before anything is sent: a batch that never fits leaves nothing behind.
            missing = [(name, part) for name in parts for part in self._confirmed.missing(name, parts[name])]
            entries = [_Entry(name, part, self._data(part)) for name, part in missing]
            for closing in (False, True):
                for request in _requests([entry for entry in entries if entry.part.closes is closing]):
                    self._put(client, request, until)
        finally:
            self._claims.release(new, self._confirmed.complete(parts))
        if not self._claims.await_sent(others, until):
            raise away(_WHAT, "what was sent twice was not confirmed in time")
        return [new.pop(batch.batch_id, None) is not None for batch in batches]

    def pin(self, waiting: bool) -> None:
        """Say whether batches wait elsewhere that may be in the stream already: see `bdp.stream.delivery.chain`."""
        self._tally.pin(waiting)

    def close(self) -> None:
        """Take no more, and report the totals; nothing is on its way behind an `append` that returned."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client:
            client.close()
        self._tally.close()

    def _ready(self) -> KinesisClient:
        with self._lock:
            if self._closed:
                raise StreamUnavailable("The way to Kinesis is closed.", "Start BDP again.")
            self._client = self._client or connect(self._settings)
            return self._client

    def _data(self, part: Part) -> bytes:
        packed = pack(part.batch)
        if len(packed) + MOST_BEFORE + _KEY_BYTES > RECORD_BYTES:
            raise BadRecord(
                f"A record of {len(part.batch.payload)} bytes is too large for Kinesis, which takes {RECORD_BYTES}.",
                "Lower intake.max_record_bytes.",
            )
        return wrap(packed, self._producer_id, part.accepted)

    def _put(self, client: KinesisClient, entries: list[_Entry], until: float) -> None:
        """Send until each record is taken, or the time is out."""
        pause = _FIRST_PAUSE
        while True:
            entries, reason = self._left(client, entries)
            if not entries:
                return
            if time.monotonic() + pause >= until:
                raise away(_WHAT, f"{len(entries)} were not taken in time: {reason}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _left(self, client: KinesisClient, entries: list[_Entry]) -> tuple[list[_Entry], str]:
        """Send once; return what was not taken, with the reason."""
        exceptions = library()
        records: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": entry.data, "PartitionKey": str(entry.part.partition)} for entry in entries
        ]
        try:
            answer = client.put_records(StreamName=self._settings.stream_name, Records=records)
        except exceptions.ClientError as error:
            if code_of(error) in THROTTLED:
                return entries, code_of(error)
            raise away(_WHAT, error) from error
        except exceptions.BotoCoreError as error:
            raise away(_WHAT, error) from error
        left: list[_Entry] = []
        reason = ""
        for entry, result in zip(entries, answer["Records"], strict=True):
            if code := result.get("ErrorCode"):
                left.append(entry)
                reason = code
            else:
                self._confirmed.add(entry.batch_id, entry.part.batch.batch_id)
                self._tally.add(entry.part.batch.source, entry.part.accepted)
        if left:
            log.info("kinesis.partly_taken", left=len(left), reason=reason)
        return left, reason


def _requests(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    request: list[_Entry] = []
    size = 0
    for entry in entries:
        cost = len(entry.data) + _KEY_BYTES
        if request and (len(request) == REQUEST_RECORDS or size + cost > REQUEST_BYTES):
            yield request
            request, size = [], 0
        request.append(entry)
        size += cost
    if request:
        yield request
