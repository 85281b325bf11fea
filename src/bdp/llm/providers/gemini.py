"""Google's Gemini API (`generateContent`); the schema goes into `responseJsonSchema`.

The environment variables of Google's SDK (`GOOGLE_API_KEY`, `GOOGLE_GEMINI_BASE_URL`, `GOOGLE_GENAI_…`) change nothing.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import httpx2
from google.genai.client import Client, DebugConfig
from google.genai.types import HttpOptions, HttpRetryOptions
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from bdp.errors import BadSetting, NotAllowed, Retry
from bdp.llm.providers import wire
from bdp.llm.providers.provided import PROBE_SECONDS, Context, Provided
from bdp.llm.settings import GeminiSettings

_ADDRESS = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
_KEY = "Set GEMINI_API_KEY or llm.gemini.api_key."


class _OneRequest(GoogleModel):
    """Asks once: Google's SDK follows an answer that says CONTINUATION with more requests, which nobody reserved."""

    async def _build_content_and_config(self, *args: Any, **kwargs: Any) -> Any:
        contents, config = await super()._build_content_and_config(*args, **kwargs)
        cast("dict[str, Any]", config)["automatic_continuation"] = False
        return contents, config

    def _process_response(self, response: Any, *args: Any) -> ModelResponse:
        told = any(one.content or one.finish_reason for one in response.candidates or ())
        if not told and response.prompt_feedback is None:
            raise UnexpectedModelBehavior("an answer without candidates")  # else it would pass for an empty one
        return super()._process_response(response, *args)


def build(settings: GeminiSettings, context: Context) -> Provided:
    """Make a Gemini model ready.

    Raises:
        BadSetting: the key or the model is missing.
    """
    key = settings.api_key.get_secret_value()
    if not key:
        raise BadSetting("Gemini has no API key.", _KEY)
    if not settings.model:
        raise BadSetting("No Gemini model is named.", "Set GEMINI_MODEL_ID or llm.gemini.model.")
    wire.refuse_secrets(settings.base_url, "GEMINI_API_KEY or llm.gemini.api_key")
    http = wire.client(
        answer_bytes=context.answer_bytes,
        seconds=settings.seconds,
        headers={"x-goog-api-key": key},
        inner=wire.transport(context.connections),
    )
    address = (settings.base_url or _ADDRESS).rstrip("/")
    model = _OneRequest(settings.model, provider=GoogleProvider(client=_sdk(address, key, settings.seconds, http)))

    async def probe() -> str:
        return await _look(http, address, settings)

    return Provided(
        name="gemini",
        model=model,
        model_name=settings.model,
        system="gcp.gemini",
        settings={
            "max_tokens": settings.max_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "timeout": settings.seconds,
            # Thinking would use up the answer's tokens; where a model cannot do without, it thinks as little as it can.
            "thinking": False,
        },
        output_mode="native" if model.profile.get("supports_json_schema_output") else "prompted",
        close=http.aclose,
        probe=probe,
    )


def _sdk(address: str, key: str, seconds: float, http: httpx2.AsyncClient) -> Client:
    return Client(
        vertexai=False,
        api_key=key,
        debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
        http_options=HttpOptions(
            base_url=address,
            api_version=_VERSION,
            httpx_async_client=http,
            timeout=int(seconds * 1000),
            retry_options=HttpRetryOptions(attempts=1),
        ),
    )


async def _look(http: httpx2.AsyncClient, address: str, settings: GeminiSettings) -> str:
    name = quote(settings.model.removeprefix("models/"), safe="")
    try:
        url = f"{address}/{_VERSION}/models/{name}"
        answer = await http.get(url, timeout=wire.timeouts(min(PROBE_SECONDS, settings.seconds)))
    except httpx2.HTTPError as error:
        raise Retry(
            f"{address} does not answer ({type(error).__name__}).", "Is there a way to the internet?"
        ) from error
    if answer.status_code in {400, 401, 403}:  # 400 with API_KEY_INVALID is what a wrong key gets
        raise NotAllowed(f"Gemini refuses the key ({answer.status_code}).", _KEY)
    if answer.status_code == httpx2.codes.NOT_FOUND:
        raise BadSetting(f"Gemini has no model {settings.model!r}.", "Set GEMINI_MODEL_ID or llm.gemini.model.")
    if not answer.is_success:
        raise Retry(f"Gemini answers {answer.status_code}.", "Try again later.")
    return f"{settings.model} at {address}"
