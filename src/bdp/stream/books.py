"""The books of a stream on many machines: ledger, dead letters and how far each lane is, in the state's database.

What a range of a lane changes is one transaction, and only the lane's present reader can write it: the lane's row holds
an epoch, which each new reader raises.

accepted(source) = the sum over producers of max(what the broker acknowledged to it, what came out of the lanes of it),
less what came out twice. So the ledger balances when a producer was killed before it could report, and records that
the broker acknowledged and lost stay in flight for ever.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, delete, func, or_, select, text, update

from bdp.clock import Clock
from bdp.errors import NotFound, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Ledger, Priority
from bdp.stream import book_letters
from bdp.stream.book_tables import add, consumed, detector, drops, insert, lanes, ledger, make_tables, pins, producers
from bdp.stream.book_tables import taken as taken_ids
from bdp.stream.books_settings import BooksSettings
from bdp.stream.database import availability, open_engine

log = structlog.get_logger(__name__)
_PINNED = timedelta(days=1)
_GONE = timedelta(days=7)
_NAMED = 500
"""Ids in one statement."""


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """How far a lane is.

    Attributes:
        epoch: number of its present reader.
        committed: offset up to which the store has everything.
        plan: end of the range that is being stored; not above `committed` if there is none.
    """

    epoch: int
    committed: int
    plan: int


class Passed(msgspec.Struct, kw_only=True, frozen=True):
    """One message that a range goes over.

    Attributes:
        accepted: records that it brings into the ledger.
        repeated: its batch came before; only counted.
    """

    offset: int
    producer_id: str
    batch: Batch
    accepted: int
    repeated: bool


class SqlBooks:
    """`bdp.ports.Books` on SQLAlchemy, and the lanes' progress. Use from any thread and from many processes.

    Makes its tables at the first use, so that it can be opened while the database is away.
    """

    def __init__(self, url: str, clock: Clock, settings: BooksSettings | None = None) -> None:
        self._settings = settings or BooksSettings()
        self._clock = clock
        self._engine = open_engine(url, self._settings.connect_seconds, self._settings.statement_seconds, "stream")
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._lock = threading.Lock()
        self._made = False
        self._known: set[tuple[str, str]] = set()

    def ledger(self) -> dict[str, Ledger]:
        """See `bdp.ports.Books.ledger`."""
        columns = [func.sum(column).label(column.name) for column in ledger.c if column.name not in ("lane", "source")]
        with self._read() as connection:
            _stand_still(connection)
            rows = connection.execute(select(ledger.c.source, *columns).group_by(ledger.c.source)).all()
            accepted = _accepted(connection)
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
        """Keep a producer's totals by source; see `bdp.stream.tally`."""
        now = self._clock.now()
        with self._write() as connection:
            for source, total in sorted(totals.items()):
                row = {"producer_id": producer_id, "source": source, "seen_at": now}
                row |= {"acknowledged": total, "closed": closed}
                statement = insert(connection, producers).values(row)
                changed = {name: statement.excluded[name] for name in ("acknowledged", "closed", "seen_at")}
                keys = ["producer_id", "source"]
                connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
            _pin(connection, producer_id, now if waiting else None)

    def enter(self, lane: str) -> Place:
        """Become the lane's reader: whoever read it before can write no more."""
        with self._write() as connection:
            connection.execute(insert(connection, lanes).values(lane=lane).on_conflict_do_nothing())
            mine = update(lanes).where(lanes.c.lane == lane).values(epoch=lanes.c.epoch + 1)
            row = connection.execute(mine.returning(lanes.c.epoch, lanes.c.committed, lanes.c.plan)).one()
        return Place(epoch=row.epoch, committed=row.committed, plan=row.plan)

    def place(self, lane: str) -> Place:
        """Return how far the lane is."""
        with self._read() as connection:
            row = connection.execute(select(lanes).where(lanes.c.lane == lane)).one()
        return Place(epoch=row.epoch, committed=row.committed, plan=row.plan)

    def taken(self, lane: str, batch_ids: Sequence[str]) -> set[str]:
        """Return which of these batches came out of the lane before."""
        keys = {_key(batch_id): batch_id for batch_id in batch_ids}
        found: set[str] = set()
        named = list(keys)
        with self._read() as connection:
            for start in range(0, len(named), _NAMED):
                among = taken_ids.c.key.in_(named[start : start + _NAMED])
                rows = connection.execute(select(taken_ids.c.key).where(taken_ids.c.lane == lane, among))
                found.update(keys[bytes(key)] for key in rows.scalars())
        return found

    def begin(self, lane: str, at: Place, upto: int) -> None:
        """Write down that the range up to `upto` is about to be stored.

        Raises:
            StreamUnavailable: another reader has the lane.
        """
        with self._write() as connection:
            _move(connection, lane, at, {"plan": upto})

    def commit(
        self,
        lane: str,
        at: Place,
        upto: int,
        passed: Sequence[Passed],
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
    ) -> None:
        """Move a lane from `at.committed` to `upto` with all that this changes, in one transaction.

        Raises:
            StreamUnavailable: another reader has the lane, or the database did not answer; unless its answer to the
                commit itself was lost, nothing was changed.
        """
        letters = list(dead)
        with self._write() as connection:
            _move(connection, lane, at, {"committed": upto})
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

    def tidy(self) -> None:
        """Fold what is settled of producers that are gone into the ledger, so that their rows do not pile up.

        A producer is gone when it has closed, or was silent for a week.
        """
        old = or_(producers.c.closed, producers.c.seen_at < self._clock.now() - _GONE)
        with self._write() as connection:
            for row in connection.execute(select(producers).where(old).with_for_update(skip_locked=True)).all():
                _fold(connection, row)

    def close(self) -> None:
        """Let go of all connections."""
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
                book_letters.lift(connection, lane, message.batch.redelivers)

    def _introduce(self, connection: Connection, passed: Sequence[Passed]) -> None:
        """Make rows for producers that were never heard of otherwise, so that they can be folded some day."""
        pairs = {(message.producer_id, message.batch.source) for message in passed} - self._known
        for producer_id, source in sorted(pairs):
            row = {"producer_id": producer_id, "source": source, "closed": False, "seen_at": self._clock.now()}
            connection.execute(insert(connection, producers).values(row).on_conflict_do_nothing())
        self._known = (self._known if len(self._known) < 10_000 else set()) | pairs

    def _forget(self, connection: Connection, lane: str, upto: int) -> None:
        last = upto - self._settings.remembered_ids
        if last <= 0:
            return
        pinned = select(pins.c.producer_id).where(pins.c.seen_at > self._clock.now() - _PINNED).limit(1)
        if connection.execute(pinned).first() is None:
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


