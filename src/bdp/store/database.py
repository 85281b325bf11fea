"""The state database: SQLite on one machine, PostgreSQL on many, the same code above.

SQLite runs in WAL mode with synchronous=FULL (a commit is on disk when it returns) and begins every write with
BEGIN IMMEDIATE, so that writers queue instead of failing half way. PostgreSQL runs in READ COMMITTED; writers lock the
rows that they read with FOR UPDATE, which SQLite neither knows nor needs.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import Connection, DateTime, Engine, Table, Text, create_engine, event, exc, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeDecorator

from bdp import sql
from bdp.errors import BadSetting, MissingExtra, Refuse, StoreUnavailable

BUSY_SECONDS = 10
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_AWAY = (exc.OperationalError, exc.InterfaceError, exc.DisconnectionError, exc.TimeoutError)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Instant(TypeDecorator[datetime]):
    """An aware time, to the microsecond; comes back in UTC and sorts by time on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite keeps no zone: what went in was UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def storable(text: str) -> str:
    """Return `text` as `PlainText` keeps it."""
    return _UNSTORABLE.sub("\ufffd", text)


class PlainText(TypeDecorator[str]):
    """Text from anywhere. NUL and lone surrogates, which PostgreSQL refuses, become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(str(value))


class Document(TypeDecorator[Any]):
    """A JSON value kept as text: PostgreSQL's own JSON types refuse escaped NULs, which telemetry may hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        document = json.dumps(to_jsonable_python(value), ensure_ascii=False, separators=(",", ":"))
        return _UNSTORABLE.sub("\ufffd", document)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Database:
    """Transactions on one engine. They do not nest."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        begin = {"sqlite_begin": "BEGIN IMMEDIATE"}
        self._writing = engine.execution_options(sqlite_synchronous="FULL", **begin)
        self._hasty = engine.execution_options(sqlite_synchronous="NORMAL", **begin)
        self._turn = threading.RLock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading.

        Raises:
            StoreUnavailable: the database did not answer or is busy.
        """
        with _availability(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Give a connection in one transaction: committed at the end, rolled back on any error.

        Args:
            lasting: False does not wait for the disk: a crash of this process loses nothing, one of the machine may
                lose the last transactions, in order. For what is also right without it.

        Raises:
            StoreUnavailable: the database did not answer or is busy; nothing of it was kept, unless the answer to the
                commit itself was lost.
        """
        writing = self._writing if lasting else self._hasty
        with _availability(self.engine), self._in_turn(), writing.begin() as connection:
            if not lasting and connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Have the writers of this process queue: SQLite lets them sleep and look again, and one may starve."""
        if self.engine.dialect.name != "sqlite":
            yield
            return
        mine = self._turn.acquire(timeout=BUSY_SECONDS)  # after that, SQLite itself says that it is busy
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT, in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def add_up(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    summed: tuple[str, ...],
    replaced: tuple[str, ...] = (),
) -> None:
    """Insert rows; where a key is there already, add the columns `summed` to its row and overwrite those `replaced`."""
    if rows:
        connection.execute(_adding(connection.dialect.name, table, summed, replaced), list(rows))


@cache  # making such a statement takes far longer than running it
def _adding(
    dialect: str, table: Table, summed: tuple[str, ...], replaced: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    query = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    changes: dict[str, Any] = {name: table.c[name] + query.excluded[name] for name in summed}
    changes |= {name: query.excluded[name] for name in replaced}
    return query.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)


def open_database(url: str) -> Database:
    """Open `sqlite://` (in memory), `sqlite:///path` or `postgresql://…`; connects at first use.

    Raises:
        BadSetting: not such an address.
        MissingExtra: the PostgreSQL driver is not installed.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise BadSetting("The address of the state database cannot be read.", _ADDRESSES) from error
    backend = parsed.get_backend_name()
    if backend not in _ENGINES:
        raise BadSetting(f"BDP keeps no state in {backend}.", _ADDRESSES)
    return Database(_ENGINES[backend](parsed))


_ADDRESSES = "Use sqlite:///path/to/state.db or postgresql://user@host/database."


def _sqlite(url: URL) -> Engine:
    memory = url.database in (None, "", ":memory:")
    # A database in memory lives in its connection: one, lent to one thread at a time.
    size = {"pool_size": 1, "max_overflow": 0} if memory else {"pool_size": 5, "max_overflow": 20}
    arguments = {"check_same_thread": False, "timeout": BUSY_SECONDS}
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        poolclass=QueuePool,
        pool_timeout=BUSY_SECONDS,
        connect_args=arguments,
        **size,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    if find_spec("psycopg") is None:
        raise MissingExtra("The PostgreSQL driver is not installed.", "Install it: pip install 'bdp-agent[postgres]'.")
    arguments = {"connect_timeout": BUSY_SECONDS, "application_name": "bdp"}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args=arguments,
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


_ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")  # nothing waits for ever
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    wanted = options.get("sqlite_synchronous")
    if wanted and wanted != connection.info.get("synchronous", "FULL"):  # outside of a transaction only
        connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
        connection.info["synchronous"] = wanted
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


@contextmanager
def _availability(engine: Engine) -> Iterator[None]:
    where = _address(engine.url)
    try:
        yield
    except _AWAY as error:
        if _sqlite_code(error) == sqlite3.SQLITE_ERROR:  # a statement of ours is wrong: trying again mends nothing
            raise
        raise StoreUnavailable(
            sql.away("The state database", where, getattr(error, "orig", None) or error),
            "Check that it runs and is reachable, then try again.",
        ) from error
    except exc.DatabaseError as error:
        if _sqlite_code(error) not in _DAMAGED:
            raise
        raise Refuse(
            f"The file {where} is damaged, or no SQLite database.", "Restore a backup of it, or use another file."
        ) from error


def _address(url: URL) -> str:
    """Return where a database is, for people."""
    socket = url.query.get("host")  # libpq takes a folder there
    return sql.address(url.host or (socket if isinstance(socket, str) else None), url.port, url.database)


def _sqlite_code(error: Exception) -> int | None:
    """Return SQLite's primary result code; None for other errors."""
    code: int | None = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
