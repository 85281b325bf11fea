"""Questions to people, and their answers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bdp.model.decision import Approval, ApprovalStatus
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/approvals", tags=["approvals"])


class Answer(BaseModel):
    """Who answers, and what they add."""

    by: str = Field(min_length=1, max_length=200)
    note: str = Field(default="", max_length=2000)


@routes.get("")
def list_approvals(product: Product, status: ApprovalStatus | None = None) -> list[Approval]:
    """Return questions, newest first."""
    return product.state.approvals.list(status)


@routes.post("/{approval_id}/approve")
def approve(approval_id: str, answer: Answer, product: Product) -> Approval:
    """Let the action run. The first answer counts."""
    return product.answers.approve(approval_id, by=answer.by, note=answer.note)


@routes.post("/{approval_id}/reject")
def reject(approval_id: str, answer: Answer, product: Product) -> Approval:
    """Forbid the action; the incident goes to a person."""
    return product.answers.reject(approval_id, by=answer.by, note=answer.note)
