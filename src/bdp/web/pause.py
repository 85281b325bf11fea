"""The kill switch."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bdp.app import App
from bdp.model.action import Pause
from bdp.model.policy import PolicyVersion
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/pause", tags=["decide"])

_SHOWN_VERSIONS = 100
Who = Annotated[str, Query(min_length=1, max_length=200, description="who resumes; kept in the audit log")]


class PauseAnswer(BaseModel):
    """Whether BDP may act."""

    paused: bool
    pause: Pause | None = Field(description="null while it may")
    history: list[PolicyVersion] = Field(description="who paused and resumed, newest first")


class PauseRequest(BaseModel):
    """Who pauses, why and for how long."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=200, description="kept in the audit log")
    reason: str = Field(default="", max_length=500, description="shown wherever something is stopped by it")
    until: AwareDatetime | None = Field(default=None, description="empty: until somebody resumes")


@routes.get("")
def show_pause(product: Product) -> PauseAnswer:
    """Return whether BDP is paused, and who paused and resumed before."""
    return _answer(product)


@routes.put("")
def pause(request: PauseRequest, product: Product) -> PauseAnswer:
    """Stop everything that changes a system, in every process, from the next decision on. Telling and reading go on."""
    product.switch.pause(request.by, request.reason, request.until)
    return _answer(product)


@routes.delete("")
def resume(by: Who, product: Product) -> PauseAnswer:
    """Let BDP act again. What was stopped meanwhile stays as it ended; nothing is made up for."""
    product.switch.resume(by)
    return _answer(product)


def _answer(product: App) -> PauseAnswer:
    found = product.switch.now()
    return PauseAnswer(paused=found is not None, pause=found, history=product.switch.history(_SHOWN_VERSIONS))
