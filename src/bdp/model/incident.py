"""Incidents: what people and workflows work on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.noun import Noun
from bdp.model.title import titled


class IncidentStatus(StrEnum):
    """Where an incident is in its life."""

    OPEN = "open"
    ANALYSING = "analysing"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTING = "acting"
    VERIFYING = "verifying"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


_S = IncidentStatus
TRANSITIONS: dict[IncidentStatus, frozenset[IncidentStatus]] = {
    _S.OPEN: frozenset({_S.ANALYSING, _S.RESOLVED, _S.ESCALATED}),
    _S.ANALYSING: frozenset({_S.AWAITING_APPROVAL, _S.ACTING, _S.RESOLVED, _S.ESCALATED}),
    _S.AWAITING_APPROVAL: frozenset({_S.ACTING, _S.ANALYSING, _S.RESOLVED, _S.ESCALATED}),
    _S.ACTING: frozenset({_S.VERIFYING, _S.ANALYSING, _S.ESCALATED}),
    _S.VERIFYING: frozenset({_S.RESOLVED, _S.ANALYSING, _S.ESCALATED}),
    _S.RESOLVED: frozenset(),
    _S.ESCALATED: frozenset({_S.RESOLVED, _S.ANALYSING}),
}
"""Which status may follow which. A person may close (or re-analyse) an escalated incident; resolved is final."""

LIVE = frozenset(set(IncidentStatus) - {_S.RESOLVED})
"""Statuses in which a repeat of the signature belongs to the incident."""


class TimelineEntry(Noun):
    """One thing that happened to an incident.

    Attributes:
        at: event time for what telemetry showed, wall time for what BDP or a person did; UTC.
        kind: a short name such as `detected`, `repeated`, `status`, `analysis`, `approval`, `action`.
        data: the figures behind the text.
    """

    at: datetime
    kind: str
    text: str
    data: dict[str, Any] = {}


class Incident(Noun):
    """One incident.

    Attributes:
        signature: of the anomaly that opened it; one live incident per signature.
        start_time: first abnormal event; last_seen: latest known abnormal event; end_time: set when it went quiet.
        sightings: how many anomalies with this signature it holds.
        events: abnormal events counted over its anomalies so far (weighted).
        members: anomaly ids, oldest first.
        related_traces: trace ids, at most 20.
    """

    incident_id: str
    title: str
    severity: Severity
    status: IncidentStatus
    subject: Subject
    signature: str
    start_time: datetime
    last_seen: datetime
    end_time: datetime | None = None
    opened_at: datetime
    sightings: int = 1
    events: float = 0.0
    members: tuple[str, ...] = ()
    related_traces: tuple[str, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def title_ko(self) -> str:
        """The title in Korean, which its subject tells; empty for one that somebody else wrote, such as an alert."""
        kind = next((kind for kind in AnomalyKind if self.title == titled(kind, self.subject)), None)
        return titled(kind, self.subject, "ko") if kind else ""

    @property
    def kind(self) -> AnomalyKind | None:
        """What its first anomaly was; None where its timeline, which tells it, was not read or is too old to."""
        told = next((entry.data.get("kind") for entry in self.timeline if entry.kind == "detected"), None)
        return next((kind for kind in AnomalyKind if kind == told), None)
