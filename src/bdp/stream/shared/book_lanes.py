"""How far each lane is, in the books: the statements that find and move it, inside transactions of `books.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from bdp.errors import StreamUnavailable
from bdp.stream.shared.book_tables import detector, insert, lanes, marks, readers, taken


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """How far a lane is.

    Attributes:
        epoch: number of its present reader.
        committed: offset up to which the store has everything.
        plan: end of the range that is being stored; not above `committed` if there is none.
        mark: the broker's name of the message at `committed`, where the offsets are ours; empty at the start.
        plan_mark: the same of `plan`.
        ended: no more messages will come, and the store has all of them.
    """

    epoch: int
    committed: int
    plan: int
    mark: str = ""
    plan_mark: str = ""
    ended: bool = False


class Reader(msgspec.Struct, kw_only=True, frozen=True):
    """Who has a lane, for people.

    Attributes:
        reader: host and number of the process that took it last; empty if that is not known.
        since: when it did.
        seen_at: when that process was last heard of.
        readers: how many took the lane so far.
        committed: offset up to which the store has everything.
        planned: end of the range that is being stored; not above `committed` if there is none.
    """

    lane: str
    reader: str
    since: datetime | None
    seen_at: datetime | None
    readers: int
    committed: int
    planned: int


def enter(connection: Connection, lane: str) -> Place:
    """Become the lane's reader, so that those before can move it no more."""
    connection.execute(insert(connection, lanes).values(lane=lane).on_conflict_do_nothing())
    connection.execute(update(lanes).where(lanes.c.lane == lane).values(epoch=lanes.c.epoch + 1))
    return find(connection, lane)


def sign(connection: Connection, lane: str, reader: str, now: datetime) -> None:
    """Write down who has taken a lane."""
    row = {"reader": reader, "since": now, "seen_at": now}
    statement = insert(connection, readers).values(lane=lane, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["lane"], set_=row))


def seen(connection: Connection, reader: str, now: datetime) -> None:
    """Write down that a process lives."""
    connection.execute(update(readers).where(readers.c.reader == reader).values(seen_at=now))


def signed_off(connection: Connection, reader: str) -> None:
    """Forget who had the lanes of a process that ends."""
    connection.execute(delete(readers).where(readers.c.reader == reader))


def who_reads(connection: Connection, prefix: str) -> list[Reader]:
    """Return who has each lane that has not ended, of the lanes whose names begin so, in the order of their numbers."""
    joined = lanes.outerjoin(readers, readers.c.lane == lanes.c.lane).outerjoin(marks, marks.c.lane == lanes.c.lane)
    columns = (lanes, readers.c.reader, readers.c.since, readers.c.seen_at)
    those = (lanes.c.lane.startswith(prefix, autoescape=True), marks.c.ended_at.is_(None))
    rows = connection.execute(select(*columns).select_from(joined).where(*those))
    found = [
        Reader(
            lane=row.lane,
            reader=row.reader or "",
            since=row.since,
            seen_at=row.seen_at,
            readers=row.epoch,
            committed=row.committed,
            planned=row.plan,
        )
        for row in rows
    ]
    return sorted(found, key=lambda reader: _by_number(reader.lane))


def _by_number(lane: str) -> tuple[str, int, str]:
    stream, _, number = lane.rpartition("/")
    return (stream, int(number), "") if number.isdecimal() else (stream, 0, number)


def find(connection: Connection, lane: str) -> Place:
    """Return how far a lane is that was entered before."""
    columns = (lanes, marks.c.committed.label("mark"), marks.c.plan.label("plan_mark"), marks.c.ended_at)
    joined = lanes.outerjoin(marks, marks.c.lane == lanes.c.lane)
    row = connection.execute(select(*columns).select_from(joined).where(lanes.c.lane == lane)).one()
    return Place(
        epoch=row.epoch,
        committed=row.committed,
        plan=row.plan,
        mark=row.mark or "",
        plan_mark=row.plan_mark or "",
        ended=row.ended_at is not None,
    )


def move(connection: Connection, lane: str, at: Place, values: Mapping[str, Any]) -> None:
    """Change the lane's row if its reader and its place are those of `at`.

    Raises:
        StreamUnavailable: another reader has the lane.
    """
    here = (lanes.c.lane == lane, lanes.c.epoch == at.epoch, lanes.c.committed == at.committed)
    moved = connection.execute(update(lanes).where(*here).values(values).returning(lanes.c.lane)).first()
    if moved is None:
        raise StreamUnavailable(f"This process has lost the lane {lane}.", "Another worker reads it now.")


def mark(connection: Connection, lane: str, values: Mapping[str, Any]) -> None:
    """Keep beside the lane's row what `move` has no column for; only in the transaction of a `move`."""
    statement = insert(connection, marks).values(lane=lane, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["lane"], set_=dict(values)))


def ended(connection: Connection, prefix: str) -> dict[str, datetime]:
    """Return when those lanes that have ended did so, of the lanes whose names begin so."""
    those = (marks.c.lane.startswith(prefix, autoescape=True), marks.c.ended_at.is_not(None))
    rows = connection.execute(select(marks.c.lane, marks.c.ended_at).where(*those))
    return {row.lane: row.ended_at for row in rows}


def retire(connection: Connection, lane: str) -> None:
    """Forget a lane that nobody will open again: its place, its ids, its detector. What it counted stays counted."""
    for table in (taken, detector, marks, readers, lanes):
        connection.execute(delete(table).where(table.c.lane == lane))
