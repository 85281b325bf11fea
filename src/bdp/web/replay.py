"""Replay: records pushed through the pipeline again, and a time range shown to detection again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BadRequest, NotFound
from bdp.flow.replay import Chunk
from bdp.flow.review import LEAD_HOURS, Review, Span
from bdp.model.decision import AuditEntry
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/replay", tags=["replay"])

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class ReplayAnswer(BaseModel):
    """read = new + known + refused."""

    read: int
    new: int = Field(description="taken in now, or would be in a dry run")
    known: int = Field(description="in the store already, or on the way to it")
    refused: int = Field(description="the edge does not take them")
    reasons: list[str] = Field(description="of the first 20 refused")


class RangeQuestion(BaseModel):
    """A time range of the store to show to detection again."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime | None, Field(alias="to", description="default: now")] = None
    service: str = Field(default="", max_length=1000)
    lead_hours: float = Field(default=LEAD_HOURS, ge=0, le=24 * 30, description="read before it, to know what is usual")
    rate: float = Field(default=0, ge=0, description="most abnormal events a second; 0: no bound")
    dry_run: bool = Field(default=False, description="only count")
    by: str = Field(default="api", min_length=1, max_length=200, description="who asks; kept in the audit")


class RangeAnswer(BaseModel):
    """How far the review of a range has come."""

    start: datetime
    end: datetime
    service: str
    state: str
    total: int = Field(description="abnormal events to look at, with those read before the range")
    read: int
    at: datetime | None
    anomalies: int = Field(description="raised within the range")
    opened: int = Field(description="incidents that are new by it")
    reason: str = Field(description="why it failed; else empty")


@routes.post("", summary="Replay one batch, as 'bdp replay' sends it", include_in_schema=False)
async def post_chunk(request: Request, product: Product) -> ReplayAnswer:
    """A msgpack `bdp.flow.replay.Chunk`; what is known already is left out."""
    raw = await request.body()
    return await run_in_threadpool(_replay, product, raw)


def _replay(product: App, raw: bytes) -> ReplayAnswer:
    try:
        chunk = msgspec.msgpack.decode(raw, type=Chunk)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRequest(f"The body is not a batch to replay: {error}.") from error
    return ReplayAnswer(**msgspec.structs.asdict(product.replay.replay(chunk)))


@routes.post("/range", status_code=202)
def start_range(question: RangeQuestion, product: Product) -> RangeAnswer:
    """Begin to show a range to detection again. One at a time; asking again for the same range raises nothing twice."""
    now = product.clock.now()
    end = min(question.end or now, now)
    if question.start < _FIRST or end < _FIRST:
        raise BadRequest("The range lies before 1970.", "The store holds nothing of then.")
    span = Span(
        start=question.start.astimezone(UTC),
        end=end.astimezone(UTC),
        service=question.service,
        lead_hours=question.lead_hours,
        rate=question.rate,
        dry_run=question.dry_run,
    )
    review = product.reviewer.start(span)
    if not question.dry_run:
        detail = question.model_dump(mode="json", by_alias=True, exclude={"by", "dry_run"}, exclude_none=True)
        product.state.audit.add(
            AuditEntry(at=now, actor=question.by, action="range.reviewed", object="events", detail=detail)
        )
    return _told(review)


@routes.get("/range")
def range_progress(product: Product) -> RangeAnswer:
    """Return how far the present review has come, or how the last one ended."""
    review = product.reviewer.latest
    if review is None:
        raise NotFound("No range was reviewed since BDP started.")
    return _told(review)


@routes.post("/range/stop")
def stop_range(product: Product) -> RangeAnswer:
    """End the present review. What it raised so far stays."""
    product.reviewer.stop()
    return range_progress(product)


def _told(review: Review) -> RangeAnswer:
    span = review.span
    return RangeAnswer(
        start=span.start,
        end=span.end,
        service=span.service,
        state=review.state.value,
        total=review.total,
        read=review.read,
        at=review.at,
        anomalies=review.anomalies,
        opened=review.opened,
        reason=review.reason,
    )
