"""Answers of people. Who they are and what they may do is looked up; the decision wakes the waiting workflow.

The approval's row decides, the wake-up only says "look". So if the process dies between the two, or runs no engine, the
sweep of the next serving process wakes the workflow, and its deadline does so at the latest.
"""

from __future__ import annotations

import structlog

from bdp.clock import Clock
from bdp.decide.approvers import Approver, ApproverSettings, Way, approver
from bdp.errors import NotEntitled
from bdp.flow.run import Signals
from bdp.model.decision import Approval, ApprovalStatus, Vote
from bdp.ports import Approvals

NOBODY_LISTED = ApproverSettings()

log = structlog.get_logger(__name__)


class Answers:
    """Takes answers.

    Args:
        signals: wakes workflows; None when this process can reach no engine.
        approvers: who may answer.
    """

    def __init__(
        self,
        approvals: Approvals,
        clock: Clock,
        signals: Signals | None,
        approvers: ApproverSettings = NOBODY_LISTED,
    ) -> None:
        self._approvals = approvals
        self._clock = clock
        self._signals = signals
        self._approvers = approvers

    def approve(self, approval_id: str, by: str, note: str = "", via: Way = Way.API, once: str = "") -> Approval:
        """Let the action run, as far as this person is concerned.

        Args:
            by: what the way in knows the person as; the role is looked up.
            once: of a one-time link, which is used up with the answer.

        Raises:
            NotFound: no such approval.
            NotPossible: it was decided, it has expired, this person answered otherwise, or the link was used before.
            NotEntitled: nobody knows this person, or their role may not answer this.
        """
        return self._answer(approval_id, ApprovalStatus.APPROVED, self._who(via, by), note, via, once)

    def reject(self, approval_id: str, by: str, note: str = "", via: Way = Way.API, once: str = "") -> Approval:
        """Forbid the action; arguments and errors as for `approve`."""
        return self._answer(approval_id, ApprovalStatus.REJECTED, self._who(via, by), note, via, once)

    def _who(self, via: Way, by: str) -> Approver:
        return approver(self._approvers, via, by)

    def _answer(
        self, approval_id: str, status: ApprovalStatus, who: Approver, note: str, via: Way, once: str
    ) -> Approval:
        now = self._clock.now()
        if status is ApprovalStatus.APPROVED and not who.listed:
            self._check_one_is_enough(approval_id)
        vote = Vote(by=who.name, role=who.role, status=status, at=now, via=via, note=note)
        # The repository writes the vote, what it decides and their audit entries in one transaction.
        approval = self._approvals.vote(approval_id, vote, now, once)
        if self._signals and approval.status is not ApprovalStatus.WAITING:
            try:
                wake(self._signals, approval)
            except Exception:
                # The answer is durable, so the person's part is done; the sweep wakes the workflow.
                log.exception("workflow not woken yet", approval_id=approval_id)
        return approval

    def _check_one_is_enough(self, approval_id: str) -> None:
        """Refuse where several people are asked and nobody could tell them apart."""
        if (needed := self._approvals.get(approval_id).needed) > 1:
            raise NotEntitled(
                f"This needs {needed} people, and BDP cannot tell people apart before they are listed.",
                "List them as people under [approvers] in bdp.toml; each answers as themselves.",
            )


def wake(signals: Signals, approval: Approval) -> None:
    """Tell the waiting workflow that its question was answered; telling it again does nothing."""
    signals.signal(approval.workflow_id, approval.approval_id, f"{approval.approval_id}:{approval.status}")
