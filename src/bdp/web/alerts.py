"""Ways in for alerts of other systems: one address for each sender's own webhook."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import NotFound
from bdp.intake.protocols.vendors import VENDORS
from bdp.web.aws import delivery_key
from bdp.web.events import Receipt, Refusal, receipt_of
from bdp.web.reach import Product

routes = APIRouter(tags=["intake"])

_SHOWN_REFUSALS = 100
_CLOUDWATCH = "cloudwatch"
_SENDERS = (*VENDORS, _CLOUDWATCH)
_ABOUT = f"who sends: {', '.join(_SENDERS)}"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": ["object", "array"]}}},
    }
}


class AlertReceipt(BaseModel):
    """What happened to the alerts of one request. `accepted` are durable; `refused` are kept as dead letters."""

    accepted: int
    repeated: int = Field(description="known already by fingerprint, start and state; nothing was done with them")
    refused: int
    refusals: list[Refusal] = Field(description=f"the first {_SHOWN_REFUSALS}")


@routes.post("/v1/alerts/{sender}", openapi_extra=_BODY, summary="Take another system's alerts in")
async def post_alerts(
    request: Request, product: Product, sender: Annotated[str, Path(max_length=40, description=_ABOUT)]
) -> AlertReceipt | Receipt:
    """Each alert is one event; the same alert sent again counts once.

    The token may come as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, for senders that cannot set
    that header: `https://any:TOKEN@host/v1/alerts/alertmanager`.
    """
    raw = await request.body()
    return await run_in_threadpool(_take, product, sender, raw, request.headers.get("content-encoding", ""))


@routes.post("/api/v2/alerts", openapi_extra=_BODY, summary="Take alerts from a Prometheus server itself")
async def post_prometheus(request: Request, product: Product) -> AlertReceipt:
    """Alertmanager's own address, for a Prometheus server with BDP among its `alertmanagers`."""
    raw = await request.body()
    return await run_in_threadpool(_take_each, product, "prometheus", raw, request.headers.get("content-encoding", ""))


def _take(product: App, sender: str, raw: bytes, encoding: str) -> AlertReceipt | Receipt:
    if sender == _CLOUDWATCH:
        return receipt_of(*product.desk.take_as("alerts_cloudwatch", raw, encoding, "", delivery_key(raw)))
    if sender not in VENDORS:
        raise NotFound(f"Alerts of {sender!r} are not read.", f"The senders are {', '.join(_SENDERS)}.")
    return _take_each(product, sender, raw, encoding)


def _take_each(product: App, sender: str, raw: bytes, encoding: str) -> AlertReceipt:
    taken = product.desk.take_each(f"alerts_{sender}", raw, encoding, "")
    letters = [letter for batch, _ in taken for letter in batch.refused]
    return AlertReceipt(
        accepted=sum(batch.count for batch, new in taken if new),
        repeated=sum(batch.count for batch, new in taken if not new),
        refused=len(letters),
        refusals=[
            Refusal(index=letter.index, cause=letter.cause.value, reason=letter.reason)
            for letter in letters[:_SHOWN_REFUSALS]
        ],
    )
