"""Asks the models of a chain in order, until one gives an answer of the right form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition

from bdp.breaker import Breaker
from bdp.errors import BdpError, NoAnswer
from bdp.ids import Ids
from bdp.llm.ask import Ask, Prompt
from bdp.llm.conversation import text_of
from bdp.llm.errand import Errand, Failed
from bdp.llm.form import Malformed, value_of
from bdp.llm.line import Line, Rules
from bdp.llm.lookups import Lookups
from bdp.llm.meter import Meter
from bdp.llm.pace import Pace
from bdp.llm.prices import price_of
from bdp.llm.providers import Context, Provided, build
from bdp.llm.settings import Candidate, GatewaySettings
from bdp.model.spending import Reason
from bdp.ports import Spending
from bdp.telemetry import LLM_REFUSED

log = structlog.get_logger(__name__)
T = TypeVar("T", bound=BaseModel)

_AGAIN: Final = (
    "\n\nYour last answer was refused: {problem} Answer the same question again, with one JSON object of the form that "
    "was asked for and nothing else."
)
_LONGEST_PROBLEM: Final = 600
_LEAST_ROOM: Final = 512


class Inquirer:
    """The open models of one gateway. Use from its loop only.

    Args:
        lines: in the order in which they are asked.
        closed: why models of the chain could not be opened, by name.
    """

    def __init__(
        self, lines: Sequence[Line], closed: Mapping[str, Failed], meter: Meter, settings: GatewaySettings, pace: Pace
    ) -> None:
        self._lines = lines
        self._closed = closed
        self._meter = meter
        self._settings = settings
        self._longest = settings.answer_kib << 10
        self._pace = pace
        self._tools = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="llm-tools")

    @classmethod
    def opened(
        cls,
        settings: GatewaySettings,
        spending: Spending,
        context: Context,
        breakers: Mapping[str, Breaker],
        ids: Ids,
        pace: Pace,
    ) -> Inquirer:
        """Open every model of the chain; one that is set up wrongly is left out, and the log says why."""
        meter = Meter(spending, settings.budget, settings.agents, ids, pace, settings.concurrency)
        rules = Rules(meter, settings.retry, pace, asyncio.Semaphore(settings.concurrency), settings.log_prompts)
        lines: list[Line] = []
        closed: dict[str, Failed] = {}
        for name in settings.chain:
            candidate: Candidate = getattr(settings, name)
            try:
                price = price_of(name, candidate)
                provided = build(name, candidate, context) if price else None
            except BdpError as error:
                log.warning("llm.not_opened", provider=name, reason=str(error))
                closed[name] = Failed(Reason.NO_MODEL, str(error))
                continue
            if price is None or provided is None:
                log.warning("llm.no_price", provider=name, model=candidate.model)
                closed[name] = Failed(Reason.NO_PRICE, f"Nobody knows the price of {candidate.model}.")
                continue
            lines.append(Line(provided, candidate, price, breakers[name], rules))
        return cls(lines, closed, meter, settings, pace)

    async def asked(self, ask: Ask[T], errand: Errand) -> tuple[T, Line]:
        """Return a valid answer, and who gave it.

        Raises:
            Failed: nobody did; its reason is that of the last model that was tried.
        """
        failures = list(self._closed.values())
        for line in self._lines:
            try:
                return await self._of(line, ask, errand), line
            except Failed as failed:
                failures.append(failed)
                if not failed.goes_on:
                    break
            finally:
                line.released(errand)
        last = failures[-1] if failures else Failed(Reason.NO_MODEL, "No model is set up.")
        raise Failed(last.reason, " ".join(map(str, failures)) or str(last))

    @property
    def settling(self) -> frozenset[asyncio.Future[Any]]:
        """What is being settled now."""
        return self._meter.settling

    async def close(self) -> None:
        """Let go of the models, and finish what is being reserved and settled."""
        for line in self._lines:
            await _closed(line.provided)
        # A tool that still runs reads to its own end; nobody waits for it.
        self._tools.shutdown(wait=False, cancel_futures=True)
        await self._meter.close()

    async def _of(self, line: Line, ask: Ask[T], errand: Errand) -> T:
        most = min(ask.max_tokens or line.candidate.max_tokens, line.candidate.max_tokens)
        try:
            prompt = ask.prompt(_room(ask, line, most))
        except NoAnswer as error:
            # It does not fit into this one; the next may have more room.
            raise Failed(Reason(error.reason), str(error)) from error
        tries = 1 + self._settings.retry.asks_again
        problem = ""
        if _looks_up(ask, line):
            lookups = self._lookups(line, ask, errand, prompt, most)
            response = await self._looked_up(lookups)
            prompt = lookups.last_prompt()
            if response is not None:
                try:
                    return self._judged(line, self._value(response, ask))
                except Malformed as error:
                    problem = self._refused(line, ask, error)
            # At a cap it is asked for its answer once.
            tries = 1 if lookups.is_at_a_cap else tries
        parameters = _parameters(ask.form, line)
        for _ in range(tries):
            response = await line.request(errand, _messages(prompt, problem), parameters, most)
            try:
                return self._judged(line, self._value(response, ask))
            except Malformed as error:
                problem = self._refused(line, ask, error)
            if ask.tokens is not None and errand.tokens_in + errand.tokens_out >= ask.tokens:
                break
        line.judged(well=False, reason=Reason.INVALID)
        raise Failed(Reason.INVALID, f"{line.provided.name}: {problem}")

    def _lookups(self, line: Line, ask: Ask[T], errand: Errand, prompt: Prompt, most: int) -> Lookups[T]:
        room = max(_LEAST_ROOM, line.candidate.context_tokens - most)
        return Lookups(ask, errand, line, prompt, room, most, _shape(ask.form), self._pace, self._tools)

    async def _looked_up(self, lookups: Lookups[Any]) -> ModelResponse | None:
        try:
            return await lookups.said()
        except Failed as failed:
            if failed.reason is not Reason.REJECTED:
                raise
            # A server that knows no tools refuses them; without it may well answer.
            log.info("llm.tools_refused", provider=lookups.line.provided.name)
            return None

    def _judged(self, line: Line, value: T) -> T:
        line.judged(well=True)
        return value

    def _refused(self, line: Line, ask: Ask[Any], error: Malformed) -> str:
        labels = {"provider": line.provided.name, "model": line.provided.model_name}
        LLM_REFUSED.labels(agent=ask.agent, **labels).inc()
        return str(error)[:_LONGEST_PROBLEM]

    def _value(self, response: ModelResponse, ask: Ask[T]) -> T:
        """Return the answer.

        Raises:
            Malformed: it is none.
        """
        if response.finish_reason == "length":
            raise Malformed("The answer was cut off because it was too long; be brief.")
        value = value_of(text_of(response), ask.form, self._longest)
        problem = ask.check(value)
        if problem is not None:
            raise Malformed(problem)
        return value


def _looks_up(ask: Ask[Any], line: Line) -> bool:
    return bool(ask.tools) and ask.steps > 0 and line.calls_tools


def _room(ask: Ask[Any], line: Line, most: int) -> int:
    """Return the tokens that a prompt may have; with tools half is kept for what they find."""
    room = max(_LEAST_ROOM, line.candidate.context_tokens - most)
    return max(_LEAST_ROOM, room // 2) if _looks_up(ask, line) else room


async def _closed(provided: Provided) -> None:
    try:
        await provided.close()
    except Exception:
        # One that cannot be closed is not to keep the others, and what is unsettled, from it.
        log.warning("llm.not_closed", provider=provided.name, exc_info=True)


def _parameters(form: type[BaseModel], line: Line) -> ModelRequestParameters:
    return ModelRequestParameters(
        output_mode=line.provided.output_mode, output_object=_shape(form), allow_text_output=True
    )


@lru_cache(maxsize=64)
def _shape(form: type[BaseModel]) -> OutputObjectDefinition:
    """Return what is told of a form; making its schema takes longer than sending it."""
    return OutputObjectDefinition(
        json_schema=form.model_json_schema(), name=form.__name__, description=form.__doc__, strict=True
    )


def _messages(prompt: Prompt, problem: str) -> list[ModelMessage]:
    text = prompt.text + (_AGAIN.format(problem=problem) if problem else "")
    return [ModelRequest(parts=[UserPromptPart(text)], instructions=prompt.instructions)]
