"""Which effects took place: a key is claimed once, on any number of machines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from bdp.errors import NotFound
from bdp.store.database import Database, insert
from bdp.store.tables import effects


class SqlEffects:
    """`bdp.ports.Effects` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: str, now: datetime) -> bool:
        """Return True for the first caller with this key; False for every later one."""
        with self._database.write() as connection:
            claim = insert(connection, effects).values(key=key, claimed_at=now).on_conflict_do_nothing()
            return connection.execute(claim.returning(effects.c.key)).first() is not None

    def finish(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep the result of a claimed effect; a later result replaces an earlier one.

        Raises:
            NotFound: nobody claimed it.
        """
        with self._database.write() as connection:
            done = update(effects).where(effects.c.key == key).values(result=dict(result))
            if connection.execute(done).rowcount == 0:
                raise NotFound(f"No effect was claimed as {key}.")

    def result(self, key: str) -> dict[str, Any] | None:
        """Return the kept result; None if the effect was not finished."""
        with self._database.read() as connection:
            found: dict[str, Any] | None = connection.scalar(select(effects.c.result).where(effects.c.key == key))
            return found
