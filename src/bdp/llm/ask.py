"""What is asked of a model, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


class Prompt(NamedTuple):
    """What a model reads.

    Attributes:
        instructions: ours, trusted.
        text: the question; telemetry in it stands in typed, delimited fields.
    """

    instructions: str
    text: str


@dataclass(frozen=True)
class Tool:
    """Something that a model may look up before it answers. It only reads.

    Attributes:
        name: letters, digits and underscores; a metric's label.
        description: when to use it, for the model.
        form: of its arguments; what a model gives is validated by it before anything runs.
        run: takes a value of the form and returns what was found, as text for the model. It is called in a thread, one
            call at a time for each question, and may raise.
    """

    name: str
    description: str
    form: type[BaseModel]
    run: Callable[[Any], str]


@dataclass(frozen=True)
class Ask(Generic[T]):
    """One question with an answer of a known form.

    Attributes:
        agent: who asks, such as `insights`; a metric's label, so one of few.
        prompt: makes the prompt for a model whose prompt may have so many tokens.
        form: of the answer; sent as a schema, and every answer is validated by it.
        seconds: after which no answer is of use any more.
        check: says what is wrong with an answer of the right form, so that it is asked again; None: nothing is.
        incident_id: whose budget it is on; empty for none.
        max_tokens: of the answer; None: the model's setting.
        tools: that it may use before it answers; a model that cannot is asked with the prompt alone.
        steps: most rounds of tools; then it is asked for its answer with what it has.
        tokens: of all requests of the question together, from which on no tool is offered and nothing is asked again;
            None: no bound of its own.
    """

    agent: str
    prompt: Callable[[int], Prompt]
    form: type[T]
    seconds: float
    check: Callable[[T], str | None] = lambda value: None
    incident_id: str = ""
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    steps: int = 0
    tokens: int | None = None


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A valid answer.

    Attributes:
        provider: name in the chain.
        requests: sent for it, failed ones and other models' included; so is the money, and so are the tokens.
        seconds: from asking to the answer.
        steps: rounds of tools before it.
    """

    value: T
    model: str
    provider: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    nano_usd: int
    requests: int
    seconds: float
    steps: int = 0


class ChatModel(Protocol):
    """Something that answers. Use from any thread."""

    @property
    def context_tokens(self) -> int:
        """Tokens that a prompt and its answer may have together, of the first model; 0 where there is none."""

    def ask(self, ask: Ask[T]) -> Answer[T]:
        """Return a valid answer in time.

        Raises:
            NoAnswer: there is none; the rules' answer stands.
        """
