"""The limits at the edge, each with its own clear error, and the settings of reading files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

MIB = 1024 * 1024


class IntakeSettings(BaseModel):
    """What the edge takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_record_bytes: int = Field(
        default=MIB, ge=256, le=64 * MIB, description="Largest record, in bytes as it arrives."
    )
    max_request_bytes: int = Field(
        default=32 * MIB, ge=1024, le=1024 * MIB, description="Largest request after decompression, in bytes."
    )
    max_records: int = Field(default=100_000, ge=1, description="Most records in one request.")
    max_ahead_hours: float = Field(default=24, ge=0, description="How far ahead of our clock a record's time may be.")
    max_attributes: int = Field(default=256, ge=2, le=4096, description="Attributes kept of one event.")
    max_depth: int = Field(default=8, ge=1, le=32, description="Levels of nested objects that become dotted names.")
    max_message_bytes: int = Field(
        default=16 * 1024, ge=256, description="Characters of a message joined from several lines (a stack trace)."
    )
    max_json_file_bytes: int = Field(
        default=256 * MIB,
        ge=1024,
        description="Largest file that is one JSON array; it is read whole. NDJSON has no limit.",
    )
    batch_records: int = Field(
        default=5_000, ge=1, le=100_000, description="Records of files taken into custody together."
    )
    batch_bytes: int = Field(default=8 * MIB, ge=1024, description="Bytes of files taken into custody together.")
    max_open_files: int = Field(
        default=64, ge=1, le=1024, description="Files merged by time at once; beyond it the order is approximate."
    )


@dataclass(frozen=True)
class Edge:
    """The moment and the limits against which one request or file is read.

    Attributes:
        now: arrival, aware UTC.
        undated: the time of records that bring none; None for arrival.
        undated_source: what `undated` is, in the attribute `bdp.ts_source`.
        latest: the latest time that a record may have.
    """

    now: datetime
    settings: IntakeSettings
    undated: datetime | None = None
    undated_source: str = "arrival"
    latest: datetime = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "latest", self.now + timedelta(hours=self.settings.max_ahead_hours))
