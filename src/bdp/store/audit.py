"""Who decided what, when: entries are added and read, and each is chained to the one before.

The database itself refuses to change or remove entries. Whoever owns it could still drop that guard, so the chain shows
it: `verify` finds what was altered, taken out or moved. A chain that somebody wrote anew from one entry on is whole in
itself; only a head that was written down elsewhere shows that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, select, update

from bdp.model.decision import AuditEntry, ChainCheck, ChainHead, KeptEntry
from bdp.store.chain import FIRST, as_stored, canonical, linked
from bdp.store.database import Database, insert
from bdp.store.tables import audit, audit_head

PAGE = 2000
"""Entries that are looked at together."""
_BELOW_ALL = -(2**63)
_ENTRY = (audit.c.at, audit.c.actor, audit.c.action, audit.c.object, audit.c.detail)
_KEPT = (audit.c.number, audit.c.previous, audit.c.hash, *_ENTRY)
_HEAD = select(audit_head.c.number, audit_head.c.hash).where(audit_head.c.head_id == 1)
_LOCKED = _HEAD.with_for_update()
_MOVED = (
    update(audit_head)
    .where(audit_head.c.head_id == 1)
    .values(number=bindparam("new_number"), hash=bindparam("new_hash"))
)
_BEHIND = select(*_KEPT).where(audit.c.number > bindparam("after")).order_by(audit.c.number).limit(bindparam("most"))


class SqlAudit:
    """`bdp.ports.Audit` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: AuditEntry) -> None:
        """Keep one entry, for ever."""
        with self._database.write() as connection:
            write_down(connection, entry)

    def kept(
        self, object: str | None = None, since: datetime | None = None, before: int | None = None, limit: int = 100
    ) -> list[KeptEntry]:
        """Return entries in their places, the highest number first; of one object, from `since`, below `before`."""
        query = _chosen(select(*_KEPT), object, since).order_by(audit.c.number.desc())
        if before is not None:
            query = query.where(audit.c.number < before)
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query.limit(limit))]

    def head(self) -> ChainHead:
        """Return the latest entry's place; number 0 where there is none."""
        with self._database.read() as connection:
            return ChainHead(**connection.execute(_HEAD).mappings().one())

    def verify(self, head: ChainHead | None = None) -> ChainCheck:
        """Look at every entry, in pages; stop at the first that does not fit.

        Args:
            head: one that was written down before: the entry in that place must still be that one.
        """
        with self._database.read() as connection:
            own = connection.execute(_HEAD).mappings().one_or_none()
            if own is None:
                nothing = ChainHead(number=0, hash=FIRST)
                return ChainCheck(entries=0, head=nothing, broken_at=1, why="missing: the head was taken out")
            # It is read first: what others add meanwhile comes behind it.
            return _walked(connection, {one.number: one for one in (ChainHead(**own), head) if one and one.number})

    def list(self, object: str | None = None, since: datetime | None = None, limit: int = 1000) -> list[AuditEntry]:
        """Return entries, newest first; of one object, from `since`."""
        query = _chosen(select(*_ENTRY), object, since).order_by(audit.c.at.desc(), audit.c.number.desc())
        with self._database.read() as connection:
            return [AuditEntry(**row) for row in connection.execute(query.limit(limit)).mappings()]


def write_down(connection: Connection, entry: AuditEntry) -> KeptEntry:
    """Add an entry in the transaction of what it tells of, so that neither is kept without the other.

    It must come last there: all that write entries queue for the head's row until the transaction ends, so whoever held
    it and then waited for another row could wait for one that waits for the head.
    """
    head = connection.execute(_LOCKED).one()
    kept = linked(head.number + 1, head.hash, as_stored(entry))
    row = {"number": kept.number, "previous": kept.previous, "hash": kept.hash, **dict(kept.entry)}
    connection.execute(insert(connection, audit), row)
    connection.execute(_MOVED, {"new_number": kept.number, "new_hash": kept.hash})
    return kept


def _chosen(query: Select[Any], object: str | None, since: datetime | None) -> Select[Any]:
    if object is not None:
        query = query.where(audit.c.object == object)
    return query if since is None else query.where(audit.c.at >= since)


def _kept(row: Any) -> KeptEntry:
    entry = AuditEntry(at=row.at, actor=row.actor, action=row.action, object=row.object, detail=row.detail)
    return KeptEntry(number=row.number, previous=row.previous, hash=row.hash, entry=entry)


class _Place(NamedTuple):
    """As `ChainHead`, made a hundred thousand times."""

    number: int
    hash: str


def _walked(connection: Connection, heads: dict[int, ChainHead]) -> ChainCheck:
    last, why = _Place(0, FIRST), ""
    for kept in _entries(connection):
        why = _misfit(connection, last, kept)
        if kept is not None and not why:
            last = _Place(kept.number, kept.hash)
            if last.number in heads and heads[last.number].hash != last.hash:
                why = "rewritten: another entry stood here when the head was noted"
        if why:
            first = last.number + 1 if kept is None else min(kept.number, last.number + 1)
            return _check(last, first, why)
    if any(number > last.number for number in heads):
        return _check(last, last.number + 1, f"cut off at the end: there were {max(heads)} entries")
    return _check(last)


def _check(last: _Place, broken_at: int | None = None, why: str = "") -> ChainCheck:
    head = ChainHead(number=last.number, hash=last.hash)
    return ChainCheck(entries=last.number, head=head, broken_at=broken_at, why=why)


def _entries(connection: Connection) -> Iterator[Row[Any] | None]:
    """Give every entry by its number; None, and no more, where a row can no longer be read as one."""
    after = _BELOW_ALL
    while page := _page(connection, after, PAGE):
        for kept in page:
            yield kept
            if kept is None:
                return
            after = kept.number


def _page(connection: Connection, after: int, most: int) -> Sequence[Any]:
    # Rows, not nouns: making those takes longer than all the rest.
    try:
        return connection.execute(_BEHIND, {"after": after, "most": most}).all()
    except ValueError:  # a time or a JSON text that somebody wrote over; which row it is, single ones tell
        return [None] if most == 1 else _page(connection, after, 1)


def _misfit(connection: Connection, last: _Place, kept: Row[Any] | None) -> str:
    """Say what is wrong with the entry that follows `last`; empty if nothing is."""
    number = last.number + 1
    if kept is None:
        return "altered: it can no longer be read"
    if kept.number < number:
        return f"added: nothing has its place at number {kept.number}"
    if kept.number != number:
        return _moved(connection, last) or "missing: it was taken out"
    if kept.previous != last.hash:
        return _moved(connection, last) or "altered: it does not follow from the entry before"
    told = canonical(number, last.hash, kept.at, kept.actor, kept.action, kept.object, kept.detail)
    if kept.hash != hashlib.sha256(told).hexdigest():
        return "altered: its words do not give its hash"
    return ""


def _moved(connection: Connection, last: _Place) -> str:
    query = select(audit.c.number).where(audit.c.previous == last.hash, audit.c.number != last.number + 1).limit(1)
    found = connection.scalar(query)
    return "" if found is None else f"reordered: the entry that belongs here stands as number {found}"
