"""The books of a stream on many machines: ledger, dead letters and how far each lane is, in the state's database.

What a range of a lane changes is one transaction, and only the lane's present reader can write it: the lane's row holds
an epoch, which each new reader raises.

accepted(source) = the sum over producers of max(what the broker acknowledged to it, what came out of the lanes of it),
less what came out twice, and redelivered records whose letters were gone. So the ledger balances when a producer was
killed before it could report, and records that the broker acknowledged and lost stay in flight for ever.
"""

from __future__ import annotations

import hashlib
import os
import platform
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, delete, func, select, text

from bdp.clock import Clock
from bdp.errors import NotFound, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Ledger, Priority
from bdp.stream.database import availability, open_engine
from bdp.stream.shared import book_lanes, book_letters, book_producers, installation
from bdp.stream.shared.book_lanes import Place
from bdp.stream.shared.book_tables import add, consumed, detector, drops, insert, ledger, make_tables
from bdp.stream.shared.book_tables import taken as taken_ids
from bdp.stream.shared.books_settings import BooksSettings

log = structlog.get_logger(__name__)
_NAMED = 500
"""Ids in one statement."""


class Passed(msgspec.Struct, kw_only=True, frozen=True):
    """One message that a range goes over.

    Attributes:
        accepted: records that it brings into the ledger.
        repeated: its batch came before; only counted.
        mark: the broker's name of the message, where offsets are ours.
    """

    offset: int
    producer_id: str
    batch: Batch
    accepted: int
    repeated: bool
    mark: str = ""


