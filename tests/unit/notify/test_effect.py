"""Effects that happen once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bdp.clock import SystemClock
from bdp.errors import ChannelUnavailable
from bdp.notify.effect import once, patiently
from bdp.store.state import State, open_state

CLOCK = SystemClock()


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def test_done_once_and_its_result_kept(state: State) -> None:
    done: list[str] = []

    def do() -> dict[str, Any]:
        done.append("x")
        return {"n": len(done)}

    assert [once(state.effects, "k", CLOCK, do) for _ in range(3)] == [{"n": 1}] * 3
    assert once(state.effects, "other", CLOCK, do) == {"n": 2}


def test_a_claim_that_was_not_finished_is_done_again(state: State) -> None:
    assert state.effects.claim("k", CLOCK.now())
    assert once(state.effects, "k", CLOCK, lambda: {"again": True}) == {"again": True}
    assert once(state.effects, "k", CLOCK, lambda: {"never": True}) == {"again": True}


def test_patience_ends() -> None:
    calls: list[int] = []

    def fails(times: int) -> int:
        calls.append(1)
        if len(calls) <= times:
            raise ChannelUnavailable("not now")
        return len(calls)

    assert patiently(lambda: fails(2), 3, 0.0) == 3
    calls.clear()
    with pytest.raises(ChannelUnavailable):
        patiently(lambda: fails(3), 3, 0.0)
    assert len(calls) == 3
