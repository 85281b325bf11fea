"""Sampling at the edge: normal events may be let go, and those that stay say how many they stand for.

Method: stratified random sampling. The events of one stratum (tenant, service, route) are counted off in blocks of k,
and of each block one event is kept whose position is drawn at random; it weighs k. Claffy, Polyzos and Braun,
"Application of Sampling Methodologies to Network Traffic Characterization", SIGCOMM 1993, compare it with taking every
k-th (systematic) and with tossing a coin (simple random); Cochran, "Sampling Techniques", 3rd edition, 1977, chapter 8,
has the theory. It was chosen because

- it is unbiased: each event is kept with chance 1/k and then weighs k, so its expected weight is 1 (Horvitz-Thompson);
- the count of a stratum is wrong by less than one block, always; with a coin the error grows with the traffic;
- unlike every k-th, it cannot fall into step with traffic that repeats itself.

A change of k leaves the open block where it is and opens one of the new size. Nothing is known of the position drawn
for a block when k changes, so each event's chance stays 1/k of the block that it falls into and no estimate is bent;
the open block costs at most one block's error. If that k comes back, its block goes on: a rate that swings between
steps costs one block per step and stratum, not one per swing.

Whole traces are not kept together. That would mean deciding by a hash of the trace id: a trace's events would stay or
go as one, the error of counts would grow with the length of traces, and nothing would bound it. What explanations need
of a trace are its abnormal events, and those all stay. The price: of the normal spans of a trace only some are there.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bdp.intake.event import EventRecord
from bdp.model.batch import Drop, DropReason, Priority
from bdp.telemetry import SAMPLED_OUT

NAME = "sampling"
"""Name of the policy."""
SMALLEST_RATE = 0.0001
MOST_STRATA = 8192
"""Strata with blocks of their own. Beyond it a service's further routes share blocks, and beyond twice as many
everything that is left does: memory stays under 5 MiB, whatever names the events bear."""
_MOST_NAMES = 1000
_NORMAL = ("INFO", "DEBUG")
_HEAVY = 1e5
"""An event that its sender weighted above this always stays: weights end at 1e9."""

Rate = Annotated[float, Field(ge=SMALLEST_RATE, le=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SamplingPolicy(BaseModel):
    """How many of the normal events are kept. WARN and above, error codes and status 500 and above always stay.

    It is data: kept in versions, changed at run time. A rate is used as 1/k with a whole k: 0.3 keeps one of 3.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_rate: Rate = Field(default=1.0, description="Share of normal events that is kept; 0.01 keeps one of 100.")
    adaptive: bool = Field(
        default=False,
        description="Lower the rate under load. Off by default: nothing is let go unless somebody says so.",
    )
    floor: Rate = Field(default=0.001, description="Load lowers no rate below this one.")
    step: float = Field(default=0.1, ge=0.01, le=0.9, description="What the rate is multiplied by at each step down.")
    high: float = Field(default=0.8, gt=0, le=1, description="Load from which the rate goes down (0 to 1).")
    low: float = Field(default=0.5, ge=0, lt=1, description="Load up to which the rate goes up again (0 to 1).")
    lower_after_seconds: float = Field(default=2, ge=0, le=3600, description="High load this long: one step down.")
    raise_after_seconds: float = Field(default=30, ge=0, le=86_400, description="Low load this long: one step up.")
    services: dict[Name, Rate] = Field(
        default_factory=dict, max_length=_MOST_NAMES, description="Base rates of services that differ, by name."
    )
    exempt: frozenset[Name] = Field(
        default=frozenset(), max_length=_MOST_NAMES, description="Services of which every event is kept."
    )

    @model_validator(mode="after")
    def _marks_are_apart(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be below high: between them the rate stays as it is")
        return self

    def rate(self, level: int, base: float | None = None) -> float:
        """Return the rate of a base rate (default: the policy's own) after so many steps down."""
        start = self.base_rate if base is None else base
        return min(start, max(self.floor, start * self.step**level))

    @property
    def lowest_level(self) -> int:
        """How many steps down it is to the floor; more change nothing."""
        highest = max(self.base_rate, *self.services.values()) if self.services else self.base_rate
        level = 0
        while self.rate(level, highest) > self.floor * (1 + 1e-9):  # 0.1 ** 3 is a little over 0.001
            level += 1
        return level


@dataclass(frozen=True)
class Plan:
    """A policy at one level of load, ready to be applied: one event of `k` is kept.

    Attributes:
        services: k of services that differ.
    """

    k: int = 1
    services: Mapping[str, int] = field(default_factory=dict)

    @property
    def keeps_all(self) -> bool:
        """True if no event is let go."""
        return self.k == 1 and all(k == 1 for k in self.services.values())

    @classmethod
    def of(cls, policy: SamplingPolicy, level: int) -> Plan:
        """Return the plan of a policy after `level` steps down."""
        services = {name: _block(policy.rate(level, base)) for name, base in policy.services.items()}
        return cls(_block(policy.rate(level)), services | dict.fromkeys(policy.exempt, 1))


def _block(rate: float) -> int:
    return max(1, round(1 / rate))


class Sampler:
    """Applies the plan to events on their way in. Use from any thread.

    Args:
        chance: draws the positions.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._plan = Plan()
        self._keeps_all = True
        # Stratum -> [events to let go before the next kept one, events of its block behind that one].
        self._blocks: dict[int, list[int]] = {}

    @property
    def plan(self) -> Plan:
        """The plan that holds now."""
        return self._plan

    def follow(self, plan: Plan, *, afresh: bool = False) -> None:
        """Apply another plan from the next events on.

        Args:
            afresh: forget open blocks, so that those of plans that never come back leave room.
        """
        with self._lock:
            self._plan, self._keeps_all = plan, plan.keeps_all
            if afresh:
                self._blocks.clear()

    def keep(self, events: list[EventRecord]) -> tuple[list[EventRecord], int]:
        """Return the events that stay, weighted, in their order, and how many were let go.

        Only normal events are ever let go: the rule is that of `bdp.model.event.EventSignal.abnormal`.
        """
        if self._keeps_all:
            return events, 0
        with self._lock:
            kept = self._sift(events)
        gone = len(events) - len(kept)
        if gone:
            SAMPLED_OUT.inc(gone)
        return kept, gone

    def _sift(self, events: Sequence[EventRecord]) -> list[EventRecord]:
        # One loop without calls: it runs for every event that comes in.
        plan, blocks, draw = self._plan, self._blocks, self._chance.random
        others, usual = plan.services, plan.k
        kept: list[EventRecord] = []
        for event in events:
            level = event.level
            if level not in _NORMAL or event.error_code or event.status >= 500:
                kept.append(event)
                continue
            k = others.get(event.service, usual)
            if k == 1 or event.weight > _HEAVY:
                kept.append(event)
                continue
            block = blocks.get(hash((event.tenant, event.service, event.route, k)))
            if block is None:
                block = self._open(event, k)
            if block[0]:
                block[0] -= 1
                continue
            position = int(draw() * k)  # of the next block's kept event
            block[0] = block[1] + position
            block[1] = k - 1 - position
            event.weight *= k
            kept.append(event)
        return kept

    def _open(self, event: EventRecord, k: int) -> list[int]:
        """Return the block of a stratum that has none of its own; only hashes are kept, so long names cost nothing."""
        blocks = self._blocks
        for key, most in (
            ((event.tenant, event.service, event.route, k), MOST_STRATA),
            ((event.tenant, event.service, k), 2 * MOST_STRATA),
        ):
            known = blocks.get(hash(key))
            if known is not None:
                return known
            if len(blocks) < most:
                return self._fresh(hash(key), k)
        return blocks.get(k) or self._fresh(k, k)

    def _fresh(self, key: int, k: int) -> list[int]:
        position = int(self._chance.random() * k)
        block = self._blocks[key] = [position, k - 1 - position]
        return block


def sampled(count: int) -> tuple[Drop, ...]:
    """Return what a batch's `drops` say of so many events let go."""
    return (Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=count),) if count else ()


def read_policy(body: Mapping[str, Any]) -> SamplingPolicy:
    """Return the policy that a stored version holds.

    Raises:
        pydantic.ValidationError: it holds none that this version of BDP knows.
    """
    return SamplingPolicy.model_validate(body)
