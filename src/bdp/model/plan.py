"""Plans: exactly what an action will send, to what, and how it would be taken back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bdp.model.analysis import ActionType
from bdp.model.noun import Noun


class Risk(StrEnum):
    """How much harm a wrong action can do."""

    LOW = "low"
    """It reads or tells."""
    MEDIUM = "medium"
    """A service notices, for a short time or with less room to spare."""
    HIGH = "high"
    """A service may stop, or data may be touched."""


RISKS: tuple[Risk, ...] = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)
"""From the least to the worst."""


class Request(Noun):
    """One call that an action makes.

    Attributes:
        call: operation and address, such as `lambda UpdateFunctionConfiguration` or `POST https://host/path`.
        body: what is sent, without secrets: those stand as references such as `env:NAME`.
    """

    call: str
    body: dict[str, Any] = {}


class ActionPlan(Noun):
    """What an action will do, before it does it.

    Attributes:
        idempotency_key: applying twice with one key takes effect once.
        effect: exactly what will be sent or done, for a person to read.
        undo: how it would be taken back; empty when there is nothing to take back.
        dry_run: True means that apply records what it would do and does nothing.
        resource: what is touched, as `kind:name`, such as `lambda:checkout` or `deployment:shop/cart`; empty when
            nothing is changed. Policies name it by glob.
        reversible: undo gives back what was before.
        blast_radius: how many instances, tasks, pods or functions are touched; 0 when nothing is changed.
        requests: the calls in their order.
        before: what the resource was like when the plan was made; what undo goes back to.
    """

    idempotency_key: str
    type: ActionType
    parameters: dict[str, Any]
    effect: str
    effect_ko: str = ""
    undo: str
    undo_ko: str = ""
    dry_run: bool
    resource: str = ""
    risk: Risk = Risk.LOW
    reversible: bool = True
    blast_radius: Annotated[int, Field(ge=0)] = 0
    requests: tuple[Request, ...] = ()
    before: dict[str, Any] = {}
