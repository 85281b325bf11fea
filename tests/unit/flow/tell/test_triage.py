"""Which critical insights are told, how, and which are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bdp.flow.tell.triage import AlertingSettings, Known, Verdict, triage
from bdp.model.insight import DueAlert, PredictionType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = AlertingSettings(flood_streams=3)
SPIKE, TIMEOUT = PredictionType.LATENCY_SPIKE, PredictionType.RDMA_TIMEOUT


def due(stream: str, risk: int = 90, kind: PredictionType = SPIKE, age: float = 1, ago: float = 0) -> DueAlert:
    """One insight, detected `ago` seconds ago and `age` seconds after its event."""
    detected = NOW - timedelta(seconds=ago)
    name = f"{stream}-{risk}-{kind}-{ago}"
    return DueAlert(name, stream, kind, risk, detected - timedelta(seconds=age), detected)


def streams(*names: str) -> list[DueAlert]:
    return [due(name) for name in names]


def check(verdict: Verdict, **wanted: list[DueAlert]) -> None:
    assert verdict == Verdict(**wanted)


def test_few_are_told_alone_worst_first() -> None:
    a, b = due("a", 81), due("b", 99)
    check(triage([a, b], Known(), NOW, SETTINGS), alone=[b, a])


def test_of_one_stream_and_type_the_worst_is_told_once() -> None:
    first, worst, other = due("a", 81, ago=3), due("a", 95), due("a", 85, TIMEOUT)
    check(triage([first, worst, other], Known(), NOW, SETTINGS), alone=[worst, other], duplicate=[first])


def test_what_people_heard_of_is_not_told_again() -> None:
    known = Known(covered={("a", SPIKE)})
    check(
        triage([due("a"), due("a", kind=TIMEOUT)], known, NOW, SETTINGS),
        alone=[due("a", kind=TIMEOUT)],
        duplicate=[due("a")],
    )


@pytest.mark.parametrize(("age", "old"), [(3600, False), (3601, True), (-500, False), (1e9, True)])
def test_age_counts_from_event_to_detection(age: float, old: bool) -> None:
    # Detected two hours ago, and told only now, since the process was away: that alone makes nothing old.
    one = due("a", age=age, ago=7200)
    check(triage([one], Known(), NOW, SETTINGS), **{"old" if old else "alone": [one]})


def test_old_ones_take_no_place() -> None:
    old = [due(name, age=9999) for name in "abcdef"]
    fresh = due("a")
    check(triage([*old, fresh], Known(), NOW, SETTINGS), alone=[fresh], old=old)


def test_more_streams_than_people_read_come_together() -> None:
    check(triage(streams(*"abc"), Known(), NOW, SETTINGS), alone=streams(*"abc"))
    check(triage(streams(*"abcd"), Known(), NOW, SETTINGS), together=streams(*"abcd"))
    many_types = [due("a", kind=kind) for kind in PredictionType]
    assert triage(many_types, Known(), NOW, SETTINGS).alone == many_types


def test_those_told_within_the_minute_count() -> None:
    known = Known(streams={"a", "b"})
    check(triage(streams("a", "c"), known, NOW, SETTINGS), alone=streams("a", "c"))
    check(triage(streams("c", "d"), known, NOW, SETTINGS), held=streams("c", "d"))


@pytest.mark.parametrize(("waited", "held"), [(0, True), (39, True), (40, False), (9999, False)])
def test_what_trickles_in_is_held_for_a_summary(waited: float, held: bool) -> None:
    known = Known(streams=set("abc"))
    some = [due("x", ago=waited), due("y")]
    check(triage(some, known, NOW, SETTINGS), **{"held" if held else "together": some})
    check(triage(some[:1], known, NOW, SETTINGS), **{"held" if held else "alone": some[:1]})


@pytest.mark.parametrize(("ago", "held"), [(0, True), (39, True), (40, False), (-5, False)])
def test_bursts_keep_their_distance(ago: float, held: bool) -> None:
    known = Known(last_summary=NOW - timedelta(seconds=ago))
    check(triage(streams(*"abcd"), known, NOW, SETTINGS), **{"held" if held else "together": streams(*"abcd")})


def test_while_nobody_is_reached_all_is_held() -> None:
    check(triage(streams("a"), Known(untold=2), NOW, SETTINGS), alone=streams("a"))
    check(triage(streams("a"), Known(untold=3), NOW, SETTINGS), held=streams("a"))