class SqlBooks:
    """`bdp.ports.Books` on SQLAlchemy, and the lanes' progress. Use from any thread and from many processes.

    Makes its tables at the first use, so that it can be opened while the database is away.

    Args:
        reader: names this process to people who ask who has a lane; default: its host and number.
    """

    def __init__(self, url: str, clock: Clock, settings: BooksSettings | None = None, reader: str = "") -> None:
        self._reader = reader or f"{platform.node()}:{os.getpid()}"
        self._signed = False
        self._settings = settings or BooksSettings()
        self._clock = clock
        self._engine = open_engine(url, self._settings.connect_seconds, self._settings.statement_seconds, "stream")
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._lock = threading.Lock()
        self._made = False
        self._known: set[tuple[str, str]] = set()
        self._installation = ""

    @property
    def foreign(self) -> installation.Foreign:
        """What becomes of records that another installation sent."""
        return self._settings.foreign

    def installation(self, new: str = "") -> str:
        """Return the id that all processes of this installation share; it becomes `new` if it has none.

        Raises:
            StreamUnavailable: the database cannot be reached.
        """
        if not self._installation:
            with self._write() as connection:
                self._installation = installation.known(connection, new)
        return self._installation

    def ledger(self) -> dict[str, Ledger]:
        """See `bdp.ports.Books.ledger`."""
        columns = [func.sum(column).label(column.name) for column in ledger.c if column.name not in ("lane", "source")]
        with self._read() as connection:
            _stand_still(connection)
            rows = connection.execute(select(ledger.c.source, *columns).group_by(ledger.c.source)).all()
            accepted = book_producers.accepted(connection)
        found = {row.source: row for row in rows}
        return {source: _entry(found.get(source), accepted[source]) for source in sorted(found.keys() | accepted)}

    def drops(self) -> dict[str, list[Drop]]:
        """See `bdp.ports.Books.drops`."""
        key = (drops.c.source, drops.c.reason, drops.c.priority)
        found: dict[str, list[Drop]] = {}
        with self._read() as connection:
            for source, reason, priority, records in connection.execute(
                select(*key, func.sum(drops.c.records)).group_by(*key).order_by(*key)
            ):
                drop = Drop(reason=DropReason(reason), priority=Priority(priority), count=int(records))
                found.setdefault(source, []).append(drop)
        return found

    def dead_letters(
        self, limit: int = 100, cause: Cause | None = None, source: str | None = None, before: str = ""
    ) -> list[DeadLetter]:
        """See `bdp.ports.Books.dead_letters`."""
        with self._read() as connection:
            return book_letters.find(connection, limit, cause, source, before)

    def dead_letter(self, letter_id: str) -> DeadLetter:
        """See `bdp.ports.Books.dead_letter`."""
        with self._read() as connection:
            letter = book_letters.get(connection, letter_id)
        if letter is None:
            raise NotFound(f"There is no dead letter {letter_id[:40]!r}.", "It may have been delivered or discarded.")
        return letter

    def letter_counts(self) -> dict[tuple[str, Cause], int]:
        """See `bdp.ports.Books.letter_counts`."""
        with self._read() as connection:
            return book_letters.counts(connection)

    def due(self, now: datetime, limit: int) -> list[DeadLetter]:
        """See `bdp.ports.Books.due`."""
        with self._read() as connection:
            return book_letters.due(connection, now, limit)

    def reschedule(self, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None) -> None:
        """See `bdp.ports.Books.reschedule`."""
        with self._write() as connection:
            book_letters.reschedule(connection, letter_id, now, reason, next_attempt)

    def discard(self, letter_ids: Sequence[str]) -> int:
        """See `bdp.ports.Books.discard`."""
        known = [found for found in map(book_letters.number, letter_ids) if found is not None]
        with self._write() as connection:
            return book_letters.discard(connection, known, DropReason.DISCARDED)

    def acknowledge(self, producer_id: str, totals: Mapping[str, int], *, waiting: bool, closed: bool) -> None:
        """Keep a producer's totals by source; see `bdp.stream.shared.tally`."""
        now = self._clock.now()
        with self._write() as connection:
            book_producers.acknowledge(connection, producer_id, totals, now, closed=closed)
            book_producers.pin(connection, producer_id, now if waiting else None)

    def enter(self, lane: str) -> Place:
        """Become the lane's reader: whoever read it before can write no more."""
        with self._write() as connection:
            self._signed = True
            book_lanes.sign(connection, lane, self._reader, self._clock.now())
            return book_lanes.enter(connection, lane)

    def readers(self, prefix: str) -> list[book_lanes.Reader]:
        """Return who has each lane that has not ended, of the lanes whose names begin so."""
        with self._read() as connection:
            return book_lanes.who_reads(connection, prefix)

    def place(self, lane: str) -> Place:
        """Return how far the lane is."""
        with self._read() as connection:
            return book_lanes.find(connection, lane)

    def ended(self, prefix: str) -> dict[str, datetime]:
        """Return when those lanes that have ended did so, of the lanes whose names begin so."""
        with self._read() as connection:
            return book_lanes.ended(connection, prefix)

    def retire(self, lane: str) -> None:
        """Forget a lane that has ended, unless batches wait somewhere that may have come out of it."""
        with self._write() as connection:
            if not book_producers.pinned(connection, self._clock.now()):
                book_lanes.retire(connection, lane)

    def end(self, lane: str, at: Place) -> None:
        """Write down that the lane gets no more messages, and that the store has all of them.

        Raises:
            StreamUnavailable: another reader has the lane.
        """
        with self._write() as connection:
            book_lanes.move(connection, lane, at, {"plan": at.committed})
            book_lanes.mark(connection, lane, {"ended_at": self._clock.now()})

    def taken(self, lane: str, batch_ids: Sequence[str], also: Sequence[str] = ()) -> set[str]:
        """Return which of these batches came out of the lane before, or out of one of `also`."""
        keys = {_key(batch_id): batch_id for batch_id in batch_ids}
        found: set[str] = set()
        named = list(keys)
        with self._read() as connection:
            for start in range(0, len(named), _NAMED):
                among = taken_ids.c.key.in_(named[start : start + _NAMED])
                rows = connection.execute(select(taken_ids.c.key).where(taken_ids.c.lane.in_([lane, *also]), among))
                found.update(keys[bytes(key)] for key in rows.scalars())
        return found

    def begin(self, lane: str, at: Place, upto: int, mark: str = "") -> None:
        """Write down that the range up to `upto`, which the broker calls `mark`, is about to be stored.

        Raises:
            StreamUnavailable: another reader has the lane.
        """
        with self._write() as connection:
            book_lanes.move(connection, lane, at, {"plan": upto})
            if mark:
                book_lanes.mark(connection, lane, {"plan": mark})

    def commit(
        self,
        lane: str,
        at: Place,
        upto: int,
        passed: Sequence[Passed],
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
        mark: str = "",
    ) -> None:
        """Move a lane from `at.committed` to `upto`, which the broker calls `mark`, in one transaction.

        Raises:
            StreamUnavailable: another reader has the lane, or the database did not answer; unless its answer to the
                commit itself was lost, nothing was changed.
        """
        letters = list(dead)
        with self._write() as connection:
            book_lanes.move(connection, lane, at, {"committed": upto})
            if mark != at.mark:
                book_lanes.mark(connection, lane, {"committed": mark})
            self._account(connection, lane, passed, stored, letters)
            _keep_rows(connection, lane, detector_rows)
            self._forget(connection, lane, upto if passed else 0)
        if letters or any(message.batch.refused for message in passed):
            self._bound()

    def detector_rows(self, lane: str) -> dict[str, bytes]:
        """Return the rows that `commit` kept."""
        with self._read() as connection:
            rows = connection.execute(select(detector.c.key, detector.c.row).where(detector.c.lane == lane))
            return {key: bytes(row) for key, row in rows}

    def detector_rows_under(self, prefix: str) -> list[tuple[str, str, bytes]]:
        """See `bdp.ports.Books.detector_rows_under`."""
        # No LIKE: in SQLite it takes upper for lower case.
        wanted = select(detector).where(func.substr(detector.c.key, 1, len(prefix)) == prefix)
        with self._read() as connection:
            return [(row.lane, row.key, bytes(row.row)) for row in connection.execute(wanted)]

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Write more than is known here, all or nothing.

        Raises:
            StreamUnavailable: the database did not answer.
        """
        with self._write() as connection:
            yield connection

    def tidy(self) -> None:
        """Fold what is settled of producers that are gone into the ledger, so that their rows do not pile up.

        A producer is gone when it has closed, or was silent for a week. Says that this process lives, as well.
        """
        with self._write() as connection:
            book_lanes.seen(connection, self._reader, self._clock.now())
        with self._write() as connection:
            book_producers.fold(connection, self._clock.now())

    def close(self) -> None:
        """Let go of all connections, and of the lanes in the eyes of people."""
        if self._signed:
            try:
                with self._write() as connection:
                    book_lanes.signed_off(connection, self._reader)
            except StreamUnavailable as error:
                log.warning("books.not_signed_off", reason=error.what)
        self._engine.dispose()

    def _account(
        self,
        connection: Connection,
        lane: str,
        passed: Sequence[Passed],
        stored: Mapping[str, int],
        letters: list[DeadLetter],
    ) -> None:
        fresh = [message for message in passed if not message.repeated]
        rows = [{"lane": lane, "key": _key(message.batch.batch_id), "place": message.offset} for message in fresh]
        if rows:
            connection.execute(insert(connection, taken_ids).on_conflict_do_nothing(), rows)
        self._introduce(connection, passed)
        add(connection, consumed, _consumed(lane, passed))
        book_letters.count(connection, lane, "stored", stored)
        refused = [letter for message in fresh for letter in message.batch.refused]
        book_letters.bury(connection, lane, [*refused, *letters])
        for message in fresh:
            book_letters.let_go(connection, lane, message.batch.source, message.batch.drops)
            if message.batch.redelivers:
                _redeliver(connection, lane, message.batch)

    def _introduce(self, connection: Connection, passed: Sequence[Passed]) -> None:
        """Make rows for producers that were never heard of otherwise, so that they can be folded some day."""
        pairs = {(message.producer_id, message.batch.source) for message in passed} - self._known
        book_producers.introduce(connection, sorted(pairs), self._clock.now())
        self._known = (self._known if len(self._known) < 10_000 else set()) | pairs

    def _forget(self, connection: Connection, lane: str, upto: int) -> None:
        last = upto - self._settings.remembered_ids
        if last <= 0:
            return
        if not book_producers.pinned(connection, self._clock.now()):
            old = taken_ids.c.place <= last
            connection.execute(delete(taken_ids).where(taken_ids.c.lane == lane, old))

    def _bound(self) -> None:
        # In a transaction of its own: lanes must not wait for each other over old letters.
        try:
            with self._write() as connection:
                book_letters.bound(connection, self._settings.most_letters, self._settings.letters_mib << 20)
        except StreamUnavailable as error:
            log.warning("books.letters_not_bounded", reason=error.what)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        self._make()
        with availability(self._engine, "stream"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        self._make()
        with availability(self._engine, "stream"), self._writing.begin() as connection:
            yield connection

    def _make(self) -> None:
        with self._lock:
            if not self._made:
                with availability(self._engine, "stream"), self._writing.begin() as connection:
                    make_tables(connection)
                self._made = True


def _stand_still(connection: Connection) -> None:
    """Let all that is read now be of one moment; SQLite does so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def _keep_rows(connection: Connection, lane: str, rows: Mapping[str, bytes | None]) -> None:
    gone = [key for key, row in rows.items() if row is None]
    kept = [{"lane": lane, "key": key, "row": row} for key, row in sorted(rows.items()) if row is not None]
    for start in range(0, len(gone), _NAMED):
        among = detector.c.key.in_(gone[start : start + _NAMED])
        connection.execute(delete(detector).where(detector.c.lane == lane, among))
    if kept:
        statement = insert(connection, detector)
        changed = {"row": statement.excluded.row}
        connection.execute(statement.on_conflict_do_update(index_elements=["lane", "key"], set_=changed), kept)


