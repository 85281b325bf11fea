"""Questions to people, each decided once, with every vote and the decision in the audit log.

The question's row is locked while somebody votes (on SQLite all writers queue anyway), so votes on one question come
one after the other, and each sees those before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select, update

from bdp.errors import BadRequest, NotEntitled, NotFound, NotPossible
from bdp.model.decision import Approval, ApprovalStatus, AuditEntry, Vote
from bdp.store.audit import write_down
from bdp.store.database import Database, insert, storable
from bdp.store.links import use_up
from bdp.store.tables import GOES_NOWHERE, WAITS, approvals, votes

SHORTEST_START = 6
"""Characters of an id that may stand for the whole."""
TIMEKEEPER = "bdp"
"""Who lets a question time out."""
_ANSWERS = frozenset({ApprovalStatus.APPROVED, ApprovalStatus.REJECTED})
_VOTE = (votes.c.by, votes.c.role, votes.c.status, votes.c.at, votes.c.via, votes.c.note)
_NEWEST = (approvals.c.requested_at.desc(), approvals.c.approval_id.desc())
# Their conditions stand in them as in the indexes: a database takes a partial index only where it sees that it fits.
_DUE = (
    select(approvals)
    .where(WAITS, approvals.c.expires_at <= bindparam("now"))
    .order_by(approvals.c.expires_at)
    .limit(bindparam("most"))
)
_ANSWERED = select(approvals).where(GOES_NOWHERE).order_by(approvals.c.decided_at).limit(bindparam("most"))


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
        """Return one question with its votes.

        Raises:
            NotFound: no such approval.
        """
        with self._database.read() as connection:
            return _get(connection, approval_id)

    def find(self, start: str) -> Approval:
        """Return the one question whose id is this, or begins so.

        Raises:
            NotFound: none does.
            BadRequest: several do, or fewer than 6 characters of a longer id are given.
        """
        start = storable(start)
        begins = func.substr(approvals.c.approval_id, 1, len(start)) == start
        with self._database.read() as connection:
            row = connection.execute(_one(start)).mappings().one_or_none()
            if row is not None:
                return _read(connection, [row])[0]
            rows = connection.execute(select(approvals).where(begins).limit(2)).mappings().all()
            if not rows:
                raise NotFound(f"There is no approval {start[:100]}.", "See those that wait: bdp approvals.")
            if len(start) < SHORTEST_START or len(rows) > 1:
                few = f"Give at least {SHORTEST_START} characters of its id, and as many as tell it from others."
                raise BadRequest(f"{start[:100]} does not say which approval.", few)
            return _read(connection, rows)[0]

    def due(self, now: datetime, limit: int = 100) -> list[Approval]:
        """Return questions that still wait although their time is over, the longest overdue first."""
        return self._all(_DUE, {"now": now, "most": limit})

    def answered(self, limit: int = 100) -> list[Approval]:
        """Return decided questions that nothing goes on from yet, the earliest decision first."""
        return self._all(_ANSWERED, {"most": limit})

    def vote(self, approval_id: str, vote: Vote, now: datetime, once: str = "") -> Approval:
        """Take one person's answer; the same answer by the same person again returns the question unchanged.

        Args:
            now: when it is given; `vote.at` is replaced by it.
            once: of a one-time link, which is used up with it.

        Raises:
            NotFound: no such approval.
            NotPossible: it was decided, its time is over, this person answered otherwise, or the link was used before.
            NotEntitled: this role may not answer it.
        """
        vote = vote.model_copy(update={"at": now})
        with self._database.write() as connection:
            approval = _get(connection, approval_id, lock=True)
            if once:
                use_up(connection, once, approval_id, vote.person, now)
            if _gave_before(approval, vote):
                return approval
            _check(approval, vote)
            after = _counted(approval, vote)
            _keep_vote(connection, after, vote)
            write_down(connection, _vote_entry(after, vote))
            if after.status is not ApprovalStatus.WAITING:
                write_down(connection, _decision_entry(after))
            return after

    def expire(self, approval_id: str, now: datetime) -> Approval:
        """Let a question time out that waits although its time is over; any other is returned unchanged.

        Raises:
            NotFound: no such approval.
        """
        with self._database.write() as connection:
            approval = _get(connection, approval_id, lock=True)
            if approval.status is not ApprovalStatus.WAITING or now < approval.expires_at:
                return approval
            after = _decided(approval, ApprovalStatus.TIMED_OUT, TIMEKEEPER, "", now)
            _keep_decision(connection, after)
            write_down(connection, _decision_entry(after))
            return after

    def taken(self, approval_id: str, continuation: str) -> None:
        """Note which workflow goes on from a decided question; noting the same again does nothing.

        Raises:
            NotFound: no such approval.
            NotPossible: another one does, or nobody has decided yet.
        """
        with self._database.write() as connection:
            approval = _get(connection, approval_id, lock=True)
            if approval.status is ApprovalStatus.WAITING or not continuation:
                raise NotPossible(f"Approval {approval_id} still waits for an answer.", "Nothing can go on from it.")
            if approval.continuation not in ("", continuation):
                raise NotPossible(f"{approval.continuation} goes on from approval {approval_id}.", "Let it.")
            changed = update(approvals).where(approvals.c.approval_id == approval_id)
            connection.execute(changed.values(continuation=continuation))

    def _all(self, query: Select[Any], values: dict[str, Any] | None = None) -> list[Approval]:
        with self._database.read() as connection:
            return _read(connection, connection.execute(query, values or {}).mappings().all())

    def list(self, status: ApprovalStatus | None = None, limit: int = 1000) -> list[Approval]:
        """Return questions, newest first."""
        query = select(approvals).order_by(*_NEWEST).limit(limit)
        return self._all(query if status is None else query.where(approvals.c.status == status))


def _one(approval_id: str) -> Select[Any]:
    return select(approvals).where(approvals.c.approval_id == approval_id)


def _get(connection: Connection, approval_id: str, lock: bool = False) -> Approval:
    query = _one(approval_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no approval {approval_id}.", "See those that wait: bdp approvals.")
    return _read(connection, [row])[0]


def _read(connection: Connection, rows: Iterable[RowMapping]) -> list[Approval]:
    found = {row["approval_id"]: row for row in rows}
    query = select(votes.c.approval_id, *_VOTE).where(votes.c.approval_id.in_(list(found)))
    given: dict[str, list[Vote]] = {}
    for row in connection.execute(query.order_by(votes.c.approval_id, votes.c.number)).mappings() if found else ():
        vote = dict(row)
        given.setdefault(vote.pop("approval_id"), []).append(Vote(**vote))
    return [Approval(**row, votes=tuple(given.get(approval_id, ()))) for approval_id, row in found.items()]


def _gave_before(approval: Approval, vote: Vote) -> bool:
    before = next((one for one in approval.votes if one.person == vote.person), None)
    if before is None or before.status is vote.status:
        return before is not None
    raise NotPossible(f"{before.by} has already {before.status} approval {approval.approval_id}.", _STANDS)


_STANDS = "An answer stands; each person gives one."


def _check(approval: Approval, vote: Vote) -> None:
    if vote.status not in _ANSWERS or not vote.person:
        raise NotPossible("This is no answer of a person.", "Approve or reject, by name.")
    if approval.status is not ApprovalStatus.WAITING:
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        said = f"Approval {approval.approval_id} is already {approval.status.replace('_', ' ')}{by}."
        raise NotPossible(said, "A decision stands.")
    if vote.at >= approval.expires_at:
        expired = f"Approval {approval.approval_id} expired at {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC."
        raise NotPossible(expired, "The incident goes to a person.")
    if not vote.role.may(approval.role):
        raise NotEntitled(
            f"{vote.by} has the role {vote.role}; to answer this, one has to be {approval.role}.",
            "Ask somebody who is, or let an admin change the role under [approvers].",
        )


def _counted(approval: Approval, vote: Vote) -> Approval:
    """Return the question with this vote, and with what it decides."""
    after = approval.model_copy(update={"votes": (*approval.votes, vote)})
    if vote.status is ApprovalStatus.REJECTED:
        return _decided(after, ApprovalStatus.REJECTED, vote.by, vote.note, vote.at)
    if after.approvals < after.needed:
        return after
    names = ", ".join(one.by for one in after.votes)
    return _decided(after, ApprovalStatus.APPROVED, names, vote.note, vote.at)


def _decided(approval: Approval, status: ApprovalStatus, by: str, note: str, at: datetime) -> Approval:
    return approval.model_copy(update={"status": status, "decided_by": by, "decided_at": at, "note": note})


def _keep_vote(connection: Connection, after: Approval, vote: Vote) -> None:
    place = {"approval_id": after.approval_id, "person": vote.person, "number": len(after.votes)}
    connection.execute(insert(connection, votes).values(place | dict(vote)))
    if after.status is not ApprovalStatus.WAITING:
        _keep_decision(connection, after)


def _keep_decision(connection: Connection, after: Approval) -> None:
    told = {name: getattr(after, name) for name in ("status", "decided_by", "decided_at", "note")}
    connection.execute(update(approvals).where(approvals.c.approval_id == after.approval_id).values(told))


def _vote_entry(approval: Approval, vote: Vote) -> AuditEntry:
    detail = {
        "answer": vote.status,
        "role": vote.role,
        "via": vote.via,
        "note": vote.note,
        "approvals": approval.approvals,
        "needed": approval.needed,
    }
    return AuditEntry(at=vote.at, actor=vote.by, action="approval.vote", object=approval.approval_id, detail=detail)


def _decision_entry(approval: Approval) -> AuditEntry:
    """What was decided, with all that was shown: the plan, its requests and the undo."""
    told = {"incident_id", "workflow_id", "plan", "undo", "note", "needed"}
    detail: dict[str, Any] = approval.model_dump(mode="json", include=told)
    if approval.planned is not None:
        shown = {"resource", "requests", "idempotency_key"}
        detail |= approval.planned.model_dump(mode="json", include=shown)
    detail["votes"] = {vote.by: vote.status for vote in approval.votes}
    assert approval.decided_at is not None  # noqa: S101 - decided
    return AuditEntry(
        at=approval.decided_at,
        actor=approval.decided_by,
        action=f"approval.{approval.status}",
        object=approval.approval_id,
        detail=detail,
    )
