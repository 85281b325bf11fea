"""Decisions: act, ask or hand over, with the reasons as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from bdp.model.analysis import ActionProposal
from bdp.model.noun import Noun


class Course(StrEnum):
    """What happens next."""

    ACT = "act"
    ASK = "ask"
    ESCALATE = "escalate"


class Reason(StrEnum):
    """Why the gate decided so."""

    CONFIDENCE_HIGH = "confidence_high"
    CONFIDENCE_MIDDLE = "confidence_middle"
    CONFIDENCE_LOW = "confidence_low"
    GROUNDING_LOW = "grounding_low"
    INCONCLUSIVE = "inconclusive"
    POLICY_ALLOWS = "policy_allows"
    POLICY_ASKS = "policy_asks"
    POLICY_DENIES = "policy_denies"
    NO_ACTION = "no_action"
    TRIED_BEFORE = "tried_before"


class Decision(Noun):
    """What the gate decided for one action of one analysis."""

    course: Course
    reasons: tuple[Reason, ...]
    action: ActionProposal | None
    confidence: float
    grounding: float
    explanation: str


class ApprovalStatus(StrEnum):
    """Where a request for approval is."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


class Approval(Noun):
    """A question to a person: may this action run?

    Attributes:
        plan: exactly what would be done, as the person sees it.
        expires_at: then it times out and the incident is handed over.
    """

    approval_id: str
    incident_id: str
    workflow_id: str
    action: ActionProposal
    plan: str
    undo: str
    requested_at: datetime
    expires_at: datetime
    status: ApprovalStatus = ApprovalStatus.WAITING
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""


class AuditEntry(Noun):
    """One thing that someone decided; kept for ever and never changed.

    Attributes:
        actor: a person or a part of BDP.
        action: what was done, such as `approval.approved`.
        object: id of what it was done to.
        detail: the figures and words behind it, by name.
    """

    at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any] = {}
