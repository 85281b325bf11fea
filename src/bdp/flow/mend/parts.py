"""What the incident's workflow is given: ports, settings and the questions that other stages answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdp.act.action import Tools
from bdp.decide.gate import GateSettings
from bdp.decide.policy import Policy
from bdp.flow.links import Invitation
from bdp.flow.settings import WorkflowSettings
from bdp.model.action import Message, MessageForm, Pause
from bdp.model.analysis import Analysis
from bdp.model.decision import Approval
from bdp.model.incident import Incident
from bdp.ports import Approvals, Audit, Executions, Incidents, Permits

Explain = Callable[[Incident, int, Sequence[str]], Analysis]
"""explain(incident, attempt, keys of actions that were tried) -> analysis"""

SymptomGone = Callable[[Incident, datetime], bool]
"""symptom_gone(incident, since) -> the store shows no more of it from that event time on"""

Heard = Callable[[Incident, datetime], bool]
"""heard(incident, since) -> False where the subject says nothing since then, though it usually says something"""

Post = Callable[[MessageForm, Message], object]
"""post(form, message): people are told, durably; the same key again does nothing"""


def nobody_in_person(approval: Approval) -> Sequence[Invitation]:
    """Invite nobody."""
    return ()


@dataclass(frozen=True)
class Parts:
    """Everything the workflow uses. `tools` holds clock, channels, store and effects as well.

    Attributes:
        policy: the policy that holds now.
        pause: the kill switch as it stands now; None while it is not thrown.
        invitations: who is asked in person, with one-time links to answer by.
    """

    settings: WorkflowSettings
    gate: GateSettings
    policy: Callable[[], Policy]
    pause: Callable[[], Pause | None]
    incidents: Incidents
    approvals: Approvals
    executions: Executions
    permits: Permits
    audit: Audit
    tools: Tools
    explain: Explain
    symptom_gone: SymptomGone
    heard: Heard
    post: Post
    invitations: Callable[[Approval], Sequence[Invitation]] = nobody_in_person
