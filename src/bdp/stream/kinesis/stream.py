"""A Kinesis stream with its books, opened from settings: the primary sink, the lanes, the leases of who reads them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bdp.clock import Clock
from bdp.stream.kinesis.client import connect
from bdp.stream.kinesis.leases import Leases
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.kinesis.shard import KinesisShard
from bdp.stream.kinesis.shards import ShardInfo, list_shards, readable, shard_id_of
from bdp.stream.kinesis.sink import KinesisSink
from bdp.stream.shared.books import SqlBooks
from bdp.stream.shared.books_settings import BooksSettings
from bdp.stream.shared.lane import Lane
from bdp.stream.shared.sharing import Gained, Lost, Shared, signed
from bdp.stream.shared.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient


@dataclass
class KinesisStream(Shared):
    """What `open_kinesis` opened. The stream must be there; BDP makes none, as shards cost money."""

    sink: KinesisSink
    settings: KinesisSettings
    member: str
    _opened: KinesisClient | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _shards: dict[int, ShardInfo] = field(default_factory=dict)
    _ended: dict[int, datetime] = field(default_factory=dict)
    _listed_at: float = float("-inf")

    def lane(self, number: int) -> Lane:
        """See `Shared.lane`; its number is the one in the shard's id.

        A batch that comes again may have come out of a shard that has ended since, so their ids count as well.
        """
        settings, name = self.settings, self._lane_name(number)
        also = [other for other in self.books.ended(self.prefix) if other != name]
        shard = KinesisShard(settings, shard_id_of(number), self._client)
        return Lane(name, shard, self.books, self.clock, settings.timeout_seconds, also)

    def join(self, gained: Gained, lost: Lost) -> Leases:
        """See `Shared.join`."""
        self._readable()
        return Leases(
            self.prefix, self.member, self.books, self._readable, gained, lost, self.clock,
            self.settings.session_seconds,
        )  # fmt: skip

    def probe(self) -> None:
        """See `Shared.probe`."""
        list_shards(self._client(), self.settings.stream_name)

    def tend(self) -> None:
        """Tidy the books, and forget the lanes of shards that Kinesis has forgotten."""
        super().tend()
        shards = list_shards(self._client(), self.settings.stream_name)
        known = {self._lane_name(number) for number in shards}
        for lane in self.books.ended(self.prefix).keys() - known:
            self.books.retire(lane)

    def close(self) -> None:
        """See `Shared.close`."""
        super().close()
        if self._opened:
            self._opened.close()

    def _readable(self) -> Sequence[int]:
        """Return the shards that are to be read now; looks for new ones when one has ended, and now and then."""
        begin = len(self.prefix)
        ended = {int(lane[begin:]): at for lane, at in self.books.ended(self.prefix).items()}
        now = self.clock.monotonic()
        if ended.keys() != self._ended.keys() or now - self._listed_at >= self.settings.shards_seconds:
            self._shards = list_shards(self._client(), self.settings.stream_name)
            self._listed_at, self._ended = now, ended
        return readable(self._shards, ended, self.clock.now())

    @property
    def prefix(self) -> str:
        """See `Shared.prefix`."""
        return f"kinesis:{self.settings.stream_name}/"

    def _lane_name(self, number: int) -> str:
        return f"{self.prefix}{number}"

    def _client(self) -> KinesisClient:
        with self._lock:
            self._opened = self._opened or connect(self.settings)
            return self._opened


def open_kinesis(
    settings: KinesisSettings, url: str, clock: Clock, producer_id: str, books: BooksSettings | None = None
) -> KinesisStream:
    """Open a Kinesis stream as the stream.

    Args:
        url: database of the books, the state's.
        producer_id: names this process; a new one for each process.

    Raises:
        BadSetting: no stream is named, or the database's address cannot be read.
        MissingExtra: the AWS library or the database's driver is not installed.
    """
    kept = SqlBooks(url, clock, books)
    name = signed(kept, producer_id)
    sink = KinesisSink(settings, Tally(name, kept, settings.tally_seconds), name)
    return KinesisStream(f"Kinesis stream {settings.stream_name}", sink, kept, clock, settings, producer_id)
