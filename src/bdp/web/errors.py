"""The only place that knows HTTP status codes: errors become answers a client can act on, all of one shape."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bdp.errors import (
    BadRequest,
    BadSetting,
    BdpError,
    HomeInUse,
    MissingExtra,
    NotAllowed,
    NotEntitled,
    NotFound,
    NotPossible,
    Refuse,
    Reject,
    Retry,
    StreamUnavailable,
    TooLarge,
    UnknownEncoding,
    UnknownFormat,
)
from bdp.web.auth import BasicAsked

log = structlog.get_logger(__name__)


class Stalled(Reject):
    """The rest of a request did not come."""

    code = "TIMEOUT"


class TwoLengths(BadRequest):
    """Two headers say differently where a request ends."""


STATUS: dict[type[BdpError], int] = {
    Stalled: 408,
    TooLarge: 413,
    UnknownEncoding: 415,
    UnknownFormat: 415,
    NotFound: 404,
    NotPossible: 409,
    NotEntitled: 403,
    NotAllowed: 401,
    BadSetting: 500,
    MissingExtra: 501,
    HomeInUse: 503,
    Retry: 503,
    Reject: 400,
    Refuse: 403,
    BdpError: 500,
}


class Problem(BaseModel):
    """What happened, and what to do next; `code` is for programs."""

    code: str
    what: str
    next_step: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is not a success."""

    error: Problem


DESCRIBED: dict[str, Any] = {
    "description": "What went wrong, and what to do next",
    "model": ErrorAnswer,
    # Said as well, since routes that answer with text would give the model as text.
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
}
"""The answer in the API's own description."""


def install(api: FastAPI, max_request_bytes: int, body_seconds: float) -> None:
    """Answer everything that goes wrong with its status and an `ErrorAnswer`.

    Args:
        body_seconds: longest wait for the next piece of a request's body.
    """
    api.add_exception_handler(BdpError, _told)
    api.add_exception_handler(RequestValidationError, _misunderstood)
    api.add_exception_handler(HTTPException, _no_route)
    api.add_middleware(_Guard, max_request_bytes=max_request_bytes, body_seconds=body_seconds)


class _Guard:
    """The outermost layer: bounds what a request may hold in memory and for how long, and answers for defects of ours.

    A defect is logged with its trace; the client learns none of it. A client that goes away is no defect.
    """

    def __init__(self, app: ASGIApp, max_request_bytes: int, body_seconds: float) -> None:
        self._app = app
        self._limit = max_request_bytes
        self._seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size, whole, begun = 0, False, False

        async def bounded() -> Message:
            nonlocal size, whole
            # Behind the body comes nothing but the client's leaving, for which one may wait.
            message = await receive() if whole else await _in_time(receive, self._seconds)
            if message["type"] == "http.disconnect" and not whole:
                log.debug("request.left", method=scope["method"], path=scope["path"], bytes=size)
            size += len(message.get("body", b""))
            if size > self._limit:
                raise _too_large(self._limit)
            whole = not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            _check_announced(scope, self._limit)
            await self._app(scope, bounded, noted)
        except asyncio.CancelledError:
            # The server ends and has no more time for this request; what became of it is not known.
            if begun:
                raise
            await _answer(_ENDING)(scope, receive, send)
        except ClientDisconnect:
            """Nobody is there to be answered."""
        except Exception as error:
            if not isinstance(error, BdpError):
                log.exception("request.failed", method=scope["method"], path=scope["path"])
                error = BdpError("BDP failed at this request.", "Its log says why; please report it.")
            if begun:
                raise
            await _answer(error)(scope, receive, send)


_ENDING = StreamUnavailable("BDP is being stopped.", "Send again in a moment.")
_MOST_DIGITS = 18
_MOST_TOLD = 1000


def _check_announced(scope: Scope, limit: int) -> None:
    """Turn away what says that it is too large, or says two things, before anything of it is read."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if length and b"transfer-encoding" in headers:
        # A proxy may have believed the other one: what follows could be somebody else's request (RFC 9112, 6.3).
        raise TwoLengths("The request has both Content-Length and Transfer-Encoding.", "Send it with one of them.")
    if length.isdigit() and (len(length) > _MOST_DIGITS or int(length) > limit):
        raise _too_large(limit)


async def _in_time(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            return await receive()
    except TimeoutError:
        raise Stalled(
            f"The rest of the request did not come within {seconds:g} seconds.", "Send it again without a pause."
        ) from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request has more than {limit} bytes.", "Send it in smaller parts.")


async def _told(request: Request, error: Exception) -> JSONResponse:
    return _answer(error if isinstance(error, BdpError) else BdpError(str(error)))


async def _misunderstood(request: Request, error: Exception) -> JSONResponse:
    """Say which part of the request does not fit."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    what = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5])
    return _body(422, "VALIDATION_ERROR", f"The request was not understood: {what}.", "See /docs.")


async def _no_route(request: Request, error: Exception) -> JSONResponse:
    """Answer for what the framework refuses itself: unknown paths, other methods, bodies that are no JSON."""
    if isinstance(error.__cause__, BdpError):  # met by the framework while it read the body
        return _answer(error.__cause__)
    status = error.status_code if isinstance(error, HTTPException) else 400
    code = {404: "NOT_FOUND"}.get(status, "VALIDATION_ERROR")
    what = f"{request.method} {request.url.path[:200]}: {HTTPStatus(status).phrase.lower()}."
    answer = _body(status, code, what, "See /docs.")
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _answer(error: BdpError) -> JSONResponse:
    answer = _body(status_of(error), error.code, error.what[:_MOST_TOLD], error.next_step or "See /docs.")
    answer.headers.update(headers_of(error))
    return answer


def _body(status: int, code: str, what: str, next_step: str) -> JSONResponse:
    told = ErrorAnswer(error=Problem(code=code, what=what, next_step=next_step))
    return JSONResponse(told.model_dump(), status_code=status)


def status_of(error: BdpError) -> int:
    """Return the HTTP status that says what this error says."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def headers_of(error: BdpError) -> dict[str, str]:
    """Return the headers that go with it."""
    if isinstance(error, Retry):
        return {"Retry-After": "1"}
    if isinstance(error, BasicAsked):
        return {"WWW-Authenticate": 'Bearer, Basic realm="bdp"'}
    if isinstance(error, Stalled | TwoLengths):
        return {"Connection": "close"}  # where the next request begins is not known
    return {"WWW-Authenticate": "Bearer"} if status_of(error) == STATUS[NotAllowed] else {}
