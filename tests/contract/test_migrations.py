"""The migrations make exactly the tables that the code works with, on each database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from bdp.store.database import open_database
from bdp.store.metadata import METADATA
from bdp.store.migrations import HERE, REVISIONS, VERSION_TABLE, upgrade
from bdp.store.state import State, open_state


def test_upgrade_from_empty_equals_the_tables(state: State) -> None:
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with state.database.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == REVISIONS[-1]


def test_every_revision_is_listed_in_order() -> None:
    script = ScriptDirectory(str(HERE))
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(REVISIONS))


def test_upgrading_again_changes_nothing(state: State) -> None:
    with state.database.write() as connection:
        connection.execute(text("INSERT INTO effects (key, claimed_at) VALUES ('k', '2026-03-01 00:00:00.000000')"))
    upgrade(state.database)
    with state.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM effects")).scalar() == 1
        assert connection.execute(text(f"SELECT count(*) FROM {VERSION_TABLE}")).scalar() == 1


def test_upgrade_that_fails_half_way_leaves_nothing_behind(lasting_url: str) -> None:
    database = open_database(lasting_url)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE timeline (mine INTEGER)"))
    with pytest.raises(DBAPIError, match="timeline"):
        open_state(lasting_url)
    with database.write() as connection:
        assert inspect(connection).get_table_names() == ["timeline"]
        connection.execute(text("DROP TABLE timeline"))
    upgrade(database)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, VERSION_TABLE}
    database.close()


def test_many_start_at_once_on_an_empty_database(lasting_url: str) -> None:
    databases = [open_database(lasting_url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(upgrade, databases))
    with databases[0].read() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all() == [REVISIONS[-1]]
    for database in databases:
        database.close()
