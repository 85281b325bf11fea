"""Answers that were recorded, for demonstrations, tests and benchmarks: the whole gateway runs without a network.

A recording is NDJSON, one answer a line:

    {"asked": "9f2c…", "form": "FabricOpinions", "answer": {…}, "tokens_in": 812, "tokens_out": 96,
     "tokens_cached": 0, "model": "gemini-2.5-flash", "finish": "stop"}

`asked` is `digest_of` what was asked: instructions, text and form, not the settings. A request is answered by the next
line of its digest; the last one of them answers for good, as a cache would. Lines without `asked` answer the requests
of their form that no digest fits, in the order of the file, each once. `answer` is an object, or text as the model
wrote it; a line may have `calls` instead, `[{"tool": "changes", "arguments": {…}}]`, which are played where tools are
offered. One of both must be there. Anything that is not recorded is refused (`Reason.REJECTED`), and costs nothing.

`recording` wraps another model and writes such a file; what is in it went through the pseudonymiser before.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_ai.exceptions import ModelRequestRejectedError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from bdp.errors import BadSetting
from bdp.llm.providers.provided import Context, Provided
from bdp.llm.settings import RecordedSettings

_LONGEST_FILE = 256 * 1024 * 1024
_NAME = "recorded"
Finish = Literal["stop", "length", "content_filter", "error"]
_FINISHES: dict[str, Finish] = {"length": "length", "content_filter": "content_filter", "error": "error"}


class RecordedCall(BaseModel):
    """One tool that the model called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: str
    arguments: dict[str, Any] | str = {}


class Recorded(BaseModel):
    """One recorded answer, or the calls that came instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asked: str = ""
    form: str = ""
    answer: dict[str, Any] | str = ""
    calls: tuple[RecordedCall, ...] = ()
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    tokens_cached: int = Field(default=0, ge=0)
    model: str = ""
    finish: Finish = "stop"

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "answer" not in self.model_fields_set and not self.calls:
            raise ValueError("it has neither an answer nor calls")
        return self


def build(settings: RecordedSettings, context: Context) -> Provided:
    """Make a recording ready to answer.

    Raises:
        BadSetting: there is no such file, or it is no recording.
    """
    if not settings.file:
        raise BadSetting("No recording is named.", "Set llm.recorded.file.")
    path = Path(settings.file)
    answers = _read(path if path.is_absolute() else context.home / path)
    name = settings.model or next((one.model for one in answers if one.model), _NAME)

    async def probe() -> str:
        return f"{len(answers)} recorded answers in {settings.file}"

    async def close() -> None:
        """Do nothing: it was read at once."""

    return Provided(
        name=_NAME,
        model=Player(answers, name),
        model_name=name,
        system=_NAME,
        settings={"max_tokens": settings.max_tokens},
        output_mode="native",
        close=close,
        probe=probe,
    )


def recording(provided: Provided, file: Path) -> Provided:
    """Return the same model, each answer of which is added to a file."""
    return replace(provided, model=_Recorder(provided.model, file))


def digest_of(messages: list[ModelMessage], parameters: ModelRequestParameters) -> str:
    """Return what identifies a question: SHA-256, 32 hexadecimal digits of it."""
    said = [_said(message) for message in messages]
    whole = json.dumps([_form(parameters), said], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Player(Model):
    """Answers from a recording. Use from any thread."""

    def __init__(self, answers: Iterable[Recorded], name: str) -> None:
        super().__init__()
        self._name = name
        self._lock = threading.Lock()
        self._by_digest: dict[str, deque[Recorded]] = defaultdict(deque)
        self._by_form: dict[str, deque[Recorded]] = defaultdict(deque)
        for one in answers:
            (self._by_digest[one.asked] if one.asked else self._by_form[one.form]).append(one)

    @property
    def model_name(self) -> str:
        """What was asked when it was recorded."""
        return self._name

    @property
    def system(self) -> str:
        """No provider at all."""
        return _NAME

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Return the recorded answer.

        Raises:
            ModelRequestRejectedError: there is none.
        """
        digest, form = digest_of(messages, model_request_parameters), _form(model_request_parameters)
        found = self._next(digest, form)
        if found is None:
            raise ModelRequestRejectedError(self._name, f"No answer to {digest} ({form or 'text'}) is recorded.")
        text = found.answer if isinstance(found.answer, str) else json.dumps(found.answer, ensure_ascii=False)
        calls = [ToolCallPart(one.tool, one.arguments) for one in found.calls]
        return ModelResponse(
            parts=[*([TextPart(text)] if text else []), *calls],
            usage=RequestUsage(
                input_tokens=found.tokens_in, output_tokens=found.tokens_out, cache_read_tokens=found.tokens_cached
            ),
            model_name=found.model or self._name,
            finish_reason=found.finish,
        )

    def _next(self, digest: str, form: str) -> Recorded | None:
        with self._lock:
            if same := self._by_digest.get(digest):
                return same.popleft() if len(same) > 1 else same[0]
            lines = self._by_form.get(form) or self._by_form.get("")
            return lines.popleft() if lines else None


class _Recorder(WrapperModel):
    def __init__(self, wrapped: Model, file: Path) -> None:
        super().__init__(wrapped)
        self._file = file

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        response = await super().request(messages, model_settings, model_request_parameters)
        line = Recorded(
            asked=digest_of(messages, model_request_parameters),
            form=_form(model_request_parameters),
            answer="".join(part.content for part in response.parts if isinstance(part, TextPart)),
            calls=tuple(
                RecordedCall(tool=part.tool_name, arguments=part.args_as_dict())
                for part in response.parts
                if isinstance(part, ToolCallPart)
            ),
            tokens_in=max(0, response.usage.input_tokens),
            tokens_out=max(0, response.usage.output_tokens),
            tokens_cached=max(0, response.usage.cache_read_tokens),
            model=response.model_name or "",
            finish=_FINISHES.get(response.finish_reason or "", "stop"),
        )
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line.model_dump_json(exclude_defaults=True, exclude={"answer"} if line.calls else None) + "\n")
        return response


def _said(message: ModelMessage) -> list[str]:
    texts = [message.instructions or ""] if isinstance(message, ModelRequest) else [""]
    return [*texts, *(_told(part) for part in message.parts)]


def _told(part: Any) -> str:
    if isinstance(part, ToolCallPart):
        return f"{part.tool_name} {part.args_as_json_str()}"
    return str(getattr(part, "content", ""))


def _form(parameters: ModelRequestParameters) -> str:
    return (parameters.output_object.name or "") if parameters.output_object else ""


def _read(path: Path) -> list[Recorded]:
    try:
        if path.stat().st_size > _LONGEST_FILE:
            raise BadSetting(f"The recording {path} is longer than {_LONGEST_FILE >> 20} MiB.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The recording {path} cannot be read: {error}.", "Set llm.recorded.file.") from error
    answers = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                answers.append(Recorded.model_validate_json(line))
            except ValidationError as error:
                problem = error.errors(include_input=False)[0]["msg"]
                raise BadSetting(f"Line {number} of {path} is no recorded answer: {problem}.") from error
    return answers
