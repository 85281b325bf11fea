"""Amazon Bedrock's Converse. Access is as boto3 finds it: environment, profile, role.

boto3 waits in a thread, which nobody can interrupt. So a request that is cancelled, or takes too long, is left to
itself: the caller goes on at once, and the thread ends when Bedrock answers or the candidate's seconds are over,
whichever is first. What it brings is dropped, but Bedrock may bill it. boto3 retries nothing, and a body is read up to
a bound and a deadline, like everybody's.

Claude models since 4.1 refuse `temperature` together with `top_p`, and some newer ones refuse both. The second kind is
known to pydantic-ai; for the first kind, and for an inference profile that does not tell its model, only the
temperature is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError, ReadTimeoutError, ResponseStreamingError
from botocore.httpsession import URLLib3Session
from pydantic_ai.exceptions import ModelRequestTimeout
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider
from urllib3.exceptions import HTTPError

from bdp.errors import BadSetting, NotAllowed, Retry
from bdp.llm.providers import wire
from bdp.llm.providers.provided import PROBE_SECONDS, Context, Provided
from bdp.llm.settings import BedrockSettings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

_CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024
_FIRST_ERROR = 400
_TAKES_BOTH = re.compile(r"anthropic\.claude-(?:instant|v?2|3|(?:sonnet|opus)-4-20250514)")
"""Claude models that take temperature and top_p together."""


class _Left(BedrockConverseModel):
    """Leaves a request alone that is cancelled or late, instead of waiting for its thread."""

    def __init__(self, model: str, seconds: float, client: BaseClient) -> None:
        super().__init__(model, provider=BedrockProvider(bedrock_client=client))
        self._seconds = seconds

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        settings: Any = dict(model_settings or {})
        told = settings.pop("timeout", None)  # boto3 has timeouts of clients only
        seconds = min(self._seconds, told) if isinstance(told, int | float) else self._seconds
        asked = super().request(messages, settings, model_request_parameters)
        try:
            async with asyncio.timeout(seconds):
                return await _aside(asked)
        except TimeoutError as error:
            raise ModelRequestTimeout(self.model_name, seconds) from error


async def _aside(asked: Coroutine[Any, Any, ModelResponse]) -> ModelResponse:
    """Run a coroutine on a loop and in a thread of its own, so that nobody has to wait for its end."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[ModelResponse] = loop.create_future()

    def settle(response: ModelResponse | None, error: BaseException | None) -> None:
        if answered.done():
            return  # whoever asked has gone
        if error is not None:
            answered.set_exception(error)
        elif response is not None:
            answered.set_result(response)

    def run() -> None:
        response, failed = None, None
        try:
            response = asyncio.run(asked)
        except BaseException as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            loop.call_soon_threadsafe(settle, response, failed)

    threading.Thread(target=run, name="bedrock", daemon=True).start()
    return await answered


def build(settings: BedrockSettings, context: Context) -> Provided:
    """Make a Bedrock model ready.

    Raises:
        BadSetting: the model or the region is missing, or boto3 cannot be set up.
    """
    if not settings.model:
        raise BadSetting(
            "No Bedrock model is named.",
            "Set BEDROCK_MODEL_ID or llm.bedrock.model, such as us.anthropic.claude-haiku-4-5-20251001-v1:0.",
        )
    wire.refuse_secrets(settings.endpoint_url, "AWS's own variables or files")
    session = boto3.Session(region_name=settings.region or None)
    try:
        client, http = _client(session, settings, context)
    except NoRegionError as error:
        raise BadSetting("Bedrock has no region.", "Set AWS_REGION or llm.bedrock.region.") from error
    except (BotoCoreError, ValueError) as error:
        raise BadSetting(f"Bedrock cannot be set up: {error}.", "See llm.bedrock, and boto3's own settings.") from error
    model = _Left(settings.model, settings.seconds, client)

    async def close() -> None:
        client.close()
        http.close()

    async def probe() -> str:
        return await _look(session, str(client.meta.endpoint_url), settings)

    return Provided(
        name="bedrock",
        model=model,
        model_name=settings.model,
        system="aws.bedrock",
        settings=_request_settings(model, settings),
        output_mode=_output_mode(model),
        close=close,
        probe=probe,
    )


