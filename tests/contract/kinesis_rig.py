"""A Kinesis stream of its own on loopback, by moto's server, for the contract suites.

What AWS does and moto does not is mended here: it takes records of many senders at once, it leaves records in a shard
that was split or merged and puts no more there, and the last answer of such a shard names no next iterator.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import moto.kinesis.models as models
import pytest
from moto.kinesis.utils import decompose_shard_iterator
from moto.server import ThreadedMotoServer

from bdp.clock import Clock, SystemClock
from bdp.ids import Ids
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.kinesis.stream import KinesisStream, open_kinesis

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

REGION = "us-east-1"
_lock = threading.RLock()


@functools.cache
def endpoint() -> str:
    """Start the server, for as long as the tests run, and return its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _mend()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def allow(patch: pytest.MonkeyPatch) -> None:
    """Set credentials for as long as `patch` lives."""
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def client_of(patch: pytest.MonkeyPatch) -> KinesisClient:
    """Return a client with credentials that live as long as `patch`."""
    allow(patch)
    return boto3.client("kinesis", region_name=REGION, endpoint_url=endpoint())


def stream_in(folder: Path, shards: int = 1, clock: Clock | None = None, **more: Any) -> KinesisStream:
    """Open the stream that belongs to a test's folder; its books are a SQLite file there."""
    with pytest.MonkeyPatch.context() as patch:
        allow(patch)
        client = _maker()
        name = f"contract-{folder.name}"
        with suppress(client.exceptions.ResourceInUseException):  # the test opens it again
            client.create_stream(StreamName=name, ShardCount=shards)
        quick = {"tally_seconds": 0.05, "poll_seconds": 0.2, "timeout_seconds": 10, **more}
        settings = KinesisSettings(stream_name=name, region=REGION, endpoint_url=endpoint(), **quick)
        clock = clock or SystemClock()
        opened = open_kinesis(settings, f"sqlite:///{folder / 'books.db'}", clock, Ids().new(clock.now()))
        opened.sink.append([])  # clients read their credentials when they are made
        opened._client()
        return opened


@functools.cache
def _maker() -> KinesisClient:
    """Return the client that makes streams; making one takes a while."""
    return boto3.client("kinesis", region_name=REGION, endpoint_url=endpoint())


def _mend() -> None:
    def locked(call: Any) -> Any:
        def one_by_one(*given: Any, **named: Any) -> Any:
            with _lock:
                return call(*given, **named)

        return one_by_one

    def staying(reshard: Callable[..., None]) -> Callable[..., None]:
        def resharded(self: models.Stream, *names: str) -> None:
            parents = [self.shards[name] for name in names if name in self.shards]
            kept = [parent.records for parent in parents]
            for parent in parents:
                parent.records = OrderedDict()
            reshard(self, *names)
            for parent, records in zip(parents, kept, strict=True):
                parent.records = records

        return resharded

    read: Any = models.KinesisBackend.get_records

    def get_records(self: models.KinesisBackend, arn: Any, iterator: str, limit: Any) -> Any:
        name, shard_id, _ = decompose_shard_iterator(iterator)
        shard = self.describe_stream(stream_arn=arn, stream_name=name).get_shard(shard_id)
        following, records, lag = read(self, arn, iterator, limit)
        last = int(decompose_shard_iterator(following)[2])
        over = not shard.is_open and last >= shard.get_max_sequence_number()
        return None if over else following, records, lag

    choose = models.Stream.get_shard_for_key

    def get_shard_for_key(self: models.Stream, key: str, hash_key: str) -> Any:
        every = self.shards
        try:
            self.shards = OrderedDict((name, shard) for name, shard in every.items() if shard.is_open)
            return choose(self, key, hash_key)
        finally:
            self.shards = every

    patches: list[tuple[Any, str, Any]] = [
        (models.Stream, "put_record", locked(models.Stream.put_record)),
        (models.Stream, "get_shard_for_key", locked(get_shard_for_key)),
        (models.Stream, "split_shard", locked(staying(models.Stream.split_shard))),
        (models.Stream, "merge_shards", locked(staying(models.Stream.merge_shards))),
        (models.KinesisBackend, "get_records", locked(get_records)),
    ]
    for owner, name, patched in patches:
        setattr(owner, name, patched)
