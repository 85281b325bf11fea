"""Opens the database behind the backlog table: a SQLite file or PostgreSQL, each so that a commit is on disk.

Every wait is bounded: for a connection, for a lock, for a statement, and for a server that went away without a word.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from bdp import sql
from bdp.errors import BadSetting, DiskFull, MissingExtra, StreamUnavailable

_ADDRESSES = "Use sqlite:///path/to/backlog.db or postgresql://user@host/database."
_NAMES = {"backlog": "The backlog's database", "stream": "The state database"}
_FREE_PAGES = 256
_VACUUM_PAGES = 20_000
"""80 MB: half a second in which nobody else can write."""


def open_engine(url: str, connect_seconds: int, statement_seconds: int, what: str = "backlog") -> Engine:
    """Return an engine for `sqlite:///path` or `postgresql://…`; it connects at first use.

    Raises:
        BadSetting: not such an address.
        MissingExtra: the PostgreSQL driver is not installed.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise BadSetting(f"The address of the {what}'s database cannot be read.", _ADDRESSES) from error
    backend = parsed.get_backend_name()
    if backend not in _ENGINES:
        raise BadSetting(f"BDP keeps no {what} in {backend}.", _ADDRESSES)
    return _ENGINES[backend](parsed, connect_seconds, statement_seconds)


@contextmanager
def availability(engine: Engine, what: str = "backlog") -> Iterator[None]:
    """Turn every error of the database into one that says: try again later.

    Raises:
        StreamUnavailable: the database did not answer, is full, busy, damaged or refuses us.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
        unavailable = DiskFull if code == sqlite3.SQLITE_FULL else StreamUnavailable
        raise unavailable(
            sql.away(_NAMES.get(what, what), _address(engine.url), getattr(error, "orig", None) or error),
            "Check that it runs, is reachable and has room; it is tried again.",
        ) from error


def _address(url: URL) -> str:
    socket = url.query.get("host")  # libpq takes a folder there
    return sql.address(url.host or (socket if isinstance(socket, str) else None), url.port, url.database)


def file_of(url: str) -> Path | None:
    """Return the file behind an address that `open_engine` takes; None if it is no SQLite file."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def shrink(connection: Connection) -> None:
    """Give some of a SQLite file's free pages back to the file system; nothing on PostgreSQL, which does so by itself.

    Raises:
        sqlite3.Error: it is as large as before.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and driver.execute("PRAGMA freelist_count").fetchone()[0] > _FREE_PAGES:
        # Outside a transaction; and as a script, for it frees one page a step, and `execute` takes a single step.
        driver.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES}); PRAGMA wal_checkpoint(TRUNCATE);")


def _sqlite(url: URL, connect_seconds: int, statement_seconds: int) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise BadSetting("A backlog in memory would be lost with the process.", _ADDRESSES)
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_timeout=connect_seconds,
        connect_args={"check_same_thread": False, "timeout": statement_seconds},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, connect_seconds: int, statement_seconds: int) -> Engine:
    if find_spec("psycopg") is None:
        raise MissingExtra("The PostgreSQL driver is not installed.", "Install it: pip install 'psycopg[binary]'.")
    arguments = {
        "connect_timeout": connect_seconds,
        "application_name": "bdp",
        # Milliseconds that sent data may stay unanswered: a cable that was pulled ends the wait.
        "tcp_user_timeout": statement_seconds * 1000,
    }
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=connect_seconds,
        connect_args=arguments,
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "connect", _prepare_postgresql(statement_seconds))
    return engine


_ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _begin_sqlite
    for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def _prepare_postgresql(statement_seconds: int) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"SET {name} = '{statement_seconds}s'")
        # A server may be set up to answer before its log is on disk.
        connection.execute("SET synchronous_commit = on")
        connection.commit()

    return prepare
