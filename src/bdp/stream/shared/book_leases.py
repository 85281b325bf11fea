"""Who is there to share a stream's lanes and who has which, in the books: statements inside their transactions."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from bdp.stream.shared.book_tables import insert, leases, members


def beat(connection: Connection, stream: str, member: str) -> None:
    """Say that a member lives."""
    statement = insert(connection, members).values(stream=stream, member=member, beat=1)
    raised = {"beat": members.c.beat + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["stream", "member"], set_=raised))


def beats(connection: Connection, stream: str) -> dict[str, int]:
    """Return what each member's beat has come to."""
    rows = connection.execute(select(members.c.member, members.c.beat).where(members.c.stream == stream))
    return {row.member: row.beat for row in rows}


def holders(connection: Connection, stream: str) -> dict[int, str]:
    """Return who has each lane that somebody has."""
    rows = connection.execute(select(leases.c.number, leases.c.member).where(leases.c.stream == stream))
    return {row.number: row.member for row in rows}


def claim(connection: Connection, stream: str, number: int, member: str, before: str | None) -> bool:
    """Take a lane that nobody has, or that `before` has; False if another was faster."""
    statement = insert(connection, leases).values(stream=stream, number=number, member=member)
    taken = statement.on_conflict_do_update(
        index_elements=["stream", "number"], set_={"member": member}, where=leases.c.member == (before or "")
    )
    return connection.execute(taken.returning(leases.c.number)).first() is not None


def release(connection: Connection, stream: str, member: str, numbers: Collection[int]) -> None:
    """Let lanes go, if they are still the member's."""
    mine = (leases.c.stream == stream, leases.c.member == member, leases.c.number.in_(numbers))
    connection.execute(delete(leases).where(*mine))


def leave(connection: Connection, stream: str, gone: Collection[str]) -> None:
    """Forget members with all that they have."""
    for table in (leases, members):
        connection.execute(delete(table).where(table.c.stream == stream, table.c.member.in_(gone)))
