"""A Kafka topic with its books, opened from settings: the primary sink, the lanes, the group of those who read them."""

from __future__ import annotations

from dataclasses import dataclass

from bdp.clock import Clock
from bdp.stream.kafka.membership import Membership
from bdp.stream.kafka.partition import KafkaPartition
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.sink import KafkaSink, check_options, ensure_topic
from bdp.stream.shared.books import SqlBooks
from bdp.stream.shared.books_settings import BooksSettings
from bdp.stream.shared.lane import Lane
from bdp.stream.shared.sharing import Gained, Lost, Shared, signed
from bdp.stream.shared.tally import Tally


@dataclass
class Topic(Shared):
    """What `open_topic` opened."""

    sink: KafkaSink
    settings: KafkaSettings

    @property
    def prefix(self) -> str:
        """See `Shared.prefix`."""
        return f"{self.settings.group}/{self.settings.topic}/"

    def lane(self, number: int) -> Lane:
        """See `Shared.lane`; its number is the partition's."""
        settings = self.settings
        name = f"{self.prefix}{number}"
        return Lane(name, KafkaPartition(settings, number), self.books, self.clock, settings.timeout_seconds)

    def join(self, gained: Gained, lost: Lost) -> Membership:
        """See `Shared.join`."""
        ensure_topic(self.settings, self.settings.timeout_seconds)
        return Membership(self.settings, gained, lost)

    def probe(self) -> None:
        """See `Shared.probe`."""
        ensure_topic(self.settings, self.settings.timeout_seconds)


def open_topic(
    settings: KafkaSettings, url: str, clock: Clock, producer_id: str, books: BooksSettings | None = None
) -> Topic:
    """Open a topic as the stream.

    Args:
        url: database of the books, the state's.
        producer_id: names this process; a new one for each process.

    Raises:
        BadSetting: no broker is set, an option is wrong, or the database's address cannot be read.
        MissingExtra: the Kafka library or the database's driver is not installed.
    """
    check_options(settings)
    kept = SqlBooks(url, clock, books)
    name = signed(kept, producer_id)
    sink = KafkaSink(settings, Tally(name, kept, settings.tally_seconds), name)
    return Topic(f"topic {settings.topic}, group {settings.group}", sink, kept, clock, settings)
