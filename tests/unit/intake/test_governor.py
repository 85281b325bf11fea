from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bdp.clock import ManualClock, SystemClock
from bdp.errors import NotPossible, StoreUnavailable
from bdp.intake.governor import Governor
from bdp.intake.load import Load
from bdp.intake.sampling import NAME, SamplingPolicy
from bdp.model.policy import PolicyVersion
from bdp.ports import Policies
from bdp.store.state import State, open_state
from bdp.telemetry import REGISTRY

ONE_PERCENT = SamplingPolicy(base_rate=0.01)
BUSY, IDLE = Load(buffer=0.95, cpu=0.2, memory=0.3), Load(buffer=0.0, cpu=0.1, memory=0.3)


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def governor(state: State, clock: ManualClock) -> Governor:
    return Governor(state.policies, clock, random.Random(1))


def test_without_a_policy_every_event_stays(governor: Governor) -> None:
    governor.refresh()
    standing = governor.standing()
    assert (standing.policy, standing.version, standing.effective_rate) == (SamplingPolicy(), None, 1.0)


def test_a_policy_holds_at_once_where_it_is_set_and_elsewhere_at_the_next_look(
    governor: Governor, state: State, clock: ManualClock
) -> None:
    other = Governor(state.policies, clock)
    assert governor.put(ONE_PERCENT, "kim").version == 1
    assert governor.sampler.plan.k == 100
    assert other.sampler.plan.k == 1
    other.refresh()
    assert other.sampler.plan.k == 100
    assert state.audit.list(object=NAME)[0].actor == "kim"


def test_two_who_change_it_at_once_do_not_overwrite_each_other(governor: Governor) -> None:
    governor.put(ONE_PERCENT, "kim", expected=0)
    with pytest.raises(NotPossible, match="kim set version 1"):
        governor.put(SamplingPolicy(), "lee", expected=0)
    assert governor.sampler.plan.k == 100


def test_load_lowers_the_rate_and_calm_brings_it_back(governor: Governor, clock: ManualClock) -> None:
    governor.put(SamplingPolicy(base_rate=0.01, adaptive=True, services={"cart": 0.5}), "kim")

    def look(load: Load, seconds: int) -> None:
        for _ in range(seconds):
            governor.observe(load)
            clock.advance(timedelta(seconds=1))

    look(BUSY, 3)
    assert (governor.sampler.plan.k, governor.sampler.plan.services["cart"]) == (1000, 20)
    assert REGISTRY.get_sample_value("bdp_sampling_rate_ratio") == pytest.approx(0.001)
    assert REGISTRY.get_sample_value("bdp_sampling_load_ratio", {"part": "buffer"}) == 0.95
    look(IDLE, 31)
    assert (governor.sampler.plan.k, governor.standing().load) == (100, IDLE)
    look(BUSY, 3)
    governor.put(ONE_PERCENT, "kim")
    assert (governor.standing().level, governor.sampler.plan.k) == (0, 100)


def test_a_version_that_this_program_does_not_know_is_told_and_the_last_one_goes_on(
    governor: Governor, state: State, clock: ManualClock
) -> None:
    governor.put(ONE_PERCENT, "kim")
    state.policies.put(NAME, {"base_rate": 0.5, "colour": "red"}, "newer", clock.now())
    governor.refresh()
    assert governor.sampler.plan.k == 100
    assert governor.standing().problem == "colour: Extra inputs are not permitted"
    governor.put(SamplingPolicy(base_rate=0.1), "kim")
    assert (governor.sampler.plan.k, governor.standing().problem) == (10, "")


class Flaky:
    """Policies in a database that can go away."""

    def __init__(self, policies: Policies) -> None:
        self.policies = policies
        self.away = False
        self.asked = 0

    def current(self, name: str) -> PolicyVersion | None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("The state database is away.")
        return self.policies.current(name)

    def put(
        self, name: str, body: Mapping[str, Any], by: str, now: datetime, expected: int | None = None
    ) -> PolicyVersion:
        return self.policies.put(name, body, by, now, expected)

    def history(self, name: str, limit: int = 100) -> list[PolicyVersion]:
        return self.policies.history(name, limit)


def until(true: Any) -> None:
    limit = time.monotonic() + 10
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_an_outage_of_the_database_changes_nothing_and_passes(state: State) -> None:
    flaky = Flaky(state.policies)
    governor = Governor(flaky, SystemClock())
    governor.put(ONE_PERCENT, "kim")
    flaky.away = True
    governor.start()
    try:
        asked = flaky.asked
        until(lambda: flaky.asked > asked)
        state.policies.put(NAME, {"base_rate": 0.1}, "lee", datetime.now(UTC))
        assert governor.sampler.plan.k == 100
        flaky.away = False
        until(lambda: governor.sampler.plan.k == 10)
        until(lambda: governor.standing().load is not None)
    finally:
        governor.close()
