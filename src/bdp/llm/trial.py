"""One question to the local model alone, to see that it runs; no budget, no chain, no form."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from bdp.errors import Retry
from bdp.llm.failure import classify
from bdp.llm.providers import Context, Provided, build
from bdp.llm.settings import LocalSettings


class Tried(NamedTuple):
    """What came back."""

    text: str
    tokens_in: int
    tokens_out: int


def tried(question: str, settings: LocalSettings, home: Path) -> Tried:
    """Return the answer of the local model.

    Raises:
        MissingExtra: it needs what is not installed.
        BadSetting: its weights are not on this machine.
        Retry: it did not answer.
    """
    return asyncio.run(_asked(question, build("local", settings, Context(home))))


async def _asked(question: str, provided: Provided) -> Tried:
    from pydantic_ai.messages import ModelRequest, UserPromptPart
    from pydantic_ai.models import ModelRequestParameters

    messages = [ModelRequest(parts=[UserPromptPart(question)])]
    try:
        response = await provided.request([*messages], provided.settings, ModelRequestParameters())
    except Exception as error:
        raise Retry(f"The local model did not answer: {classify(error).text}") from error
    finally:
        await provided.close()
    return Tried(response.text or "", response.usage.input_tokens, response.usage.output_tokens)
