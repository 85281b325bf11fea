"""Money and rates of one gateway: reserved before each request, settled after it, in threads of its own.

Every request is reserved by an upper bound: a prompt has at most as many tokens as it has bytes, with its schema and
what a chat template adds, and an answer has at most `max_tokens`. So no budget can be exceeded by what a provider does
within its own promises; settling gives back what was not used. Where nobody knows what a request cost (no answer came,
or half of one), all of its reservation is taken as spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog

from bdp.errors import BdpError, StoreUnavailable
from bdp.ids import Ids
from bdp.llm.errand import Errand, Failed
from bdp.llm.pace import Pace
from bdp.llm.prices import Price
from bdp.llm.settings import BudgetSettings, Candidate
from bdp.model.spending import Bill, Bounds, Demand, Grant, Reason
from bdp.ports import Spending
from bdp.telemetry import LLM_UNSETTLED

log = structlog.get_logger(__name__)
T = TypeVar("T")

_LEAST_WAIT: Final = 0.05
_FRESH: Final = 1.0
"""Seconds after which a place within the rates is too old to be used: a minute would have room for others again."""
_STALE: Final = 3
"""Places that came too late, after which the state database counts as away."""
_SETTLE_WAITS: Final = (0.1, 0.5, 2.0)
_TOLD: Final = {
    Reason.INCIDENT_BUDGET: "The incident's budget is spent.",
    Reason.DAY_BUDGET: "The day's budget is spent.",
    Reason.MONTH_BUDGET: "The month's budget is spent.",
    Reason.STOPPED: "Asking models is stopped until a person resumes it.",
    Reason.REJECTED: "The request has more tokens than a minute may have.",
}


class Meter:
    """Asks the state database for money and a place within the rates, for all models of one gateway."""

    def __init__(
        self, spending: Spending, budget: BudgetSettings, agents: Mapping[str, int], ids: Ids, pace: Pace, threads: int
    ) -> None:
        self._spending = spending
        self._budget = budget.bounds()
        self._agents = agents
        self._ids = ids
        self._pace = pace
        # One more for each request that is being settled while the next is reserved.
        self._threads = ThreadPoolExecutor(2 * threads, thread_name_prefix="llm-meter")
        self._reserving: set[asyncio.Future[Any]] = set()
        self._settling: set[asyncio.Future[Any]] = set()
        self._closing = False

    @property
    def settling(self) -> frozenset[asyncio.Future[Any]]:
        """What is being settled now."""
        return frozenset(self._settling)

    async def close(self) -> None:
        """Finish what is being reserved and settled, and let go of the threads."""
        self._closing = True
        while under_way := self._reserving | self._settling:
            await asyncio.wait(under_way)
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def reserve(
        self, errand: Errand, provider: str, candidate: Candidate, model: str, price: Price, tokens: tuple[int, int]
    ) -> Demand | float:
        """Return the reservation, or the seconds after which there may be a place within the rates.

        Args:
            tokens: upper bounds of prompt and answer.

        Raises:
            Failed: there is no money, no place in time, or no state database that answers in time.
        """
        bounds = self._bounds(errand, candidate)
        for _ in range(_STALE):
            now = self._pace.clock.now()
            demand = Demand(
                call_id=self._ids.new(now),
                at=now,
                agent=errand.agent,
                provider=provider,
                model=model,
                incident_id=errand.incident_id,
                tokens=sum(tokens),
                nano_usd=price.most(*tokens),
            )
            grant = await self._granted(demand, bounds)
            if grant.reason is Reason.RATE:
                return max(_LEAST_WAIT, grant.wait_seconds)
            if grant.reason is not None:
                raise Failed(grant.reason, _TOLD.get(grant.reason, grant.reason))
            if self._fresh(demand, grant):
                return demand
            self.unsent(demand)
        raise Failed(Reason.STORE, "The state database takes too long to reserve a request.", goes_on=False)

    def settle(self, bill: Bill) -> None:
        """Book what a request took, behind the answer: until then its reservation stands, which is never less.

        One that cannot be booked stays reserved, and is later taken as spent in full.
        """
        _kept(self._settling, asyncio.get_running_loop().create_task(self._settled(bill)))

    def unsent(self, demand: Demand) -> None:
        """Give back what was reserved for a request that is not sent."""
        self.settle(Bill(call_id=demand.call_id, ended_at=demand.at, outcome=Reason.UNSENT, seconds=0.0))

    async def _settled(self, bill: Bill) -> None:
        for wait in (*_SETTLE_WAITS, None):
            try:
                await self._in_thread(lambda: self._spending.settle(bill))
                return
            except BdpError as error:
                if wait is None or self._closing or not isinstance(error, StoreUnavailable):
                    LLM_UNSETTLED.inc()
                    log.warning("llm.unsettled", call_id=bill.call_id, reason=str(error))
                    return
                await self._pace.sleep(wait)

    async def _granted(self, demand: Demand, bounds: Bounds) -> Grant:
        asked = self._in_thread(lambda: self._spending.reserve(demand, bounds))
        _kept(self._reserving, asked)
        try:
            return await asyncio.shield(asked)
        except StoreUnavailable as error:
            raise Failed(Reason.STORE, str(error), goes_on=False) from error
        except asyncio.CancelledError:
            # A thread cannot be cancelled: it may reserve yet, for a request that nobody sends.
            asked.add_done_callback(lambda done: self._give_back(demand, done))
            raise

    def _fresh(self, demand: Demand, grant: Grant) -> bool:
        # A slow database, a starved process or a machine that slept can lie between taking a place and using it.
        taken = demand.at + timedelta(seconds=grant.waited_seconds)
        return self._pace.clock.now() - taken <= timedelta(seconds=_FRESH)

    def _give_back(self, demand: Demand, done: asyncio.Future[Grant]) -> None:
        if not (done.cancelled() or done.exception()) and done.result().reason is None:
            self.unsent(demand)

    def _bounds(self, errand: Errand, candidate: Candidate) -> Bounds:
        rates = {
            "requests_per_minute": candidate.requests_per_minute,
            "tokens_per_minute": candidate.tokens_per_minute,
            "agent_requests_per_minute": self._agents.get(errand.agent),
        }
        alone = {} if errand.incident_id else {"incident_usd": None}
        return self._budget.model_copy(update={**rates, **alone})

    def _in_thread(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)


def _kept(among: set[asyncio.Future[Any]], future: asyncio.Future[Any]) -> None:
    among.add(future)
    future.add_done_callback(among.discard)
