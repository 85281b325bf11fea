"""A GGUF model on this machine, served by llama.cpp in a child process on loopback, and asked as any other server.

Its sampling is bound by the schema, so that an answer which was not cut off is of the right form. The child starts when
the model is first asked, again if it died, and ends with this process.
"""

from __future__ import annotations

import asyncio

import httpx2
from pydantic_ai.profiles import InlineDefsJsonSchemaTransformer
from pydantic_ai.profiles.openai import OpenAIModelProfile

from bdp.errors import Retry
from bdp.llm import child, weights
from bdp.llm.providers import openai, wire
from bdp.llm.providers.provided import Context, Provided
from bdp.llm.settings import LocalSettings

_NOWHERE = "http://local-model.invalid"
"""Stands for the child's address, which is known only when it runs."""
_BOUNDS = OpenAIModelProfile(json_schema_transformer=InlineDefsJsonSchemaTransformer)
"""llama.cpp enforces lengths and ranges too, which OpenAI's schemas must not have, so that they would be left out."""


class _ToChild(httpx2.AsyncBaseTransport):
    """Sends to the child, and starts it before."""

    def __init__(self, served: child.Child, inner: httpx2.AsyncBaseTransport) -> None:
        self._served = served
        self._inner = inner
        self._starting = asyncio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address = self._served.address or await self._started(request)
        there = httpx2.URL(address.url)
        request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
        request.headers["host"] = f"{there.host}:{there.port}"
        request.headers["authorization"] = f"Bearer {address.key}"
        return await self._inner.handle_async_request(request)

    async def _started(self, request: httpx2.Request) -> child.Address:
        # One thread waits for the start, however many requests do.
        async with self._starting:
            try:
                return await asyncio.to_thread(self._served.ready)
            except Retry as error:
                raise httpx2.ConnectError(str(error), request=request) from error

    async def aclose(self) -> None:
        await self._inner.aclose()


def build(settings: LocalSettings, context: Context) -> Provided:
    """Make a local model ready.

    Raises:
        BadSetting: its weights are not on this machine.
    """
    file = weights.find(context.home, settings.model)
    spec = child.Spec(context.home, file.resolve(), settings.model, settings.context_tokens, settings.threads)
    served = child.shared(spec)
    http = wire.client(
        answer_bytes=context.answer_bytes,
        seconds=settings.seconds,
        headers={},
        inner=_ToChild(served, wire.transport(context.connections)),
    )
    given_back = False

    async def close() -> None:
        nonlocal given_back
        await http.aclose()
        if not given_back:
            given_back = True
            await asyncio.to_thread(child.release, spec)

    async def probe() -> str:
        running = f"running as process {served.pid}" if served.pid else "starts when it is first asked"
        return f"{settings.model} ({file.stat().st_size >> 20} MiB), {running}"

    return openai.provided(
        "local", "llama_cpp", f"{_NOWHERE}/v1", settings, http, probe=probe, close=close, more=_BOUNDS
    )
