"""Whose records these are: all processes of one installation share its books, and a broker's stream may hold others'.

Each process puts the installation's id before its own in what it sends. So a topic that two installations use by
mistake is noticed instead of each storing a part of the other's records.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, select

from bdp.errors import StreamUnavailable
from bdp.stream.shared.book_tables import insert, installations

Foreign = Literal["stop", "skip", "take"]
_ONE = 1


def known(connection: Connection, new: str) -> str:
    """Return the installation's id; it becomes `new` if it has none, and stays unknown if that is empty."""
    if new:
        row = insert(connection, installations).values(one=_ONE, installation=new)
        connection.execute(row.on_conflict_do_nothing())
    return connection.execute(select(installations.c.installation)).scalar_one_or_none() or ""


def signed(installation: str, process: str) -> str:
    """Return the name under which a process of an installation sends."""
    return f"{installation}/{process}" if installation else process


def is_foreign(producer_id: str, installation: str) -> bool:
    """Say whether another installation sent this; what is not signed is ours."""
    theirs, slash, _ = producer_id.partition("/")
    return bool(slash and installation and theirs != installation)


def refusal(lane: str, producer_id: str) -> StreamUnavailable:
    """Return why a lane is not read any further."""
    theirs = producer_id.partition("/")[0]
    return StreamUnavailable(
        f"{lane} holds records of another installation ({theirs[:40]}).",
        "Give each a topic or stream of its own, or one state database; or see the setting stream.books.foreign.",
    )
