"""The ledger, the SQL window and the briefing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from bdp.web.reach import Product

routes = APIRouter(prefix="/v1", tags=["pipeline"])


class DropAnswer(BaseModel):
    """Records that were let go on purpose."""

    source: str
    reason: str
    priority: str
    count: int


class SinkAnswer(BaseModel):
    """One sink of the delivery chain."""

    name: str
    state: str = Field(description="closed: in use; open: away, not asked; probing: asked whether it is back")
    reason: str = Field(description="the latest failure; empty while all is well")
    waiting: int | None = Field(
        description="records that wait in it for the first sink; null: unknown, since it cannot be asked now"
    )
    takes_from: str = Field(description="lowest class of records that its disk has room for; empty if none")
    takes: bool = Field(description="false: the settings name it no more, so it is only emptied")


class LedgerAnswer(BaseModel):
    """accepted = stored + dead_lettered + dropped + in_flight, over all and by source."""

    total: dict[str, int]
    sources: dict[str, dict[str, int]]
    drops: list[DropAnswer] = Field(description="what was let go, by source, reason and class")
    sinks: list[SinkAnswer] = Field(description="the delivery chain in order, and what waits in it")


class LaneAnswer(BaseModel):
    """One partition of a stream that several processes share."""

    lane: str
    reader: str = Field(description="host:pid of the process that took it last; empty if nobody has it")
    since: datetime | None = Field(description="when that process took it")
    seen_at: datetime | None = Field(description="when that process was last heard of; each says so every minute")
    readers: int = Field(description="how often it was taken so far")
    committed: int = Field(description="offset up to which all is stored")
    planned: int = Field(description="end of the range that is being stored; not above `committed` if there is none")


class Question(BaseModel):
    """One read-only SQL statement."""

    sql: str = Field(min_length=1, max_length=20_000)


@routes.get("/ledger")
def ledger(product: Product) -> LedgerAnswer:
    """Return the ledger."""
    total, sources = product.ledger()
    return LedgerAnswer(
        total=total.as_dict(),
        sources={name: entry.as_dict() for name, entry in sources.items()},
        drops=[
            DropAnswer(source=source, reason=drop.reason, priority=drop.priority, count=drop.count)
            for source, drops in product.chain.drops().items()
            for drop in drops
        ],
        sinks=[SinkAnswer(**msgspec.structs.asdict(state)) for state in product.chain.states()],
    )


@routes.get("/lanes")
def lanes(product: Product) -> list[LaneAnswer]:
    """Return who has which partition of a shared stream; none where this process has all records to itself."""
    return [LaneAnswer(**msgspec.structs.asdict(lane)) for lane in product.lanes()]


@routes.post("/query")
def query(question: Question, product: Product) -> list[dict[str, Any]]:
    """Run one read-only statement over events, metrics, costs and changes; bounded in time, rows and memory."""
    return product.store.query(question.sql)


@routes.get("/briefing", response_class=PlainTextResponse)
def briefing(product: Product, day: str = "", language: Literal["en", "ko"] = "en") -> str:
    """Return the briefing of one day (`YYYY-MM-DD`, default: the latest day with events) as markdown."""
    return product.briefing(day, language)
