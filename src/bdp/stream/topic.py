"""A Kafka topic with its books, opened from settings: the primary sink, the lanes, the group of those who read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bdp.clock import Clock
from bdp.stream.books import SqlBooks
from bdp.stream.books_settings import BooksSettings
from bdp.stream.kafka import KafkaSettings, KafkaSink, ensure_topic
from bdp.stream.lane import Lane
from bdp.stream.membership import Membership
from bdp.stream.tally import Tally


@dataclass
class Topic:
    """What `open_topic` opened. Nothing connects before it is used."""

    settings: KafkaSettings
    sink: KafkaSink
    books: SqlBooks
    clock: Clock

    def lane(self, partition: int) -> Lane:
        """Open one partition for reading; every earlier reader of it can write no more."""
        return Lane(self.settings, partition, self.books, self.clock)

    def join(self, gained: Callable[[Sequence[int]], None], lost: Callable[[Sequence[int], bool], None]) -> Membership:
        """Join the group of those who share the partitions, once the topic is there.

        Raises:
            StreamUnavailable: the broker does not answer.
        """
        ensure_topic(self.settings, self.settings.timeout_seconds)
        return Membership(self.settings, gained, lost)

    def close(self) -> None:
        """Finish what is on its way, report it, and let go."""
        self.sink.close()
        self.books.close()


def open_topic(
    settings: KafkaSettings, url: str, clock: Clock, producer_id: str, books: BooksSettings | None = None
) -> Topic:
    """Open a topic as the stream.

    Args:
        url: database of the books, the state's.
        producer_id: names this process; a new one for each process.

    Raises:
        BadSetting: no broker is set, or the database's address cannot be read.
        MissingExtra: the Kafka library or the database's driver is not installed.
    """
    kept = SqlBooks(url, clock, books)
    return Topic(
        settings, KafkaSink(settings, Tally(producer_id, kept, settings.tally_seconds), producer_id), kept, clock
    )
