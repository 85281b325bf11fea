"""What every action is, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from bdp.act.clients import Clients
from bdp.act.settings import ActSettings, DryRun, Operation, WebhookSettings
from bdp.clock import Clock
from bdp.errors import StoreUnavailable
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.plan import ActionPlan
from bdp.notify.endpoint import Secrets, no_secrets
from bdp.ports import Channel, Effects, Store

__all__ = [
    "ActSettings",
    "Action",
    "DryRun",
    "Operation",
    "Tools",
    "WebhookSettings",
    "failed",
    "nothing_to_undo",
    "only_planned",
]


@dataclass(frozen=True)
class Tools:
    """What actions work with."""

    settings: ActSettings
    channels: tuple[Channel, ...]
    store: Store
    effects: Effects
    clock: Clock
    secrets: Secrets = no_secrets
    clients: Clients = field(default_factory=Clients, repr=False, compare=False)


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
        """Return what would be done, without doing it. It may read, and never writes.

        Raises:
            BadRequest: the parameters do not fit.
            NotAllowed: it may never be done, such as calling an address that is not listed.
            NotFound: what it is to change is not there.
            NotPossible: it cannot be done now, such as scaling to where it is already.
            Retry: the other system did not answer.
        """

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Do it, or with `plan.dry_run` only tell."""

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether the effect itself took place; whether it helped is asked of the store elsewhere.

        It may wait up to `wait_seconds` of the settings. Where nobody answers it has not been seen: False.
        """

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Take it back, where that is possible; twice takes it back once. FAILED says why it was not."""


def only_planned(plan: ActionPlan) -> ActionResult:
    """Return the result of a dry run."""
    return ActionResult(status=ActionStatus.PLANNED_ONLY, detail=f"Dry run, nothing was done. {plan.effect}")


def failed(error: Exception) -> ActionResult:
    """Return the result of an action that could not be done.

    Raises:
        StoreUnavailable: a database of our own is away. Whether the action took place is not known then, and no failure
            of it: who asked for it asks again, with the same key.
    """
    if isinstance(error, StoreUnavailable):
        raise error
    return ActionResult(status=ActionStatus.FAILED, detail=str(error), error_type=type(error).__name__)


def nothing_to_undo() -> ActionResult:
    """Return the result of undoing what changed nothing."""
    return ActionResult(status=ActionStatus.UNDONE, detail="There is nothing to take back.")
