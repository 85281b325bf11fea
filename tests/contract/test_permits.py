"""Leave to act, on every database: given once, within the limits, and none while everything is paused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bdp.model.action import Pause, Permit
from bdp.model.analysis import ActionType
from bdp.ports import Permits, Workers
from bdp.store.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def permit(key: str, at: datetime = NOW, incident_id: str = "one") -> Permit:
    return Permit(
        key=key,
        type=ActionType.AUTO_SCALING,
        resource="ecs:shop/cart",
        service="cart",
        environment="production",
        rule="scale",
        incident_id=incident_id,
        at=at,
    )


def always(recent: Sequence[Permit], pause: Pause | None) -> bool:
    return True


def never(recent: Sequence[Permit], pause: Pause | None) -> bool:
    return False


def at_most(count: int) -> Callable[[Sequence[Permit], Pause | None], bool]:
    return lambda recent, pause: len(recent) < count and pause is None


def test_the_state_holds_the_ports(state: State) -> None:
    permits: Permits = state.permits
    workers: Workers = state.workers
    assert permits.of("nobody") == []
    assert workers.counts() == {}


def test_leave_is_given_once_and_found_again(state: State) -> None:
    assert state.permits.grant(permit("a"), NOW - HOUR, always)
    # Asked again after a crash, it is there, whatever the policy says by now.
    assert state.permits.grant(permit("a"), NOW - HOUR, never)
    assert state.permits.get("a") == permit("a")
    assert state.permits.since(NOW - HOUR) == [permit("a")]


def test_what_is_not_admitted_leaves_nothing(state: State) -> None:
    assert not state.permits.grant(permit("a"), NOW - HOUR, never)
    assert state.permits.get("a") is None
    assert state.permits.since(NOW - HOUR) == []


def test_only_the_asked_stretch_is_counted(state: State) -> None:
    for number, minutes in enumerate((90, 30, 10)):
        state.permits.grant(permit(str(number), NOW - timedelta(minutes=minutes)), NOW - 2 * HOUR, always)
    seen: list[str] = []

    def note(recent: Sequence[Permit], pause: Pause | None) -> bool:
        seen.extend(one.key for one in recent)
        return False

    state.permits.grant(permit("now"), NOW - HOUR, note)
    assert seen == ["1", "2"]


def test_nothing_gets_leave_after_a_pause_was_kept(state: State) -> None:
    pause = Pause(by="ada", at=NOW, reason="storm")
    state.policies.put("pause", {"pause": pause.model_dump(mode="json")}, "ada", NOW)
    assert not state.permits.grant(permit("a"), NOW - HOUR, at_most(10))
    state.policies.put("pause", {"pause": None}, "ada", NOW)
    assert state.permits.grant(permit("a"), NOW - HOUR, at_most(10))


def test_those_of_an_incident(state: State) -> None:
    state.permits.grant(permit("b", NOW), NOW - HOUR, always)
    state.permits.grant(permit("a", NOW - HOUR), NOW - HOUR, always)
    state.permits.grant(permit("c", incident_id="two"), NOW - HOUR, always)
    assert [one.key for one in state.permits.of("one")] == ["a", "b"]


@pytest.mark.parametrize("most", [1, 3])
def test_limits_hold_among_all_who_ask_at_once(lasting_url: str, open_more: Callable[..., State], most: int) -> None:
    states = [open_more(lasting_url) for _ in range(3)]
    gate = threading.Barrier(12)

    def ask(number: int) -> bool:
        gate.wait()
        return states[number % 3].permits.grant(permit(str(number)), NOW - HOUR, at_most(most))

    with ThreadPoolExecutor(12) as threads:
        given = list(threads.map(ask, range(12)))
    assert sum(given) == most
    assert len(states[0].permits.since(NOW - HOUR)) == most


def test_a_worker_raises_its_own_count_until_it_leaves(state: State) -> None:
    for _ in range(3):
        state.workers.beat("a", "bdp-2", NOW)
    state.workers.beat("b", "bdp-2", NOW)
    assert state.workers.counts() == {"a": 3, "b": 1}
    state.workers.leave("a")
    state.workers.leave("nobody")
    assert state.workers.counts() == {"b": 1}
