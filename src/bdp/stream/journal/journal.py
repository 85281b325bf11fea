"""The stream on one machine: a journal in SQLite with group commit.

One thread writes. Everything that callers ask for while a transaction is being synced joins the next one, so many small
requests share one fsync. An acknowledgement means that SQLite has synced its write-ahead log (`synchronous=FULL`).

Payloads leave the journal when the store has them; ids stay for a while, so that a request sent twice counts once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import zstandard
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRecord, BadSetting, DiskFull, NotFound, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Ledger, RecordKind, Stored
from bdp.stream.group import Group, GroupSettings
from bdp.stream.journal import accounts

_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches(
    offset INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    records INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS taken(serial INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS detector(key TEXT PRIMARY KEY, row BLOB NOT NULL);
"""
_BATCH = "offset, batch_id, source, kind, records, size, payload, attempts"

_IMPOSSIBLE = (
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    OverflowError,
    UnicodeEncodeError,
)
"""What no repetition mends: a value that does not fit."""

T = TypeVar("T")
Task = Callable[[sqlite3.Connection], Any]


class JournalSettings(BaseModel):
    """The journal's bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remembered_ids: int = Field(
        default=200_000,
        ge=1000,
        description="batch ids kept to recognise a repeated request; more while batches wait in other sinks",
    )
    most_letters: int = Field(default=1_000_000, ge=1, description="dead letters kept; the oldest go, counted")
    letters_mib: int = Field(default=1024, ge=1, description="MiB of dead letters kept; the oldest go, counted")
    busy_seconds: float = Field(default=10.0, gt=0, description="longest wait for another process on the file")
    group: GroupSettings = Field(default=GroupSettings(), description="how requests share a sync")


class Journal:
    """`bdp.ports.Sink`, `Stream` and `Books` in one SQLite file. Use from any thread of one process.

    Memory: what `GroupSettings` lets wait, and one read range.

    Attributes:
        forgets: False while batches wait elsewhere that may be here already: then no id is forgotten.
    """

    name = "journal"

    def __init__(self, path: Path, settings: JournalSettings | None = None) -> None:
        self.forgets = True
        self._settings = settings or JournalSettings()
        self._path = path
        self._grown = threading.Condition()
        self._closed = False
        with _connect(path) as connection:
            _prepare(connection, path.name)
            self._end = _last_offset(connection)
        self._writer: sqlite3.Connection | None = None
        self._group: Group[Task, Any] = Group("the journal", self._write, self._settings.group)

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Stream.append`."""
        compressor = zstandard.ZstdCompressor(level=1)
        rows = [(batch, compressor.compress(batch.payload)) for batch in batches]
        size = sum(len(row[1]) for row in rows)
        taken: list[bool] = self._submit(lambda connection: [_take(connection, *row) for row in rows], size)
        return taken

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """See `bdp.ports.Stream.read`."""
        sql = f"SELECT {_BATCH} FROM batches WHERE offset > ? ORDER BY offset"  # noqa: S608 our own names
        found: list[Stored] = []
        records = size = 0
        with _connect(self._path) as connection:
            for row in connection.execute(sql, (after,)):
                records, size = records + row[4], size + row[5]
                if found and (records > max_records or size > max_bytes):
                    break
                found.append(_stored(row))
        return found

    def wait(self, after: int, seconds: float) -> bool:
        """See `bdp.ports.Stream.wait`."""
        with self._grown:
            return self._grown.wait_for(lambda: self._end > after or self._closed, seconds) and self._end > after

    def committed(self) -> int:
        """See `bdp.ports.Stream.committed`."""
        return self._cursor("committed")

    def plan(self) -> int:
        """See `bdp.ports.Stream.plan`."""
        return max(self._cursor("plan"), self.committed())

    def begin(self, upto: int) -> None:
        """See `bdp.ports.Stream.begin`."""
        self._submit(lambda connection: _set_cursor(connection, "plan", upto))

    def commit(
        self,
        upto: int,
        stored: Mapping[str, int],
        dead: Iterable[DeadLetter],
        detector_rows: Mapping[str, bytes | None],
    ) -> None:
        """See `bdp.ports.Stream.commit`."""
        letters = list(dead)

        def task(connection: sqlite3.Connection) -> None:
            # Once: an earlier call may have come through though its answer was not waited for.
            if upto > _committed(connection):
                for source, count in stored.items():
                    accounts.store(connection, source, count)
                accounts.bury(connection, letters)
            _keep_rows(connection, detector_rows)
            connection.execute("DELETE FROM batches WHERE offset <= ?", (upto,))
            _set_cursor(connection, "committed", upto)

        self._submit(task)

    def detector_rows(self) -> dict[str, bytes]:
        """See `bdp.ports.Stream.detector_rows`."""
        return dict(self._all("SELECT key, row FROM detector"))

    def detector_rows_under(self, prefix: str) -> list[tuple[str, str, bytes]]:
        """See `bdp.ports.Books.detector_rows_under`; there is one lane, without a name."""
        sql = "SELECT '', key, row FROM detector WHERE key >= ? AND substr(key, 1, ?) = ?"
        return self._all(sql, (prefix, len(prefix), prefix))

    def ledger(self) -> dict[str, Ledger]:
        """See `bdp.ports.Books.ledger`."""
        return self._look(accounts.ledger)

    def drops(self) -> dict[str, list[Drop]]:
        """See `bdp.ports.Books.drops`."""
        return self._look(accounts.drops)

    def dead_letters(
        self, limit: int = 100, cause: Cause | None = None, source: str | None = None, before: str = ""
    ) -> list[DeadLetter]:
        """See `bdp.ports.Books.dead_letters`."""
        return self._look(lambda connection: accounts.letters(connection, limit, cause, source, before))

    def dead_letter(self, letter_id: str) -> DeadLetter:
        """See `bdp.ports.Books.dead_letter`."""
        letter = self._look(lambda connection: accounts.letter(connection, letter_id))
        if letter is None:
            raise NotFound(f"There is no dead letter {letter_id[:40]!r}.", "It may have been delivered or discarded.")
        return letter

    def letter_counts(self) -> dict[tuple[str, Cause], int]:
        """See `bdp.ports.Books.letter_counts`."""
        return self._look(accounts.letter_counts)

    def due(self, now: datetime, limit: int) -> list[DeadLetter]:
        """See `bdp.ports.Books.due`."""
        return self._look(lambda connection: accounts.due(connection, now, limit))

    def reschedule(self, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None) -> None:
        """See `bdp.ports.Books.reschedule`."""
        self._submit(lambda connection: accounts.reschedule(connection, letter_id, now, reason, next_attempt))

    def discard(self, letter_ids: Sequence[str]) -> int:
        """See `bdp.ports.Books.discard`."""
        known = [found for found in map(accounts.number, letter_ids) if found is not None]
        gone: int = self._submit(lambda connection: accounts.discard(connection, known, DropReason.DISCARDED))
        return gone

    def close(self) -> None:
        """See `bdp.ports.Stream.close`."""
        if self._closed:
            return
        self._closed = True
        self._group.close()
        self._let_go()
        with self._grown:
            self._grown.notify_all()

    def _submit(self, task: Task, size: int = 0) -> Any:
        return self._group.submit(task, size)

    def _write(self, tasks: list[Task]) -> list[Any]:
        """Do all tasks in one transaction; where one of them is impossible, each alone, so that only that one fails."""
        try:
            return self._transaction(tasks)
        except _IMPOSSIBLE as error:
            if len(tasks) == 1:
                return [BadRecord(f"The journal cannot hold this: {error}.")]
            return [self._write([task])[0] for task in tasks]

    def _transaction(self, tasks: list[Task]) -> list[Any]:
        try:
            connection = self._writer or self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                results = [task(connection) for task in tasks]
                if self.forgets:
                    _forget(connection, self._settings.remembered_ids)
                accounts.bound(connection, self._settings.most_letters, self._settings.letters_mib << 20)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
            end = _last_offset(connection)
        except sqlite3.OperationalError as error:
            # After an error of the disk the handle may hold on to a file that is no longer right.
            self._let_go()
            raise _unavailable(error) from error
        with self._grown:
            self._end = end
            self._grown.notify_all()
        return results

    def _connected(self) -> sqlite3.Connection:
        # Opened and used by the group's one thread, closed by whoever closes the journal.
        connection = sqlite3.connect(
            self._path, timeout=self._settings.busy_seconds, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=67108864")
        self._writer = connection
        return connection

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            with contextlib.suppress(sqlite3.Error):
                writer.close()

    def _cursor(self, name: str) -> int:
        rows = self._all("SELECT value FROM cursor WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def _look(self, task: Callable[[sqlite3.Connection], T]) -> T:
        with _connect(self._path) as connection:
            return task(connection)

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _connect(self._path) as connection:
            return connection.execute(sql, parameters).fetchall()


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA journal_mode=WAL")
            yield connection
    except sqlite3.Error as error:
        raise StreamUnavailable(f"The journal {path.name} cannot be read: {error}.", "Check the disk.") from error


def _unavailable(error: sqlite3.Error) -> StreamUnavailable:
    kind = DiskFull if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else StreamUnavailable
    return kind(f"The journal cannot be written: {error}.", "Check the disk; then send again.")


def _committed(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM cursor WHERE name = 'committed'").fetchone()
    return int(row[0]) if row else 0


def _last_offset(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
    return int(row[0]) if row else 0


def _take(connection: sqlite3.Connection, batch: Batch, payload: bytes) -> bool:
    if not connection.execute("INSERT OR IGNORE INTO taken(batch_id) VALUES (?)", (batch.batch_id,)).rowcount:
        return False
    if batch.count:
        connection.execute(
            "INSERT INTO batches(batch_id, source, kind, records, size, payload, attempts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(batch.batch_id, batch.source, batch.kind.value, batch.count),
                *(len(batch.payload), payload, batch.attempts),
            ),
        )
    accounts.take(connection, batch)
    return True


def _keep_rows(connection: sqlite3.Connection, rows: Mapping[str, bytes | None]) -> None:
    gone = [(key,) for key, row in rows.items() if row is None]
    kept = [(key, row) for key, row in rows.items() if row is not None]
    connection.executemany("DELETE FROM detector WHERE key = ?", gone)
    connection.executemany("INSERT OR REPLACE INTO detector(key, row) VALUES (?, ?)", kept)


def _set_cursor(connection: sqlite3.Connection, name: str, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO cursor(name, value) VALUES (?, ?)", (name, value))


def _forget(connection: sqlite3.Connection, keep: int) -> None:
    connection.execute("DELETE FROM taken WHERE serial <= (SELECT max(serial) FROM taken) - ?", (keep,))


def _roll_back(connection: sqlite3.Connection) -> None:
    # After some disk errors SQLite has rolled back by itself and says so.
    with contextlib.suppress(sqlite3.Error):
        connection.execute("ROLLBACK")


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    old = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'batches'").fetchone()
    if version != _VERSION and old:
        raise BadSetting(f"{name} was written by another version of BDP.", "Use that version, or a new home.")
    connection.executescript(_SCHEMA + accounts.SCHEMA)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _stored(row: tuple[Any, ...]) -> Stored:
    offset, batch_id, source, kind, records, size, payload, attempts = row
    text = zstandard.ZstdDecompressor().decompress(payload, max_output_size=size)
    batch = Batch(
        batch_id=batch_id, source=source, kind=RecordKind(kind), count=records, payload=text, attempts=attempts
    )
    return Stored(offset=offset, batch=batch)
