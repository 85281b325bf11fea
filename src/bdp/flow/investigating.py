"""Investigating: an incident of the running product, or one that lies frozen in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.explain.analyst import Analyst, Told
from bdp.explain.settings import ExplainSettings
from bdp.intake.frozen import Alert, Frozen, read_folder
from bdp.model.analysis import Analysis
from bdp.model.anomaly import Severity, Subject
from bdp.model.incident import Incident, IncidentStatus
from bdp.ports import Store

_RECENT = timedelta(minutes=10)


@dataclass(frozen=True)
class Investigated:
    """One incident with its analysis.

    Attributes:
        seconds: what the analysis took, without reading the folder.
        frozen: what was read, of a folder.
    """

    incident: Incident
    analysis: Analysis
    seconds: float
    frozen: Frozen | None = None


def investigate_folder(
    folder: Path,
    store: Store,
    settings: ExplainSettings,
    clock: Clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Investigated:
    """Return the analysis of a frozen incident.

    Args:
        store: an empty one, which takes the folder's records.

    Raises:
        NotFound, BadRequest: of the folder.
        StoreUnavailable: the store did not take or find the records.
    """
    frozen = read_folder(folder)
    for kind, payload in frozen.records.items():
        store.insert(kind, payload, f"{folder.name}:{kind.value}")
    incident, alert = _incident(folder, frozen), frozen.alert
    began = monotonic()
    told = Told(alert.fired_at, alert.text, alert.metric, alerted=True, whole=True) if alert else Told(whole=True)
    analysis = Analyst(store, settings, clock).explain(incident, told=told)
    return Investigated(incident, analysis, monotonic() - began, frozen)


def investigate(
    incident: Incident,
    store: Store,
    settings: ExplainSettings,
    clock: Clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Investigated:
    """Return the analysis of a live incident, with all services and changes around it.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    began = monotonic()
    analysis = Analyst(store, settings, clock).explain(incident, told=Told(text=incident.title))
    return Investigated(incident, analysis, monotonic() - began)


def _incident(folder: Path, frozen: Frozen) -> Incident:
    alert: Alert | None = frozen.alert
    told = alert.fired_at if alert else frozen.last
    if told is None or frozen.first is None or frozen.last is None:
        raise BadRequest(f"{folder} holds no event, metric or span with a time.", "Add logs, metrics or traces.")
    service = alert.service if alert else ""
    return Incident(
        incident_id=folder.name,
        title=alert.text.split("\n")[0] if alert and alert.text else folder.name,
        severity=Severity.HIGH,
        status=IncidentStatus.OPEN,
        subject=Subject(service=service),
        signature="0" * 16,
        start_time=told - _RECENT,
        last_seen=max(told, min(frozen.last, told + timedelta(hours=1))),
        end_time=max(told, min(frozen.last, told + timedelta(hours=1))),
        opened_at=told,
    )
