"""Questions to the agents."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from bdp.explain.agents.question import LONGEST
from bdp.explain.agents.reply import Reply
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/ask", tags=["incidents"])


class Asked(BaseModel):
    """A question, in English or Korean; its answer is in the same language."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=LONGEST)
    incident_id: str = Field(default="", max_length=64, description="that it is about; empty: as the question says")


@routes.post("")
def ask(asked: Asked, product: Product) -> Reply:
    """Answer a question from what is stored, with claims that code has checked.

    Without a model, or where none gives a usable answer, the answer is what rules found; `source` and `reason` say so.
    Nothing is changed, and no action is taken.
    """
    return product.asking.ask(asked.question, asked.incident_id)
