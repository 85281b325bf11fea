"""Run by Alembic on the connection that `upgrade` gave it, inside its transaction."""

from __future__ import annotations

from alembic import context

from bdp.store.metadata import METADATA
from bdp.store.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
