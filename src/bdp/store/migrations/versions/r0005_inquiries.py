"""Questions to models about samples, answers that may serve again, and the other opinion beside an insight."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("insights", sa.Column("beside", sa.Text(), nullable=True))
    _inquiries()
    op.create_table(
        "remembered_answers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="remembered_answers_pk"),
    )
    op.create_index("remembered_answers_until_ix", "remembered_answers", ["until"])


def _inquiries() -> None:
    op.create_table(
        "inquiries",
        sa.Column("inquiry_id", sa.Text(), nullable=False),
        sa.Column("inquiry", sa.Text(), nullable=True),
        sa.Column("risk", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inquiry_id", name="inquiries_pk"),
    )
    waits = sa.text("closed_at IS NULL")
    for name, columns in (("waiting", ["risk", "asked_at"]), ("overdue", ["deadline"])):
        op.create_index(f"inquiries_{name}_ix", "inquiries", columns, sqlite_where=waits, postgresql_where=waits)
    op.create_index("inquiries_closed_at_ix", "inquiries", ["closed_at"])
