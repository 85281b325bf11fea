"""What every action is, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan
from bdp.notify.endpoint import Secrets, no_secrets
from bdp.ports import Channel, Effects, Store


class DryRun(StrEnum):
    """What is only shown instead of done."""

    EVERYTHING = "everything"
    CHANGES = "changes"
    NOTHING = "nothing"


class Operation(BaseModel):
    """Where a named operation, such as `rollback`, is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1, description="https address; http only on this machine")
    method: str = Field(default="POST", pattern="^(POST|PUT)$", description="POST or PUT")
    headers: dict[str, str] = Field(default={}, description="sent along; env:NAME takes an environment variable")
    undo_url: str = Field(default="", description="called with the same body to take it back; empty: no undo")


class WebhookSettings(BaseModel):
    """What the action `webhook` may call. Nothing is listed at first, so it only shows what it would do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operations: dict[str, Operation] = Field(default={}, description="addresses of the operations that playbooks name")
    prefixes: tuple[str, ...] = Field(default=(), description="addresses that a proposal may name by itself begin so")
    allow_http: bool = Field(default=False, description="also call http addresses beyond this machine")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")


class ActSettings(BaseModel):
    """How actions behave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: DryRun = Field(
        default=DryRun.CHANGES, description="changes: what alters a system is only shown; telling and reading are done"
    )
    webhook: WebhookSettings = Field(default=WebhookSettings(), description="what the action webhook may call")
    tries: int = Field(default=3, ge=1, le=10, description="calls of one effect before it counts as failed")
    pause_seconds: float = Field(default=0.5, ge=0, le=30, description="before the second call; doubles each time")
    window_minutes: int = Field(default=5, ge=1, le=1440, description="length of the stretches that investigate counts")


@dataclass(frozen=True)
class Tools:
    """What actions work with."""

    settings: ActSettings
    channels: tuple[Channel, ...]
    store: Store
    effects: Effects
    clock: Clock
    secrets: Secrets = no_secrets


class Action(Protocol):
    """One kind of action on one incident. Built as `ACTIONS[type](tools, report)`.

    `apply` twice with one plan takes effect once. Errors that belong to the action come back as a result with status
    FAILED; only what concerns the whole process is raised.
    """

    informational: ClassVar[bool]
    """True when it changes no system: it cannot mend an incident, and needs no dry run."""

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        """Take what is needed."""

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Return what would be done, without doing it.

        Raises:
            BadRequest: the parameters do not fit.
            NotAllowed: it may never be done, such as calling an address that is not listed.
        """

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Do it, or with `plan.dry_run` only tell."""

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether the effect itself took place; whether it helped is asked of the store elsewhere."""

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Take it back, where that is possible."""


def only_planned(plan: ActionPlan) -> ActionResult:
    """Return the result of a dry run."""
    return ActionResult(status=ActionStatus.PLANNED_ONLY, detail=f"Dry run, nothing was done. {plan.effect}")


def failed(error: Exception) -> ActionResult:
    """Return the result of an action that could not be done."""
    return ActionResult(status=ActionStatus.FAILED, detail=str(error), error_type=type(error).__name__)


def nothing_to_undo() -> ActionResult:
    """Return the result of undoing what changed nothing."""
    return ActionResult(status=ActionStatus.UNDONE, detail="There is nothing to take back.")
