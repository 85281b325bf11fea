"""Questions that have their answer, or had their time: what goes on after them is started.

One look a second asks the database two things, each answered from an index: which questions are over, and which are
decided but not taken up. So a waiting question costs nothing, and an answer from any process is found by whoever
works on incidents; a process that has the engine itself starts the work at once.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bdp.clock import Clock
from bdp.flow.mend.run import continued_by
from bdp.model.decision import Approval
from bdp.ports import Approvals

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""Questions taken up in one look; the rest comes with the next."""

Start = Callable[[str, str], None]
"""start(workflow id, incident id): durably, and once by the workflow's id"""


class Questions:
    """Starts what follows a question."""

    def __init__(self, approvals: Approvals, clock: Clock, start: Start) -> None:
        self._approvals = approvals
        self._clock = clock
        self._start = start

    def look(self) -> int:
        """Close what nobody answered in time, and start what follows each question that is decided; return how many.

        Raises:
            StoreUnavailable: the state database is away; the next look does it.
        """
        now = self._clock.now()
        for approval in self._approvals.due(now, _AT_ONCE):
            self._approvals.expire(approval.approval_id, now)
        decided = self._approvals.answered(_AT_ONCE)
        for approval in decided:
            self.decided(approval)
        return len(decided)

    def decided(self, approval: Approval) -> None:
        """Start what follows the question. A crash before `taken` starts it again, which does nothing."""
        workflow_id = continued_by(approval.incident_id, approval.approval_id)
        self._start(workflow_id, approval.incident_id)
        self._approvals.taken(approval.approval_id, workflow_id)
