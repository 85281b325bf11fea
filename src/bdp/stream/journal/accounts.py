"""The books in the journal's file: ledger, drops and dead letters. Functions on one SQLite connection.

The caller holds the transaction, so that a count never stands without what it counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import zstandard

from bdp.model.batch import (
    TRANSIENT,
    Batch,
    Cause,
    DeadLetter,
    Drop,
    DropReason,
    Ledger,
    LetterStatus,
    Priority,
    RecordKind,
)
from bdp.stream.delivery.priority import of_line

SCHEMA = """
CREATE TABLE IF NOT EXISTS letters(
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, cause TEXT NOT NULL,
    reason TEXT NOT NULL, payload BLOB NOT NULL, size INTEGER NOT NULL, position INTEGER NOT NULL,
    cut INTEGER NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT, last_reason TEXT NOT NULL,
    attempts INTEGER NOT NULL, status TEXT NOT NULL, next_attempt TEXT);
CREATE INDEX IF NOT EXISTS letters_due ON letters(next_attempt) WHERE next_attempt IS NOT NULL;
CREATE TABLE IF NOT EXISTS letter_bytes(total INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ledger(
    source TEXT PRIMARY KEY, accepted INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
    dead_lettered INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS drops(
    source TEXT NOT NULL, reason TEXT NOT NULL, priority TEXT NOT NULL, records INTEGER NOT NULL,
    PRIMARY KEY(source, reason, priority));
"""

_COLUMNS = (
    "id, source, kind, cause, reason, payload, size, position, cut, first_seen, last_seen, last_reason, attempts,"
    " status, next_attempt"
)
LETTER_BYTES = 1 << 20
"""Most bytes of a letter's payload: the largest record that the edge takes by default."""


def take(connection: sqlite3.Connection, batch: Batch) -> None:
    """Count a batch that comes into custody, with its refused, dropped and redelivered records.

    A redelivered record was accepted before, unless somebody discarded its letter in the meantime.
    """
    known = _lift(connection, batch.redelivers) if batch.redelivers else 0
    records = batch.count + len(batch.refused) + sum(drop.count for drop in batch.drops)
    _count(connection, batch.source, accepted=records - known)
    bury(connection, batch.refused)
    for drop in batch.drops:
        let_go(connection, batch.source, drop)


def store(connection: sqlite3.Connection, source: str, records: int) -> None:
    """Count records that the store took."""
    _count(connection, source, stored=records)


def bury(connection: sqlite3.Connection, letters: Iterable[DeadLetter]) -> None:
    """Keep dead letters, counted."""
    compressor = zstandard.ZstdCompressor(level=3)
    for letter in letters:
        payload = letter.payload[:LETTER_BYTES]
        due = letter.next_attempt or (letter.first_seen if letter.cause in TRANSIENT else None)
        packed = compressor.compress(payload)
        connection.execute(
            "INSERT INTO letters(source, kind, cause, reason, payload, size, position, cut, first_seen, last_seen,"
            " last_reason, attempts, status, next_attempt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                letter.source,
                letter.kind.value,
                letter.cause.value,
                letter.reason,
                packed,
                len(payload),
                letter.index,
                letter.cut or len(payload) < len(letter.payload),
                letter.first_seen.isoformat(),
                _text(letter.last_seen),
                letter.last_reason,
                letter.attempts,
                letter.status.value,
                _text(due),
            ),
        )
        _grow(connection, len(packed))
        _count(connection, letter.source, dead_lettered=1)


def let_go(connection: sqlite3.Connection, source: str, drop: Drop) -> None:
    """Count records that were let go."""
    connection.execute(
        "INSERT INTO drops(source, reason, priority, records) VALUES (?, ?, ?, ?)"
        " ON CONFLICT(source, reason, priority) DO UPDATE SET records = records + excluded.records",
        (source, drop.reason.value, drop.priority.value, drop.count),
    )
    _count(connection, source, dropped=drop.count)


def bound(connection: sqlite3.Connection, most: int, most_bytes: int) -> None:
    """Let the oldest letters go while there are more than `most`, or more bytes than `most_bytes`."""
    while True:
        count = connection.execute("SELECT coalesce(sum(dead_lettered), 0) FROM ledger").fetchone()[0]
        if count <= most and letter_bytes(connection) <= most_bytes:
            return
        surplus = max(count - most, 1)
        rows = connection.execute("SELECT id FROM letters ORDER BY id LIMIT ?", (min(surplus, 1000),)).fetchall()
        discard(connection, [row[0] for row in rows], DropReason.LETTERS_FULL)


def discard(connection: sqlite3.Connection, ids: Sequence[int], reason: DropReason) -> int:
    """Make letters counted drops; return how many there were."""
    found = 0
    for row in _rows(connection, ids):
        letter = read(row)
        priority = of_line(letter.kind, letter.payload)
        _remove(connection, letter, len(row[5]))
        let_go(connection, letter.source, Drop(reason=reason, priority=priority, count=1))
        found += 1
    return found


def ledger(connection: sqlite3.Connection) -> dict[str, Ledger]:
    """Return the ledger by source."""
    rows = connection.execute("SELECT source, accepted, stored, dead_lettered, dropped FROM ledger ORDER BY source")
    return {row[0]: Ledger(accepted=row[1], stored=row[2], dead_lettered=row[3], dropped=row[4]) for row in rows}


def drops(connection: sqlite3.Connection) -> dict[str, list[Drop]]:
    """Return what was let go, by source."""
    found: dict[str, list[Drop]] = {}
    rows = connection.execute("SELECT source, reason, priority, records FROM drops ORDER BY source, reason, priority")
    for source, reason, priority, records in rows:
        drop = Drop(reason=DropReason(reason), priority=Priority(priority), count=records)
        found.setdefault(source, []).append(drop)
    return found


def letters(
    connection: sqlite3.Connection, limit: int, cause: Cause | None, source: str | None, before: str
) -> list[DeadLetter]:
    """Return dead letters, newest first."""
    terms, values = ["1"], []
    for term, value in (("cause = ?", cause and cause.value), ("source = ?", source), ("id < ?", number(before))):
        if value is not None:
            terms.append(term)
            values.append(value)
    sql = f"SELECT {_COLUMNS} FROM letters WHERE {' AND '.join(terms)} ORDER BY id DESC LIMIT ?"  # noqa: S608 our own
    return [read(row) for row in connection.execute(sql, (*values, limit))]


def letter(connection: sqlite3.Connection, letter_id: str) -> DeadLetter | None:
    """Return one dead letter."""
    known = number(letter_id)
    rows = _rows(connection, [known]) if known is not None else []
    return read(rows[0]) if rows else None


def letter_counts(connection: sqlite3.Connection) -> dict[tuple[str, Cause], int]:
    """Return how many dead letters there are by source and cause."""
    rows = connection.execute("SELECT source, cause, count(*) FROM letters GROUP BY source, cause")
    return {(source, Cause(cause)): count for source, cause, count in rows}


def due(connection: sqlite3.Connection, now: datetime, limit: int) -> list[DeadLetter]:
    """Return letters whose next attempt has come, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM letters WHERE next_attempt <= ? ORDER BY next_attempt, id LIMIT ?"  # noqa: S608
    return [read(row) for row in connection.execute(sql, (now.isoformat(), limit))]


def reschedule(
    connection: sqlite3.Connection, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None
) -> None:
    """Note another failed attempt."""
    connection.execute(
        "UPDATE letters SET attempts = attempts + 1, last_seen = ?, last_reason = ?, next_attempt = ? WHERE id = ?",
        (now.isoformat(), reason, _text(next_attempt), number(letter_id)),
    )


def letter_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes that dead letters take."""
    row = connection.execute("SELECT total FROM letter_bytes").fetchone()
    return int(row[0]) if row else 0


def number(letter_id: str) -> int | None:
    """Return a letter's row number; None if this is no id of ours, or empty."""
    return int(letter_id) if letter_id.isascii() and letter_id.isdigit() and len(letter_id) < 19 else None


def read(row: Sequence[Any]) -> DeadLetter:
    """Return the letter in a row."""
    return DeadLetter(
        letter_id=str(row[0]),
        source=row[1],
        kind=RecordKind(row[2]),
        cause=Cause(row[3]),
        reason=row[4],
        payload=zstandard.ZstdDecompressor().decompress(row[5], max_output_size=row[6]),
        index=row[7],
        cut=bool(row[8]),
        first_seen=datetime.fromisoformat(row[9]),
        last_seen=_instant(row[10]),
        last_reason=row[11],
        attempts=row[12],
        status=LetterStatus(row[13]),
        next_attempt=_instant(row[14]),
    )


def _lift(connection: sqlite3.Connection, letter_ids: Iterable[str]) -> int:
    """Take letters out whose records are in custody again; return how many there were."""
    rows = _rows(connection, [found for found in map(number, letter_ids) if found is not None])
    for row in rows:
        _remove(connection, read(row), len(row[5]))
    return len(rows)


def _remove(connection: sqlite3.Connection, gone: DeadLetter, size: int) -> None:
    connection.execute("DELETE FROM letters WHERE id = ?", (number(gone.letter_id),))
    _grow(connection, -size)
    _count(connection, gone.source, dead_lettered=-1)


def _rows(connection: sqlite3.Connection, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    sql = f"SELECT {_COLUMNS} FROM letters WHERE id = ?"  # noqa: S608 our own names
    return [row for known in dict.fromkeys(ids) for row in connection.execute(sql, (known,))]


def _grow(connection: sqlite3.Connection, size: int) -> None:
    if not connection.execute("UPDATE letter_bytes SET total = total + ?", (size,)).rowcount:
        connection.execute("INSERT INTO letter_bytes(total) VALUES (?)", (size,))


def _count(
    connection: sqlite3.Connection,
    source: str,
    *,
    accepted: int = 0,
    stored: int = 0,
    dead_lettered: int = 0,
    dropped: int = 0,
) -> None:
    connection.execute(
        "INSERT INTO ledger(source, accepted, stored, dead_lettered, dropped) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT(source) DO UPDATE SET accepted = accepted + excluded.accepted, stored = stored + excluded.stored,"
        " dead_lettered = dead_lettered + excluded.dead_lettered, dropped = dropped + excluded.dropped",
        (source, accepted, stored, dead_lettered, dropped),
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
