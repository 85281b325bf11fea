"""Findings about the fabric, and the messages that tell people of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _insights()
    _alerts()


def _insights() -> None:
    op.create_table(
        "insights",
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("prediction_type", sa.Text(), nullable=False),
        sa.Column("risk_score", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("recommendations", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("model_used", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("related_entity", sa.Text(), nullable=False),
        sa.Column("ttl", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("entity_id", name="insights_pk"),
    )
    for columns in (
        ["timestamp", "entity_id"],
        ["related_entity", "timestamp", "entity_id"],
        ["prediction_type", "timestamp", "entity_id"],
        ["alert", "message_key", "detected_at"],
        ["detected_at"],
    ):
        op.create_index(f"insights_{'_'.join(columns)}_ix", "insights", columns)
    spoken_of = sa.text("message_key IS NOT NULL")
    op.create_index(
        "insights_message_ix", "insights", ["message_key"], sqlite_where=spoken_of, postgresql_where=spoken_of
    )
    critical = sa.text("risk_score >= 80")
    op.create_index(
        "insights_critical_ix", "insights", ["timestamp", "entity_id"], sqlite_where=critical, postgresql_where=critical
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="alerts_pk"),
    )
    for columns in (["status", "next_attempt"], ["form", "written_at"], ["written_at"], ["told_at"]):
        op.create_index(f"alerts_{'_'.join(columns)}_ix", "alerts", columns)
