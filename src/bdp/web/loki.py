"""Loki's way in: its push API, for Promtail, Alloy, Fluent Bit, Vector and the like."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from bdp.intake.protocols.wire import JSON, PROTOBUF
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "object"}},
            PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@routes.post("/loki/api/v1/push", openapi_extra=_BODY, status_code=204, summary="Take Loki log lines in")
async def post_push(request: Request, product: Product) -> Response:
    """Log lines become events. A refused one is a dead letter: a Loki client could only drop the whole request."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # As in Loki: JSON says how it is compressed; anything else is snappy, whether or not a header says so.
    encoding = request.headers.get("content-encoding", "") or ("" if kind == JSON else "snappy")
    await run_in_threadpool(partial(product.desk.take_as, "loki", raw, encoding, kind))
    return Response(status_code=204)