def _consumed(lane: str, passed: Sequence[Passed]) -> list[dict[str, Any]]:
    records: Counter[tuple[str, str]] = Counter()
    repeated: Counter[tuple[str, str]] = Counter()
    for message in passed:
        key = (message.producer_id, message.batch.source)
        records[key] += message.accepted
        repeated[key] += message.accepted if message.repeated else 0
    return [
        {"lane": lane, "producer_id": key[0], "source": key[1], "records": found, "repeated": repeated[key]}
        for key, found in records.items()
    ]


def _redeliver(connection: Connection, lane: str, batch: Batch) -> None:
    """Take the letters out whose records these are.

    A redelivered record was accepted before, unless its letter was let go while it was on its way: then it counts
    anew. The last of several messages answers for them all, so records that are not in it are known by their letters.
    """
    found = book_letters.lift(connection, lane, batch.redelivers)
    records = batch.count + len(batch.refused) + sum(drop.count for drop in batch.drops)
    anew = max(records, len(set(batch.redelivers))) - found
    book_letters.count(connection, lane, "accepted", {batch.source: anew})


def _entry(row: Row[Any] | None, accepted: int) -> Ledger:
    if row is None:
        return Ledger(accepted=accepted)
    return Ledger(
        accepted=int(row.accepted) + accepted,
        stored=int(row.stored),
        dead_lettered=int(row.dead_lettered),
        dropped=int(row.dropped),
    )


def _key(batch_id: str) -> bytes:
    return hashlib.blake2b(batch_id.encode(errors="surrogatepass"), digest_size=16).digest()
