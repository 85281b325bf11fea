"""Actions: planned, applied, verified, undone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from bdp.model.analysis import ActionType
from bdp.model.noun import Noun


class ActionPlan(Noun):
    """What an action will do, before it does it.

    Attributes:
        idempotency_key: applying twice with one key takes effect once.
        effect: exactly what will be sent or done, for a person to read.
        undo: how it would be taken back; empty when there is nothing to take back.
        dry_run: True means that apply records what it would do and does nothing.
    """

    idempotency_key: str
    type: ActionType
    parameters: dict[str, Any]
    effect: str
    undo: str
    dry_run: bool


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


class Message(Noun):
    """Something to tell people.

    Attributes:
        key: idempotency key; a channel delivers a key once.
        body: markdown, plain enough for a terminal.
    """

    key: str
    title: str
    body: str
    severity: str = "low"
    event: str = ""
    incident_id: str = ""
    workflow_id: str = ""


class MessageForm(StrEnum):
    """What a message speaks of: one finding, many, those that can wait, or what asking models costs."""

    ALERT = "alert"
    SUMMARY = "summary"
    DIGEST = "digest"
    COST = "cost"


class Outgoing(Noun):
    """A message on its way to the channels.

    Attributes:
        detected_at: when the first of what it tells was detected.
        written_at: when it was decided to tell.
        told_at: when the first channel had it; None before.
        attempts: how often it was tried to give it to all channels.
    """

    form: MessageForm
    message: Message
    detected_at: datetime
    written_at: datetime
    told_at: datetime | None = None
    attempts: int = 0
