"""Dead letters in the books: rows in, rows out, each step counted. All run inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Connection, delete, func, select, update

from bdp.model.batch import TRANSIENT, Cause, DeadLetter, Drop, DropReason, LetterStatus, RecordKind
from bdp.stream.delivery.priority import of_line
from bdp.stream.shared.book_tables import add, drops, ledger, letters

LETTER_BYTES = 1 << 20
"""Most bytes of a letter's payload: the largest record that the edge takes by default."""
_PORTION = 1000


def bury(connection: Connection, lane: str, dead: Sequence[DeadLetter]) -> None:
    """Keep dead letters, counted."""
    if not dead:
        return
    compressor = zstandard.ZstdCompressor(level=3)
    connection.execute(letters.insert(), [_row(letter, compressor) for letter in dead])
    counts = Counter(letter.source for letter in dead)
    count(connection, lane, "dead_lettered", counts)


def lift(connection: Connection, lane: str, letter_ids: Iterable[str]) -> int:
    """Take letters out whose records are in custody again; return how many there were."""
    known = [found for found in map(number, letter_ids) if found is not None]
    gone: Counter[str] = Counter()
    for start in range(0, len(known), _PORTION):
        statement = delete(letters).where(letters.c.id.in_(known[start : start + _PORTION]))
        gone.update(connection.execute(statement.returning(letters.c.source)).scalars())
    count(connection, lane, "dead_lettered", {source: -found for source, found in gone.items()})
    return gone.total()


def discard(connection: Connection, ids: Sequence[int], reason: DropReason) -> int:
    """Make letters counted drops; return how many there were."""
    columns = (letters.c.source, letters.c.kind, letters.c.payload, letters.c.size)
    found = 0
    for start in range(0, len(ids), _PORTION):
        statement = delete(letters).where(letters.c.id.in_(ids[start : start + _PORTION])).returning(*columns)
        rows = connection.execute(statement).all()
        found += len(rows)
        counts = Counter((row.source, of_line(RecordKind(row.kind), _plain(row.payload, row.size))) for row in rows)
        sources = Counter(row.source for row in rows)
        count(connection, "", "dead_lettered", {source: -number for source, number in sources.items()})
        for (source, priority), number in sorted(counts.items()):
            let_go(connection, "", source, [Drop(reason=reason, priority=priority, count=number)])
    return found


def bound(connection: Connection, most: int, most_bytes: int) -> int:
    """Let the oldest letters go while there are more than `most`, or more bytes than `most_bytes`."""
    gone = 0
    while True:
        found, size = connection.execute(select(func.count(), func.coalesce(func.sum(letters.c.packed), 0))).one()
        if found <= most and size <= most_bytes:
            return gone
        portion = min(max(found - most, 1), _PORTION)
        oldest = select(letters.c.id).order_by(letters.c.id).limit(portion).with_for_update(skip_locked=True)
        ids = list(connection.execute(oldest).scalars())
        if not ids:
            return gone
        gone += discard(connection, ids, DropReason.LETTERS_FULL)


def let_go(connection: Connection, lane: str, source: str, gone: Iterable[Drop]) -> None:
    """Count records that were let go."""
    for drop in gone:
        key = {"lane": lane, "source": source, "reason": drop.reason.value, "priority": drop.priority.value}
        add(connection, drops, [{**key, "records": drop.count}])
        count(connection, lane, "dropped", {source: drop.count})


def count(connection: Connection, lane: str, column: str, counts: Any) -> None:
    """Add numbers by source to one column of the ledger."""
    add(connection, ledger, [{"lane": lane, "source": name, column: found} for name, found in counts.items() if found])


def find(connection: Connection, limit: int, cause: Cause | None, source: str | None, before: str) -> list[DeadLetter]:
    """Return letters, newest first."""
    statement = select(letters).order_by(letters.c.id.desc()).limit(limit)
    last = number(before)
    if cause is not None:
        statement = statement.where(letters.c.cause == cause.value)
    if source is not None:
        statement = statement.where(letters.c.source == source)
    if last is not None:
        statement = statement.where(letters.c.id < last)
    return [_letter(row) for row in connection.execute(statement)]


def get(connection: Connection, letter_id: str) -> DeadLetter | None:
    """Return one letter."""
    row = connection.execute(select(letters).where(letters.c.id == (number(letter_id) or 0))).first()
    return _letter(row) if row else None


def counts(connection: Connection) -> dict[tuple[str, Cause], int]:
    """Return how many letters there are by source and cause."""
    columns = (letters.c.source, letters.c.cause)
    rows = connection.execute(select(*columns, func.count()).group_by(*columns))
    return {(source, Cause(cause)): found for source, cause, found in rows}


def due(connection: Connection, now: datetime, limit: int) -> list[DeadLetter]:
    """Return letters whose next attempt has come, oldest first."""
    statement = select(letters).where(letters.c.next_attempt <= now)
    return [
        _letter(row)
        for row in connection.execute(statement.order_by(letters.c.next_attempt, letters.c.id).limit(limit))
    ]


def reschedule(
    connection: Connection, letter_id: str, now: datetime, reason: str, next_attempt: datetime | None
) -> None:
    """Note another failed attempt."""
    changed = {"last_seen": now, "last_reason": reason, "next_attempt": next_attempt}
    statement = update(letters).where(letters.c.id == (number(letter_id) or 0))
    connection.execute(statement.values(attempts=letters.c.attempts + 1, **changed))


def number(letter_id: str) -> int | None:
    """Return a letter's row number; None if this is no id of ours, or empty."""
    return int(letter_id) if letter_id.isascii() and letter_id.isdigit() and len(letter_id) < 19 else None


def _row(letter: DeadLetter, compressor: zstandard.ZstdCompressor) -> dict[str, Any]:
    payload = letter.payload[:LETTER_BYTES]
    packed = compressor.compress(payload)
    return {
        "source": letter.source,
        "kind": letter.kind.value,
        "cause": letter.cause.value,
        "reason": letter.reason,
        "payload": packed,
        "size": len(payload),
        "packed": len(packed),
        "position": letter.index,
        "cut": letter.cut or len(payload) < len(letter.payload),
        "first_seen": letter.first_seen,
        "last_seen": letter.last_seen,
        "last_reason": letter.last_reason,
        "attempts": letter.attempts,
        "status": letter.status.value,
        "next_attempt": letter.next_attempt or (letter.first_seen if letter.cause in TRANSIENT else None),
    }


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        letter_id=str(row.id),
        source=row.source,
        kind=RecordKind(row.kind),
        cause=Cause(row.cause),
        reason=row.reason,
        payload=_plain(row.payload, row.size),
        index=row.position,
        cut=row.cut,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        last_reason=row.last_reason,
        attempts=row.attempts,
        status=LetterStatus(row.status),
        next_attempt=row.next_attempt,
    )


def _plain(packed: bytes, size: int) -> bytes:
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
