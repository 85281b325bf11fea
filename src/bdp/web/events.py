"""Ways in for events, changes, costs and metric points: NDJSON or a JSON array, plain or compressed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BadRequest
from bdp.intake.body import check_charset
from bdp.model.batch import Batch, DropReason, RecordKind
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])
own_routes = APIRouter(tags=["intake"])
"""What only our own programs use."""

_SHOWN_REFUSALS = 100
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


class Refusal(BaseModel):
    """A record that was not taken: its place in the request, from 0, and why."""

    index: int
    cause: str
    reason: str


class Receipt(BaseModel):
    """What happened to a request's records: accepted + refused + sampled_out + dropped is what was sent.

    `accepted` are durable; `refused` are kept as dead letters.
    """

    accepted: int
    refused: int
    sampled_out: int = Field(default=0, description="normal events let go by the sampling policy; others weigh more")
    dropped: int = Field(default=0, description="records let go because no disk has room, normal ones first")
    refusals: list[Refusal] = Field(description=f"the first {_SHOWN_REFUSALS}")
    batch_id: str
    repeated: bool = Field(description="this Idempotency-Key was taken before; nothing was done")


IdempotencyKey = Annotated[str | None, Header(max_length=128, description="the same key twice counts once")]


@routes.post("/v1/events", openapi_extra=_BODY, summary="Take events in")
async def post_events(request: Request, product: Product, idempotency_key: IdempotencyKey = None) -> Receipt:
    """Answer when every accepted event is on disk. One bad record does not stop its neighbours."""
    return await _take(request, product, RecordKind.EVENTS, idempotency_key)


@routes.post("/v1/changes", openapi_extra=_BODY, summary="Take changes in")
async def post_changes(request: Request, product: Product, idempotency_key: IdempotencyKey = None) -> Receipt:
    """Deploys, commits, flags, configuration and maintenance; one without `ts` took effect when it arrived."""
    return await _take(request, product, RecordKind.CHANGES, idempotency_key)


@routes.post("/v1/costs", openapi_extra=_BODY, summary="Take cost lines in")
async def post_costs(request: Request, product: Product, idempotency_key: IdempotencyKey = None) -> Receipt:
    """FOCUS columns, as `BilledCost` or `billed_cost`; columns that BDP has no place for are left out."""
    return await _take(request, product, RecordKind.COSTS, idempotency_key)


@routes.post("/metrics", openapi_extra=_BODY, summary="Take fabric samples in", operation_id="post_fabric_samples")
@routes.post("/metrics/ingest", openapi_extra=_BODY, summary="Take metric points and fabric samples in")
async def post_metrics(request: Request, product: Product, idempotency_key: IdempotencyKey = None) -> Receipt:
    """A point has `ts`, `name` and `value`; at will `entity`, `labels` and `unit`.

    A fabric sample has `stream_id`, `timestamp` and one or more of `latency_p99` (µs), `utilization` (%), `error_rate`
    (fraction), `bandwidth_gbps` and `qp_errors`; each figure counts as a point in the receipt.
    """
    return await _take(request, product, RecordKind.METRICS, idempotency_key)


@own_routes.post("/v1/batches", summary="Take one batch in, as 'bdp ingest' sends it", include_in_schema=False)
async def post_batch(request: Request, product: Product) -> Receipt:
    """A msgpack `bdp.model.batch.Batch`; its records are validated again."""
    raw = await request.body()
    return await run_in_threadpool(_take_batch, product, raw)


async def _take(request: Request, product: App, kind: RecordKind, key: str | None) -> Receipt:
    check_charset(request.headers.get("content-type", "").lower().partition("charset=")[2].partition(";")[0])
    raw = await request.body()
    encoding = request.headers.get("content-encoding", "")
    return await run_in_threadpool(_take_body, product, raw, encoding, kind, key)


def _take_body(product: App, raw: bytes, encoding: str, kind: RecordKind, key: str | None) -> Receipt:
    return receipt_of(*product.desk.take(kind, raw, encoding, key))


def _take_batch(product: App, raw: bytes) -> Receipt:
    try:
        batch = msgspec.msgpack.decode(raw, type=Batch)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(
            f"The body is not a batch: {error}.", "Send it with 'bdp ingest' of the server's version."
        ) from error
    return receipt_of(*product.desk.take_batch(batch))


def receipt_of(batch: Batch, new: bool) -> Receipt:
    """Return what is told about a batch that was taken, or was known already."""
    return Receipt(
        accepted=batch.count,
        refused=len(batch.refused),
        sampled_out=sum(drop.count for drop in batch.drops if drop.reason is DropReason.SAMPLED),
        dropped=sum(drop.count for drop in batch.drops if drop.reason is DropReason.DISK_FULL),
        refusals=[
            Refusal(index=letter.index, cause=letter.cause.value, reason=letter.reason)
            for letter in batch.refused[:_SHOWN_REFUSALS]
        ],
        batch_id=batch.batch_id,
        repeated=not new,
    )
