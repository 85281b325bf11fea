"""The way in for what exporters print: a text pushed as it is, also in the way of a Pushgateway."""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BadRequest
from bdp.intake.flatten import sound
from bdp.intake.protocols.exposition import OPENMETRICS, TEXT, Target, read_exposition
from bdp.web.events import IdempotencyKey, Receipt, receipt_of
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])

_FORM: Final = "application/x-www-form-urlencoded"
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {TEXT: {"schema": {"type": "string"}}, OPENMETRICS: {"schema": {"type": "string"}}},
    }
}
_MOST_LABELS = 32
_BASE64: Final = "@base64"

Name = Annotated[str, Query(max_length=1024, description="label of every sample, in the place of its own")]


@routes.post("/v1/metrics/exposition", openapi_extra=_BODY, summary="Take an exporter's text in")
async def post_exposition(
    request: Request, product: Product, job: Name = "", instance: Name = "", idempotency_key: IdempotencyKey = None
) -> Receipt:
    """Prometheus' text format or OpenMetrics: each sample becomes a metric point, a bad line a dead letter.

    A sample without a time has that of its arrival. So the same text again is new points, unless it has the same
    Idempotency-Key.
    """
    labels = {name: sound(value) for name, value in (("job", job), ("instance", instance)) if value}
    return await _take(request, product, labels, idempotency_key)


@routes.post("/metrics/job{path:path}", openapi_extra=_BODY, summary="Take what is pushed to a Pushgateway in")
@routes.put("/metrics/job{path:path}", openapi_extra=_BODY, include_in_schema=False)
async def push(request: Request, product: Product, path: str, idempotency_key: IdempotencyKey = None) -> Receipt:
    """The path is `/metrics/job/JOB/LABEL/VALUE/…`, as a Pushgateway's clients make it; nothing waits to be scraped."""
    return await _take(request, product, _grouping(f"job{path}"), idempotency_key)


async def _take(request: Request, product: App, labels: dict[str, str], key: str | None) -> Receipt:
    raw = await request.body()
    encoding = request.headers.get("content-encoding", "")
    kind = request.headers.get("content-type", "")
    # curl calls whatever it sends a form.
    kind = "" if kind.partition(";")[0].strip().lower() == _FORM else kind
    read = partial(read_exposition, target=Target(labels))
    name = key or product.ids.new(product.clock.now())
    taken = await run_in_threadpool(product.desk.take_as, "exposition", raw, encoding, kind, name, read)
    return receipt_of(*taken)


def _grouping(path: str) -> dict[str, str]:
    """Return the labels that a path says: names and values in turn; `name@base64` has its value in base64.

    Raises:
        BadRequest: it is another path.
    """
    parts = path.rstrip("/").split("/")
    if len(parts) % 2 or len(parts) > 2 * _MOST_LABELS:
        raise BadRequest("The path is not /metrics/job/JOB/LABEL/VALUE/….", "Give each label a value.")
    return dict(_label(name, value) for name, value in zip(parts[::2], parts[1::2], strict=True))


def _label(name: str, value: str) -> tuple[str, str]:
    if not name.endswith(_BASE64):
        return sound(name), sound(value)
    try:
        padded = value + "=" * (-len(value) % 4)
        return sound(name.removesuffix(_BASE64)), sound(base64.urlsafe_b64decode(padded).decode())
    except (binascii.Error, ValueError):
        raise BadRequest(f"The label {name[:60]!r} has no base64 value.", "Encode it as URL-safe base64.") from None
