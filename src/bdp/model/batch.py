"""What the stream carries: batches of canonical records, the dead letters, and the ledger that accounts for both."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class RecordKind(StrEnum):
    """What a record is; also the name of the store's table for it."""

    EVENTS = "events"
    METRICS = "metrics"
    COSTS = "costs"
    CHANGES = "changes"


class Cause(StrEnum):
    """Why a record could not go on (the class of a dead letter)."""

    SCHEMA = "schema"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    CLOCK = "clock"
    SINK_REFUSED = "sink_refused"
    POISON = "poison"
    TIMEOUT = "timeout"


class DeadLetter(msgspec.Struct, kw_only=True, frozen=True):
    """One record that could not be processed, whole, with its reason.

    Attributes:
        index: position in the request or file it came with, from 0.
        payload: the record as it arrived, cut to 64 KiB.
        first_seen: when the edge or the consumer gave it up.
    """

    source: str
    cause: Cause
    reason: str
    payload: bytes
    index: int
    first_seen: datetime
    kind: RecordKind = RecordKind.EVENTS
    attempts: int = 1


class Batch(msgspec.Struct, kw_only=True, frozen=True):
    """Records of one kind from one source, taken into custody together.

    Attributes:
        batch_id: idempotency key; the same id appended twice counts once.
        source: the way in, such as `http`, `file`, `demo`.
        count: number of records in `payload`.
        payload: canonical NDJSON, one record a line, no trailing newline needed; columns as in the store's table.
        refused: records of the same request that failed validation; they go to the dead letters with this batch.
    """

    batch_id: str
    source: str
    kind: RecordKind
    count: int
    payload: bytes
    refused: tuple[DeadLetter, ...] = ()


class Stored(msgspec.Struct, kw_only=True, frozen=True):
    """A batch with its place in the stream."""

    offset: int
    batch: Batch


class Ledger(msgspec.Struct, kw_only=True, frozen=True):
    """accepted = stored + dead_lettered + dropped + in_flight, in records, since the home was made.

    `accepted` counts every record taken into custody; a record refused at the edge is kept as a dead letter and so
    counts in both.
    """

    accepted: int = 0
    stored: int = 0
    dead_lettered: int = 0
    dropped: int = 0

    @property
    def in_flight(self) -> int:
        """Records in custody that have not reached an end yet."""
        return self.accepted - self.stored - self.dead_lettered - self.dropped

    def as_dict(self) -> dict[str, int]:
        """Return the five counts by name."""
        return {
            "accepted": self.accepted,
            "stored": self.stored,
            "dead_lettered": self.dead_lettered,
            "dropped": self.dropped,
            "in_flight": self.in_flight,
        }
