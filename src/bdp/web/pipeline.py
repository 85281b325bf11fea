"""The ledger, the dead letters, the SQL window and the briefing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from bdp.web.reach import Product

routes = APIRouter(prefix="/v1", tags=["pipeline"])


class LedgerAnswer(BaseModel):
    """accepted = stored + dead_lettered + dropped + in_flight, over all and by source."""

    total: dict[str, int]
    sources: dict[str, dict[str, int]]


class DeadLetterAnswer(BaseModel):
    """One record that could not be processed; `payload` is shown as text, cut at 2,000 characters."""

    source: str
    kind: str
    cause: str
    reason: str
    index: int
    first_seen: datetime
    payload: str


class Question(BaseModel):
    """One read-only SQL statement."""

    sql: str = Field(min_length=1, max_length=20_000)


@routes.get("/ledger")
def ledger(product: Product) -> LedgerAnswer:
    """Return the ledger."""
    total, sources = product.ledger()
    return LedgerAnswer(total=total.as_dict(), sources={name: entry.as_dict() for name, entry in sources.items()})


@routes.get("/dead-letters")
def dead_letters(product: Product, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[DeadLetterAnswer]:
    """Return dead letters, newest first."""
    return [
        DeadLetterAnswer(
            source=letter.source,
            kind=letter.kind.value,
            cause=letter.cause.value,
            reason=letter.reason,
            index=letter.index,
            first_seen=letter.first_seen,
            payload=letter.payload[:2000].decode("utf-8", "replace"),
        )
        for letter in product.stream.dead_letters(limit)
    ]


@routes.post("/query")
def query(question: Question, product: Product) -> list[dict[str, Any]]:
    """Run one read-only statement over events, metrics, costs and changes; bounded in time, rows and memory."""
    return product.store.query(question.sql)


@routes.get("/briefing", response_class=PlainTextResponse)
def briefing(product: Product, day: str = "", language: Literal["en", "ko"] = "en") -> str:
    """Return the briefing of one day (`YYYY-MM-DD`, default: the latest day with events) as markdown."""
    return product.briefing(day, language)
