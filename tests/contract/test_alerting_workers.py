"""Several processes with one state database tell each alert once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message
from bdp.model.insight import AlertState
from bdp.store.state import State
from tests.contract.test_insights import insight

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
OpenMore = Callable[..., State]


class People:
    """A channel without any memory of keys: a repeat would be heard."""

    name = "people"

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with self._lock:
            self.keys.append(message.key)


def crew(url: str, open_more: OpenMore, people: People, clock: ManualClock, **settings: int) -> list[Alerting]:
    """Four processes, each with connections of its own."""
    states = [open_more(url) for _ in range(4)]
    return [Alerting(s.insights, s.alerts, [people], clock, AlertingSettings.model_validate(settings)) for s in states]


def work(workers: list[Alerting], clock: ManualClock, rounds: int = 3) -> None:
    """Let all do their steps at the same time."""
    for _ in range(rounds):
        clock.advance(timedelta(seconds=1))
        start = threading.Barrier(len(workers))

        def step(worker: Alerting, start: threading.Barrier = start) -> None:
            start.wait(10)
            worker.step(clock.now())

        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(step, workers))


@pytest.mark.parametrize(("streams", "forms"), [(9, {"insight": 9}), (40, {"summary": 1})])
def test_each_alert_is_told_once(lasting_url: str, open_more: OpenMore, streams: int, forms: dict[str, int]) -> None:
    people, clock, state = People(), ManualClock(START), open_more(lasting_url)
    rows = [insight(f"s{number}", minutes / 60) for number in range(streams) for minutes in (0, 1)]
    state.insights.add_all(rows, START)
    work(crew(lasting_url, open_more, people, clock), clock)
    assert Counter(key.split(":")[0] for key in people.keys) == forms
    standings = Counter(state.alerts.standing(row.entity_id).state for row in rows)
    assert standings == {AlertState.TOLD: streams, AlertState.DUPLICATE: streams}


def test_one_digest_is_written_and_told(lasting_url: str, open_more: OpenMore) -> None:
    people, clock, state = People(), ManualClock(START + timedelta(minutes=59, seconds=58)), open_more(lasting_url)
    state.insights.add_all([insight(f"s{number}", risk=50) for number in range(5)], START)
    work(crew(lasting_url, open_more, people, clock), clock, rounds=5)
    assert people.keys == ["digest:2026-03-01T12"]


def test_another_takes_over_what_one_had_in_its_hands(lasting_url: str, open_more: OpenMore) -> None:
    people, clock, state = People(), ManualClock(START), open_more(lasting_url)
    state.insights.add(insight(), START)
    with state.alerts.desk() as desk:
        desk.tell("alert", Message(key="k", title="t", body=""), [insight().entity_id], START, START)  # type: ignore[arg-type]
    assert state.alerts.claim(START, START + timedelta(seconds=30)) is not None  # and dies
    workers = crew(lasting_url, open_more, people, clock)
    work(workers, clock, rounds=5)
    assert people.keys == []
    clock.advance(timedelta(seconds=30))
    work(workers, clock, rounds=1)
    assert people.keys == ["k"]
