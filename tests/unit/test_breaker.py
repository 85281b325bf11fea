"""The breaker: nobody waits for what is away, and it is found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bdp.breaker import Breaker, BreakerSettings, BreakerState
from bdp.clock import ManualClock


def breaker() -> tuple[Breaker, ManualClock]:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    return Breaker(clock, BreakerSettings(failures=2, probe_seconds=1, longest_probe_seconds=4)), clock


def fail(subject: Breaker, times: int) -> None:
    for _ in range(times):
        assert subject.allows()
        subject.failed("away")


def test_it_opens_after_failures_in_a_row_only() -> None:
    subject, _ = breaker()
    fail(subject, 1)
    subject.succeeded()
    fail(subject, 1)
    assert subject.allows()
    subject.failed("away")
    assert not subject.allows()
    assert subject.reason == "away"


def test_one_caller_probes_and_a_good_probe_lets_all_through() -> None:
    subject, clock = breaker()
    fail(subject, 2)
    clock.advance(timedelta(seconds=1))
    assert [subject.allows(), subject.allows()] == [True, False]
    subject.succeeded()
    assert subject.state is BreakerState.CLOSED
    assert [subject.allows(), subject.allows()] == [True, True]
    assert subject.reason == ""


def test_failed_probes_come_less_and_less_often_up_to_a_bound() -> None:
    subject, clock = breaker()
    fail(subject, 2)
    waits = []
    for _ in range(4):
        waited = 0.0
        while not subject.allows():
            clock.advance(timedelta(seconds=0.5))
            waited += 0.5
        waits.append(waited)
        subject.failed("still away")
    assert waits == [1, 2, 4, 4]


def test_a_probe_that_never_tells_does_not_keep_the_sink_away() -> None:
    subject, clock = breaker()
    fail(subject, 2)
    clock.advance(timedelta(seconds=1))
    assert subject.allows()
    clock.advance(timedelta(seconds=4))
    assert subject.allows()


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    subject, clock = breaker()
    fail(subject, 2)
    clock.at += timedelta(days=1)
    assert not subject.allows()
    clock.at -= timedelta(days=3)
    clock.elapsed += 1
    assert subject.allows()
