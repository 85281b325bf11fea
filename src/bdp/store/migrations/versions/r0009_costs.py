"""Incidents of costs: whose they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("incidents", sa.Column("account", sa.Text(), nullable=False, server_default=sa.text("''")))
