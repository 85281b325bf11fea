"""A small scene to explain: a shop, its payment service, and an incident."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bdp.clock import ManualClock
from bdp.explain.analyst import Analyst
from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis
from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.event import Event, Level
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.model.metric import MetricPoint
from bdp.ports import Store
from tests.evals.korean import assert_told_in_korean

ONSET = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def event(
    seconds: float, message: str, *, service: str = "payment", level: Level = Level.ERROR, **fields: Any
) -> Event:
    return Event(ts=ONSET + timedelta(seconds=seconds), service=service, level=level, message=message, **fields)


def normal(count: int, service: str = "payment", **fields: Any) -> list[Event]:
    return [event(-3000 + i, "request done", service=service, level=Level.INFO, **fields) for i in range(count)]


def change(
    seconds_before: float, *, service: str = "payment", ref: str = "abc123", kind: ChangeKind = ChangeKind.DEPLOY
) -> Change:
    return Change(ts=ONSET - timedelta(seconds=seconds_before), kind=kind, service=service, ref=ref)


def points(
    name: str,
    usual: Iterable[float],
    inside: Iterable[float] = (),
    *,
    entity: str = "ib-02",
    unit: str = "",
    labels: dict[str, str] | None = None,
    step: float = 60,
) -> list[MetricPoint]:
    """One point a step: the usual ones end before the onset, the others begin with it."""
    before, after = list(usual), list(inside)
    return [
        MetricPoint(
            ts=ONSET + timedelta(seconds=step * (i - len(before))),
            name=name,
            entity=entity,
            labels=labels or {},
            value=value,
            unit=unit,
        )
        for i, value in enumerate([*before, *after])
    ]


def fill(
    store: Store, events: Iterable[Event] = (), changes: Iterable[Change] = (), points: Iterable[MetricPoint] = ()
) -> None:
    encoder = msgspec.json.Encoder()
    every = ((RecordKind.EVENTS, list(events)), (RecordKind.CHANGES, list(changes)), (RecordKind.METRICS, list(points)))
    for kind, records in every:
        if records:
            store.insert(kind, encoder.encode_lines(records), kind.value)


def incident(
    *,
    service: str = "payment",
    minutes: float = 5,
    error_code: str = "",
    route: str = "",
    kind: AnomalyKind | None = None,
) -> Incident:
    told = TimelineEntry(at=ONSET, kind="detected", text="Detected", data={"kind": kind})
    end = ONSET + timedelta(minutes=minutes)
    return Incident(
        incident_id="I1",
        title="payment fails",
        severity=Severity.HIGH,
        status=IncidentStatus.OPEN,
        subject=Subject(service=service, route=route, error_code=error_code),
        signature="0" * 16,
        start_time=ONSET,
        last_seen=end,
        opened_at=ONSET,
        timeline=(told,) if kind else (),
    )


def explain(store: Store, about: Incident | None = None, **how: Any) -> Analysis:
    """Explain an incident of the scene; whatever it is about, it is told in Korean as well."""
    analyst = Analyst(store, how.pop("settings", ExplainSettings()), ManualClock(ONSET + timedelta(hours=1)))
    analysis = analyst.explain(about or incident(), **how)
    assert_told_in_korean(analysis)
    return analysis
