"""Who works on the workflows: each worker's own count, raised while it lives."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from bdp.store.database import Database, insert
from bdp.store.tables import workers


class SqlWorkers:
    """`bdp.ports.Workers` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, worker_id: str, version: str, now: datetime) -> None:
        """Raise this worker's count by one. It need not outlive a crash of the machine, so no disk is waited for."""
        with self._database.write(lasting=False) as connection:
            first = insert(connection, workers).values(worker_id=worker_id, count=1, version=version, at=now)
            again = {"count": workers.c.count + 1, "version": version, "at": now}
            connection.execute(first.on_conflict_do_update(index_elements=[workers.c.worker_id], set_=again))

    def counts(self) -> dict[str, int]:
        """Return the count of each worker that has not left."""
        with self._database.read() as connection:
            rows = connection.execute(select(workers.c.worker_id, workers.c.count))
            return {row["worker_id"]: row["count"] for row in rows.mappings()}

    def leave(self, worker_id: str) -> None:
        """Forget a worker."""
        with self._database.write(lasting=False) as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))
