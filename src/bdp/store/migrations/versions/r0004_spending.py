"""What asking models costs: totals by period, rates by second, calls, sums by day, and whether all is stopped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _gate()
    _totals()
    _calls()


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _big(name: str, autoincrement: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=autoincrement)


def _gate() -> None:
    gate = op.create_table(
        "spending_gate",
        sa.Column("gate_id", sa.Integer(), nullable=False, autoincrement=False),
        _time("stopped_at", nullable=True),
        sa.PrimaryKeyConstraint("gate_id", name="spending_gate_pk"),
    )
    op.bulk_insert(gate, [{"gate_id": 1, "stopped_at": None}])


def _totals() -> None:
    op.create_table(
        "spending_periods",
        _text("scope"),
        _text("period"),
        _big("spent"),
        _big("reserved"),
        _big("granted"),
        sa.Column("refused_above", sa.BigInteger(), nullable=True),
        _time("used_at"),
        sa.PrimaryKeyConstraint("scope", "period", name="spending_periods_pk"),
    )
    op.create_table(
        "spending_seconds",
        _text("name"),
        _big("second", autoincrement=False),
        _big("requests"),
        _big("tokens"),
        sa.PrimaryKeyConstraint("name", "second", name="spending_seconds_pk"),
    )
    op.create_table(
        "spending_days",
        sa.Column("day", sa.Date(), nullable=False),
        _text("agent"),
        _text("provider"),
        _text("model"),
        _big("calls"),
        _big("failed"),
        _big("tokens_in"),
        _big("tokens_out"),
        _big("tokens_cached"),
        _big("nano_usd"),
        sa.PrimaryKeyConstraint("day", "agent", "provider", "model", name="spending_days_pk"),
    )


def _calls() -> None:
    op.create_table(
        "spending_calls",
        _text("call_id"),
        _time("at"),
        _big("second"),
        _text("agent"),
        _text("provider"),
        _text("model"),
        _text("incident_id"),
        _big("tokens"),
        _big("nano_usd"),
        _time("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("call_id", name="spending_calls_pk"),
    )
    op.create_index("spending_calls_at_ix", "spending_calls", ["at"])
    still_open = sa.text("settled_at IS NULL")
    op.create_index(
        "spending_calls_open_ix", "spending_calls", ["at"], sqlite_where=still_open, postgresql_where=still_open
    )
