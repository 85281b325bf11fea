"""How the tests ask a provider."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition

from bdp.errors import BdpError
from bdp.llm.failure import Failure, classify
from bdp.llm.providers import Context, Provided, build
from bdp.llm.settings import Candidate


class Verdict(BaseModel):
    """What is wrong."""

    service: str = Field(max_length=40)
    risk: int = Field(ge=0, le=100)


VERDICT = {"service": "checkout", "risk": 70}
TEXT = json.dumps(VERDICT)
RULES = "Judge the service."
QUESTION = "checkout: 40 errors a minute"


def messages(text: str = QUESTION) -> list[ModelMessage]:
    return [ModelRequest(parts=[UserPromptPart(text)], instructions=RULES)]


def parameters(provided: Provided, form: type[BaseModel] = Verdict) -> ModelRequestParameters:
    schema = form.model_json_schema()
    shape = OutputObjectDefinition(json_schema=schema, name=form.__name__, description=form.__doc__, strict=True)
    return ModelRequestParameters(output_mode=provided.output_mode, output_object=shape, allow_text_output=True)


def made(kind: str, settings: Candidate, home: Path, answer_bytes: int = 65536) -> Provided:
    return build(kind, settings, Context(home, answer_bytes=answer_bytes, connections=2))


def ask(kind: str, settings: Candidate, home: Path, answer_bytes: int = 65536, **more: Any) -> ModelResponse:
    """Ask once, as the gateway does."""

    async def once() -> ModelResponse:
        provided = made(kind, settings, home, answer_bytes)
        try:
            given: Any = {**provided.settings, **more}
            return await provided.request(messages(), given, parameters(provided))
        finally:
            await provided.close()

    return asyncio.run(once())


def failure(kind: str, settings: Candidate, home: Path, answer_bytes: int = 65536) -> Failure:
    """Ask, and return what follows from the error."""
    try:
        response = ask(kind, settings, home, answer_bytes)
    except Exception as error:
        return classify(error)
    raise AssertionError(f"answered: {response}")


def probe(kind: str, settings: Candidate, home: Path) -> str | BdpError:
    async def once() -> str | BdpError:
        provided = made(kind, settings, home)
        try:
            return await provided.probe()
        except BdpError as error:
            return error
        finally:
            await provided.close()

    return asyncio.run(once())
