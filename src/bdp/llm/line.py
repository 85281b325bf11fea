"""One model of the chain, and everything that stands between a question and it.

    breaker -> place and money reserved -> hidden -> sent within its time -> settled, told -> restored
       ^                                                                        |
       +------------- throttled or failed: waited, and again, `retry.tries` times

Each try is reserved and settled by itself.
"""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass
from typing import Any, Final

import structlog
from opentelemetry.trace import Span
from pydantic_ai.exceptions import UsageExtractionFailedWarning
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from bdp.breaker import Breaker, BreakerState
from bdp.llm.conversation import hidden, most_tokens, restored, size_of, text_of
from bdp.llm.errand import Errand, Failed
from bdp.llm.failure import classify
from bdp.llm.measure import Observer
from bdp.llm.meter import Meter
from bdp.llm.pace import Pace
from bdp.llm.prices import Price
from bdp.llm.providers import Provided
from bdp.llm.settings import Candidate, RetrySettings
from bdp.model.spending import Bill, Demand, Reason
from bdp.telemetry import LLM_AWAY

log = structlog.get_logger(__name__)
# Of a provider that counts wrongly we know ourselves; it is not to fill stderr with it.
warnings.simplefilter("ignore", UsageExtractionFailedWarning)

_LONGEST_TOKEN: Final = 64
"""Bytes of text for each token told, beyond which nobody believes a count."""
_LEAST_SECONDS: Final = 2.0
_PATIENT: Final = 5.0
"""Seconds after which a model that has not answered counts as failing, however long it may take."""
_AT_ONCE: Final = 0.05
"""Seconds before a deadline in which a request counts as ended by it."""
_UNTRUE: Final = 10
"""Times its reservation that a bill may be at most: a provider that counts more does not know what it says."""
_COUNTS: Final = frozenset({Reason.AWAY, Reason.TIMEOUT, Reason.THROTTLED, Reason.ACCESS, Reason.INVALID})
"""What the breaker counts as failures."""


@dataclass(frozen=True)
class Rules:
    """What holds for every line of a gateway."""

    meter: Meter
    retry: RetrySettings
    pace: Pace
    places: asyncio.Semaphore
    log_prompts: bool


