"""The model gateway: one way to ask any model, within budgets and rates, that ends in an answer or in the rules'.

    ask -> first model of the chain: request -> parse, validate, check -> answer
             |  failed                             | wrong: asked again, `retry.asks_again` times
             +-> next model ... -> none: NoAnswer <+

Every question ends by its deadline. What a provider does (throttles, stalls, breaks off, sends garbage) ends as a
`Reason`; nothing of an SDK's errors reaches whoever asked.

Requests run on one event loop in a thread of the gateway's own, so that any thread may ask and a question may be
cancelled. Models are opened by `warm` or at the first question: their libraries take a second to import.

Memory: at most `concurrency` requests at a time, each with an answer of at most `answer_kib`; questions wait in their
callers' threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from pydantic import BaseModel

from bdp.breaker import Breaker
from bdp.clock import Clock
from bdp.errors import BdpError, NoAnswer
from bdp.ids import Ids
from bdp.llm.ask import Answer, Ask
from bdp.llm.errand import Errand, Failed
from bdp.llm.pace import Pace
from bdp.llm.providers import Context
from bdp.llm.settings import Candidate, GatewaySettings
from bdp.model.spending import Reason
from bdp.ports import Spending
from bdp.telemetry import LLM_ANSWERS

if TYPE_CHECKING:
    from bdp.llm.inquirer import Inquirer

log = structlog.get_logger(__name__)
T = TypeVar("T", bound=BaseModel)

_ENDING = 30.0
"""Seconds that closing may take: four tries of a busy database."""
_GRACE = 5.0
"""Real seconds after a deadline in which its answer must have come: the loop itself is stuck otherwise."""


class NoModel:
    """`ChatModel` where none is set up: the rules decide."""

    context_tokens = 0
    models: Sequence[str] = ()

    def ask(self, ask: Ask[T]) -> Answer[T]:
        """Return nothing: there is no model."""
        LLM_ANSWERS.labels(agent=ask.agent, source="rules", reason=Reason.NO_MODEL).inc()
        raise NoAnswer("No model is set up.", "bdp doctor says how.", reason=Reason.NO_MODEL)

    def close(self) -> None:
        """Do nothing: nothing was opened."""


class Gateway:
    """`ChatModel` over the chain that the settings name. Use from any thread.

    Args:
        spending: of all workers together.
        context: where the models of this machine are.
        pace: how fast time passes.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        spending: Spending,
        context: Context,
        clock: Clock,
        ids: Ids,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._spending = spending
        self._context = context
        self._pace = pace or Pace(clock)
        self._ids = ids
        self._breakers: dict[str, Breaker] = {name: Breaker(clock, settings.breaker) for name in settings.chain}
        self._opening = threading.Lock()
        self._inquirer: Inquirer | None = None
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="llm", daemon=True)
        self._thread.start()

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer may have together, of the first model."""
        return self.candidate(self._settings.chain[0]).context_tokens if self._settings.chain else 0

    @property
    def answer_tokens(self) -> int:
        """Tokens that an answer of the first model may have."""
        return self.candidate(self._settings.chain[0]).max_tokens if self._settings.chain else 0

    @property
    def models(self) -> Sequence[str]:
        """The chain, as `name/model`."""
        return [f"{name}/{self.candidate(name).model}" for name in self._settings.chain]

    def candidate(self, name: str) -> Candidate:
        """Return the settings of one model of the chain."""
        found: Candidate = getattr(self._settings, name)
        return found

    def warm(self) -> None:
        """Open the models in the background, so that the first question does not wait for their libraries."""
        self._loop.call_soon_threadsafe(lambda: self._loop.run_in_executor(None, self._open))

    def ask(self, ask: Ask[T]) -> Answer[T]:
        """Return a valid answer in time.

        Raises:
            NoAnswer: there is none; the rules' answer stands.
        """
        future = self.submit(ask)
        try:
            return future.result(ask.seconds / self._pace.speed + _GRACE)
        except CancelledError as error:
            raise NoAnswer("The question was cancelled.", reason=Reason.CANCELLED) from error
        except TimeoutError as error:
            raise NoAnswer("No model answered in time.", reason=Reason.TIMEOUT) from error
        finally:
            future.cancel()

    def submit(self, ask: Ask[T]) -> Future[Answer[T]]:
        """Ask without waiting; cancelling the future cancels the request."""
        if self._closed:
            raise NoAnswer("The gateway is closed.", reason=Reason.CANCELLED)
        return asyncio.run_coroutine_threadsafe(self._answered(ask), self._loop)

    def close(self) -> None:
        """Cancel what is under way, settle it, let go of the models; what is not settled in time stays reserved."""
        if self._closed:
            return
        self._closed = True
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=_ENDING)
        except TimeoutError:
            log.warning("llm.not_settled", told="What was under way stays reserved, and is later counted in full.")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _answered(self, ask: Ask[T]) -> Answer[T]:
        clock = self._pace.clock
        errand = Errand(ask.agent, ask.incident_id, clock.monotonic() + ask.seconds, ask.seconds)
        begun = clock.monotonic()
        try:
            async with self._pace.limit(ask.seconds):
                answer = await self._asked(ask, errand, begun)
        except TimeoutError as error:
            raise self._none(ask, Reason.TIMEOUT, "No model answered in time.") from error
        except Failed as failed:
            raise self._none(ask, failed.reason, str(failed)) from failed
        except BdpError as error:
            raise self._none(ask, Reason.AWAY, str(error)) from error
        except Exception as error:
            # A defect of ours or of an SDK: whoever asked has the rules' answer, and we have the trace.
            log.error("llm.defect", agent=ask.agent, exc_info=True)
            raise self._none(ask, Reason.AWAY, f"Asking failed ({type(error).__name__}).") from error
        LLM_ANSWERS.labels(agent=ask.agent, source="ai", reason="").inc()
        return answer

    async def _asked(self, ask: Ask[T], errand: Errand, begun: float) -> Answer[T]:
        # Importing takes its time, and the loop is not to stand still meanwhile.
        inquirer = self._inquirer
        if inquirer is None:
            inquirer = await asyncio.get_running_loop().run_in_executor(None, self._open)
        value, line = await inquirer.asked(ask, errand)
        return Answer(
            value=value,
            model=line.provided.model_name,
            provider=line.provided.name,
            tokens_in=errand.tokens_in,
            tokens_out=errand.tokens_out,
            tokens_cached=errand.tokens_cached,
            nano_usd=errand.nano_usd,
            requests=errand.requests,
            steps=errand.steps,
            seconds=self._pace.clock.monotonic() - begun,
        )

    def _open(self) -> Inquirer:
        with self._opening:
            if self._inquirer is None:
                from bdp.llm.inquirer import Inquirer

                self._inquirer = Inquirer.opened(
                    self._settings, self._spending, self._context, self._breakers, self._ids, self._pace
                )
            return self._inquirer

    def _none(self, ask: Ask[Any], reason: Reason, text: str) -> NoAnswer:
        LLM_ANSWERS.labels(agent=ask.agent, source="rules", reason=reason).inc()
        return NoAnswer(text, "The rules' answer stands.", reason=reason)

    async def _end(self) -> None:
        settling = self._inquirer.settling if self._inquirer else set()
        pending = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)} - settling
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if self._inquirer is not None:
            await self._inquirer.close()


def open_gateway(
    settings: GatewaySettings, spending: Spending, home: Path, clock: Clock, ids: Ids
) -> Gateway | NoModel:
    """Return the gateway that the settings ask for."""
    if not (settings.enabled and settings.chain):
        return NoModel()
    context = Context(home, answer_bytes=settings.answer_kib << 10, connections=settings.concurrency)
    return Gateway(settings, spending, context, clock, ids)
