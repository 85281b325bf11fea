"""A model that answers by a function: for tests, benchmarks and recorded answers. Nothing leaves the process.

It does with an answer what the gateway does: it is read as the form, held against the question's own check, and asked
again with what was wrong. Where a question has tools, the script may return calls: they are run, and what was found
stands in the next prompt. Tokens are estimated by `estimated`, with the schema of the form counted in every prompt.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from pydantic import BaseModel

from bdp.errors import NoAnswer
from bdp.llm.ask import Answer, Ask, Prompt, T
from bdp.llm.form import Malformed, value_of
from bdp.llm.toolbox import MOST_CALLS, Call, Toolbox
from bdp.model.spending import Reason

BYTES_PER_TOKEN: Final = 4
_KEPT: Final = 1000
_LONGEST: Final = 1 << 20
Script = Callable[[Prompt], "str | BaseModel | Sequence[Call]"]


def estimated(text: str) -> int:
    """Return the tokens of a text: its UTF-8 bytes / 4, rounded up. English prose is near that; JSON has a few more.

    >>> estimated("utilization"), estimated("")
    (3, 0)
    """
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


@cache
def schema_of(form: type[BaseModel]) -> str:
    """Return the form's schema as it is sent."""
    return json.dumps(form.model_json_schema(), separators=(",", ":"))


@dataclass(frozen=True)
class Exchange:
    """One request and what came back."""

    agent: str
    prompt: Prompt
    answer: str
    tokens_in: int
    tokens_out: int


class Scripted:
    """Answers by `script`, from any thread.

    Args:
        script: returns the answer, as text or as a value, or calls of tools; it may raise `NoAnswer`.
        max_tokens: of an answer, where the question does not say.
        asks_again: times that an answer that is no good is asked again.
        nano_usd: of a token.

    Attributes:
        exchanges: the last 1,000.
    """

    def __init__(
        self,
        script: Script,
        *,
        context_tokens: int = 32_768,
        max_tokens: int = 1000,
        asks_again: int = 2,
        model: str = "scripted",
        nano_usd: int = 0,
    ) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=_KEPT)
        self.requests = self.tokens_in = self.tokens_out = 0
        self._script = script
        self._context = context_tokens
        self._max_tokens = max_tokens
        self._asks_again = asks_again
        self._model = model
        self._nano_usd = nano_usd
        self._lock = threading.Lock()

    @property
    def context_tokens(self) -> int:
        """Tokens that a prompt and its answer may have together."""
        return self._context

    def ask(self, ask: Ask[T]) -> Answer[T]:
        """Return the script's answer.

        Raises:
            NoAnswer: the script gives none, or none of the form after asking again.
        """
        prompt = ask.prompt(max(0, self._context - (ask.max_tokens or self._max_tokens)))
        spent: list[Exchange] = []
        wrong = ""
        toolbox, steps, tries = Toolbox(ask.tools), 0, 0
        while tries <= self._asks_again:
            done, calls = self._exchange(ask, prompt)
            spent.append(done)
            if calls and steps < ask.steps:
                steps += 1
                found = "\n".join(toolbox.run(call).text for call in calls[:MOST_CALLS])
                prompt = Prompt(prompt.instructions, f"{prompt.text}\n{done.answer}\n{found}")
                continue
            tries += 1
            try:
                value = value_of(spent[-1].answer, ask.form, _LONGEST)
                wrong = ask.check(value) or ""
            except Malformed as error:
                wrong = str(error)
            else:
                if not wrong:
                    return self._answered(value, spent, steps)
            prompt = Prompt(prompt.instructions, f"{prompt.text}\n{spent[-1].answer}\nThat was wrong: {wrong}")
        raise NoAnswer(f"The answer is no good: {wrong}", reason=Reason.INVALID)

    def _exchange(self, ask: Ask[T], prompt: Prompt) -> tuple[Exchange, Sequence[Call]]:
        given = self._script(prompt)
        calls: Sequence[Call] = () if isinstance(given, str | BaseModel) else given
        if isinstance(given, BaseModel):
            answer = given.model_dump_json()
        else:
            answer = given if isinstance(given, str) else json.dumps([[one.tool, one.arguments] for one in given])
        tokens = estimated(prompt.instructions) + estimated(prompt.text) + estimated(schema_of(ask.form))
        done = Exchange(ask.agent, prompt, answer, tokens, estimated(answer))
        with self._lock:
            self.exchanges.append(done)
            self.requests += 1
            self.tokens_in += done.tokens_in
            self.tokens_out += done.tokens_out
        return done, calls

    def _answered(self, value: T, spent: list[Exchange], steps: int) -> Answer[T]:
        tokens_in, tokens_out = sum(one.tokens_in for one in spent), sum(one.tokens_out for one in spent)
        return Answer(
            value=value,
            model=self._model,
            provider="scripted",
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=0,
            nano_usd=self._nano_usd * (tokens_in + tokens_out),
            requests=len(spent),
            steps=steps,
            seconds=0.0,
        )
