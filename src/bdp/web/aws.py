"""Ways in for what AWS delivers: SNS, EventBridge, the events of Lambda functions, and Firehose."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BdpError
from bdp.intake.body import read_body
from bdp.intake.protocols import firehose
from bdp.web import auth, errors
from bdp.web.events import Receipt, receipt_of
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/aws", tags=["intake"])
firehose_routes = APIRouter(prefix="/v1/aws", tags=["intake"])

_MAX_ID = 120
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {"schema": {"type": "string"}}},
    }
}


class FirehoseAnswer(BaseModel):
    """What Firehose wants to hear: its own request id, the time in milliseconds since 1970, and what went wrong."""

    requestId: str
    timestamp: int
    errorMessage: str = Field(default="", description="empty if all is well")


@routes.post("/sns", openapi_extra=_BODY, summary="Take SNS messages in")
async def post_sns(request: Request, product: Product) -> Receipt:
    """CloudWatch alarms and any other notification; the token is HTTP Basic's password in the subscription's address.

    A new topic is never confirmed by itself: its SubscriptionConfirmation becomes an event with the error code
    `sns.subscription_pending`, whose message has the address that a person may open.
    """
    return await _take(request, product, "aws_sns")


@routes.post("/eventbridge", openapi_extra=_BODY, summary="Take EventBridge events in")
async def post_eventbridge(request: Request, product: Product) -> Receipt:
    """As an API destination sends them; alarms become events with a level."""
    return await _take(request, product, "aws_eventbridge")


@routes.post("/lambda", openapi_extra=_BODY, summary="Take a Lambda function's event in")
async def post_lambda(request: Request, product: Product) -> Receipt:
    """CloudWatch Logs, Kinesis, SQS, SNS, MSK, alarms: a function need only forward its event as it is."""
    return await _take(request, product, "aws_lambda")


@firehose_routes.post(
    "/firehose",
    openapi_extra=_BODY,
    response_model=FirehoseAnswer,
    responses={
        "default": {"model": FirehoseAnswer | errors.ErrorAnswer, "description": "refused, or to be sent again"}
    },
    summary="Take Firehose deliveries in",
)
async def post_firehose(request: Request, product: Product) -> JSONResponse:
    """Events, log subscriptions or a metric stream (JSON). The access key is the token."""
    try:
        auth.check_access_key(request)  # before anything of the body is read
    except BdpError as error:
        return _answer(request, product, error)
    raw = await request.body()
    return await run_in_threadpool(_deliver, request, product, raw)


def delivery_key(raw: bytes) -> str:
    """Return the key of a delivery: messages bear their own ids and times, so the same bytes are the same delivery."""
    return hashlib.sha256(raw).hexdigest()


async def _take(request: Request, product: App, protocol: str) -> Receipt:
    raw = await request.body()
    encoding = request.headers.get("content-encoding", "")
    key = delivery_key(raw)
    return receipt_of(*await run_in_threadpool(product.desk.take_as, protocol, raw, encoding, "", key))


def _deliver(request: Request, product: App, raw: bytes) -> JSONResponse:
    key = _request_id(request)
    try:
        body = read_body(raw, request.headers.get("content-encoding", ""), product.settings.intake)
        known = key if key.isprintable() and key.isascii() and " " not in key else ""
        product.desk.take_as(firehose.protocol_of(body), body, "", "", known or delivery_key(raw))
    except BdpError as error:
        return _answer(request, product, error)
    return _answer(request, product, None)


def _answer(request: Request, product: App, error: BdpError | None) -> JSONResponse:
    """Answer in Firehose's way whatever happened; what is not a success is sent again by it."""
    now = int(product.clock.now().timestamp() * 1000)
    answer = FirehoseAnswer(requestId=_request_id(request), timestamp=now, errorMessage=str(error) if error else "")
    status = errors.status_of(error) if error else 200
    headers = errors.headers_of(error) if error else {}
    return JSONResponse(answer.model_dump(exclude_defaults=True), status_code=status, headers=headers)


def _request_id(request: Request) -> str:
    return request.headers.get("x-amz-firehose-request-id", "")[:_MAX_ID]
