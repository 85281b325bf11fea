"""The second place for batches: a table in SQLite or PostgreSQL, used while the primary is away."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    delete,
    exc,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import Table as SqlTable

from bdp.errors import BadRecord, BdpError, DiskFull, StreamUnavailable
from bdp.model.batch import Batch, Waiting
from bdp.stream.backlog.table_settings import TableSettings
from bdp.stream.database import availability, open_engine, shrink
from bdp.stream.group import Group
from bdp.stream.pack import pack, unpack

_MOST_PLACES = 500
"""Rows that one statement names; also the most that `oldest` returns."""
_LOCK = 0x62647062
"""Our number among PostgreSQL's advisory locks: writers go one after another, as they do in SQLite."""

_METADATA = MetaData()
# SQLite counts up by itself, and never the same number twice, only in a column of this type with AUTOINCREMENT.
_SERIAL = BigInteger().with_variant(Integer, "sqlite")
_batches = SqlTable(
    "backlog",
    _METADATA,
    Column("place", _SERIAL, primary_key=True),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
_gone = SqlTable(
    "backlog_gone",
    _METADATA,
    Column("serial", _SERIAL, primary_key=True),
    Column("key", LargeBinary, nullable=False, unique=True),
    sqlite_autoincrement=True,
)
_sources = SqlTable(
    "backlog_sources",
    _METADATA,
    Column("source", Text, primary_key=True),
    Column("batches", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
_log = structlog.get_logger()


@dataclass(frozen=True)
class _Take:
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class _Remove:
    places: list[int]


@dataclass
class _Plan:
    """What one transaction inserts, decided in the order of the requests."""

    known: set[bytes]
    room: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, rows: list[dict[str, Any]]) -> list[bool] | StreamUnavailable:
        """Plan a request's rows, all or none; return which of them are new."""
        new: dict[bytes, dict[str, Any]] = {}
        for row in rows:
            if row["key"] not in self.known:
                new.setdefault(row["key"], row)
        answers = [new.get(row["key"]) is row for row in rows]
        need = sum(len(row["packed"]) for row in new.values())
        if need > self.room:
            return DiskFull(
                "The backlog table is full.", "Mend the primary sink, or raise max_mib of the backlog table."
            )
        self.room -= need
        self.known.update(new)
        self.rows.extend(new.values())
        return answers


class Table:
    """`bdp.ports.Backlog` in a relational database. Use from any thread; many processes may share one PostgreSQL.

    It connects at first use, makes its tables by itself, and is there again as soon as its database is.

    A batch that cannot be read back (a damaged row) stays in the table and in `waiting`, is reported once, and is
    passed over until the next start.

    Memory: what `GroupSettings` lets wait, and one answer of `oldest`.

    Args:
        folder: where `backlog.db` is made if the settings name no database.

    Raises:
        BadSetting: the address is none of a database that we know.
        MissingExtra: its driver is not installed.

    Attributes:
        unreadable: places of batches that could not be read back, at most 500.
    """

    name = "table"

    def __init__(self, settings: TableSettings, folder: Path) -> None:
        url = settings.url.get_secret_value() or f"sqlite:///{folder / 'backlog.db'}"
        self.unreadable: set[int] = set()
        self._settings = settings
        self._engine = open_engine(url, settings.connect_seconds, settings.statement_seconds)
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._ready = False
        self._group: Group[_Take | _Remove, list[bool]] = Group("the backlog table", self._write, settings.group)
        # A thread of its own, so that a server which hangs holds up no caller for longer than the settings allow.
        self._reading: Group[Callable[[], Any], Any] = Group("the backlog table", _run_all, settings.group)

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """See `bdp.ports.Sink.append`."""
        rows = [_row(batch) for batch in batches]
        return self._group.submit(_Take(rows), sum(len(row["packed"]) for row in rows))

    def oldest(self, max_records: int, max_bytes: int) -> list[Waiting]:
        """See `bdp.ports.Backlog.oldest`; at most 500 batches."""
        found: list[Waiting] = []
        while not found and (rows := self._reading.submit(lambda: self._next(max_records, max_bytes))):
            found = [waiting for row in rows if (waiting := self._waiting(*row))]
        return found

    def remove(self, places: Sequence[str]) -> None:
        """See `bdp.ports.Backlog.remove`."""
        known = [int(place) for place in places if place.isascii() and place.isdigit() and len(place) < 19]
        if known:
            self._group.submit(_Remove(known))

    def waiting(self) -> dict[str, int]:
        """See `bdp.ports.Backlog.waiting`; a source of batches that count no records is there with 0.

        Raises:
            StreamUnavailable: it cannot be read now.
        """
        counts: dict[str, int] = self._reading.submit(self._counts)
        return counts

    def close(self) -> None:
        """See `bdp.ports.Sink.close`."""
        self._group.close()
        self._reading.close()
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if not self._ready:
            with self._transaction():
                pass
        with self._guarded(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._guarded():
            with self._writing.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
                if not self._ready:
                    _METADATA.create_all(connection)
                yield connection
            self._ready = True

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """After any error the tables are looked for again: the database may have come back empty."""
        try:
            with availability(self._engine):
                yield
        except StreamUnavailable:
            self._ready = False
            raise

    def _write(self, items: list[_Take | _Remove]) -> list[list[bool] | BdpError]:
        takes = [item for item in items if isinstance(item, _Take)]
        places = [place for item in items if isinstance(item, _Remove) for place in item.places]
        with self._transaction() as connection:
            plan = _Plan(_known(connection, takes), self._room(connection) if takes else 0)
            results: list[list[bool] | BdpError] = [
                plan.take(item.rows) if isinstance(item, _Take) else [] for item in items
            ]
            _add(connection, plan.rows)
            if places:
                _remove(connection, places, self._settings.remembered_ids)
        return results

    def _room(self, connection: Connection) -> int:
        used = connection.execute(select(func.coalesce(func.sum(_sources.c.bytes), 0))).scalar_one()
        return (self._settings.max_mib << 20) - int(used)

    def _next(self, max_records: int, max_bytes: int) -> Sequence[Any]:
        """Return place and packed batch of the oldest rows; their sizes are looked at first."""
        columns = _batches.c
        sizes = select(columns.place, columns.records, columns.size).order_by(columns.place).limit(_MOST_PLACES)
        if self.unreadable:
            sizes = sizes.where(columns.place.not_in(list(self.unreadable)))
        with self._read() as connection:
            places = _within(connection.execute(sizes).all(), max_records, max_bytes)
            if places:
                rows = select(columns.place, columns.packed).where(columns.place.in_(places)).order_by(columns.place)
                return connection.execute(rows).all()
        self._shrink()
        return []

    def _counts(self) -> dict[str, int]:
        columns = _sources.c
        with self._read() as connection:
            rows = connection.execute(select(columns.source, columns.records).where(columns.batches > 0)).all()
        return {str(row.source): int(row.records) for row in rows}

    def _waiting(self, place: int, packed: bytes) -> Waiting | None:
        try:
            return Waiting(place=str(place), batch=unpack(packed))
        except BadRecord as error:
            if len(self.unreadable) >= _MOST_PLACES:
                raise StreamUnavailable(
                    "The backlog table holds too many damaged rows.", "Restore a backup."
                ) from error
            _log.error("backlog_row_damaged", place=place, reason=str(error))
            self.unreadable.add(place)
            return None

    def _shrink(self) -> None:
        """Give the room of removed rows back to the file system, a bit whenever nothing is found to wait."""
        try:
            with self._engine.connect() as connection:
                shrink(connection)
        except (exc.SQLAlchemyError, sqlite3.Error) as error:  # the rows are gone all the same; their room is reused
            _log.warning("backlog_not_shrunk", reason=str(error))


def _row(batch: Batch) -> dict[str, Any]:
    packed = pack(batch)
    return {
        "key": hashlib.blake2b(batch.batch_id.encode(), digest_size=16).digest(),
        "source": batch.source.replace("\x00", "\ufffd"),  # PostgreSQL's text holds no NUL; the packed one is whole
        "records": batch.count + len(batch.refused),
        "accepted": batch.accepted,
        "size": len(batch.payload) + sum(len(letter.payload) for letter in batch.refused),
        "packed": packed,
    }


def _run_all(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    results: list[Any] = []
    for task in tasks:
        try:
            results.append(task())
        except BdpError as error:
            results.append(error)
    return results


def _within(rows: Sequence[Any], max_records: int, max_bytes: int) -> list[int]:
    """Return the places of the first rows within the limits, one at least."""
    places: list[int] = []
    records = size = 0
    for row in rows:
        records, size = records + row.records, size + row.size
        if places and (records > max_records or size > max_bytes):
            break
        places.append(row.place)
    return places


def _known(connection: Connection, takes: Sequence[_Take]) -> set[bytes]:
    keys = sorted({row["key"] for item in takes for row in item.rows})
    found: set[bytes] = set()
    for part in _parts(keys):
        for table in (_batches, _gone):
            found.update(connection.execute(select(table.c.key).where(table.c.key.in_(part))).scalars())
    return found


def _add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    connection.execute(insert(_batches), rows)
    _count(connection, [(row["source"], row["accepted"], len(row["packed"])) for row in rows], 1)


def _remove(connection: Connection, places: Sequence[int], remembered: int) -> None:
    columns = _batches.c
    returned = (columns.key, columns.source, columns.accepted, func.length(columns.packed))
    for part in _parts(places):
        statement = delete(_batches).where(columns.place.in_(part)).returning(*returned)
        rows = connection.execute(statement).all()
        if rows:
            connection.execute(insert(_gone), [{"key": row[0]} for row in rows])
            _count(connection, [tuple(row[1:]) for row in rows], -1)
    newest = select(func.max(_gone.c.serial)).scalar_subquery()
    connection.execute(delete(_gone).where(_gone.c.serial <= newest - remembered))


def _count(connection: Connection, rows: Sequence[Sequence[Any]], sign: int) -> None:
    """Move the sources' counts by rows of source, accepted records, bytes."""
    batches, records, size = Counter[str](), Counter[str](), Counter[str]()
    for source, accepted, length in rows:
        batches[source] += sign
        records[source] += sign * accepted
        size[source] += sign * length
    for source in batches:
        moved = {"batches": batches[source], "records": records[source], "bytes": size[source]}
        changes = {name: _sources.c[name] + value for name, value in moved.items()}
        if not connection.execute(update(_sources).where(_sources.c.source == source).values(changes)).rowcount:
            connection.execute(insert(_sources).values(source=source, **moved))


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _MOST_PLACES):
        yield items[start : start + _MOST_PLACES]
