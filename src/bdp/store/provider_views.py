"""What those who bill forecast and find themselves: the newest view of each, one row a provider."""

from __future__ import annotations

from sqlalchemy import Column, Table, select

from bdp.model.cost_result import ProviderView
from bdp.store.database import Database, Document, Instant, PlainText, insert
from bdp.store.metadata import METADATA

provider_views = Table(
    "provider_views",
    METADATA,
    Column("name", PlainText, primary_key=True),
    Column("asked_at", Instant, nullable=False),
    Column("view", Document, nullable=False),
)


class SqlProviderViews:
    """`bdp.ports.ProviderViews` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, view: ProviderView) -> None:
        """Keep a view in place of the older one of its name; one that is older than what is kept is let go."""
        row = {"name": view.name, "asked_at": view.asked_at, "view": view}
        with self._database.write() as connection:
            query = insert(connection, provider_views).values(row)
            fresh = {name: query.excluded[name] for name in ("asked_at", "view")}
            older = provider_views.c.asked_at <= query.excluded.asked_at
            connection.execute(query.on_conflict_do_update(index_elements=["name"], set_=fresh, where=older))

    def all(self) -> tuple[ProviderView, ...]:
        """Return the newest view of each name, by name."""
        with self._database.read() as connection:
            found = connection.execute(select(provider_views.c.view)).scalars().all()
        return tuple(sorted(map(ProviderView.model_validate, found), key=lambda view: view.name))
