"""What an action requires is asked of a real store, at the moment when it counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.flow.mend.preconditions import Preconditions
from bdp.model.analysis import Condition, ConditionKind
from bdp.model.anomaly import Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.event import Event, Level
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.metric import MetricPoint
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OPENED = NOW - timedelta(minutes=20)
INCIDENT = Incident(
    incident_id="I",
    title="t",
    severity=Severity.HIGH,
    status=IncidentStatus.ANALYSING,
    subject=Subject(service="cart", route="", error_code="POOL"),
    signature="0" * 16,
    start_time=OPENED,
    last_seen=NOW,
    opened_at=OPENED,
)
HOSTILE = "x'; DROP TABLE changes; --\n\x1b[31m"


@pytest.fixture(scope="module")
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database="flow_mend_preconditions"))
    minutes = [timedelta(minutes=minute) for minute in range(30)]
    changes = [
        Change(change_id="1", ts=NOW - minutes[25], kind=ChangeKind.DEPLOY, service="cart", ref="v1"),
        Change(change_id="2", ts=NOW - minutes[22], kind=ChangeKind.DEPLOY, service="cart", ref="v2"),
        Change(change_id="3", ts=NOW - minutes[22], kind=ChangeKind.DEPLOY, service="pay", ref="p1"),
        Change(change_id="4", ts=NOW - minutes[2], kind=ChangeKind.CONFIG, service="pay", ref="p2"),
    ]
    events = [Event(ts=NOW - minutes[2], level=Level.INFO, service="cart")] * 20
    points = [MetricPoint(ts=NOW - minutes[1], name="cpu", entity="cart-1", value=value) for value in (60.0, 80.0)]
    for kind, rows in ((RecordKind.CHANGES, changes), (RecordKind.EVENTS, events), (RecordKind.METRICS, points)):
        opened.insert(kind, msgspec.json.Encoder().encode_lines(rows), kind.value)
    yield opened
    opened.close()


def unmet(store: ClickHouseStore, kind: ConditionKind, gone: bool = False, **parameters: Any) -> list[str]:
    asked = Preconditions(store, lambda incident, since: gone)
    return [words.en for words in asked.unmet([Condition(kind=kind, parameters=parameters)], INCIDENT, NOW)]


K = ConditionKind


@pytest.mark.parametrize(
    ("kind", "parameters", "told"),
    [
        (K.CHANGE_IS_LATEST, {"service": "cart", "ref": "v2"}, []),
        (K.CHANGE_IS_LATEST, {"service": "cart", "ref": "v1"}, ["v2 came after v1"]),
        (K.CHANGE_IS_LATEST, {"service": "stock", "ref": "v1"}, ["no change of stock is known"]),
        (K.NO_CHANGE_SINCE, {"service": "cart"}, []),
        (K.NO_CHANGE_SINCE, {"service": "pay"}, ["pay was changed since: somebody may be mending it"]),
        (K.EVENTS_AT_LEAST, {"service": "cart", "least": 20}, []),
        (K.EVENTS_AT_LEAST, {"service": "cart", "least": 21}, ["cart had 20 events in 5 minutes, 21 are needed"]),
        (K.METRIC_ABOVE, {"entity": "cart-1", "name": "cpu", "value": 69}, []),
        (K.METRIC_ABOVE, {"entity": "cart-1", "name": "cpu", "value": 70}, ["cpu of cart-1 is 70, not above 70"]),
        (K.METRIC_BELOW, {"entity": "cart-1", "name": "cpu", "value": 71}, []),
        (
            K.METRIC_BELOW,
            {"entity": "cart-2", "name": "cpu", "value": 71},
            ["cpu of cart-2 is not known, not below 71"],
        ),
    ],
)
def test_asked_of_the_store(store: ClickHouseStore, kind: ConditionKind, parameters: Any, told: list[str]) -> None:
    assert unmet(store, kind, **parameters) == told


def test_the_symptom_must_be_there(store: ClickHouseStore) -> None:
    assert unmet(store, K.SYMPTOM_PRESENT) == []
    assert unmet(store, K.SYMPTOM_PRESENT, gone=True) == ["the symptom is no longer there"]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (K.CHANGE_IS_LATEST, {"service": "cart"}),
        (K.CHANGE_IS_LATEST, {"service": "cart", "ref": ["v1", "v2"]}),
        (K.METRIC_ABOVE, {"entity": "cart-1", "name": "cpu", "value": "high"}),
        (K.METRIC_ABOVE, {"entity": "cart-1", "name": "cpu", "value": float("nan"), "minutes": 0}),
        (K.SYMPTOM_PRESENT, {"since": "yesterday"}),
    ],
)
def test_what_cannot_be_asked_is_not_true(store: ClickHouseStore, kind: ConditionKind, parameters: Any) -> None:
    [told] = unmet(store, kind, **parameters)
    assert told.endswith("could not be checked")


def test_hostile_names_are_only_names(store: ClickHouseStore) -> None:
    [told] = unmet(store, K.CHANGE_IS_LATEST, service=HOSTILE, ref=HOSTILE)
    assert "\x1b" not in told
    assert "\n" not in told
    assert unmet(store, K.CHANGE_IS_LATEST, service="cart", ref="v2") == []


@pytest.mark.parametrize("kind", list(ConditionKind))
def test_each_kind_is_asked_and_speaks_both_languages(store: ClickHouseStore, kind: ConditionKind) -> None:
    given: dict[ConditionKind, dict[str, Any]] = {
        K.SYMPTOM_PRESENT: {},
        K.CHANGE_IS_LATEST: {"service": "cart", "ref": "v1"},
        K.NO_CHANGE_SINCE: {"service": "pay"},
        K.EVENTS_AT_LEAST: {"service": "cart", "least": 99},
        K.METRIC_ABOVE: {"entity": "cart-1", "name": "cpu", "value": 99},
        K.METRIC_BELOW: {"entity": "cart-1", "name": "cpu", "value": 1},
    }
    asked = Preconditions(store, lambda incident, since: True)
    [words] = asked.unmet([Condition(kind=kind, parameters=given[kind])], INCIDENT, NOW)
    assert words.en
    assert any("가" <= char <= "힣" for char in words.ko)
