"""The HTTP client of the providers: bounded in bytes and in time, led nowhere else, and without foreign headers.

An answer's body may be endless, drip, or be packed so that it grows when it is read. So a body is read up to a bound,
within one deadline for the whole request, and only as it is: packed ones are refused. Proxies and redirects are not
followed, and the environment adds nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import httpx2

from bdp.errors import BadSetting

_CONNECT_SECONDS = 10.0
_FIRST_ERROR = 400
_KEPT: Final = ("host", "content-type", "content-length", "transfer-encoding", "accept", "connection")
"""Headers of the SDK that are sent; others tell the machine's make, or come from an SDK's environment variables."""


def client(
    *, answer_bytes: int, seconds: float, headers: Mapping[str, str], inner: httpx2.AsyncBaseTransport
) -> httpx2.AsyncClient:
    """Return a client that sends `headers` with each request, and to nobody but whom it was told."""
    return httpx2.AsyncClient(
        transport=Bounded(inner, answer_bytes=answer_bytes, seconds=seconds, headers=headers),
        timeout=timeouts(seconds),
        follow_redirects=False,
        trust_env=False,
    )


def refuse_secrets(address: str, key: str) -> None:
    """Raise `BadSetting` for an address that holds what may be a secret: addresses are shown and logged.

    Args:
        key: where a key is set.
    """
    parts = urlsplit(address)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise BadSetting(
            "The model server's address holds a name, a password or a query, which would be shown with it.",
            f"Take it out, and set {key}.",
        )


def transport(connections: int) -> httpx2.AsyncHTTPTransport:
    """Return the transport that really sends."""
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx2.AsyncHTTPTransport(limits=limits, trust_env=False, retries=0)


def timeouts(seconds: float) -> httpx2.Timeout:
    """Return the timeouts for a request that may take so long in all."""
    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


class Bounded(httpx2.AsyncBaseTransport):
    """Sends through another transport and reads no more than allowed.

    Raises from a request or from reading its body:
        httpx2.ReadTimeout: the whole took longer than allowed.
        httpx2.RemoteProtocolError: the body is longer than allowed, or packed.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, *, answer_bytes: int, seconds: float, headers: Mapping[str, str]
    ) -> None:
        self._inner = inner
        self._answer_bytes = answer_bytes
        self._seconds = seconds
        self._headers = {"accept-encoding": "identity", "user-agent": "bdp-agent", **headers}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        kept = {name: value for name, value in request.headers.items() if name.lower() in _KEPT}
        request.headers = httpx2.Headers(kept | self._headers)
        deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise httpx2.ReadTimeout("no answer in time", request=request) from error
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.RemoteProtocolError("a packed answer, which was not asked for", request=request)
        # What a refusal says is only for people: its status counts even if there is too much of it.
        cut = response.status_code >= _FIRST_ERROR
        stream = _Body(cast("httpx2.AsyncByteStream", response.stream), request, self._answer_bytes, deadline, cut=cut)
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(
        self, inner: httpx2.AsyncByteStream, request: httpx2.Request, limit: int, deadline: float, *, cut: bool
    ) -> None:
        self._inner = inner
        self._request = request
        self._limit = limit
        self._deadline = deadline
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        chunks = aiter(self._inner)
        while (chunk := await self._next(chunks)) is not None:
            if len(chunk) > left:
                if self._cut:
                    yield chunk[:left]
                    return
                raise httpx2.RemoteProtocolError(
                    f"the answer is longer than {self._limit} bytes", request=self._request
                )
            left -= len(chunk)
            yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the answer did not end in time", request=self._request) from error

    async def aclose(self) -> None:
        await self._inner.aclose()
