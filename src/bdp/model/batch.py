"""What the stream carries: batches of canonical records, the dead letters, and the ledger that accounts for both."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""What every keeper's integers can hold; a batch from outside is checked against it when it is decoded."""


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


TRANSIENT = frozenset({Cause.SINK_REFUSED, Cause.TIMEOUT})
"""Causes that may pass by themselves: such letters are tried again without being asked."""


class LetterStatus(StrEnum):
    """Where a dead letter stands. One that was delivered or discarded is no dead letter any more."""

    WAITING = "waiting"
    RETRYING = "retrying"


class DeadLetter(msgspec.Struct, kw_only=True, frozen=True):
    """One record that could not be processed, whole, with its reason.

    Attributes:
        index: position in the request or file it came with, from 0.
        payload: the record as it arrived; what is over the record limit is cut.
        cut: the payload is not whole, so it cannot be tried again.
        first_seen: when the edge or the consumer gave it up.
        reason: the first error.
        letter_id: its keeper's id; empty before it is kept.
        last_seen: the latest failure; None before a second one.
        last_reason: the latest error; empty before a second one.
        next_attempt: when it is tried again by itself; None if only a person may ask.
    """

    source: str
    cause: Cause
    reason: str
    payload: bytes
    index: Count
    first_seen: datetime
    kind: RecordKind = RecordKind.EVENTS
    attempts: Count = 1
    letter_id: str = ""
    cut: bool = False
    last_seen: datetime | None = None
    last_reason: str = ""
    status: LetterStatus = LetterStatus.WAITING
    next_attempt: datetime | None = None


class Priority(StrEnum):
    """What goes first when something must go: normal records, then WARN, then ERROR; FATAL last.

    Events without level WARN and above are normal, and so are metric points; costs and changes count as ERROR.
    """

    NORMAL = "normal"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


class DropReason(StrEnum):
    """Why records were let go, each counted."""

    SAMPLED = "sampled"
    DISK_FULL = "disk_full"
    LETTERS_FULL = "letters_full"
    DISCARDED = "discarded"
    DAMAGED = "damaged"


class Drop(msgspec.Struct, kw_only=True, frozen=True):
    """Records that were let go on purpose, counted."""

    reason: DropReason
    priority: Priority
    count: Count


class Batch(msgspec.Struct, kw_only=True, frozen=True):
    """Records of one kind from one source, taken into custody together.

    Attributes:
        batch_id: idempotency key; the same id appended twice counts once.
        source: the way in, such as `http`, `file`, `demo`.
        count: number of records in `payload`.
        payload: canonical NDJSON, one record a line, no trailing newline needed; columns as in the store's table.
        refused: records of the same request that failed validation; they go to the dead letters with this batch.
        drops: records of the same request that were let go, by sampling or for want of disk; they count as accepted.
        redelivers: ids of the dead letters whose records these are. Where the batch comes into the primary's books,
            those letters go and nothing counts as accepted again.
        attempts: how often these records were tried before; 0 but for redelivered ones.
    """

    batch_id: str
    source: str
    kind: RecordKind
    count: Count
    payload: bytes
    refused: tuple[DeadLetter, ...] = ()
    drops: tuple[Drop, ...] = ()
    redelivers: tuple[str, ...] = ()
    attempts: Count = 0

    @property
    def accepted(self) -> int:
        """Records that the ledger counts as accepted with this batch."""
        return 0 if self.redelivers else self.count + len(self.refused) + sum(drop.count for drop in self.drops)


class Stored(msgspec.Struct, kw_only=True, frozen=True):
    """A batch with its place in the stream."""

    offset: int
    batch: Batch


class Waiting(msgspec.Struct, kw_only=True, frozen=True):
    """A batch that waits in a sink behind the primary.

    Attributes:
        place: the sink's own name for where it lies; given back to `remove`.
    """

    place: str
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
