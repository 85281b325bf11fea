"""What a provider gives the gateway."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

PROBE_SECONDS = 5.0
"""Longest time that finding out whether a provider is there may take."""


@dataclass(frozen=True)
class Context:
    """What the providers are told about where they run.

    Attributes:
        home: folder of the installation; weights lie in `models/` there.
        answer_bytes: longest body of an answer that is read.
        connections: requests at a time.
    """

    home: Path
    answer_bytes: int = 256 * 1024
    connections: int = 8


@dataclass(frozen=True)
class Provided:
    """A model that is ready to be asked. `model`, `close` and `probe` belong to one event loop.

    Attributes:
        name: the kind, such as `vllm`.
        model: is asked through `request`.
        model_name: as the provider calls it.
        system: `gen_ai.provider.name` of OpenTelemetry's conventions for generative AI.
        settings: for each request; what this model refuses is left out.
        output_mode: `native`: the answer's schema is enforced by the provider; `prompted`: the model is only told it.
        close: gives back connections and ends processes.
        probe: says in words what is there, without a paid token; raises `BdpError` if the model cannot be reached.
    """

    name: str
    model: Model
    model_name: str
    system: str
    settings: ModelSettings
    output_mode: Literal["native", "prompted"]
    close: Callable[[], Coroutine[Any, Any, None]]
    probe: Callable[[], Coroutine[Any, Any, str]]

    async def request(
        self, messages: list[ModelMessage], settings: ModelSettings, parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Ask the model once. It has answered or failed after the candidate's seconds.

        Raises:
            Exception: whatever the libraries raise; see `bdp.llm.failure`.
        """
        from pydantic_ai.exceptions import UnexpectedModelBehavior

        try:
            return await self.model.request(messages, settings, _with_instructions(messages, parameters))
        except (AttributeError, LookupError, TypeError) as error:
            # The SDKs believe that an answer has the shape which its provider describes.
            raise UnexpectedModelBehavior(f"an answer of another shape ({type(error).__name__}: {error})") from error


def _with_instructions(messages: list[ModelMessage], parameters: ModelRequestParameters) -> ModelRequestParameters:
    """Return parameters that hold the last instructions.

    Where pydantic-ai 2.62 writes the schema into the instructions, it would forget those of the messages.
    """
    from pydantic_ai.messages import InstructionPart

    told = next((text for one in reversed(messages) if (text := getattr(one, "instructions", None))), None)
    if told is None or parameters.instruction_parts is not None:
        return parameters
    return replace(parameters, instruction_parts=[InstructionPart(told)])
