"""The log of runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bdp.model.execution import Execution
from bdp.store.database import Database, insert
from bdp.store.tables import executions


class SqlExecutions:
    """`bdp.ports.Executions` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, execution: Execution) -> None:
        """Keep one run; the same `execution_id` is kept once, as it was first given."""
        with self._database.write() as connection:
            connection.execute(insert(connection, executions).values(dict(execution)).on_conflict_do_nothing())

    def list(self, since: datetime | None = None, until: datetime | None = None, limit: int = 1000) -> list[Execution]:
        """Return runs by start, newest first; from `since`, before `until`."""
        started = executions.c.started_at
        query = select(executions).order_by(started.desc(), executions.c.execution_id.desc()).limit(limit)
        if since is not None:
            query = query.where(started >= since)
        if until is not None:
            query = query.where(started < until)
        with self._database.read() as connection:
            return [Execution(**row) for row in connection.execute(query).mappings()]