def _client(session: boto3.Session, settings: BedrockSettings, context: Context) -> tuple[BaseClient, URLLib3Session]:
    connect = min(settings.seconds, _CONNECT_SECONDS)
    client = session.client(
        "bedrock-runtime",
        endpoint_url=settings.endpoint_url or None,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=connect,
            read_timeout=settings.seconds,
            max_pool_connections=context.connections,
        ),
    )
    bundle = session._session.get_config_variable("ca_bundle")
    options: dict[str, Any] = {  # of whose types the stubs know one only
        "timeout": (connect, settings.seconds),
        "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # else a request waits 40 ms for its own body
    }
    http = URLLib3Session(verify=bundle or True, max_pool_connections=context.connections, **options)

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return _send(http, request, context.answer_bytes, settings.seconds)

    client.meta.events.register("before-send.bedrock-runtime", send)
    return client, http


def _send(http: URLLib3Session, request: AWSPreparedRequest, limit: int, seconds: float) -> AWSResponse:
    """Send instead of botocore, which would read a body to its end, however long."""
    deadline = time.monotonic() + seconds
    request.stream_output = True
    response = http.send(request)
    body, whole = bytearray(), False
    try:
        while chunk := response.raw.read1(_CHUNK):
            body += chunk
            if len(body) > limit:
                if response.status_code >= _FIRST_ERROR:
                    break  # what a refusal says is only for people: its status counts
                raise ResponseStreamingError(error=f"the answer is longer than {limit} bytes")
            if time.monotonic() > deadline:
                raise ReadTimeoutError(endpoint_url=request.url)
        else:
            whole = True
    except HTTPError as error:
        raise ResponseStreamingError(error=error) from error
    finally:
        # Only a connection whose answer was read to its end is of use for another request.
        response.raw.release_conn() if whole else response.raw.close()
    headers: Any = response.headers
    return AWSResponse(response.url, response.status_code, headers, _Whole(bytes(body)))


class _Whole:
    """A body that was read, as botocore reads one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _output_mode(model: BedrockConverseModel) -> Literal["native", "prompted"]:
    return "native" if model.profile.get("supports_json_schema_output") else "prompted"


def _request_settings(model: BedrockConverseModel, settings: BedrockSettings) -> ModelSettings:
    asked: ModelSettings = {"max_tokens": settings.max_tokens}
    profile: Any = model.profile
    if profile.get("thinking_enabled_by_default") or profile.get("thinking_always_enabled"):
        asked["thinking"] = False  # it would use up the answer's tokens
    if profile.get("anthropic_disallows_sampling_settings") or profile.get("bedrock_disallows_sampling_settings"):
        return asked
    asked["temperature"] = settings.temperature
    hidden = settings.model.startswith("arn:") and "anthropic" not in settings.model
    claude = "anthropic." in settings.model
    if _TAKES_BOTH.search(settings.model) or not (hidden or claude):
        asked["top_p"] = settings.top_p
    return asked


async def _look(session: boto3.Session, endpoint: str, settings: BedrockSettings) -> str:
    """Look for credentials, and connect; every call that would tell more costs tokens or needs more rights."""
    try:
        found = await asyncio.wait_for(asyncio.to_thread(session.get_credentials), PROBE_SECONDS)
    except (BotoCoreError, TimeoutError) as error:
        raise NotAllowed(f"boto3 finds no AWS credentials ({error}).", "See boto3's configuration.") from error
    if found is None:
        raise NotAllowed("boto3 finds no AWS credentials.", "Set AWS_PROFILE, a role, or AWS_ACCESS_KEY_ID.")
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError as error:  # a TimeoutError is one too
        raise Retry(f"{endpoint} cannot be reached ({error}).", "Check the region and the network.") from error
    writer.close()
    return f"{settings.model} at {endpoint}; the rights show only when it is asked"
