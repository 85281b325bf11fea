"""Any server with OpenAI's chat completions: vLLM, llama.cpp, Ollama, OpenAI itself.

The schema goes into `response_format` (type `json_schema`, strict); vLLM and llama.cpp let no other token pass, so that
an answer which was not cut off is valid by construction. No environment variable is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles import merge_profile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.vllm import VLLMProvider

from bdp.errors import BadSetting, BdpError, NotAllowed, Retry
from bdp.llm.providers import wire
from bdp.llm.providers.provided import PROBE_SECONDS, Context, Provided
from bdp.llm.settings import Candidate, OpenAiSettings

if TYPE_CHECKING:
    from pydantic_ai.settings import ModelSettings

# Else OPENAI_LOG=debug writes prompts to the log.
logging.getLogger("openai").setLevel(logging.WARNING)

_OWN = "api.openai.com"
_SERVERS = OpenAIModelProfile(
    # Ollama and older servers know `max_tokens` only.
    openai_chat_supports_max_completion_tokens=False,
    # Servers of before 2026 refuse a `reasoning_effort` of `none`; of this they pass on what a template knows.
    openai_chat_thinking_false_body={"chat_template_kwargs": {"enable_thinking": False}},
)
"""What holds for servers of one's own."""
_NAMED = 3


def build(settings: OpenAiSettings, context: Context) -> Provided:
    """Make a model of such a server ready.

    Raises:
        BadSetting: the address or the model is missing.
    """
    if urlsplit(settings.base_url).scheme not in {"http", "https"} or not urlsplit(settings.base_url).hostname:
        raise BadSetting(
            f"The model server's address is {settings.base_url!r}: no http://host/path."
            if settings.base_url
            else "No model server is named.",
            "Set VLLM_BASE_URL or llm.vllm.base_url, such as http://gpu-1:8000/v1.",
        )
    wire.refuse_secrets(settings.base_url, "VLLM_API_KEY or llm.vllm.api_key")
    if not settings.model:
        raise BadSetting(
            "No model of the server is named.", "Set VLLM_MODEL_NAME or llm.vllm.model; its /models lists them."
        )
    key = settings.api_key.get_secret_value()
    http = wire.client(
        answer_bytes=context.answer_bytes,
        seconds=settings.seconds,
        headers={"authorization": f"Bearer {key}"} if key else {},
        inner=wire.transport(context.connections),
    )

    async def probe() -> str:
        return await _look(http, settings)

    return provided("vllm", "openai", settings.base_url, settings, http, probe=probe, close=http.aclose)


def provided(
    name: str,
    system: str,
    base_url: str,
    settings: Candidate,
    http: httpx2.AsyncClient,
    *,
    probe: Callable[[], Coroutine[Any, Any, str]],
    close: Callable[[], Coroutine[Any, Any, None]],
    more: OpenAIModelProfile | None = None,
) -> Provided:
    """Return a model behind `base_url`, which is asked through `http` only.

    Args:
        more: what is known of the server besides its protocol.
    """
    sdk = AsyncOpenAI(
        # The transport sends the real key: so no header of the environment's can take its place.
        api_key="sent-by-the-transport",
        base_url=base_url,
        http_client=http,
        max_retries=0,
        timeout=wire.timeouts(settings.seconds),
    )
    if f".{urlsplit(base_url).hostname}".endswith(f".{_OWN}"):
        model = OpenAIChatModel(settings.model, provider=OpenAIProvider(openai_client=sdk))
    else:
        profile = merge_profile(_SERVERS, more)
        model = OpenAIChatModel(settings.model, provider=VLLMProvider(openai_client=sdk), profile=profile)
    return Provided(
        name=name,
        model=model,
        model_name=settings.model,
        system=system,
        settings=_request_settings(model, settings),
        output_mode="native" if model.profile.get("supports_json_schema_output") else "prompted",
        close=close,
        probe=probe,
    )


def _request_settings(model: OpenAIChatModel, settings: Candidate) -> ModelSettings:
    # Thinking would use up the answer's tokens; where a model cannot do without, it thinks as little as it can.
    asked: ModelSettings = {"max_tokens": settings.max_tokens, "timeout": settings.seconds, "thinking": False}
    if model.profile.get("openai_supports_reasoning", False):
        return asked  # OpenAI's reasoning models refuse both of the others
    return {**asked, "temperature": settings.temperature, "top_p": settings.top_p}


async def _look(http: httpx2.AsyncClient, settings: OpenAiSettings) -> str:
    url = settings.base_url.rstrip("/") + "/models"
    try:
        answer = await http.get(url, timeout=wire.timeouts(min(PROBE_SECONDS, settings.seconds)))
    except httpx2.HTTPError as error:
        raise Retry(f"{settings.base_url} does not answer ({type(error).__name__}).", "Is the server up?") from error
    refuse(answer.status_code, settings.base_url, "VLLM_API_KEY or llm.vllm.api_key")
    names = _names(answer)
    if names and settings.model not in names:
        served = ", ".join(names[:_NAMED])
        raise BadSetting(
            f"{settings.base_url} does not serve {settings.model!r}.", f"It serves {served}; set llm.vllm.model."
        )
    return f"{settings.model} at {settings.base_url}"


def refuse(status: int, where: str, key: str) -> None:
    """Raise what a status means for the one who set this up; a missing list of models means nothing."""
    if status in {401, 403}:
        raise NotAllowed(f"{where} refuses the key ({status}).", f"Set {key}.")
    if status >= 300 and status not in {404, 405}:
        raise BdpError(f"{where} answers {status}.", "Look at its log.")


def _names(answer: httpx2.Response) -> list[str]:
    try:
        return [str(one["id"])[:200] for one in answer.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return []  # not every server lists its models
