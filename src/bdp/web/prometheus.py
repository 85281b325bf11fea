"""Prometheus' way in: remote write 1.0. A sender tries a 503 again, after Retry-After; a 4xx it drops."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from bdp.intake.protocols.wire import PROTOBUF
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])

_BODY = {
    "requestBody": {"required": True, "content": {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}},
}


@routes.post("/api/v1/write", openapi_extra=_BODY, status_code=204, summary="Take Prometheus samples in")
async def post_write(request: Request, product: Product) -> Response:
    """Samples become metric points. A refused one is a dead letter: Prometheus could only drop the whole request."""
    raw = await request.body()
    # The protocol says snappy, whether or not the header does. Its content type names the version behind the `;`.
    encoding = request.headers.get("content-encoding", "") or "snappy"
    kind = request.headers.get("content-type", "").replace(" ", "")
    await run_in_threadpool(partial(product.desk.take_as, "prometheus", raw, encoding, kind))
    return Response(status_code=204)
