"""Which sinks there are, in which order, and their own settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.stream.archive import ArchiveSettings
from bdp.stream.backlog.files import FilesSettings
from bdp.stream.backlog.table_settings import TableSettings
from bdp.stream.delivery.chain import DeliverySettings
from bdp.stream.journal.journal import JournalSettings
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.shared.books_settings import BooksSettings

SinkName = Literal["journal", "kafka", "kinesis", "table", "files"]
PRIMARIES = ("journal", "kafka", "kinesis")


class StreamSettings(BaseModel):
    """The delivery chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sinks: tuple[SinkName, ...] = Field(
        default=("journal", "table", "files"),
        min_length=1,
        description="order of the sinks: the primary (journal, kafka, kinesis), then what holds batches meanwhile",
    )
    journal: JournalSettings = JournalSettings()
    kafka: KafkaSettings = KafkaSettings()
    kinesis: KinesisSettings = KinesisSettings()
    books: BooksSettings = BooksSettings()
    table: TableSettings = TableSettings()
    files: FilesSettings = FilesSettings()
    delivery: DeliverySettings = DeliverySettings()
    archive: ArchiveSettings = ArchiveSettings()

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.sinks[0] not in PRIMARIES or set(PRIMARIES) & set(self.sinks[1:]):
            raise ValueError(f"sinks: exactly the first must be one of {', '.join(PRIMARIES)}")
        if self.sinks[0] == "kafka" and not self.kafka.bootstrap_servers:
            raise ValueError("sinks: kafka needs stream.kafka.bootstrap_servers")
        if self.sinks[0] == "kinesis" and not self.kinesis.stream_name:
            raise ValueError("sinks: kinesis needs stream.kinesis.stream_name")
        if len(set(self.sinks)) < len(self.sinks):
            raise ValueError("sinks: each may stand once")
        return self
