"""Answers of people. The first one counts; the waiting workflow is woken, from this or from another process.

The approval's row decides, the wake-up only says "look". So if the process dies between the two, or runs no engine, the
sweep of the next serving process wakes the workflow, and its deadline does so at the latest.
"""

from __future__ import annotations

import structlog

from bdp.clock import Clock
from bdp.flow.run import Signals
from bdp.model.decision import Approval, ApprovalStatus
from bdp.ports import Approvals

log = structlog.get_logger(__name__)


class Answers:
    """Takes answers.

    Args:
        signals: wakes workflows; None when this process can reach no engine.
    """

    def __init__(self, approvals: Approvals, clock: Clock, signals: Signals | None) -> None:
        self._approvals = approvals
        self._clock = clock
        self._signals = signals

    def approve(self, approval_id: str, by: str, note: str = "") -> Approval:
        """Let the action run.

        Raises:
            NotFound: no such approval.
            NotPossible: it was answered otherwise or has expired.
        """
        return self._answer(approval_id, ApprovalStatus.APPROVED, by, note)

    def reject(self, approval_id: str, by: str, note: str = "") -> Approval:
        """Forbid the action; raises as `approve` does."""
        return self._answer(approval_id, ApprovalStatus.REJECTED, by, note)

    def _answer(self, approval_id: str, status: ApprovalStatus, by: str, note: str) -> Approval:
        # The repository writes the answer and its audit entry in one transaction.
        approval = self._approvals.answer(approval_id, status, by, note, self._clock.now())
        if self._signals:
            try:
                wake(self._signals, approval)
            except Exception:
                # The answer is durable, so the person's part is done; the sweep wakes the workflow.
                log.exception("workflow not woken yet", approval_id=approval_id)
        return approval


def wake(signals: Signals, approval: Approval) -> None:
    """Tell the waiting workflow that its question was answered; telling it again does nothing."""
    signals.signal(approval.workflow_id, approval.approval_id, f"{approval.approval_id}:{approval.status}")
