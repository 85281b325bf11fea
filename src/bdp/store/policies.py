"""What people change at run time, each version kept, each change in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from bdp.errors import NotPossible
from bdp.model.decision import AuditEntry
from bdp.model.policy import PolicyVersion
from bdp.store.audit import write_down
from bdp.store.database import Database, insert
from bdp.store.tables import policies


class SqlPolicies:
    """`bdp.ports.Policies` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, name: str) -> PolicyVersion | None:
        """Return the newest version; None if nothing was ever set."""
        with self._database.read() as connection:
            return newest(connection, name)

    def put(
        self, name: str, body: Mapping[str, Any], by: str, now: datetime, expected: int | None = None
    ) -> PolicyVersion:
        """Add a version, with its audit entry in the same transaction.

        Args:
            expected: the version that this one replaces, 0 for none yet; None replaces whatever there is.

        Raises:
            NotPossible: somebody else has changed it since `expected`.
        """
        with self._database.write() as connection:
            while True:
                before = newest(connection, name)
                replaced = before.version if before else 0
                if expected not in (None, replaced):
                    raise NotPossible(*_why_not(name, expected, before))
                added = PolicyVersion(name=name, version=replaced + 1, body=dict(body), by=by, at=now)
                row = insert(connection, policies).values(dict(added)).on_conflict_do_nothing()
                # Asked back, since not every driver counts the rows of an INSERT.
                if connection.execute(row.returning(policies.c.version)).first():
                    write_down(connection, _entry(added, before))
                    return added
                # PostgreSQL: another put was first; it is committed, so that the next look sees it.

    def history(self, name: str, limit: int = 100) -> list[PolicyVersion]:
        """Return versions, newest first."""
        with self._database.read() as connection:
            return [PolicyVersion(**row) for row in connection.execute(_versions(name).limit(limit)).mappings()]


def _versions(name: str) -> Select[Any]:
    return select(policies).where(policies.c.name == name).order_by(policies.c.version.desc())


def newest(connection: Connection, name: str) -> PolicyVersion | None:
    row = connection.execute(_versions(name).limit(1)).mappings().one_or_none()
    return None if row is None else PolicyVersion(**row)


def _entry(added: PolicyVersion, before: PolicyVersion | None) -> AuditEntry:
    detail = {"version": added.version, "body": added.body, "before": before.body if before else None}
    return AuditEntry(at=added.at, actor=added.by, action="policy.set", object=added.name, detail=detail)


def _why_not(name: str, expected: int | None, before: PolicyVersion | None) -> tuple[str, str]:
    if before is None:
        return f"Nobody has set the policy {name} yet, so version {expected} cannot be replaced.", "Expect version 0."
    told = f"{before.by} set version {before.version} of the policy {name} at {before.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{told}; you expected version {expected}.", "Look at it, then decide again."
