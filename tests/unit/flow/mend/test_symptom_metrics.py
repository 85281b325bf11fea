"""Whether the symptom of an incident of metrics is gone: its metrics are asked, not events, of which it has none."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.flow.mend.symptom import SymptomCheck, SymptomSettings
from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.event import Event, Level
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.model.metric import MetricPoint
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
LASTED = timedelta(minutes=10)
ACTED = START + timedelta(minutes=30)
USUAL = [3.0 + 0.1 * (i % 5) for i in range(120)]
HIGH = [14.0] * 30


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    yield opened
    opened.close()


def incident(kind: AnomalyKind | None = AnomalyKind.FABRIC, end: datetime | None = START + LASTED) -> Incident:
    told = TimelineEntry(at=START, kind="detected", text="Detected", data={"kind": kind})
    return Incident(
        incident_id="I",
        title="t",
        severity=Severity.HIGH,
        status=IncidentStatus.VERIFYING,
        subject=Subject(service="ib-02"),
        signature="0" * 16,
        start_time=START,
        last_seen=START + LASTED,
        end_time=end,
        opened_at=START,
        events=3,
        timeline=(told,) if kind else (),
    )


def fill(store: ClickHouseStore, values: Iterable[float], start: datetime, name: str = "latency_p99") -> None:
    points = [
        MetricPoint(ts=start + timedelta(minutes=i), name=name, entity="ib-02", value=value)
        for i, value in enumerate(values)
    ]
    if points:
        store.insert(RecordKind.METRICS, msgspec.json.Encoder().encode_lines(points), f"{name}{start}")


def gone(store: ClickHouseStore, about: Incident | None = None) -> bool:
    check = SymptomCheck(store, ManualClock(ACTED + timedelta(minutes=10)), SymptomSettings())
    return check.gone(about or incident(), ACTED)


@pytest.mark.parametrize("kind", [AnomalyKind.FABRIC, AnomalyKind.METRIC, None])
@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (USUAL[:10], True),
        (HIGH[:10], False),
        ([], False),
        ([14.0, *USUAL[:9]], True),
        ([14.0, 14.0, *USUAL[:8]], False),
        ([0.1] * 10, False),
    ],
    ids=["back", "still high", "silent", "one in ten out", "two in ten out", "as far off the other way"],
)
def test_gone_when_the_metric_is_near_its_usual_level_again(
    store: ClickHouseStore, since: list[float], expected: bool, kind: AnomalyKind | None
) -> None:
    fill(store, [*USUAL, *HIGH], START - timedelta(hours=2))
    fill(store, since, ACTED)
    assert gone(store, incident(kind)) is expected


def test_each_metric_that_moved_must_be_back(store: ClickHouseStore) -> None:
    for name in ("latency_p99", "error_rate"):
        fill(store, [*USUAL, *HIGH], START - timedelta(hours=2), name)
    fill(store, USUAL[:10], ACTED, "latency_p99")
    assert not gone(store)
    fill(store, USUAL[:10], ACTED, "error_rate")
    assert gone(store)


def test_a_metric_that_was_usual_all_along_need_not_be_anything(store: ClickHouseStore) -> None:
    fill(store, [*USUAL, *HIGH, *USUAL[:10]], START - timedelta(hours=2))
    fill(store, USUAL, START - timedelta(hours=2), "temperature")
    fill(store, [40.0] * 10, ACTED, "temperature")
    assert gone(store)


def test_a_counter_is_back_when_it_stands_still(store: ClickHouseStore) -> None:
    grown = [*[0.0] * 120, *[5.0 * i for i in range(30)]]
    fill(store, grown, START - timedelta(hours=2), "link_downed_total")
    assert not gone(store)
    fill(store, [150.0] * 10, ACTED, "link_downed_total")
    assert gone(store)


@pytest.mark.parametrize(("end", "expected"), [(START + LASTED, True), (None, False)])
def test_what_hardly_moved_is_over_when_its_detector_says_so(
    store: ClickHouseStore, end: datetime | None, expected: bool
) -> None:
    fill(store, [*USUAL, *USUAL[:40]], START - timedelta(hours=2))
    assert gone(store, incident(end=end)) is expected


def test_what_was_never_known_to_be_usual_is_not_known_to_be_back(store: ClickHouseStore) -> None:
    fill(store, [3.0] * 5, START)
    fill(store, [3.0] * 10, ACTED)
    assert not gone(store)


def test_events_decide_where_there_were_events(store: ClickHouseStore) -> None:
    fill(store, [*USUAL, *HIGH, *HIGH[:10]], START - timedelta(hours=2))
    events = [Event(ts=START, level=Level.ERROR, service="ib-02")] * 3
    store.insert(RecordKind.EVENTS, msgspec.json.Encoder().encode_lines(events), "e")
    assert gone(store, incident(None))
    assert gone(store, incident(AnomalyKind.BURST))
    assert not gone(store, incident(AnomalyKind.METRIC))


def test_calm_points_from_before_the_trouble_do_not_say_that_it_is_over(store: ClickHouseStore) -> None:
    """A fault of one sample so far, asked about at once: the minutes before it were fine, and prove nothing."""
    fill(store, [*USUAL, *HIGH], START - timedelta(hours=2))
    about = incident()
    check = SymptomCheck(store, ManualClock(about.last_seen), SymptomSettings())
    assert not check.gone(about, about.start_time - timedelta(minutes=5))
