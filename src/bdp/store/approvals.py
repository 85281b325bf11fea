"""Questions to people, each answered once, with the answer in the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Update, literal, or_, select, update

from bdp.errors import NotFound, NotPossible
from bdp.model.decision import Approval, ApprovalStatus, AuditEntry
from bdp.store.audit import write_down
from bdp.store.database import Database, insert
from bdp.store.tables import approvals

MOST_LISTED = 1000


class SqlApprovals:
    """`bdp.ports.Approvals` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, approval: Approval) -> None:
        """Keep a question; asking again with the same id does nothing."""
        with self._database.write() as connection:
            row = {column.name: getattr(approval, column.name) for column in approvals.c}
            connection.execute(insert(connection, approvals).values(row).on_conflict_do_nothing())

    def get(self, approval_id: str) -> Approval:
        """Return one question.

        Raises:
            NotFound: no such approval.
        """
        with self._database.read() as connection:
            return _get(connection, approval_id)

    def answer(self, approval_id: str, status: ApprovalStatus, by: str, note: str, now: datetime) -> Approval:
        """Answer a waiting question, once. The same answer by the same person again returns it unchanged.

        TIMED_OUT is the workflow's answer, and the only one that is taken after `expires_at`.

        Raises:
            NotFound: no such approval.
            NotPossible: it was answered otherwise or has expired.
        """
        if status is ApprovalStatus.WAITING:
            raise NotPossible("Waiting is no answer.", "Approve or reject.")
        with self._database.write() as connection:
            answered = connection.execute(_answer(approval_id, status, by, note, now)).rowcount == 1
            approval = _get(connection, approval_id)
            if answered:
                write_down(connection, _entry(approval, now))
            elif (approval.status, approval.decided_by) != (status, by):
                raise NotPossible(*_why_not(approval))
            return approval

    def list(self, status: ApprovalStatus | None = None) -> list[Approval]:
        """Return questions, newest first, at most 1,000."""
        query = select(approvals).order_by(approvals.c.requested_at.desc(), approvals.c.approval_id.desc())
        if status is not None:
            query = query.where(approvals.c.status == status)
        with self._database.read() as connection:
            return [Approval(**row) for row in connection.execute(query.limit(MOST_LISTED)).mappings()]


def _get(connection: Connection, approval_id: str) -> Approval:
    query = select(approvals).where(approvals.c.approval_id == approval_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no approval {approval_id}.")
    return Approval(**row)


def _answer(approval_id: str, status: ApprovalStatus, by: str, note: str, now: datetime) -> Update:
    in_time = or_(approvals.c.expires_at >= now, literal(status is ApprovalStatus.TIMED_OUT))
    waiting = approvals.c.status == ApprovalStatus.WAITING
    chosen = update(approvals).where(approvals.c.approval_id == approval_id, waiting, in_time)
    return chosen.values(status=status, decided_by=by, decided_at=now, note=note)


def _entry(approval: Approval, now: datetime) -> AuditEntry:
    told = {"incident_id", "workflow_id", "plan", "undo", "note"}
    return AuditEntry(
        at=now,
        actor=approval.decided_by,
        action=f"approval.{approval.status}",
        object=approval.approval_id,
        detail=approval.model_dump(mode="json", include=told),
    )


def _why_not(approval: Approval) -> tuple[str, str]:
    if approval.status is ApprovalStatus.WAITING:
        return f"Approval {approval.approval_id} expired at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC.", ""
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    return f"Approval {approval.approval_id} is already {approval.status.replace('_', ' ')}{by}.", ""
