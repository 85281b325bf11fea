"""The kinds of models that can be asked. Each kind's libraries are imported when it is built, not before."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Final

from bdp.errors import MissingExtra
from bdp.llm.providers.provided import Context, Provided
from bdp.llm.settings import Candidate

__all__ = ["BUILDERS", "Context", "Provided", "build"]


def build(kind: str, settings: Candidate, context: Context) -> Provided:
    """Make the model of a kind ready. Nothing is sent yet.

    Raises:
        MissingExtra: a library of this kind is not installed.
        BadSetting: what this kind cannot do without is not set, such as its model.
    """
    extra, libraries = EXTRAS[kind]
    for library in libraries:
        if not _installed(library):
            raise MissingExtra(
                f"The model kind {kind!r} needs {library}, which is not installed.",
                f"Install bdp-agent[{extra}], or take {kind!r} out of llm.chain.",
            )
    return BUILDERS[kind](settings, context)


def _installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def _vllm(settings: Any, context: Context) -> Provided:
    from bdp.llm.providers import openai

    return openai.build(settings, context)


def _gemini(settings: Any, context: Context) -> Provided:
    from bdp.llm.providers import gemini

    return gemini.build(settings, context)


def _bedrock(settings: Any, context: Context) -> Provided:
    from bdp.llm.providers import bedrock

    return bedrock.build(settings, context)


def _local(settings: Any, context: Context) -> Provided:
    from bdp.llm.providers import local

    return local.build(settings, context)


def _recorded(settings: Any, context: Context) -> Provided:
    from bdp.llm.providers import recorded

    return recorded.build(settings, context)


EXTRAS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "vllm": ("llm", ("pydantic_ai", "openai")),
    "gemini": ("gemini", ("pydantic_ai", "google.genai")),
    "bedrock": ("bedrock", ("pydantic_ai", "boto3")),
    "local": ("local-llm", ("pydantic_ai", "openai", "xllamacpp")),
    "recorded": ("llm", ("pydantic_ai",)),
}
"""The extra of each kind, and the libraries that it is not without."""

BUILDERS: Final[dict[str, Callable[[Any, Context], Provided]]] = {
    "vllm": _vllm,
    "gemini": _gemini,
    "bedrock": _bedrock,
    "local": _local,
    "recorded": _recorded,
}
