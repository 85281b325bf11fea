"""A time range shown to detection again: the same anomalies as the live stream, each once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.errors import BadRequest, NotPossible
from bdp.flow.job import JobState
from bdp.flow.review import Review, Reviewer, Span
from bdp.model.anomaly import Anomaly, AnomalyEnd
from bdp.model.batch import RecordKind
from bdp.model.event import EventSignal
from bdp.model.incident import Incident
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import State, open_state

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW = START + timedelta(days=30)


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://", lambda known, anomaly: judge(known, anomaly, DedupSettings()) is Judgement.REPEAT)
    yield opened
    opened.close()


def burst(service: str, minute: float, count: int = 40, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"{service}-{minute}-{i}",
            "ts": (START + timedelta(minutes=minute, seconds=i)).isoformat(),
            "service": service,
            "level": "ERROR",
            "error_code": "E1",
            "message": "it timed out",
            **fields,
        }
        for i in range(count)
    ]


def fill(store: ClickHouseStore, *groups: list[dict[str, Any]]) -> list[EventSignal]:
    records = sorted((record for group in groups for record in group), key=lambda record: record["ts"])
    payload = b"\n".join(map(msgspec.json.encode, records))
    store.insert(RecordKind.EVENTS, payload, "t")
    return msgspec.json.Decoder(EventSignal).decode_lines(payload)


def quiet(service: str, count: int = 50) -> list[dict[str, Any]]:
    return [{"event_id": f"q{i}", "ts": START.isoformat(), "service": service} for i in range(count)]


def reviewer(store: Any, state: State, **given: Any) -> Reviewer:
    clock = ManualClock(given.pop("now", NOW))
    return Reviewer(store, state.incidents, lambda: BurstDetector(BurstSettings()), clock, **given)


def span(begin: float, end: float, **fields: Any) -> Span:
    return Span(start=START + timedelta(minutes=begin), end=START + timedelta(minutes=end), **fields)


def run(found: Reviewer, wanted: Span) -> Review:
    review = Review(span=wanted)
    found.run(review)
    return review


def live(signals: Sequence[EventSignal], state: State) -> None:
    """What the pipeline had raised when the events came."""
    detector = BurstDetector(BurstSettings())
    findings = [found for i in range(0, len(signals), 17) for found in detector.observe(signals[i : i + 17])]
    for finding in [*findings, *detector.finish()]:
        if isinstance(finding, Anomaly):
            state.incidents.record(finding, NOW)
        elif isinstance(finding, AnomalyEnd):
            state.incidents.end(finding)


def told(state: State) -> list[Incident]:
    return [state.incidents.get(found.incident_id) for found in state.incidents.list()]


def test_what_was_never_raised_is_raised_once(store: ClickHouseStore, state: State) -> None:
    fill(store, quiet("shop"), burst("shop", 10), burst("mail", 200))
    opened: list[str] = []
    found = reviewer(store, state, on_incident=lambda incident: opened.append(incident.incident_id))
    first = run(found, span(0, 600))
    incidents = told(state)
    again = run(found, span(0, 600))
    assert (first.anomalies, first.opened, first.read, first.total) == (2, 2, 80, 80)
    assert (again.anomalies, again.opened) == (2, 0)
    assert told(state) == incidents
    assert [incident.sightings for incident in incidents] == [1, 1]
    assert all(incident.end_time is not None for incident in incidents)
    assert len(opened) == 2


@pytest.mark.parametrize("page", [1, 7, 40, 10_000])
def test_what_the_live_stream_raised_is_known(store: ClickHouseStore, state: State, page: int) -> None:
    live(fill(store, quiet("shop"), burst("shop", 10), burst("mail", 70, 100), burst("shop", 100)), state)
    before = told(state)
    review = run(reviewer(store, state, page=page), span(0, 600))
    assert (review.anomalies, review.opened) == (3, 0)
    assert told(state) == before


def test_only_the_range_and_the_service_are_told(store: ClickHouseStore, state: State) -> None:
    fill(store, burst("early", 10), burst("shop", 60), burst("mail", 60), burst("late", 110))
    review = run(reviewer(store, state), span(50, 100, service="shop"))
    assert (review.anomalies, review.opened) == (1, 1)
    run(reviewer(store, state), span(50, 100))
    assert sorted(incident.subject.service for incident in told(state)) == ["mail", "shop"]


def test_a_burst_that_had_begun_before_the_range_is_not_raised_as_another(store: ClickHouseStore, state: State) -> None:
    live(fill(store, burst("shop", 10, 1200)), state)
    before = told(state)
    assert run(reviewer(store, state), span(15, 20)).anomalies == 0
    assert told(state) == before


def test_a_burst_that_goes_on_behind_the_range_ends_where_it_ends(store: ClickHouseStore, state: State) -> None:
    fill(store, burst("shop", 10, 3000), burst("shop", 400))
    run(reviewer(store, state), span(5, 15))
    [incident] = told(state)
    assert incident.end_time == START + timedelta(minutes=10, seconds=2999)


def test_what_may_still_go_on_stays_open(store: ClickHouseStore, state: State) -> None:
    fill(store, burst("shop", 10))
    run(reviewer(store, state, now=START + timedelta(minutes=12)), span(0, 12))
    [incident] = told(state)
    assert incident.end_time is None


def test_a_dry_run_raises_nothing(store: ClickHouseStore, state: State) -> None:
    fill(store, burst("shop", 10))
    assert run(reviewer(store, state), span(0, 60, dry_run=True)).anomalies == 1
    assert told(state) == []


def test_hostile_service_names(store: ClickHouseStore, state: State) -> None:
    name = "x' OR 1=1 --\\"
    fill(store, burst(name, 10), burst("other", 10))
    assert run(reviewer(store, state), span(0, 60, service=name)).anomalies == 1


def test_one_review_at_a_time_which_can_be_stopped(store: ClickHouseStore, state: State) -> None:
    fill(store, burst("shop", 10))
    slow = _Slow(store)
    found = reviewer(slow, state)
    review = found.start(span(0, 60))
    with pytest.raises(NotPossible):
        found.start(span(0, 60))
    found.stop()
    slow.go.set()
    found.close()
    assert review.state is JobState.STOPPED
    assert told(state) == []
    again = found.start(span(0, 60))
    found.wait()
    assert (again.state, again.opened) == (JobState.DONE, 1)


def test_a_store_that_fails_is_said(store: ClickHouseStore, state: State) -> None:
    found = reviewer(_Slow(store, broken=True), state)
    review = found.start(span(0, 60))
    found.close()
    assert (review.state, review.reason) == (JobState.FAILED, "away")


def test_an_empty_range_is_refused(store: ClickHouseStore, state: State) -> None:
    with pytest.raises(BadRequest):
        reviewer(store, state).start(span(10, 10))


class _Slow:
    def __init__(self, store: ClickHouseStore, *, broken: bool = False) -> None:
        self._store = store
        self._broken = broken
        self.go = threading.Event()

    def query(self, sql: str) -> list[dict[str, Any]]:
        if self._broken:
            raise BadRequest("away")
        self.go.wait(10)
        return self._store.query(sql)
