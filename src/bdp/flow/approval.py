"""Answers of people. Who they are and what they may do is looked up; the decision starts what follows.

The approval's row decides. If the process dies right after it, or runs no engine, whoever works on incidents finds it
within a second: see `bdp.flow.mend.questions`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from bdp.clock import Clock
from bdp.decide.approvers import Approver, ApproverSettings, Way, approver
from bdp.errors import NotEntitled, NotPossible
from bdp.model.action import Pause
from bdp.model.decision import Approval, ApprovalStatus, Vote
from bdp.notify.plain import one_line
from bdp.ports import Approvals

NOBODY_LISTED = ApproverSettings()

Decided = Callable[[Approval], object]
TakenOn = Callable[[str, str, datetime], object]
"""taken_on(incident id, person, now)"""

log = structlog.get_logger(__name__)


class Answers:
    """Takes answers.

    Args:
        decided: starts what follows a question; None where this process has no engine.
        approvers: who may answer.
        pause: the kill switch; while it is thrown nothing is approved, for the answer would be used up for nothing.
        taken_on: told that a person looks after the incident, so that nobody is reminded of it any more.
    """

    def __init__(
        self,
        approvals: Approvals,
        clock: Clock,
        decided: Decided | None,
        approvers: ApproverSettings = NOBODY_LISTED,
        taken_on: TakenOn = lambda incident_id, by, now: None,
        pause: Callable[[], Pause | None] = lambda: None,
    ) -> None:
        self._approvals = approvals
        self._clock = clock
        self._decided = decided
        self._approvers = approvers
        self._taken_on = taken_on
        self._pause = pause

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
        if status is ApprovalStatus.APPROVED:
            self._check_not_paused()
            if not who.listed:
                self._check_one_is_enough(approval_id)
        vote = Vote(by=who.name, role=who.role, status=status, at=now, via=via, note=note)
        # The repository writes the vote, what it decides and their audit entries in one transaction.
        approval = self._approvals.vote(approval_id, vote, now, once)
        try:
            self._taken_on(approval.incident_id, who.name, now)
            if self._decided and approval.status is not ApprovalStatus.WAITING:
                self._decided(approval)
        except Exception:
            # The answer is durable, so the person's part is done; the next look starts what follows.
            log.exception("approval.not_followed_yet", approval_id=approval_id)
        return approval

    def _check_not_paused(self) -> None:
        """Refuse while nothing could follow."""
        if pause := self._pause():
            until = f" until {pause.until:%Y-%m-%d %H:%M:%S} UTC" if pause.until else ""
            raise NotPossible(
                f"{one_line(pause.by, 100)} has paused BDP{until}: nothing would be done, and the answer be used up.",
                "First 'bdp resume'; the question waits until its deadline. To forbid it now: bdp reject.",
            )

    def _check_one_is_enough(self, approval_id: str) -> None:
        """Refuse where several people are asked and nobody could tell them apart."""
        if (needed := self._approvals.get(approval_id).needed) > 1:
            raise NotEntitled(
                f"This needs {needed} people, and BDP cannot tell people apart before they are listed.",
                "List them as people under [approvers] in bdp.toml; each answers as themselves.",
            )
