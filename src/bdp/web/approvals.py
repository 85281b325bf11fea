"""Questions to people, and their answers. Who answers is looked up under [approvers]; nobody states their own role."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from bdp.decide.approvers import Way
from bdp.model.decision import Approval, ApprovalStatus
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/approvals", tags=["approvals"])
_Id = Annotated[str, Path(max_length=200, description="the id, or 6 characters or more that only it begins with")]


class Answer(BaseModel):
    """Who answers, and what they add."""

    by: str = Field(min_length=1, max_length=200, description="as the people under [approvers] are known there")
    note: str = Field(default="", max_length=2000, description="kept with the answer")
    via: Literal["api", "cli"] = Field(default="api", description="by which of their names `by` is one")


@routes.get("")
def list_approvals(
    product: Product,
    status: ApprovalStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> list[Approval]:
    """Return questions, newest first."""
    return product.state.approvals.list(status, limit)


@routes.get("/{approval_id}")
def get_approval(approval_id: _Id, product: Product) -> Approval:
    """Return one question: what would be sent, the undo, the evidence, and who has answered."""
    return product.state.approvals.find(approval_id)


@routes.post("/{approval_id}/approve")
def approve(approval_id: _Id, answer: Answer, product: Product) -> Approval:
    """Let the action run, as far as this person is concerned; so many people as it needs must."""
    found = product.state.approvals.find(approval_id)
    return product.answers.approve(found.approval_id, answer.by, answer.note, Way(answer.via))


@routes.post("/{approval_id}/reject")
def reject(approval_id: _Id, answer: Answer, product: Product) -> Approval:
    """Forbid the action; one person is enough."""
    found = product.state.approvals.find(approval_id)
    return product.answers.reject(found.approval_id, answer.by, answer.note, Way(answer.via))
