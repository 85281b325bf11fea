"""Messages to and from a model: what they weigh, and how they are hidden and restored."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from bdp.llm.disguise import Disguise

_TEMPLATE: Final = 16
"""Tokens that a chat template adds for each part, at most."""
_START: Final = 64
_FIELDS: Final = ("content", "args")


def hidden(messages: list[ModelMessage], disguise: Disguise) -> list[ModelMessage]:
    """Return messages as they may leave: every text in them pseudonymised."""
    return [_hidden(message, disguise) for message in messages]


def restored(response: ModelResponse, disguise: Disguise) -> ModelResponse:
    """Return a response with personal data instead of its stand-ins."""
    return replace(response, parts=[_changed(part, disguise.restored) for part in response.parts])


def text_of(*messages: ModelMessage) -> str:
    """Return all text of messages."""
    texts = []
    for message in messages:
        if isinstance(message, ModelRequest) and message.instructions:
            texts.append(message.instructions)
        for part in message.parts:
            for name in _FIELDS:
                value = getattr(part, name, None)
                if value is not None:
                    texts.append(value if isinstance(value, str) else json.dumps(value, default=str))
    return "\n".join(texts)


def size_of(messages: list[ModelMessage]) -> int:
    """Return the bytes of all text that a model reads, without its schemas."""
    return len(text_of(*messages).encode("utf-8", "replace"))


def most_tokens(messages: list[ModelMessage], parameters: ModelRequestParameters) -> int:
    """Return an upper bound of a prompt's tokens: a token has at least one byte, and templates add a few."""
    parts = sum(1 + len(message.parts) for message in messages)
    schemas = [tool.parameters_json_schema for tool in (*parameters.function_tools, *parameters.output_tools)]
    if parameters.output_object is not None:
        schemas.append(parameters.output_object.json_schema)
    described = sum(len(tool.name) + len(tool.description or "") * 4 for tool in parameters.function_tools)
    schema_bytes = sum(len(json.dumps(schema).encode()) for schema in schemas)
    # Providers rewrite a schema, mostly shorter; twice its length covers those that spell it out.
    return size_of(messages) + 2 * schema_bytes + described + _TEMPLATE * parts + _START


def _hidden(message: ModelMessage, disguise: Disguise) -> ModelMessage:
    if isinstance(message, ModelResponse):
        return replace(message, parts=[_changed(part, disguise.hidden) for part in message.parts])
    instructions = disguise.hide(message.instructions) if message.instructions else message.instructions
    return replace(
        message, parts=[_changed(part, disguise.hidden) for part in message.parts], instructions=instructions
    )


def _changed(part: Any, change: Any) -> Any:
    given = {name: getattr(part, name) for name in _FIELDS if getattr(part, name, None) is not None}
    fresh = {name: change(value) for name, value in given.items()}
    return replace(part, **fresh) if fresh != given else part