class Line:
    """Asks one model. Use from the gateway's loop only."""

    def __init__(self, provided: Provided, candidate: Candidate, price: Price, breaker: Breaker, rules: Rules) -> None:
        self.provided = provided
        self.candidate = candidate
        self.breaker = breaker
        self._price = price
        self._rules = rules
        self._told = ""
        self._observer = Observer(provided.name, provided.system, provided.model_name, candidate)

    @property
    def calls_tools(self) -> bool:
        """Tools may be offered to this model."""
        return self.candidate.tools and bool(self.provided.model.profile.get("supports_tools", True))

    async def request(
        self, errand: Errand, messages: list[ModelMessage], parameters: ModelRequestParameters, most: int
    ) -> ModelResponse:
        """Return the model's response, with personal data put back; throttling and failures are tried again.

        Args:
            most: tokens of the answer.

        Raises:
            Failed: there is none.
        """
        retry, number = self._rules.retry, 1
        while True:
            try:
                return await self._tried(errand, messages, parameters, most)
            except Failed as failed:
                if not failed.retry or number >= retry.tries:
                    raise
                wait = min(retry.first_seconds * 2 ** (number - 1), retry.longest_seconds)
                wait = max(self._rules.pace.spread(wait), failed.retry_after)
                if wait >= errand.left(self._rules.pace.clock):
                    raise
                await self._rules.pace.sleep(wait)
                number += 1

    def released(self, errand: Errand) -> None:
        """Note that a question is done with this model; if it was to find out whether that is back, another may."""
        if errand.probes == self.provided.name:
            errand.probes = ""
            self.breaker.abandoned()

    def judged(self, *, well: bool, reason: str = "") -> None:
        """Note whether the model is of use, for the breaker."""
        before = self.breaker.state
        if well:
            self.breaker.succeeded()
        else:
            self.breaker.failed(reason)
        name, now = self.provided.name, self.breaker.state
        if now is not before and now is BreakerState.OPEN and before is BreakerState.CLOSED:
            log.warning("llm.away", provider=name, model=self.provided.model_name, reason=reason, told=self._told)
        elif now is not before and now is BreakerState.CLOSED:
            log.info("llm.back", provider=name, model=self.provided.model_name)
        LLM_AWAY.labels(provider=self.provided.name).set(self.breaker.state is not BreakerState.CLOSED)

    async def _tried(
        self, errand: Errand, messages: list[ModelMessage], parameters: ModelRequestParameters, most: int
    ) -> ModelResponse:
        clock = self._rules.pace.clock
        sent = hidden(messages, errand.disguise)
        bounds = most_tokens(sent, parameters), most
        name, model = self.provided.name, self.provided.model_name
        least = self._least(errand)
        while True:
            self._refuse_in_vain(errand)
            async with self._rules.places:
                place = await self._rules.meter.reserve(errand, name, self.candidate, model, self._price, bounds)
                if isinstance(place, Demand):
                    return restored(await self._passed(errand, place, sent, parameters, most), errand.disguise)
            # Whoever waits for the rates keeps nobody else from being asked.
            if place + least >= errand.left(clock):
                raise Failed(Reason.RATE, "There is no place within the rates before the deadline.")
            await self._rules.pace.sleep(place)

    def _least(self, errand: Errand) -> float:
        """Return the seconds that a request must have, so that it is not sent, and paid, only to be cut off."""
        return min(_LEAST_SECONDS, self.candidate.seconds / 4, errand.seconds / 4)

    def _refuse_in_vain(self, errand: Errand) -> None:
        if errand.probes != self.provided.name and not self.breaker.passes:
            raise Failed(Reason.BREAKER, f"{self.provided.name} is away: {self.breaker.reason}")
        if errand.left(self._rules.pace.clock) < self._least(errand):
            raise Failed(Reason.TIMEOUT, "Too little time was left to ask.")

    async def _passed(
        self, errand: Errand, demand: Demand, sent: list[ModelMessage], parameters: ModelRequestParameters, most: int
    ) -> ModelResponse:
        try:
            self._refuse_in_vain(errand)
            if errand.probes != self.provided.name and not self.breaker.allows():
                raise Failed(Reason.BREAKER, f"{self.provided.name} is away: {self.breaker.reason}")
        except Failed:
            self._rules.meter.unsent(demand)
            raise
        if self.breaker.state is BreakerState.PROBING:
            errand.probes = self.provided.name
        return await self._sent(errand, demand, sent, parameters, most)

    async def _sent(
        self, errand: Errand, demand: Demand, sent: list[ModelMessage], parameters: ModelRequestParameters, most: int
    ) -> ModelResponse:
        clock = self._rules.pace.clock
        begun = clock.monotonic()
        errand.requests += 1
        settings: ModelSettings = {**self.provided.settings, "max_tokens": most}
        seconds = min(self.candidate.seconds, errand.left(clock))
        with self._observer.span(errand.agent) as span:
            try:
                async with self._rules.pace.limit(seconds):
                    response = await self.provided.request(sent, settings, parameters)
                bill = self._billed(demand, response, sent, clock.monotonic() - begun)
            except asyncio.CancelledError:
                # By whoever asked, or by the deadline, which is the model's fault.
                reason = Reason.CANCELLED if errand.left(clock) > _AT_ONCE else Reason.TIMEOUT
                self._failed(errand, demand, begun, span, reason, billed=True)
                raise
            except Exception as error:
                # Any error of an SDK ends here: whoever asked gets the rules' answer, never a traceback.
                failure = classify(error)
                self._told = failure.kind
                if not failure.expected:
                    log.warning("llm.unexpected", provider=self.provided.name, exc_info=True)
                self._failed(errand, demand, begun, span, failure.reason, billed=failure.billed)
                raise Failed(
                    failure.reason,
                    f"{self.provided.name}: {failure.text}",
                    retry=failure.again,
                    goes_on=failure.onward,
                    retry_after=failure.retry_after or 0.0,
                ) from error
            self._observer.told(span, errand.agent, bill, response.finish_reason or "", response.model_name or "")
        self._settled(bill, errand)
        self._log(errand, demand, sent, response)
        return response

    def _failed(
        self, errand: Errand, demand: Demand, begun: float, span: Span, reason: Reason, *, billed: bool
    ) -> None:
        seconds = self._rules.pace.clock.monotonic() - begun
        bill = self._bill(demand, reason, seconds, cost=demand.nano_usd if billed else 0)
        self._observer.told(span, errand.agent, bill)
        # That a request to which the deadline left little time was cut off is no sign of a model that is away.
        usual = min(self.candidate.seconds, errand.seconds) / 2
        cut = reason is Reason.TIMEOUT and seconds < min(usual, _PATIENT)
        if reason in _COUNTS and not cut:
            errand.probes = ""
            self.judged(well=False, reason=reason)
        self._settled(bill, errand)

    def _settled(self, bill: Bill, errand: Errand) -> None:
        """Count it, and have it booked, also where whoever asked has gone."""
        errand.nano_usd += bill.nano_usd
        errand.tokens_in += bill.tokens_in
        errand.tokens_out += bill.tokens_out
        errand.tokens_cached += bill.tokens_cached
        self._rules.meter.settle(bill)

    def _billed(self, demand: Demand, response: ModelResponse, sent: list[ModelMessage], seconds: float) -> Bill:
        usage = response.usage
        told_in, told_out = max(0, usage.input_tokens), max(0, usage.output_tokens)
        cached = min(told_in, max(0, usage.cache_read_tokens))
        read, written = size_of(sent), size_of([response])
        too_few = told_in * _LONGEST_TOKEN < read or told_out * _LONGEST_TOKEN < written
        if too_few or told_in > demand.tokens:
            # It told nothing, or what cannot be: as dear as it can be.
            return self._bill(demand, "ok", seconds, cost=demand.nano_usd)
        cost = self._price.exact(told_in, told_out, cached, max(0, usage.cache_write_tokens))
        if cost > demand.nano_usd:
            # More than it was allowed to write. What it bills is gone, within reason; the spending warns of it.
            cost = min(cost, demand.nano_usd * _UNTRUE)
        return self._bill(demand, "ok", seconds, cost=cost, told=(told_in, told_out, cached))

    def _bill(
        self, demand: Demand, outcome: str, seconds: float, *, cost: int, told: tuple[int, int, int] = (0, 0, 0)
    ) -> Bill:
        return Bill(
            call_id=demand.call_id,
            ended_at=self._rules.pace.clock.now(),
            outcome=outcome,
            seconds=seconds,
            tokens_in=told[0],
            tokens_out=told[1],
            tokens_cached=told[2],
            nano_usd=cost,
        )

    def _log(self, errand: Errand, demand: Demand, sent: list[ModelMessage], response: ModelResponse) -> None:
        if not self._rules.log_prompts:
            return
        shown: dict[str, Any] = {"call_id": demand.call_id, "agent": errand.agent, "provider": self.provided.name}
        # Both are as they went over the wire: pseudonymised. What a model makes up goes through the same patterns.
        log.info("llm.prompt", **shown, text=errand.disguise.hide(text_of(*sent)))
        log.info("llm.answer", **shown, text=errand.disguise.hide(text_of(response)))