def _move(connection: Connection, lane: str, at: Place, values: Mapping[str, Any]) -> None:
    here = (lanes.c.lane == lane, lanes.c.epoch == at.epoch, lanes.c.committed == at.committed)
    moved = connection.execute(update(lanes).where(*here).values(values).returning(lanes.c.lane)).first()
    if moved is None:
        raise StreamUnavailable(f"This process has lost the lane {lane}.", "Another worker reads it now.")


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


def _accepted(connection: Connection) -> Counter[str]:
    """Return what the producers have brought into custody, by source."""
    total: Counter[str] = Counter()
    best: dict[tuple[str, str], int] = {}
    for row in connection.execute(select(producers)):
        best[row.producer_id, row.source] = row.acknowledged
    key = (consumed.c.producer_id, consumed.c.source)
    sums = (func.sum(consumed.c.records).label("records"), func.sum(consumed.c.repeated).label("repeated"))
    for row in connection.execute(select(*key, *sums).group_by(*key)):
        best[row.producer_id, row.source] = max(best.get((row.producer_id, row.source), 0), int(row.records))
        total[row.source] -= int(row.repeated)
    for (_, source), records in best.items():
        total[source] += records
    return total


def _fold(connection: Connection, row: Row[Any]) -> None:
    of_it = (consumed.c.producer_id == row.producer_id, consumed.c.source == row.source)
    came = connection.execute(select(func.coalesce(func.sum(consumed.c.records), 0)).where(*of_it)).scalar_one()
    if came < row.acknowledged:
        return
    gone = connection.execute(delete(consumed).where(*of_it).returning(consumed.c.records, consumed.c.repeated)).all()
    settled = sum(found.records - found.repeated for found in gone)
    book_letters.count(connection, "", "accepted", {row.source: settled})
    connection.execute(
        delete(producers).where(producers.c.producer_id == row.producer_id, producers.c.source == row.source)
    )


def _pin(connection: Connection, producer_id: str, now: datetime | None) -> None:
    if now is None:
        connection.execute(delete(pins).where(pins.c.producer_id == producer_id))
        return
    statement = insert(connection, pins).values(producer_id=producer_id, seen_at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["producer_id"], set_={"seen_at": now}))


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
