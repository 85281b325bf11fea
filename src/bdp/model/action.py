"""Actions: permitted, applied, verified, undone, and what people are told of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError

from bdp.model.analysis import ActionType
from bdp.model.insight import AlertState
from bdp.model.noun import Noun
from bdp.model.policy import PolicyVersion


class Pause(Noun):
    """The kill switch is thrown: nothing that changes a system runs.

    Attributes:
        until: then it ends by itself; None: when somebody resumes.
    """

    by: str
    at: datetime
    reason: str = ""
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Return whether it still stops actions."""
        return self.until is None or now < self.until

    @classmethod
    def of(cls, kept: PolicyVersion) -> Pause | None:
        """Return what a version of the policy `pause` says; None where actions may run.

        Words that this version of BDP does not know stop them: somebody wanted something.
        """
        if "pause" in kept.body and kept.body["pause"] is None:
            return None
        try:
            return cls.model_validate(kept.body["pause"])
        except (KeyError, ValidationError):
            return cls(by=kept.by, at=kept.at, reason="written by another version of BDP")


class Permit(NamedTuple):
    """Leave to act, once; kept for ever and counted by the limits of the policy.

    Attributes:
        key: the plan's idempotency key.
        rule: name of the policy's rule that gave it.
        service: of the incident.
    """

    key: str
    type: ActionType
    resource: str
    service: str
    environment: str
    rule: str
    incident_id: str
    at: datetime


class ActionStatus(StrEnum):
    """How an applied action stands."""

    PLANNED_ONLY = "planned_only"
    APPLIED = "applied"
    FAILED = "failed"
    UNDONE = "undone"


class ActionResult(Noun):
    """What applying, verifying or undoing gave."""

    status: ActionStatus
    detail: str
    data: dict[str, Any] = {}
    error_type: str = ""


class WorkflowEvent(StrEnum):
    """What a workflow tells the outside, each once, with its workflow id."""

    ESCALATION_REQUIRED = "ESCALATION_REQUIRED"
    REMEDIATION_SUCCESS = "REMEDIATION_SUCCESS"
    REMEDIATION_ERROR = "REMEDIATION_ERROR"
    APPROVAL_TIMEOUT = "APPROVAL_TIMEOUT"
    WORKFLOW_ERROR = "WORKFLOW_ERROR"


class Link(Noun):
    """An address to follow, with the words that are shown for it."""

    words: str
    words_ko: str = ""
    url: str


class Message(Noun):
    """Something to tell people.

    Attributes:
        key: idempotency key; a channel delivers a key once.
        body: markdown, plain enough for a terminal.
        title_ko: the same in Korean, as `body_ko`; where it is empty English is shown (`worded`).
        about: what it is about; the same is told at most once in five minutes. Empty: it has no duplicate.
        incident_id: messages of one incident are one thread where a channel knows threads.
        approval_id: of the question that it asks.
        channels: names of the only channels that get it; empty: all.
        links: addresses to follow, such as the one-time links of a question.
    """

    key: str
    title: str
    title_ko: str = ""
    body: str
    body_ko: str = ""
    severity: str = "low"
    event: str = ""
    incident_id: str = ""
    workflow_id: str = ""
    about: str = ""
    approval_id: str = ""
    channels: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


class MessageForm(StrEnum):
    """What a message speaks of."""

    ALERT = "alert"
    """One finding about the fabric."""
    SUMMARY = "summary"
    """Many of them."""
    DIGEST = "digest"
    """What could wait, once an hour."""
    COST = "cost"
    """What asking models costs."""
    OPENED = "opened"
    """An incident began."""
    EVENT = "event"
    """A workflow's event."""
    QUESTION = "question"
    """A person is asked for leave to act."""
    REMINDER = "reminder"
    """Nobody has acknowledged or answered."""
    TOLD = "told"
    """What the action `notify` says."""


class Outgoing(Noun):
    """A message on its way to the channels.

    Attributes:
        detected_at: when the first of what it tells was detected.
        written_at: when it was decided to tell.
        told_at: when the first channel had it; None before.
        attempts: how often it was tried to give it to all channels.
        had: names of the channels that have it.
    """

    form: MessageForm
    message: Message
    detected_at: datetime
    written_at: datetime
    told_at: datetime | None = None
    attempts: int = 0
    had: tuple[str, ...] = ()


class Tried(NamedTuple):
    """What came of trying to send a message.

    Attributes:
        told: at least one channel has it now.
        again: when to try the channels that have it not; None: each has it.
        had: names of the channels that have it; None: as before.
    """

    key: str
    told: bool
    again: datetime | None
    had: tuple[str, ...] | None = None


class Posted(NamedTuple):
    """A message that waits for a decision: what deciding needs of it."""

    key: str
    form: MessageForm
    about: str
    severity: str
    incident_id: str
    detected_at: datetime


class QuietMessages(NamedTuple):
    """Messages that nobody was told at once, for the digest.

    Attributes:
        since: the earliest detection among them.
        reasons: how many by why.
        forms: how many by what they speak of.
        worst: the most severe, worst first, at most as many as were asked for.
    """

    since: datetime
    reasons: dict[AlertState, int]
    forms: dict[MessageForm, int]
    worst: list[Message]


class DueReminder(NamedTuple):
    """A message that nobody acknowledged or answered in time.

    Attributes:
        told_at: when people were to hear of it first.
        step: of the escalation; 0 for the first.
        live: its incident is not resolved.
    """

    form: MessageForm
    message: Message
    told_at: datetime
    step: int
    live: bool


class Acknowledgement(NamedTuple):
    """Somebody has taken an incident on."""

    incident_id: str
    by: str
    at: datetime
