"""Decisions: act, ask or hand over, with the reasons as values."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bdp.model.analysis import ActionProposal
from bdp.model.noun import Noun
from bdp.model.plan import ActionPlan


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
    UNPLANNABLE = "unplannable"
    """Its parameters do not fit, or what it is to change is not there."""
    PRECONDITION_UNMET = "precondition_unmet"
    NO_RULE = "no_rule"
    """Default deny: the policy does not name it."""
    PAUSED = "paused"
    """The kill switch is thrown."""
    POLICY_BROKEN = "policy_broken"
    """The policy cannot be read: nothing that changes a system runs."""
    RISK_TOO_HIGH = "risk_too_high"
    IRREVERSIBLE = "irreversible"
    BLAST_RADIUS = "blast_radius"
    """It would touch more than the rule allows."""
    RATE_LIMIT = "rate_limit"
    OUTSIDE_HOURS = "outside_hours"
    MAINTENANCE = "maintenance"
    """The resource is under maintenance: a person works on it."""
    ENVIRONMENT = "environment"
    """The rule is for another environment."""
    TWO_PERSONS = "two_persons"
    """The rule asks for more than one approver."""


class PolicyEffect(StrEnum):
    """What a rule of the policy says to an action."""

    ALLOW = "allow"
    """Confidence decides whether it runs by itself or a person is asked."""
    ASK = "ask"
    """A person always decides."""
    DENY = "deny"


class Role(StrEnum):
    """What somebody may do; each may do what the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    def may(self, asked: Role) -> bool:
        """Return whether this role is at least the one that is asked for."""
        roles = list(Role)
        return roles.index(self) >= roles.index(asked)


class Scope(StrEnum):
    """What a limit counts together."""

    RULE = "rule"
    RESOURCE = "resource"
    SERVICE = "service"
    ENVIRONMENT = "environment"
    ALL = "all"


class RateLimit(Noun):
    """At most so many actions in a time.

    Attributes:
        per_seconds: length of the window that ends now.
    """

    most: Annotated[int, Field(ge=1)]
    per_seconds: Annotated[int, Field(ge=1, le=31 * 86_400)]
    scope: Scope = Scope.RULE


class Inspection(Noun):
    """What the policy says of one plan now.

    Attributes:
        rule: name of the rule that decided; empty where none fits.
        reasons: why, the decisive first.
        act_at: confidence from which it needs no approval; None: the gate's own.
        needed: approvers, when a person is asked; each a different one.
        role: that each of them must have.
        limits: must also hold at the moment of the act.
        policy_version: of the policy that was asked; 12 hex digits.
    """

    effect: PolicyEffect
    rule: str
    reasons: tuple[Reason, ...]
    explanation: str
    explanation_ko: str = ""
    act_at: float | None = None
    needed: Annotated[int, Field(ge=1, le=5)] = 1
    role: Role = Role.APPROVER
    environment: str = ""
    limits: tuple[RateLimit, ...] = ()
    policy_version: str = ""


class Decision(Noun):
    """What the gate decided for one action of one analysis.

    Attributes:
        action: None only when escalating.
        plan: what the action would do; None where it has none.
        inspection: what the policy said of the plan.
    """

    course: Course
    reasons: tuple[Reason, ...]
    action: ActionProposal | None
    plan: ActionPlan | None = None
    inspection: Inspection | None = None
    confidence: float
    grounding: float
    explanation: str
    explanation_ko: str = ""


class ApprovalStatus(StrEnum):
    """Where a request for approval is."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


def person_of(name: str) -> str:
    """Return what is the same for every spelling of one person's name: no two of them are two people.

    >>> person_of(" KIM\u200b ") == person_of("kim")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(char for char in folded if unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char.isspace())
    return " ".join(seen.split())


class Vote(Noun):
    """One person's answer.

    Attributes:
        by: who, as the way in knows them.
        role: that they had when they answered.
        via: `cli`, `api`, `link` or `slack`.
    """

    by: Annotated[str, Field(min_length=1, max_length=200)]
    role: Role
    status: ApprovalStatus
    at: datetime
    via: str
    note: str = ""

    @property
    def person(self) -> str:
        """Who answered, whichever way the name is written; each person answers once."""
        return person_of(self.by)


class Approval(Noun):
    """A question to people: may this action run?

    Attributes:
        plan: exactly what would be done, as the person sees it; `planned` is the whole of it.
        why: the gate's words; evidence: facts of the analysis, a line each.
        needed: so many different people must approve; one who rejects is enough to forbid it.
        role: that each of them must have.
        expires_at: then it times out and the incident is handed over.
        continuation: id of the workflow that goes on after the answer; empty while nothing does.
    """

    approval_id: str
    incident_id: str
    workflow_id: str
    action: ActionProposal
    plan: str
    plan_ko: str = ""
    undo: str
    undo_ko: str = ""
    why: str = ""
    why_ko: str = ""
    evidence: tuple[str, ...] = ()
    evidence_ko: tuple[str, ...] = ()
    planned: ActionPlan | None = None
    needed: Annotated[int, Field(ge=1, le=5)] = 1
    role: Role = Role.APPROVER
    requested_at: datetime
    expires_at: datetime
    status: ApprovalStatus = ApprovalStatus.WAITING
    votes: tuple[Vote, ...] = ()
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""
    continuation: str = ""

    @property
    def approvals(self) -> int:
        """How many people have approved so far."""
        return sum(vote.status is ApprovalStatus.APPROVED for vote in self.votes)


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


class KeptEntry(Noun):
    """An audit entry in its place in the chain.

    Attributes:
        number: 1 for the first entry, up by one.
        previous: hash of the entry before; 64 zeros before the first.
        hash: SHA-256 over the number, the previous hash and the entry, 64 hex digits.
    """

    number: int
    previous: str
    hash: str
    entry: AuditEntry


class ChainHead(Noun):
    """The latest entry's place: written down elsewhere, it proves later that nothing was cut off or rewritten."""

    number: int
    hash: str


class ChainCheck(Noun):
    """What verifying the audit chain found.

    Attributes:
        entries: entries that were looked at.
        broken_at: number of the first entry that does not fit; None when all fit.
        why: what does not fit there.
    """

    entries: int
    head: ChainHead
    broken_at: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        """True when every entry is the one that was written."""
        return self.broken_at is None
