"""Keeps the sampler on the policy that holds now and on the load of this process.

Every process that takes live records in has one. It looks at the policy twice a second, so that a change made anywhere
takes effect everywhere within two seconds, and at the load once a second. A state database that is away changes
nothing: the last policy goes on.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from bdp.clock import Clock
from bdp.intake.load import Load, Machine, Steps
from bdp.intake.sampling import NAME, Plan, Sampler, SamplingPolicy, read_policy
from bdp.model.policy import PolicyVersion
from bdp.ports import Policies
from bdp.telemetry import SAMPLING_LEVEL, SAMPLING_LOAD, SAMPLING_RATE

log = structlog.get_logger(__name__)

POLICY_SECONDS = 0.5
LOAD_SECONDS = 1.0
_STOP_SECONDS = 15
"""Longer than a database takes to say that it is away."""


@dataclass(frozen=True)
class Standing:
    """What holds in this process now.

    Attributes:
        version: where the policy comes from; None for the one that BDP ships.
        plan: what it comes to under the present load.
        level: steps down because of load.
        load: the latest look; None before the first one.
        problem: why the newest version is not followed; empty if it is.
    """

    policy: SamplingPolicy
    version: PolicyVersion | None
    plan: Plan
    level: int
    load: Load | None
    problem: str

    @property
    def effective_rate(self) -> float:
        """Share of normal events that stays, for services without a rate of their own."""
        return 1 / self.plan.k


class Governor:
    """Drives one sampler. `refresh` and `observe` may be called by hand; `start` calls them until `close`.

    Args:
        chance: draws which events stay.
        buffer_fill: how full the buffer behind the edge is, 0 to 1.
    """

    def __init__(
        self,
        policies: Policies,
        clock: Clock,
        chance: random.Random | None = None,
        buffer_fill: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.sampler = Sampler(chance or random.Random())
        self._policies = policies
        self._clock = clock
        self._buffer_fill = buffer_fill
        self._lock = threading.Lock()
        self._policy, self._lowest = SamplingPolicy(), 0
        self._version: PolicyVersion | None = None
        self._steps = Steps(clock)
        self._load: Load | None = None
        self._problem = ""
        self._away = False
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._adopt(SamplingPolicy(), None)

    def put(self, policy: SamplingPolicy, by: str, expected: int | None = None) -> PolicyVersion:
        """Make a policy hold, here at once and in every other process within two seconds.

        Raises:
            NotPossible: somebody else has changed it since version `expected`.
            StoreUnavailable: the state database is away; the old policy holds.
        """
        body = policy.model_dump(mode="json")
        body["exempt"] = sorted(body["exempt"])
        added = self._policies.put(NAME, body, by, self._clock.now(), expected)
        self.refresh()
        return added

    def refresh(self) -> None:
        """Follow the newest version of the policy.

        Raises:
            StoreUnavailable: the state database is away; the last policy goes on.
        """
        found = self._policies.current(NAME)
        if found == self._version:
            return
        try:
            self._adopt(read_policy(found.body) if found else SamplingPolicy(), found)
        except ValidationError as error:
            self._refuse(found, error)

    def observe(self, load: Load) -> None:
        """Follow the load."""
        with self._lock:
            self._load = load
            before = self._steps.level
            level = self._steps.observe(load.highest, self._policy, self._lowest)
            if level != before:
                self._apply()
                log.warning("sampling.level", level=level, rate=self._policy.rate(level), load=round(load.highest, 3))
        for part, value in (("buffer", load.buffer), ("cpu", load.cpu), ("memory", load.memory)):
            SAMPLING_LOAD.labels(part=part).set(value)

    def standing(self) -> Standing:
        """Return what holds now."""
        with self._lock:
            return Standing(
                self._policy, self._version, self.sampler.plan, self._steps.level, self._load, self._problem
            )

    def start(self) -> None:
        """Look at policy and load in the background until `close`. Apart, so that neither waits for the other."""
        machine = Machine(self._buffer_fill)
        for name, seconds, look in (
            ("sampling-policy", POLICY_SECONDS, self._look_at_policy),
            ("sampling-load", LOAD_SECONDS, lambda: self.observe(machine())),
        ):
            thread = threading.Thread(target=self._repeat, args=(seconds, look), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _repeat(self, seconds: float, look: Callable[[], None]) -> None:
        while not self._stop.wait(seconds):
            try:
                look()
            except Exception:  # a defect here must not end the looking for good
                log.exception("sampling.look_failed")

    def _look_at_policy(self) -> None:
        try:
            self.refresh()
        except Exception as error:  # whatever a database says when it is away: the last policy goes on
            if not self._away:
                log.warning("sampling.policy_not_read", reason=str(error))
            self._away = True
        else:
            self._away = False

    def _adopt(self, policy: SamplingPolicy, version: PolicyVersion | None) -> None:
        with self._lock:
            self._policy, self._lowest, self._version, self._problem = policy, policy.lowest_level, version, ""
            if not policy.adaptive:
                self._steps.level = 0
            self._steps.level = min(self._steps.level, self._lowest)
            self._apply(afresh=True)
        if version:
            log.info("sampling.policy", version=version.version, by=version.by, rate=policy.base_rate)

    def _refuse(self, found: PolicyVersion | None, error: ValidationError) -> None:
        first = error.errors()[0]
        with self._lock:
            # Seen, though not followed: it is told once, not twice a second.
            self._version = found
            self._problem = f"{'.'.join(map(str, first['loc'])) or 'policy'}: {first['msg']}"
        log.error("sampling.policy_refused", version=found and found.version, reason=self._problem)

    def _apply(self, *, afresh: bool = False) -> None:
        level = self._steps.level
        plan = Plan.of(self._policy, level)
        self.sampler.follow(plan, afresh=afresh)
        SAMPLING_LEVEL.set(level)
        SAMPLING_RATE.set(1 / plan.k)
