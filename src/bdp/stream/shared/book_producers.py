"""Who put records into the lanes, in the books: what each says was acknowledged, and what came out of the lanes of it.

All run inside the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select

from bdp.stream.shared import book_letters
from bdp.stream.shared.book_tables import consumed, insert, pins, producers

_PINNED = timedelta(days=1)
_GONE = timedelta(days=7)


def acknowledge(
    connection: Connection, producer_id: str, totals: Mapping[str, int], now: datetime, *, closed: bool
) -> None:
    """Keep a producer's totals by source."""
    for source, total in sorted(totals.items()):
        row = {"producer_id": producer_id, "source": source, "seen_at": now}
        row |= {"acknowledged": total, "closed": closed}
        statement = insert(connection, producers).values(row)
        changed = {name: statement.excluded[name] for name in ("acknowledged", "closed", "seen_at")}
        keys = ["producer_id", "source"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def introduce(connection: Connection, pairs: Iterable[tuple[str, str]], now: datetime) -> None:
    """Make rows for producers and their sources where there are none."""
    for producer_id, source in pairs:
        row = {"producer_id": producer_id, "source": source, "closed": False, "seen_at": now}
        connection.execute(insert(connection, producers).values(row).on_conflict_do_nothing())


def accepted(connection: Connection) -> Counter[str]:
    """Return what the producers that are not folded have brought into custody, by source."""
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


def fold(connection: Connection, now: datetime) -> None:
    """Bring what is settled of producers that have closed, or were silent for a week, into the ledger."""
    old = or_(producers.c.closed, producers.c.seen_at < now - _GONE)
    for row in connection.execute(select(producers).where(old).with_for_update(skip_locked=True)).all():
        _fold(connection, row)


def pin(connection: Connection, producer_id: str, now: datetime | None) -> None:
    """Say whether batches wait behind a producer's broker that may be in a lane already; None: none do."""
    if now is None:
        connection.execute(delete(pins).where(pins.c.producer_id == producer_id))
        return
    statement = insert(connection, pins).values(producer_id=producer_id, seen_at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["producer_id"], set_={"seen_at": now}))


def pinned(connection: Connection, now: datetime) -> bool:
    """Say whether batches wait behind a broker, by what was said within a day."""
    found = select(pins.c.producer_id).where(pins.c.seen_at > now - _PINNED).limit(1)
    return connection.execute(found).first() is not None


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
