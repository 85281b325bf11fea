"""Ways in for events and changes: NDJSON or a JSON array, plain or compressed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BadRequest
from bdp.model.batch import Batch, RecordKind
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])

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
    """What happened to a request's records. `accepted` are durable; `refused` are kept as dead letters."""

    accepted: int
    refused: int
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
    """Deploys, commits, flags, configuration and maintenance."""
    return await _take(request, product, RecordKind.CHANGES, idempotency_key)


@routes.post("/v1/batches", summary="Take one batch in, as 'bdp ingest' sends it", include_in_schema=False)
async def post_batch(request: Request, product: Product) -> Receipt:
    """A msgpack `bdp.model.batch.Batch`; its records are validated again."""
    raw = await request.body()
    return await run_in_threadpool(_take_batch, product, raw)


async def _take(request: Request, product: App, kind: RecordKind, key: str | None) -> Receipt:
    raw = await request.body()
    encoding = request.headers.get("content-encoding", "")
    return await run_in_threadpool(_take_body, product, raw, encoding, kind, key)


def _take_body(product: App, raw: bytes, encoding: str, kind: RecordKind, key: str | None) -> Receipt:
    return _receipt(*product.take(kind, raw, encoding, key))


def _take_batch(product: App, raw: bytes) -> Receipt:
    try:
        batch = msgspec.msgpack.decode(raw, type=Batch)
    except msgspec.DecodeError as error:
        raise BadRequest(f"The body is not a batch: {error}.") from error
    return _receipt(*product.take_batch(batch))


def _receipt(batch: Batch, new: bool) -> Receipt:
    return Receipt(
        accepted=batch.count,
        refused=len(batch.refused),
        refusals=[
            Refusal(index=letter.index, cause=letter.cause.value, reason=letter.reason)
            for letter in batch.refused[:_SHOWN_REFUSALS]
        ],
        batch_id=batch.batch_id,
        repeated=not new,
    )
