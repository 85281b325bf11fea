"""The tables behind `shared/books.py`, in the state's database: SQLite or PostgreSQL.

Counts are kept by lane, so that workers on different lanes never wait for each other's rows; a reader adds them up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()
_LOCK = 0x62647063  # our number among PostgreSQL's advisory locks: who makes the tables
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself in no other type


class Plain(TypeDecorator[str]):
    """Text from anywhere: what PostgreSQL refuses becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


class Instant(TypeDecorator[datetime]):
    """An aware time as microseconds since 1970, exact and sorted on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


installations = Table(
    "stream_installation",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("installation", Plain, nullable=False),
)

# Who reads a lane has its `epoch`; an older reader's writes find none and do nothing.
lanes = Table(
    "stream_lanes",
    METADATA,
    Column("lane", Plain, primary_key=True),
    _count("epoch"),
    _count("committed"),
    _count("plan"),
)

# What a lane's offsets are called where its messages lie, for a broker that does not count them; no row for Kafka's.
# Its own table, so that one made by an earlier version needs no change.
marks = Table(
    "stream_marks",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("committed", Plain, nullable=False, server_default=""),
    Column("plan", Plain, nullable=False, server_default=""),
    Column("ended_at", Instant),
)

# Who took each lane last, for people: what counts is the lane's epoch. `seen_at` goes on while that process lives.
readers = Table(
    "stream_readers",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("reader", Plain, nullable=False),
    Column("since", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

# Who is there to share a stream's lanes. Each raises its `beat` while it lives; others watch whether it changes, so
# that nobody's clock is compared with another's.
members = Table(
    "stream_members",
    METADATA,
    Column("stream", Plain, primary_key=True),
    Column("member", Plain, primary_key=True),
    _count("beat"),
)

leases = Table(
    "stream_leases",
    METADATA,
    Column("stream", Plain, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("member", Plain, nullable=False),
)

taken = Table(
    "stream_taken",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("place", BigInteger, nullable=False),
    Index("stream_taken_place", "lane", "place"),
)

detector = Table(
    "stream_detector",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("key", Plain, primary_key=True),
    Column("row", LargeBinary, nullable=False),
)

ledger = Table(
    "stream_ledger",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("source", Plain, primary_key=True),
    _count("accepted"),
    _count("stored"),
    _count("dead_lettered"),
    _count("dropped"),
)

drops = Table(
    "stream_drops",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("source", Plain, primary_key=True),
    Column("reason", Plain, primary_key=True),
    Column("priority", Plain, primary_key=True),
    _count("records"),
)

# What producers say that the broker has acknowledged; absolute, since a producer began.
producers = Table(
    "stream_producers",
    METADATA,
    Column("producer_id", Plain, primary_key=True),
    Column("source", Plain, primary_key=True),
    _count("acknowledged"),
    Column("closed", Boolean, nullable=False, default=False),
    Column("seen_at", Instant, nullable=False),
)

# What has come out of the lanes of each producer's records; `repeated` is the part that had come before.
consumed = Table(
    "stream_consumed",
    METADATA,
    Column("lane", Plain, primary_key=True),
    Column("producer_id", Plain, primary_key=True),
    Column("source", Plain, primary_key=True),
    _count("records"),
    _count("repeated"),
)

# Producers behind whose broker batches wait that may be in a lane already: meanwhile no id is forgotten.
pins = Table(
    "stream_pins",
    METADATA,
    Column("producer_id", Plain, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

letters = Table(
    "stream_letters",
    METADATA,
    Column("id", _SERIAL, primary_key=True),
    Column("source", Plain, nullable=False),
    Column("kind", Plain, nullable=False),
    Column("cause", Plain, nullable=False),
    Column("reason", Plain, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("packed", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("cut", Boolean, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant),
    Column("last_reason", Plain, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("status", Plain, nullable=False),
    Column("next_attempt", Instant),
    Index("stream_letters_due", "next_attempt"),
    sqlite_autoincrement=True,
)


def make_tables(connection: Connection) -> None:
    """Make the tables that are missing; many may start at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    METADATA.create_all(connection)


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT, in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def add(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add numbers to rows, each made if it is not there: columns outside the primary key are added up.

    Rows go in the order of their keys, so that two who add to the same rows never wait for each other in a circle.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = insert(connection, table)
    sums = {name: table.c[name] + statement.excluded[name] for name in rows[0] if name not in keys}
    rows = sorted(rows, key=lambda row: [row[name] for name in keys])
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), rows)
