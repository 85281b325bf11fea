"""A worker is gone when its count stands still by the watcher's own clock, whatever any wall clock says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.flow.mend.colleagues import Colleagues
from bdp.store.state import State, open_state

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LEASE = 10.0


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def worker(state: State, name: str, clock: ManualClock) -> Colleagues:
    return Colleagues(state.workers, name, "bdp-2", clock, LEASE)


def test_who_beats_is_there_and_who_stops_is_gone(state: State) -> None:
    clock, far = ManualClock(NOW), ManualClock(NOW - timedelta(days=400))
    here, there = worker(state, "here", clock), worker(state, "there", far)
    for _ in range(5):
        there.beat()
        here.beat()
        clock.advance(timedelta(seconds=LEASE - 1))
        assert not here.is_gone("there")
    clock.at -= timedelta(hours=5)  # a clock that is set back changes nothing
    here.beat()
    clock.advance(timedelta(seconds=2))
    assert here.is_gone("there")
    there.beat()
    here.beat()
    assert not here.is_gone("there")


def test_one_never_heard_of_gets_a_lease_too(state: State) -> None:
    clock = ManualClock(NOW)
    here = worker(state, "here", clock)
    here.beat()
    assert not here.is_gone("before the upgrade")
    clock.advance(timedelta(seconds=LEASE))
    here.beat()
    assert here.is_gone("before the upgrade")


def test_who_leaves_is_gone_after_the_lease(state: State) -> None:
    clock = ManualClock(NOW)
    here, there = worker(state, "here", clock), worker(state, "there", ManualClock(NOW))
    there.beat()
    here.beat()
    there.leave()
    clock.advance(timedelta(seconds=LEASE))
    here.beat()
    assert here.is_gone("there")


def test_leaving_never_fails(state: State) -> None:
    here = worker(state, "here", ManualClock(NOW))
    state.close()
    here.leave()
