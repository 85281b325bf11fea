"""One-time links that were used; a link is used in the transaction of the vote that it gives."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bdp.errors import NotPossible
from bdp.store.database import insert
from bdp.store.tables import links


def use_up(connection: Connection, nonce: str, approval_id: str, person: str, at: datetime) -> None:
    """Note that a link was used.

    Raises:
        NotPossible: it was used before.
    """
    row = {"nonce": nonce, "approval_id": approval_id, "person": person, "used_at": at}
    query = insert(connection, links).values(row).on_conflict_do_nothing().returning(links.c.nonce)
    if connection.execute(query).first() is None:
        raise NotPossible("This link was used before.", "See what became of it: bdp approvals --status approved.")
