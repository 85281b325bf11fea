"""Which sinks there are, in which order, and their own settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.stream.books_settings import BooksSettings
from bdp.stream.chain import DeliverySettings
from bdp.stream.files import FilesSettings
from bdp.stream.journal import JournalSettings
from bdp.stream.kafka import KafkaSettings
from bdp.stream.table_settings import TableSettings

SinkName = Literal["journal", "kafka", "table", "files"]
PRIMARIES = ("journal", "kafka")


class StreamSettings(BaseModel):
    """The delivery chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sinks: tuple[SinkName, ...] = Field(
        default=("journal", "table", "files"),
        min_length=1,
        description="order of the sinks: the primary (journal or kafka), then what holds batches while it is away",
    )
    journal: JournalSettings = JournalSettings()
    kafka: KafkaSettings = KafkaSettings()
    books: BooksSettings = BooksSettings()
    table: TableSettings = TableSettings()
    files: FilesSettings = FilesSettings()
    delivery: DeliverySettings = DeliverySettings()

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.sinks[0] not in PRIMARIES or set(PRIMARIES) & set(self.sinks[1:]):
            raise ValueError(f"sinks: exactly the first must be one of {', '.join(PRIMARIES)}")
        if self.sinks[0] == "kafka" and not self.kafka.bootstrap_servers:
            raise ValueError("sinks: kafka needs stream.kafka.bootstrap_servers")
        if len(set(self.sinks)) < len(self.sinks):
            raise ValueError("sinks: each may stand once")
        return self
