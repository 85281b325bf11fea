"""OpenTelemetry's ways in: OTLP over HTTP, protobuf or JSON, answered in the form in which the request came.

An error is a `google.rpc.Status`, as OTLP asks. A sender tries a 503 again, after Retry-After; a 400 it drops.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.concurrency import run_in_threadpool

from bdp.app import App
from bdp.errors import BdpError
from bdp.intake.protocols.wire import JSON, PROTOBUF, declare
from bdp.model.batch import Batch
from bdp.web import errors
from bdp.web.reach import Product

_STATUS: Final = declare("bdp.rpc", {"Status": {"code": (1, "int32"), "message": (2, "string")}})["Status"]
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 409: 9, 413: 3, 415: 3, 500: 13, 501: 12, 503: 14}
"""HTTP status -> code of `google.rpc.Code`."""

_SHOWN_REASONS = 3
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
            JSON: {"schema": {"type": "object"}},
        },
    }
}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_TOLD: Final = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
_ANSWERED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Taken; `partial_success` counts what was refused",
        "content": {PROTOBUF: _BINARY, JSON: {"schema": {"type": "object"}}},
    },
    "default": {
        "description": "What went wrong, as google.rpc.Status",
        "content": {PROTOBUF: _BINARY, JSON: {"schema": _TOLD}},
    },
}


class _Route(APIRoute):
    """Tells every error of its handler, and of what it depends on, as OTLP does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except BdpError as error:
                return _problem(error, _content_type(request))

        return told


routes = APIRouter(tags=["intake"], route_class=_Route, responses=_ANSWERED)


@routes.post("/v1/logs", openapi_extra=_BODY, response_class=Response, summary="Take OTLP logs in")
async def post_logs(request: Request, product: Product) -> Response:
    """Log records become events. One bad record does not stop its neighbours: the answer counts the rejected."""
    return await _take(request, product, "otlp_logs")


@routes.post("/v1/traces", openapi_extra=_BODY, response_class=Response, summary="Take OTLP traces in")
async def post_traces(request: Request, product: Product) -> Response:
    """Spans become events."""
    return await _take(request, product, "otlp_traces")


@routes.post("/v1/metrics", openapi_extra=_BODY, response_class=Response, summary="Take OTLP metrics in")
async def post_metrics(request: Request, product: Product) -> Response:
    """Data points become metric points."""
    return await _take(request, product, "otlp_metrics")


_ANSWERS: Final[dict[str, tuple[type[Any], str, str]]] = {
    "otlp_logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "otlp_traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "otlp_metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}


async def _take(request: Request, product: App, protocol: str) -> Response:
    raw, kind = await request.body(), _content_type(request)
    encoding = request.headers.get("content-encoding", "")
    batch, _ = await run_in_threadpool(partial(product.desk.take_as, protocol, raw, encoding, kind))
    return _success(protocol, batch, kind)


def _success(protocol: str, batch: Batch, content_type: str) -> Response:
    answer, field, name = _ANSWERS[protocol]
    count, reasons = len(batch.refused), _reasons(batch)
    if content_type == JSON:
        told = {"partialSuccess": {name: str(count), "errorMessage": reasons}} if count else {}
        return Response(msgspec.json.encode(told), media_type=JSON)
    message = answer(partial_success={field: count, "error_message": reasons}) if count else answer()
    return Response(message.SerializeToString(), media_type=PROTOBUF)


def _reasons(batch: Batch) -> str:
    shown = [f"record {letter.index}: {letter.reason}" for letter in batch.refused[:_SHOWN_REASONS]]
    more = len(batch.refused) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _problem(error: BdpError, content_type: str) -> Response:
    status, text = errors.status_of(error), str(error)
    code = _CODES.get(status, 2)
    if content_type == PROTOBUF:
        body = _STATUS(code=code, message=text).SerializeToString()
        return Response(body, status, errors.headers_of(error), PROTOBUF)
    return Response(msgspec.json.encode({"code": code, "message": text}), status, errors.headers_of(error), JSON)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
