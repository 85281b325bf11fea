"""Who decided what, when: entries are added and read. The database itself refuses to change or remove them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from bdp.model.decision import AuditEntry
from bdp.store.database import Database, insert
from bdp.store.tables import audit


class SqlAudit:
    """`bdp.ports.Audit` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entry: AuditEntry) -> None:
        """Keep one entry, for ever."""
        with self._database.write() as connection:
            write_down(connection, entry)

    def list(self, object: str | None = None, since: datetime | None = None, limit: int = 1000) -> list[AuditEntry]:
        """Return entries, newest first; of one object, from `since`."""
        columns = (audit.c.at, audit.c.actor, audit.c.action, audit.c.object, audit.c.detail)
        query = select(*columns).order_by(audit.c.at.desc(), audit.c.entry_id.desc()).limit(limit)
        if object is not None:
            query = query.where(audit.c.object == object)
        if since is not None:
            query = query.where(audit.c.at >= since)
        with self._database.read() as connection:
            return [AuditEntry(**row) for row in connection.execute(query).mappings()]


def write_down(connection: Connection, entry: AuditEntry) -> None:
    """Add an entry in the transaction of what it tells of, so that neither is kept without the other."""
    connection.execute(insert(connection, audit).values(dict(entry)))
