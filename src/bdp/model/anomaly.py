"""Anomalies: what a detector raises."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from bdp.model.noun import Noun


class AnomalyKind(StrEnum):
    """Which way of being abnormal."""

    BURST = "burst"
    METRIC = "metric"
    FABRIC = "fabric"
    COST = "cost"


class Severity(StrEnum):
    """How bad, worst first; the order of `SEVERITIES` is the order for people."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SEVERITIES = tuple(Severity)


class Subject(Noun):
    """What misbehaves: a key of events, or of costs.

    Attributes:
        service: of costs what is billed.
        account: of costs whose they are, as people know it; else empty.
    """

    service: str = ""
    route: str = ""
    error_code: str = ""
    account: str = ""

    def __str__(self) -> str:
        named = " ".join(part for part in (self.service, self.route, self.error_code) if part) or "unnamed service"
        return f"{named} of {self.account}" if self.account else named


class Anomaly(Noun):
    """One abnormal stretch of one subject.

    Attributes:
        anomaly_id: the same stretch always gets the same id, also after a restart.
        signature: 16 hex digits over kind, subject and message templates; equal for repeats.
        start_time: first event of the window that crossed (event time, UTC).
        detected_at: the event that crossed.
        count: events in the window, weighted.
        threshold: the count that was crossed.
        expected: what the key's own history made likely in such a window; None without history.
        window_seconds: length of the sliding window.
        never_seen: the key had no event before this stretch, although others had history.
        templates: masked messages, the most frequent first, at most 5.
        trace_ids: traces of the window's events, at most 20.
    """

    anomaly_id: str
    kind: AnomalyKind
    subject: Subject
    signature: str
    severity: Severity
    start_time: datetime
    detected_at: datetime
    count: float
    threshold: float
    expected: float | None
    window_seconds: int
    never_seen: bool
    templates: tuple[str, ...]
    trace_ids: tuple[str, ...]


class AnomalyProgress(Noun):
    """An anomaly that is still going on has grown.

    Attributes:
        last_seen: its latest abnormal event so far (event time, UTC).
        total: its abnormal events so far, weighted.
    """

    anomaly_id: str
    last_seen: datetime
    total: float


class AnomalyEnd(Noun):
    """The stretch of `anomaly_id` is over: it stayed quiet long enough.

    Attributes:
        end_time: its last abnormal event (event time, UTC).
        peak: the largest count in one window; of metrics and fabrics the highest risk.
    """

    anomaly_id: str
    kind: AnomalyKind = AnomalyKind.BURST
    signature: str
    end_time: datetime
    peak: float
    total: float


class Sighting(Noun):
    """When the trouble of one signature was last seen, and in which incident.

    Attributes:
        live: the incident is not resolved yet.
        last_seen: latest known abnormal event of the signature (event time, UTC).
    """

    signature: str
    incident_id: str
    live: bool
    last_seen: datetime
