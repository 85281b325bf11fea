"""Whether the symptom is gone, asked of a real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.flow.mend.symptom import SymptomCheck, SymptomSettings
from bdp.model.anomaly import Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.event import Event, Level
from bdp.model.incident import Incident, IncidentStatus
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
ACTED = START + timedelta(minutes=10)
SUBJECT = Subject(service="shop", route="", error_code="POOL")
INCIDENT = Incident(
    incident_id="I",
    title="t",
    severity=Severity.HIGH,
    status=IncidentStatus.VERIFYING,
    subject=SUBJECT,
    signature="0" * 16,
    start_time=START,
    last_seen=ACTED,
    opened_at=START,
    events=600.0,  # one a second
)


@pytest.fixture(scope="module")
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database="flow_mend_symptom"))
    yield opened
    opened.close()


@pytest.mark.parametrize(("failures", "gone"), [(0, True), (10, True), (13, False), (120, False)])
def test_gone_at_a_tenth_of_its_rate(store: ClickHouseStore, failures: int, gone: bool) -> None:
    # Two minutes after the act a tenth of the incident's rate is 12 failures. Each case has its own year.
    shift = timedelta(days=366 * (failures + 1))
    events = [Event(ts=ACTED + shift, level=Level.ERROR, service="shop", error_code="POOL")] * failures
    noise = [
        Event(ts=ACTED + shift - timedelta(seconds=1), service="shop", error_code="POOL"),
        Event(ts=ACTED + shift, service="shop", error_code="OTHER"),
    ] * 50
    store.insert(RecordKind.EVENTS, msgspec.json.Encoder().encode_lines([*events, *noise]), f"t{failures}")
    check = SymptomCheck(store, ManualClock(ACTED + shift + timedelta(minutes=2)), SymptomSettings())
    moved = INCIDENT.model_copy(update={"start_time": START + shift, "last_seen": ACTED + shift})
    assert check.gone(moved, ACTED + shift) is gone


@pytest.mark.parametrize(("usual", "since", "heard"), [(600, 0, False), (600, 1, True), (100, 0, True), (0, 0, True)])
def test_silence_says_something_where_events_were_to_be_expected(
    store: ClickHouseStore, usual: int, since: int, heard: bool
) -> None:
    # Two minutes of an hour: of 600 events 20 were to be expected, of 100 no more than 3.
    shift = timedelta(days=366 * (50 + usual // 100 + since))
    before = [Event(ts=START + shift - timedelta(minutes=30), service="shop")] * usual
    failures = [Event(ts=START + shift - timedelta(minutes=30), level=Level.ERROR, service="shop")] * 600
    others = [Event(ts=ACTED + shift + timedelta(seconds=9), service="pay")] * 9
    after = [Event(ts=ACTED + shift + timedelta(seconds=9), service="shop")] * since
    rows = msgspec.json.Encoder().encode_lines([*before, *failures, *others, *after])
    store.insert(RecordKind.EVENTS, rows, f"heard {usual} {since}")
    check = SymptomCheck(store, ManualClock(ACTED + shift + timedelta(minutes=2)), SymptomSettings())
    moved = INCIDENT.model_copy(update={"start_time": START + shift, "last_seen": ACTED + shift})
    assert check.heard(moved, ACTED + shift) is heard
