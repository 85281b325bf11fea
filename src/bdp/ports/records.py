"""Records: on their way to the store, and in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from bdp.model.batch import Batch, Cause, DeadLetter, Drop, Ledger, RecordKind, Stored, Waiting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = dict[str, Any]


class Sink(Protocol):
    """Takes batches into custody. Use from any thread."""

    name: str

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """Take batches into custody and return when all are durable.

        Returns:
            per batch: True if it is new, False if its `batch_id` was taken before (nothing was done).

        Raises:
            StreamUnavailable: it is not known to be taken; giving the same batches again, here or to another sink, is
                safe because their ids count once where they reach the store.
            BadRecord: this sink will never take one of these batches, such as a record over the broker's limit.
        """

    def close(self) -> None:
        """Finish what is pending and let go of the files."""


class Backlog(Sink, Protocol):
    """A sink that holds what the primary could not take, until it can."""

    def oldest(self, max_records: int, max_bytes: int) -> list[Waiting]:
        """Return the batches that wait longest, at least one if there is any.

        Raises:
            StreamUnavailable: it cannot be read now.
        """

    def remove(self, places: Sequence[str]) -> None:
        """Let go of batches that are in the primary's custody now; unknown places are ignored."""

    def waiting(self) -> dict[str, int]:
        """Return the records that wait, by source, as `Batch.accepted` counts them; empty if nothing waits."""


class Stream(Protocol):
    """One ordered line of batches on its way to the store. What lies in it reaches an end exactly once."""

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """Return the next batches behind offset `after`, at least one if there is any."""

    def wait(self, after: int, seconds: float) -> bool:
        """Block until something lies behind offset `after`; False when the time ran out."""

    def committed(self) -> int:
        """Return the offset up to which the store has everything; 0 at the start."""

    def plan(self) -> int:
        """Return the end of the range that was being stored at a crash, or `committed()` if there was none.

        The range committed+1 … plan must be stored again with the same bounds: its deduplication token depends on them.
        """

    def begin(self, upto: int) -> None:
        """Write down that the range up to `upto` is about to be stored."""

    def commit(
        self,
        upto: int,
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
    ) -> None:
        """Mark the range as done, in one transaction with the detectors' changed rows.

        Args:
            upto: last offset of the range.
            stored: records that the store took, by source.
            dead: records that failed behind the edge.
            detector_rows: rows to keep by key; None deletes.

        Raises:
            StreamUnavailable: nothing was marked; do the range again.
        """

    def detector_rows(self) -> dict[str, bytes]:
        """Return the rows that `commit` kept."""

    def close(self) -> None:
        """Finish what is pending and let go of the files."""


class Books(Protocol):
    """The account of every record in the primary's custody, and the dead letters."""

    def ledger(self) -> dict[str, Ledger]:
        """Return the ledger by source."""

    def detector_rows_under(self, prefix: str) -> list[tuple[str, str, bytes]]:
        """Return lane, key and row of those that `Stream.commit` kept whose keys begin so, of every lane."""

    def drops(self) -> dict[str, list[Drop]]:
        """Return what was let go, by source, one `Drop` per reason and priority."""

    def dead_letters(
        self, limit: int = 100, cause: Cause | None = None, source: str | None = None, before: str = ""
    ) -> list[DeadLetter]:
        """Return dead letters, newest first; `before` is the `letter_id` to go on behind."""

    def dead_letter(self, letter_id: str) -> DeadLetter:
        """Return one dead letter.

        Raises:
            NotFound: there is none with this id; it may have been delivered or discarded.
        """

    def letter_counts(self) -> dict[tuple[str, Cause], int]:
        """Return how many dead letters there are by source and cause."""

    def due(self, now: datetime, limit: int) -> list[DeadLetter]:
        """Return letters whose `next_attempt` has come, oldest first."""

    def reschedule(self, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None) -> None:
        """Note that another attempt failed: one attempt more, the latest error, when to try again."""

    def discard(self, letter_ids: Sequence[str]) -> int:
        """Let letters go, counted as dropped; return how many there were."""


class Store(Protocol):
    """Records of the past. SQL is ClickHouse's; tables are `events`, `metrics`, `costs`, `changes`.

    `charges` are the costs that hold: those in whose place newer ones came are left out.
    """

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        """Insert canonical NDJSON; the same token inserts once.

        Raises:
            StoreUnavailable: nothing or part of it may be in; repeat with the same token.
            BadRecord: the store will never take this payload.
        """

    def query(self, sql: str) -> list[Row]:
        """Run one read-only statement, bounded in time and rows, and return rows by column name.

        Raises:
            BadRequest: the statement is wrong, not read-only, or hit a limit.
        """

    def close(self) -> None:
        """Let go of the database."""


class BulkStore(Store, Protocol):
    """A store that also gives figures by the million."""

    def packed(self, sql: str, row: np.dtype[np.void]) -> NDArray[np.void]:
        """Run one statement of ours, which no person or model had a word in, whose columns are all of a fixed width.

        Args:
            row: little-endian fields, one for each column in its order, without padding. An array of n < 128 values of
                8 bytes is a byte of its length, then its values.

        Returns:
            shape (rows,). Bounded in time and memory, not in rows.

        Raises:
            BadRequest: as for `query`.
        """
