"""The tables of what models cost."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table

from bdp.store.database import Instant, PlainText
from bdp.store.metadata import METADATA

# Money is whole nano-dollars. One row, which those who reserve or settle queue for on PostgreSQL.
spending_gate = Table(
    "spending_gate",
    METADATA,
    Column("gate_id", Integer, primary_key=True, autoincrement=False),
    Column("stopped_at", Instant),
)

# Running totals of an hour, day, month or incident, so that no check sums over calls.
spending_periods = Table(
    "spending_periods",
    METADATA,
    Column("scope", PlainText, primary_key=True),
    Column("period", PlainText, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("refused_above", BigInteger),  # the limit that a request was last refused by
    Column("used_at", Instant, nullable=False),
)

# What was reserved within each second, by provider and agent.
spending_seconds = Table(
    "spending_seconds",
    METADATA,
    Column("name", PlainText, primary_key=True),
    Column("second", BigInteger, primary_key=True, autoincrement=False),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

spending_calls = Table(
    "spending_calls",
    METADATA,
    Column("call_id", PlainText, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("second", BigInteger, nullable=False),
    Column("agent", PlainText, nullable=False),
    Column("provider", PlainText, nullable=False),
    Column("model", PlainText, nullable=False),
    Column("incident_id", PlainText, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
    Column("settled_at", Instant),
    Index(None, "at"),
)
_open = spending_calls.c.settled_at.is_(None)
Index("spending_calls_open_ix", spending_calls.c.at, sqlite_where=_open, postgresql_where=_open)

spending_days = Table(
    "spending_days",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("agent", PlainText, primary_key=True),
    Column("provider", PlainText, primary_key=True),
    Column("model", PlainText, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("tokens_cached", BigInteger, nullable=False),
    Column("nano_usd", BigInteger, nullable=False),
)
