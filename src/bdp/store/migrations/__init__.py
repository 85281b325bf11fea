"""How the state database gets its tables, and keeps them when the code goes on.

A new revision is one file in `versions/` and one line here.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bdp.errors import Refuse
from bdp.store.database import Database

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
VERSION_TABLE = "state_version"
HERE = Path(__file__).parent
_LOCK = 0x6264705F  # PostgreSQL: advisory lock of those who migrate
_ALEMBIC = threading.Lock()  # its context is one per process


def upgrade(database: Database) -> None:
    """Bring the tables to the newest revision; does nothing if they are there. Many may start at once.

    Raises:
        Refuse: a newer version of BDP made this database.
        StoreUnavailable: the database did not answer.
    """
    with database.read() as connection:
        if _is_current(connection):
            return
    with _ALEMBIC, database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_current(connection):
            _run(connection)


def _is_current(connection: Connection) -> bool:
    found = _revision(connection)
    if found is not None and found not in REVISIONS:
        raise Refuse(
            f"The state database is at revision {found}, this version of BDP knows up to {REVISIONS[-1]}.",
            "Install the newer version of BDP that made it, or use another database.",
        )
    return found == REVISIONS[-1]


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    command.upgrade(config, "head")
