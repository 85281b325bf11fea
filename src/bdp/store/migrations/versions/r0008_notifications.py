"""Messages about incidents: what was decided about each, who took an incident on, reminders, threads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _alerts()
    op.create_table(
        "acknowledgements",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="acknowledgements_pk"),
    )
    _reminders()
    op.create_table(
        "threads",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "channel", name="threads_pk"),
    )
    op.create_index("threads_at_ix", "threads", ["at"])


def _alerts() -> None:
    for name in ("about", "incident_id", "severity"):
        op.add_column("alerts", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    for name in ("had", "reason", "told_in"):
        op.add_column("alerts", sa.Column(name, sa.Text(), nullable=True))
    has_duplicates, among_others = sa.text("about != ''"), sa.text("told_in IS NOT NULL")
    op.create_index(
        "alerts_about_ix", "alerts", ["about"], sqlite_where=has_duplicates, postgresql_where=has_duplicates
    )
    op.create_index(
        "alerts_told_in_ix", "alerts", ["told_in"], sqlite_where=among_others, postgresql_where=among_others
    )


def _reminders() -> None:
    op.create_table(
        "reminders",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="reminders_pk"),
    )
    unanswered = sa.text("closed_at IS NULL")
    for name, columns in (("due", ["due_at"]), ("of", ["incident_id"])):
        op.create_index(
            f"reminders_{name}_ix", "reminders", columns, sqlite_where=unanswered, postgresql_where=unanswered
        )
