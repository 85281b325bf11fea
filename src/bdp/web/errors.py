"""The only place that knows HTTP status codes: BDP's errors become answers a client can act on."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bdp.errors import (
    BadSetting,
    BdpError,
    HomeInUse,
    MissingExtra,
    NotAllowed,
    NotFound,
    NotPossible,
    Refuse,
    Reject,
    Retry,
    TooLarge,
    UnknownEncoding,
    UnknownFormat,
)

STATUS: dict[type[BdpError], int] = {
    TooLarge: 413,
    UnknownEncoding: 415,
    UnknownFormat: 415,
    NotFound: 404,
    NotPossible: 409,
    NotAllowed: 401,
    BadSetting: 500,
    MissingExtra: 501,
    HomeInUse: 503,
    Retry: 503,
    Reject: 400,
    Refuse: 403,
}


def install(api: FastAPI) -> None:
    """Answer every `BdpError` with its status and a body of code, what and next_step."""
    api.add_exception_handler(BdpError, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, BdpError):
        raise error
    body = {"error": {"code": error.code, "what": error.what, "next_step": error.next_step}}
    return JSONResponse(body, status_code=_status(error), headers=_headers(error))


def _status(error: BdpError) -> int:
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def _headers(error: BdpError) -> dict[str, str]:
    if isinstance(error, Retry):
        return {"Retry-After": "1"}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAllowed) else {}
