"""The stream on AWS: a Kinesis stream as a sink.

An acknowledgement means that PutRecords took every record, which Kinesis has then copied to three zones. Of one request
some records may be taken and others not: only those are sent again. An outcome may stay unknown, by a time-out: then
the same batch is sent again, here or by another process, and its id counts once where it reaches the store.

A batch is split as for Kafka (`parts.py`): one service's events share a partition key, so they stay in one shard and
in order while nothing fails. Each record is one packed batch (`pack.py`).

Source: Kinesis Data Streams API reference, PutRecords.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRecord, BadSetting, MissingExtra, StreamUnavailable
from bdp.model.batch import Batch
from bdp.stream.pack import pack
from bdp.stream.parts import split

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

log = structlog.get_logger(__name__)

RECORD_BYTES: Final = 1 << 20
"""Most bytes of a record with its partition key."""
REQUEST_BYTES: Final = 5 << 20
REQUEST_RECORDS: Final = 500

_KEY_BYTES = 16
_RECENT_IDS = 50_000
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException",
        "KMSThrottlingException", "InternalFailure", "ServiceUnavailable",
    }
)  # fmt: skip
"""Codes that say: not now."""


class KinesisSettings(BaseModel):
    """A Kinesis stream as a sink. Credentials come as AWS's own tools find them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stream_name: str = Field(default="", pattern=r"^[a-zA-Z0-9_.-]{0,128}$", description="name of the stream")
    region: str = Field(default="", description="AWS region; empty: as AWS's own tools find it")
    endpoint_url: str = Field(default="", description="address of another endpoint than the region's")
    keys: int = Field(
        default=256, ge=1, le=100_000, description="partition keys that services are spread over; more than shards"
    )
    timeout_seconds: float = Field(
        default=5.0, ge=0.5, le=300, description="longest wait for Kinesis' word; then the next sink is asked"
    )


class KinesisSink:
    """`bdp.ports.Sink` on a stream. Connects at the first use; use from any thread.

    Memory: what callers hold themselves, packed once more, and the ids of the last 50,000 batches.
    """

    name = "kinesis"

    def __init__(self, settings: KinesisSettings) -> None:
        _exceptions()
        if not settings.stream_name:
            raise BadSetting("There is no Kinesis stream to write to.", "Set stream.kinesis.stream_name.")
        self._settings = settings
        self._lock = threading.Lock()
        self._client: KinesisClient | None = None
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._closed = False

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        until = time.monotonic() + self._settings.timeout_seconds
        client = self._ready()
        new = [batch for batch in batches if batch.batch_id not in self._recent]
        # All is packed before anything is sent: a batch that never fits leaves nothing behind.
        parts = [part for batch in new for part in split(batch, self._settings.keys, RECORD_BYTES)]
        entries = [(part.closes, _entry(part.partition, part.batch)) for part in parts]
        for closing in (False, True):
            for request in _requests([entry for closes, entry in entries if closes is closing]):
                self._put(client, request, until)
        return self._remember(batches)

    def close(self) -> None:
        """Take no more; nothing is on its way behind an `append` that returned."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client:
            client.close()

    def _ready(self) -> KinesisClient:
        with self._lock:
            if self._closed:
                raise StreamUnavailable("The way to Kinesis is closed.", "Start BDP again.")
            self._client = self._client or _client(self._settings)
            return self._client

    def _put(self, client: KinesisClient, entries: list[PutRecordsRequestEntryTypeDef], until: float) -> None:
        """Send until each record is taken, or the time is out."""
        pause = _FIRST_PAUSE
        while True:
            entries, reason = self._left(client, entries)
            if not entries:
                return
            if time.monotonic() + pause >= until:
                raise _away(f"{len(entries)} records were not taken in time: {reason}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _left(
        self, client: KinesisClient, entries: list[PutRecordsRequestEntryTypeDef]
    ) -> tuple[list[PutRecordsRequestEntryTypeDef], str]:
        """Send once; return what was not taken, with the reason."""
        exceptions = _exceptions()
        try:
            answer = client.put_records(StreamName=self._settings.stream_name, Records=entries)
        except exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _THROTTLED:
                return entries, code
            raise _away(str(error)) from error
        except exceptions.BotoCoreError as error:
            raise _away(str(error)) from error
        failed = [
            (entry, result.get("ErrorCode", ""))
            for entry, result in zip(entries, answer["Records"], strict=True)
            if result.get("ErrorCode")
        ]
        if failed:
            log.info("kinesis.partly_taken", left=len(failed), reason=failed[0][1])
        return [entry for entry, _ in failed], failed[0][1] if failed else ""

    def _remember(self, batches: Sequence[Batch]) -> list[bool]:
        answer = []
        with self._lock:
            for batch in batches:
                answer.append(batch.batch_id not in self._recent)
                self._recent[batch.batch_id] = None
            while len(self._recent) > _RECENT_IDS:
                self._recent.popitem(last=False)
        return answer


def _entry(key: int, batch: Batch) -> PutRecordsRequestEntryTypeDef:
    packed = pack(batch)
    if len(packed) + _KEY_BYTES > RECORD_BYTES:
        raise BadRecord(
            f"A record of {len(batch.payload)} bytes is too large for Kinesis, which takes {RECORD_BYTES}.",
            "Lower intake.max_record_bytes.",
        )
    return {"Data": packed, "PartitionKey": str(key)}


def _requests(entries: Sequence[PutRecordsRequestEntryTypeDef]) -> Iterator[list[PutRecordsRequestEntryTypeDef]]:
    request: list[PutRecordsRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        cost = len(bytes(entry["Data"])) + _KEY_BYTES  # type: ignore[arg-type]
        if request and (len(request) == REQUEST_RECORDS or size + cost > REQUEST_BYTES):
            yield request
            request, size = [], 0
        request.append(entry)
        size += cost
    if request:
        yield request


def _client(settings: KinesisSettings) -> KinesisClient:
    _exceptions()
    import boto3
    from botocore.config import Config

    seconds = settings.timeout_seconds
    retries: Any = {"mode": "standard", "total_max_attempts": 1}  # what is left is sent again here
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries=retries, max_pool_connections=32)
    try:
        return boto3.client(
            "kinesis", region_name=settings.region or None, endpoint_url=settings.endpoint_url or None, config=config
        )
    except (_exceptions().BotoCoreError, ValueError) as error:
        raise BadSetting(f"Kinesis cannot be reached: {error}.", "Set stream.kinesis.region.") from error


def _exceptions() -> Any:
    try:
        import botocore.exceptions
    except ImportError as error:
        raise MissingExtra(
            "Kinesis needs a library that is not installed.", "Install it: pip install 'bdp-agent[aws]'."
        ) from error
    return botocore.exceptions


def _away(what: str) -> StreamUnavailable:
    return StreamUnavailable(
        f"Kinesis did not take the records: {what.rstrip('.')}.", "Check the stream; they may be sent again."
    )
