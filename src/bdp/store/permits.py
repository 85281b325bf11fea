"""Leave to act: given one at a time on all machines, so that the limits of the policy hold whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, text

from bdp.model.action import Pause, Permit
from bdp.model.decision import AuditEntry
from bdp.store.audit import write_down
from bdp.store.database import Database, insert
from bdp.store.policies import newest
from bdp.store.tables import permits

PAUSE = "pause"
"""Name of the policy that is the kill switch; see `Pause.of`."""
_DESK = 0x62647070  # PostgreSQL: advisory lock of the one desk that gives leave

Admits = Callable[[Sequence[Permit], Pause | None], bool]


class SqlPermits:
    """`bdp.ports.Permits` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, permit: Permit, since: datetime, admits: Admits) -> bool:
        """Give leave if `admits` says so, and return whether it is there.

        The kill switch is read in the transaction that gives leave: after a pause was kept nothing more gets any.
        """
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":  # on SQLite a write transaction is alone anyhow
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DESK})
            if _chosen(connection, permits.c.key == permit.key):
                return True
            if not admits(_chosen(connection, permits.c.at >= since), _pause(connection)):
                return False
            connection.execute(insert(connection, permits).values(permit._asdict()))
            write_down(connection, _entry(permit))
            return True

    def get(self, key: str) -> Permit | None:
        """Return one by its key; None if there is none."""
        with self._database.read() as connection:
            return next(iter(_chosen(connection, permits.c.key == key)), None)

    def since(self, at: datetime) -> list[Permit]:
        """Return those from an instant on, oldest first."""
        with self._database.read() as connection:
            return _chosen(connection, permits.c.at >= at)

    def of(self, incident_id: str) -> list[Permit]:
        """Return those of one incident, oldest first."""
        with self._database.read() as connection:
            return _chosen(connection, permits.c.incident_id == incident_id)


def _entry(permit: Permit) -> AuditEntry:
    told = {name: getattr(permit, name) for name in ("key", "type", "resource", "service", "environment", "rule")}
    return AuditEntry(at=permit.at, actor="bdp", action="action.permitted", object=permit.incident_id, detail=told)


def _chosen(connection: Connection, condition: ColumnElement[bool]) -> list[Permit]:
    query = select(*(permits.c[name] for name in Permit._fields)).where(condition)
    rows = connection.execute(query.order_by(permits.c.at, permits.c.key))
    return [Permit(**row) for row in rows.mappings()]


def _pause(connection: Connection) -> Pause | None:
    found = newest(connection, PAUSE)
    return Pause.of(found) if found else None
