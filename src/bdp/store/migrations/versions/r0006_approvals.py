"""Votes, one-time links, what an approver sees; the audit log becomes a chain of hashes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bdp.model.decision import AuditEntry
from bdp.store.chain import FIRST, as_stored, linked
from bdp.store.database import Document, Instant

revision = "0006"
down_revision = "0005"

_AT_ONCE = 1000
_OLD = "audit_unchained"


def upgrade() -> None:
    _widen_approvals()
    _create_votes()
    _chain_audit()


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, **more)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _widen_approvals() -> None:
    for name in ("plan_ko", "undo_ko", "why", "why_ko"):
        op.add_column("approvals", _text(name, server_default=sa.text("''")))
    for name in ("evidence", "evidence_ko"):
        op.add_column("approvals", _text(name, server_default=sa.text("'[]'")))
    op.add_column("approvals", sa.Column("planned", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("needed", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("approvals", _text("role", server_default=sa.text("'approver'")))
    op.add_column("approvals", _text("continuation", server_default=sa.text("''")))
    # What was asked before goes on in the workflow that asked: it waits for the answer itself.
    op.execute("UPDATE approvals SET continuation = workflow_id")
    for name, column, chosen in (
        ("due", "expires_at", "decided_at IS NULL"),
        ("answered", "decided_at", "decided_at IS NOT NULL AND continuation = ''"),
    ):
        where = sa.text(chosen)
        op.create_index(f"approvals_{name}_ix", "approvals", [column], sqlite_where=where, postgresql_where=where)


def _create_votes() -> None:
    op.create_table(
        "votes",
        _text("approval_id"),
        _text("person"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("by"),
        _text("role"),
        _text("status"),
        _time("at"),
        _text("via"),
        _text("note"),
        sa.PrimaryKeyConstraint("approval_id", "person", name="votes_pk"),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name="votes_approval_id_fk"),
    )
    op.create_table(
        "links",
        _text("nonce"),
        _text("approval_id"),
        _text("person"),
        _time("used_at"),
        sa.PrimaryKeyConstraint("nonce", name="links_pk"),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name="links_approval_id_fk"),
    )


def _chain_audit() -> None:
    """Write the entries anew in their order, each with its place in the chain."""
    for name in ("at", "object"):
        op.drop_index(f"audit_{name}_ix", "audit")
    _unprotect()
    op.rename_table("audit", _OLD)
    if _on_postgresql():
        op.execute(f"ALTER TABLE {_OLD} RENAME CONSTRAINT audit_pk TO {_OLD}_pk")
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        _time("at"),
        _text("actor"),
        _text("action"),
        _text("object"),
        _text("detail"),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("number", name="audit_pk"),
    )
    op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _text("hash"),
        sa.PrimaryKeyConstraint("head_id", name="audit_head_pk"),
    )
    _copy()
    op.drop_table(_OLD)
    op.create_index("audit_at_ix", "audit", ["at"])
    op.create_index("audit_object_ix", "audit", ["object"])
    _protect()


def _copy() -> None:
    columns = (sa.column("at", Instant), *map(sa.column, ("actor", "action", "object")), sa.column("detail", Document))
    old = sa.table(_OLD, sa.column("entry_id"), *columns)
    kept = (*(sa.column(name) for name in ("number", "previous", "hash")), *columns)
    new = sa.table("audit", *(sa.column(column.name, column.type) for column in kept))
    connection, after, number, previous = op.get_bind(), 0, 0, FIRST
    page = sa.select(old).where(old.c.entry_id > sa.bindparam("after")).order_by(old.c.entry_id).limit(_AT_ONCE)
    while rows := connection.execute(page, {"after": after}).all():
        chained = []
        for entry_id, *told in rows:
            entry = AuditEntry(**dict(zip((column.name for column in columns), told, strict=True)))
            number, after = number + 1, entry_id
            link = linked(number, previous, as_stored(entry))
            previous = link.hash
            chained.append({"number": number, "previous": link.previous, "hash": link.hash, **dict(link.entry)})
        connection.execute(sa.insert(new), chained)
    head = sa.table("audit_head", sa.column("head_id"), sa.column("number"), sa.column("hash"))
    connection.execute(sa.insert(head).values(head_id=1, number=number, hash=previous))


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _unprotect() -> None:
    if _on_postgresql():
        op.execute("DROP TRIGGER audit_append_only ON audit")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER audit_no_{verb}")


def _protect() -> None:
    if _on_postgresql():  # the function is that of the first revision
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
