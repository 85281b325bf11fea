"""Costs that come in, and the incidents that come of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.detect.cost.settings import CostSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.flow.cost_watch import CostWatch
from bdp.flow.costs import Costs
from bdp.flow.tell.outbox import is_old, opening
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.anomaly import AnomalyKind, Severity
from bdp.model.incident import Incident, IncidentStatus
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import State, open_state
from tests.unit.flow.bills import FIRST, even, line, lines, put

DAYS = 60
SPIKE = 50


def midnight(day: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=day)


@dataclass
class Scene:
    """A store, an incident list, and a watch that tells what it found."""

    store: ClickHouseStore
    state: State
    clock: ManualClock
    opened: list[Incident] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    watch: CostWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = self.another()

    def another(self, **settings: Any) -> CostWatch:
        """A watch of another process, or of this one after it began again."""
        costs = Costs(self.store, CostSettings(**settings), self.clock)
        return CostWatch(costs, self.state.incidents, self.opened.append, self.quiet.append)

    def day(self, day: int, *costs: float, **more: Any) -> None:
        """Costs of a day, and more of days behind it, come in two days late and are looked at."""
        put(self.store, lines(costs, day, **more))
        self.look(day + len(costs) + 1)

    def look(self, day: int) -> bool:
        self.clock.advance(max(timedelta(), midnight(day) - self.clock.now()))
        return self.watch.poll(at_once=True)

    def only(self) -> Incident:
        (one,) = self.state.incidents.list()
        return self.state.incidents.get(one.incident_id)


@pytest.fixture
def scene(store: ClickHouseStore) -> Iterator[Scene]:
    state = open_state("sqlite://", lambda known, one: judge(known, one, DedupSettings()) is Judgement.REPEAT)
    put(store, lines(even(100, SPIKE)))
    put(store, lines(even(20, SPIKE, seed=2), service_name="AmazonEC2", sub_account_id="2", sub_account_name="lab"))
    yield Scene(store, state, ManualClock(midnight(SPIKE)))
    state.close()


def test_even_costs_open_nothing(scene: Scene) -> None:
    scene.day(SPIKE, 101.0)
    assert scene.state.incidents.list() == []
    assert (scene.opened, scene.quiet) == ([], [])


def test_a_spike_becomes_one_incident(scene: Scene) -> None:
    scene.day(SPIKE, 900.0)
    one = scene.only()
    assert one.kind is AnomalyKind.COST
    assert (one.subject.service, one.subject.account) == ("Amazon S3", "prod")
    assert one.start_time == midnight(SPIKE)
    assert one.severity is Severity.HIGH
    assert one.status is IncidentStatus.OPEN
    assert one.end_time is None
    assert [opened.incident_id for opened in scene.opened] == [one.incident_id]
    (detected,) = [entry for entry in one.timeline if entry.kind == "detected"]
    assert detected.data["count"] == 900.0
    assert detected.data["expected"] == pytest.approx(100, rel=0.05)


def test_looked_at_twice_nothing_is_doubled(scene: Scene) -> None:
    scene.day(SPIKE, 900.0)
    before = scene.only()
    assert not scene.watch.poll(at_once=True)
    for again in (scene.watch, scene.another()):
        assert again.review(7) == []
    assert scene.another().poll(at_once=True)
    assert scene.only() == before
    assert len(scene.opened) == 1


def test_the_next_days_let_it_grow(scene: Scene) -> None:
    scene.day(SPIKE, 900.0)
    first = scene.only()
    scene.day(SPIKE + 1, 950.0)
    scene.day(SPIKE + 2, 920.0)
    one = scene.only()
    assert one.incident_id == first.incident_id
    assert (one.events, one.last_seen, one.start_time) == (3, midnight(SPIKE + 2), midnight(SPIKE))
    assert one.end_time is None
    assert len(one.members) == 1
    assert len(scene.opened) == 1


def test_a_spike_that_is_over_ends(scene: Scene) -> None:
    scene.day(SPIKE, 900.0, 900.0)
    scene.day(SPIKE + 2, 99.0)
    one = scene.only()
    assert one.end_time == midnight(SPIKE + 1)
    assert scene.quiet == [one.incident_id]
    scene.day(SPIKE + 3, 101.0)
    assert scene.quiet == [one.incident_id]
    assert scene.only() == one


def test_a_delivery_that_has_the_end_already(scene: Scene) -> None:
    scene.day(SPIKE, 900.0, 98.0, 102.0)
    one = scene.only()
    assert (one.start_time, one.end_time) == (midnight(SPIKE), midnight(SPIKE))
    assert scene.quiet == [one.incident_id]


def test_what_is_restated_away_ends(scene: Scene) -> None:
    put(scene.store, lines([900.0], SPIKE, statement="first"))
    scene.look(SPIKE + 2)
    one = scene.only()
    corrected = midnight(SPIKE) + timedelta(days=3)
    put(scene.store, lines([100.0], SPIKE, statement="corrected", stated_at=corrected))
    scene.look(SPIKE + 3)
    assert scene.only().end_time is not None
    assert scene.quiet == [one.incident_id]


def test_what_was_abnormal_on_a_restated_day_only_then(scene: Scene) -> None:
    scene.day(SPIKE, 100.0, 101.0)
    assert scene.state.incidents.list() == []
    corrected = midnight(SPIKE) + timedelta(days=4)
    put(scene.store, lines([900.0], SPIKE, stated_at=corrected))
    scene.look(SPIKE + 4)
    assert scene.only().start_time == midnight(SPIKE)


def test_a_spike_of_an_account_whose_next_day_is_late_goes_on(scene: Scene) -> None:
    scene.day(SPIKE, 900.0)
    lab: dict[str, Any] = {"service_name": "AmazonEC2", "sub_account_id": "2", "sub_account_name": "lab"}
    scene.day(SPIKE, 20.0, 20.0, **lab)
    assert scene.only().end_time is None
    assert scene.quiet == []
    scene.day(SPIKE + 1, 900.0)
    assert (scene.only().end_time, scene.only().events) == (None, 2)


def test_a_step_is_one_incident_for_as_long_as_it_lasts(scene: Scene) -> None:
    costs = even(200, 50, seed=3)
    # Day by day at first, and where it may end; between them three days come at once.
    places = [*range(4), *range(4, 25, 3), *range(25, 31), *range(31, 49, 3), 49, 50]
    for place, after in pairwise(places):
        scene.day(SPIKE + place, *costs[place:after])
        if after <= 25:
            assert scene.only().end_time is None, place
    one = scene.only()
    assert len(scene.opened) == 1
    assert one.start_time == midnight(SPIKE)
    assert one.end_time is not None  # it is the level now
    assert scene.quiet == [one.incident_id]


def test_of_two_spikes_of_a_service_the_first_is_over(scene: Scene) -> None:
    put(scene.store, lines([900.0, 100.0, 101.0, 800.0], SPIKE))
    scene.look(SPIKE + 5)
    older, newer = sorted(scene.state.incidents.list(), key=lambda one: one.start_time)
    assert (older.start_time, older.end_time) == (midnight(SPIKE), midnight(SPIKE))
    assert (newer.start_time, newer.end_time) == (midnight(SPIKE + 3), None)
    assert scene.watch.review(7) == []
    assert [one.events for one in scene.state.incidents.list()] == [1, 1]


def test_two_services_are_two_incidents(scene: Scene) -> None:
    lab: dict[str, Any] = {"service_name": "AmazonEC2", "sub_account_id": "2", "sub_account_name": "lab"}
    put(scene.store, [line(SPIKE, 900.0), line(SPIKE, 300.0, **lab)])
    scene.look(SPIKE + 2)
    assert {one.subject.account for one in scene.state.incidents.list()} == {"prod", "lab"}


def test_a_look_waits_until_a_delivery_has_settled(scene: Scene) -> None:
    assert not scene.watch.poll()
    put(scene.store, lines([900.0], SPIKE))
    assert not scene.watch.poll()
    put(scene.store, lines([30.0], SPIKE, service_name="AWS Lambda"))
    assert not scene.watch.poll()
    assert scene.opened == []
    assert scene.watch.poll()
    assert len(scene.opened) >= 1
    assert not scene.watch.poll()


def test_a_delivery_that_does_not_end_is_looked_at_all_the_same(scene: Scene) -> None:
    put(scene.store, lines([900.0], SPIKE))
    looked = []
    for more in range(20):
        put(scene.store, [line(SPIKE, 0.01, service_name=f"service {more}")])
        looked.append(scene.watch.poll())
    assert any(looked)
    assert not all(looked)


def test_without_costs_nothing_is_looked_at(store: ClickHouseStore) -> None:
    state = open_state("sqlite://")
    watch = CostWatch(Costs(store, CostSettings(), ManualClock(midnight(0))), state.incidents, print, print)
    assert not watch.poll(at_once=True)
    assert watch.review() == []
    state.close()


def test_old_spikes_are_not_told_when_costs_come_in_but_in_a_review_of_all_days(scene: Scene) -> None:
    put(scene.store, lines([900.0, *even(100, 20, seed=4)], SPIKE))
    scene.look(SPIKE + 22)
    assert scene.opened == []
    assert [one.start_time for one in scene.watch.review()] == [midnight(SPIKE)]


def test_what_comes_two_days_late_is_news_and_what_comes_after_a_month_is_not(scene: Scene) -> None:
    settings = AlertingSettings()
    scene.day(SPIKE, 900.0)
    assert not is_old(scene.opened[0], settings)
    message = opening(scene.opened[0])
    assert message is not None
    assert "Amazon S3" in f"{message}"
    late = scene.opened[0].model_copy(update={"opened_at": midnight(SPIKE + 30)})
    assert is_old(late, settings)


def test_of_a_long_spike_that_is_found_late_the_last_day_makes_it_news(scene: Scene) -> None:
    scene.day(SPIKE, *[900.0] * 6)
    assert (scene.opened[0].start_time, scene.opened[0].last_seen) == (midnight(SPIKE), midnight(SPIKE + 5))
    assert not is_old(scene.opened[0], AlertingSettings())


def test_the_day_that_is_not_over_ends_no_incident(scene: Scene) -> None:
    scene.day(SPIKE, 900.0, 950.0)
    one = scene.only()
    put(scene.store, lines([12.0], SPIKE + 2, statement="so far", stated_at=midnight(SPIKE + 2)))
    scene.clock.advance(midnight(SPIKE + 2) + timedelta(hours=9) - scene.clock.now())
    assert scene.watch.poll(at_once=True)
    assert scene.only().end_time is None
    put(scene.store, lines([930.0], SPIKE + 2, statement="whole", stated_at=midnight(SPIKE + 3)))
    assert scene.look(SPIKE + 3)
    after = scene.only()
    assert (after.incident_id, after.end_time, after.last_seen) == (one.incident_id, None, midnight(SPIKE + 2))
    assert scene.quiet == []
