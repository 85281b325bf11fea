"""The stream on one machine: a journal in SQLite with group commit.

One thread writes. Everything that callers ask for while a transaction is being synced joins the next one, so many small
requests share one fsync. An acknowledgement means that SQLite has synced its write-ahead log (`synchronous=FULL`).

Payloads leave the journal when the store has them; ids stay for a while, so that a request sent twice counts once.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any

import zstandard
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Ledger, RecordKind, Stored

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches(
    offset INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    records INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS taken(serial INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS letters(
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, cause TEXT NOT NULL,
    reason TEXT NOT NULL, payload BLOB NOT NULL, position INTEGER NOT NULL, first_seen TEXT NOT NULL,
    attempts INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ledger(
    source TEXT PRIMARY KEY, accepted INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
    dead_lettered INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS detector(key TEXT PRIMARY KEY, row BLOB NOT NULL);
"""

Task = Callable[[sqlite3.Connection], Any]


class JournalSettings(BaseModel):
    """The journal's bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    remembered_ids: int = Field(default=200_000, ge=1000, description="batch ids kept to recognise a repeated request")
    group_tasks: int = Field(default=256, ge=1, description="most requests that share one sync")
    waiting_tasks: int = Field(default=1024, ge=1, description="requests that may wait; more are turned away")
    busy_seconds: float = Field(default=10.0, gt=0, description="longest wait for a place or for the disk")


class Journal:
    """`bdp.ports.Stream` in one SQLite file. Use from any thread of one process.

    Memory: at most `waiting_tasks` requests' compressed payloads, and one read range.
    """

    def __init__(self, path: Path, settings: JournalSettings | None = None) -> None:
        self._settings = settings or JournalSettings()
        self._path = path
        self._tasks: queue.Queue[tuple[Task, Future[Any]] | None] = queue.Queue(self._settings.waiting_tasks)
        self._grown = threading.Condition()
        self._closed = False
        with _connect(path) as connection:
            connection.executescript(_SCHEMA)
            self._end = _last_offset(connection)
        self._writer = threading.Thread(target=self._write_loop, name="journal", daemon=True)
        self._writer.start()

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Stream.append`."""
        compressor = zstandard.ZstdCompressor(level=1)
        rows = [(batch, compressor.compress(batch.payload)) for batch in batches]
        taken: list[bool] = self._submit(lambda connection: [_take(connection, *row) for row in rows])
        return taken

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Stored]:
        """See `bdp.ports.Stream.read`."""
        columns = "offset, batch_id, source, kind, records, size, payload"
        sql = f"SELECT {columns} FROM batches WHERE offset > ? ORDER BY offset"  # noqa: S608 our own names
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
            for source, count in stored.items():
                _count(connection, source, stored=count)
            _bury(connection, letters)
            _keep_rows(connection, detector_rows)
            connection.execute("DELETE FROM batches WHERE offset <= ?", (upto,))
            _set_cursor(connection, "committed", upto)

        self._submit(task)

    def detector_rows(self) -> dict[str, bytes]:
        """See `bdp.ports.Stream.detector_rows`."""
        return dict(self._all("SELECT key, row FROM detector"))

    def ledger(self) -> dict[str, Ledger]:
        """See `bdp.ports.Stream.ledger`."""
        rows = self._all("SELECT source, accepted, stored, dead_lettered, dropped FROM ledger ORDER BY source")
        return {row[0]: Ledger(accepted=row[1], stored=row[2], dead_lettered=row[3], dropped=row[4]) for row in rows}

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """See `bdp.ports.Stream.dead_letters`."""
        return [_letter(row) for row in self._all("SELECT * FROM letters ORDER BY id DESC LIMIT ?", (limit,))]

    def close(self) -> None:
        """See `bdp.ports.Stream.close`."""
        if self._closed:
            return
        self._closed = True
        self._tasks.put(None)
        self._writer.join()
        with self._grown:
            self._grown.notify_all()

    def _submit(self, task: Task) -> Any:
        if self._closed:
            raise StreamUnavailable("The journal is closed.", "Start BDP again.")
        future: Future[Any] = Future()
        try:
            self._tasks.put((task, future), timeout=self._settings.busy_seconds)
        except queue.Full:
            raise StreamUnavailable("The journal has more waiting than it can sync.", "Send again later.") from None
        return future.result()

    def _write_loop(self) -> None:
        connection = sqlite3.connect(self._path, timeout=self._settings.busy_seconds, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=67108864")
        with contextlib.closing(connection):
            while group := self._next_group():
                self._write(connection, group)

    def _next_group(self) -> list[tuple[Task, Future[Any]]]:
        """Wait for one task, then take what else waits; an empty list means: closed and nothing left."""
        group: list[tuple[Task, Future[Any]]] = []
        item = self._tasks.get()
        while item is not None:
            group.append(item)
            if len(group) >= self._settings.group_tasks:
                return group
            try:
                item = self._tasks.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._tasks.put(None)
        return group

    def _write(self, connection: sqlite3.Connection, group: list[tuple[Task, Future[Any]]]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [task(connection) for task, _ in group]
            _forget(connection, self._settings.remembered_ids)
            connection.execute("COMMIT")
        except Exception as error:
            _roll_back(connection)
            self._fail(group, error)
            return
        end = _last_offset(connection)
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
        with self._grown:
            self._end = end
            self._grown.notify_all()

    def _fail(self, group: list[tuple[Task, Future[Any]]], error: Exception) -> None:
        for _, future in group:
            problem = StreamUnavailable(f"The journal cannot be written: {error}.", "Check the disk; then send again.")
            problem.__cause__ = error
            future.set_exception(problem)

    def _cursor(self, name: str) -> int:
        rows = self._all("SELECT value FROM cursor WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

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


def _last_offset(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
    return int(row[0]) if row else 0


def _take(connection: sqlite3.Connection, batch: Batch, payload: bytes) -> bool:
    if not connection.execute("INSERT OR IGNORE INTO taken(batch_id) VALUES (?)", (batch.batch_id,)).rowcount:
        return False
    if batch.count:
        connection.execute(
            "INSERT INTO batches(batch_id, source, kind, records, size, payload) VALUES (?, ?, ?, ?, ?, ?)",
            (batch.batch_id, batch.source, batch.kind.value, batch.count, len(batch.payload), payload),
        )
    _count(connection, batch.source, accepted=batch.count + len(batch.refused))
    _bury(connection, batch.refused)
    return True


def _bury(connection: sqlite3.Connection, letters: Iterable[DeadLetter]) -> None:
    for letter in letters:
        connection.execute(
            "INSERT INTO letters(source, kind, cause, reason, payload, position, first_seen, attempts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                letter.source,
                letter.kind.value,
                letter.cause.value,
                letter.reason,
                letter.payload[:65536],
                letter.index,
                letter.first_seen.isoformat(),
                letter.attempts,
            ),
        )
        _count(connection, letter.source, dead_lettered=1)


def _count(
    connection: sqlite3.Connection, source: str, *, accepted: int = 0, stored: int = 0, dead_lettered: int = 0
) -> None:
    connection.execute(
        "INSERT INTO ledger(source, accepted, stored, dead_lettered) VALUES (?, ?, ?, ?)"
        " ON CONFLICT(source) DO UPDATE SET accepted = accepted + excluded.accepted, stored = stored + excluded.stored,"
        " dead_lettered = dead_lettered + excluded.dead_lettered",
        (source, accepted, stored, dead_lettered),
    )


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


def _stored(row: tuple[Any, ...]) -> Stored:
    offset, batch_id, source, kind, records, size, payload = row
    text = zstandard.ZstdDecompressor().decompress(payload, max_output_size=size)
    return Stored(
        offset=offset,
        batch=Batch(batch_id=batch_id, source=source, kind=RecordKind(kind), count=records, payload=text),
    )


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    _, source, kind, cause, reason, payload, position, first_seen, attempts = row
    return DeadLetter(
        source=source,
        kind=RecordKind(kind),
        cause=Cause(cause),
        reason=reason,
        payload=payload,
        index=position,
        first_seen=datetime.fromisoformat(first_seen),
        attempts=attempts,
    )
