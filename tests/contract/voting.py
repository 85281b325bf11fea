"""What the contract suites of approvals and of the audit log share: a question, a vote, and threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bdp.model.analysis import ActionProposal, ActionType
from bdp.model.decision import Approval, ApprovalStatus, Role, Vote
from bdp.model.plan import ActionPlan, Request

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
T = TypeVar("T")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def plan() -> ActionPlan:
    return ActionPlan(
        idempotency_key="k1",
        type=ActionType.WEBHOOK,
        parameters={"n": 3},
        effect="POST http://localhost/restart",
        undo="",
        dry_run=False,
        resource="webhook:restart",
        requests=(Request(call="POST http://localhost/restart", body={"n": 3}),),
    )


def question(approval_id: str = "q1", minutes: float = 0, **more: Any) -> Approval:
    return Approval(
        approval_id=approval_id,
        incident_id="i1",
        workflow_id="w1",
        action=ActionProposal(type=ActionType.WEBHOOK, description="Restart it", parameters={"n": 3, "names": ["a"]}),
        plan="POST http://localhost/restart",
        undo="",
        requested_at=after(minutes),
        expires_at=after(minutes + 60),
        **more,
    )


def vote(by: str = "kim", status: ApprovalStatus = ApprovalStatus.APPROVED, **more: Any) -> Vote:
    told: dict[str, Any] = {"role": Role.APPROVER, "at": START, "via": "cli", **more}
    return Vote(by=by, status=status, **told)


def together(count: int, do: Callable[[int], T]) -> list[T]:
    """Run do(0), do(1), ... at the same moment, each in its own thread."""
    barrier = threading.Barrier(count)

    def begin(number: int) -> T:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
