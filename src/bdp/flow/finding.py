"""What detection raised, or would raise: one form for what a detector says now and for what was stored then.

    burst, metric incident, fabric incident    an anomaly, from when it was detected to its end
    metric, fabric, edges                      an insight, which has one instant

Memory: a set of findings is refused beyond `MOST`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from bdp.detect.series import edges
from bdp.errors import BadRequest
from bdp.flow.history import Stretch
from bdp.model.anomaly import SEVERITIES, Anomaly, AnomalyEnd, AnomalyKind, AnomalyProgress, Severity
from bdp.model.incident import Incident, TimelineEntry
from bdp.model.inquiry import Inquiry
from bdp.model.insight import Insight, InsightFilter, PredictionType, severity_of
from bdp.model.noun import Noun
from bdp.ports import Incidents, Insights

MOST: Final = 20_000
_PAGE: Final = 1000
_LONGEST: Final = 400
_LONGEST_INSIGHT: Final = 4000
Found = Anomaly | AnomalyEnd | AnomalyProgress | Insight | Inquiry
"""What a detector says; of an inquiry, which is a question, nothing is told or compared."""


class FindingKind(StrEnum):
    """What was found, and by which detector."""

    BURST = "burst"
    METRIC = "metric"
    EDGES = "edges"
    FABRIC = "fabric"
    METRIC_INCIDENT = "metric incident"
    FABRIC_INCIDENT = "fabric incident"
    COST = "cost"


_INCIDENTS: Final = {
    AnomalyKind.BURST: FindingKind.BURST,
    AnomalyKind.METRIC: FindingKind.METRIC_INCIDENT,
    AnomalyKind.FABRIC: FindingKind.FABRIC_INCIDENT,
    AnomalyKind.COST: FindingKind.COST,
}


class Finding(Noun):
    """One finding.

    Attributes:
        entity: what it is about: service, route and error code of a burst; the stream or port; the series.
        shown: the same as people read it.
        start: when it was detected (event time, UTC).
        end: its last known abnormal moment; equal to `start` for an insight.
        risk: 0..100 of an insight; None of an anomaly.
        prediction_type: of an insight.
        confidence: of an insight, 0..1.
    """

    kind: FindingKind
    entity: tuple[str, ...]
    shown: str
    start: datetime
    end: datetime
    severity: Severity
    text: str
    risk: int | None = None
    prediction_type: PredictionType | None = None
    confidence: float | None = None

    @property
    def subject(self) -> tuple[str, ...]:
        """What it has in common with a finding of the same trouble; of a fabric that includes the type."""
        if self.kind is FindingKind.FABRIC and self.prediction_type is not None:
            return self.kind, *self.entity, self.prediction_type
        return self.kind, *self.entity


def badness(finding: Finding) -> tuple[int, int, datetime, tuple[str, ...]]:
    """Return what sorts findings: worst first, then oldest first."""
    return SEVERITIES.index(finding.severity), -(finding.risk or 0), finding.start, finding.subject


class Gathering:
    """What one detector says of a stretch: the findings that were detected within it.

    Args:
        name: whose they are, for the error.
    """

    def __init__(self, name: str, stretch: Stretch) -> None:
        self._name = name
        self._stretch = stretch
        self._found: list[Finding] = []
        self._open: dict[str, int] = {}

    @property
    def findings(self) -> Sequence[Finding]:
        """What was gathered so far, in the order in which it was said."""
        return self._found

    def add(self, found: Iterable[Found]) -> None:
        """Take in what a detector said.

        Raises:
            BadRequest: these are too many.
        """
        for one in found:
            if isinstance(one, AnomalyEnd):
                place = self._open.pop(one.anomaly_id, None)
                if place is not None:
                    before = self._found[place]
                    self._found[place] = before.model_copy(update={"end": max(before.start, one.end_time)})
            elif isinstance(one, Insight) and self._within(one.timestamp):
                self._found.append(of_insight(one))
            elif isinstance(one, Anomaly) and self._within(one.detected_at):
                self._open[one.anomaly_id] = len(self._found)
                self._found.append(of_anomaly(one))
        if len(self._found) > MOST:
            raise too_many(self._name)

    def _within(self, at: datetime) -> bool:
        return self._stretch.start <= at < self._stretch.end


def stored(incidents: Incidents, insights: Insights, stretch: Stretch) -> tuple[list[Finding], int]:
    """Return what was raised in a stretch, and how many more sightings have no time of their own.

    An incident tells its first 50 sightings by time; of later ones only how many they are.

    Raises:
        BadRequest: these are too many.
    """
    found: list[Finding] = []
    timeless = 0
    known = incidents.list(since=stretch.start, limit=MOST + 1)
    if len(known) > MOST:
        raise too_many("what was raised")
    for incident in known:
        if incident.start_time < stretch.end and _belongs(incident.subject.service, stretch.service):
            sightings = list(_sightings(incidents.get(incident.incident_id)))
            found += [one for one in sightings if stretch.start <= one.start < stretch.end]
            timeless += max(0, incident.sightings - len(sightings))
    for insight in _insights(insights, stretch):
        found.append(of_insight(insight))
        if len(found) > MOST:
            raise too_many("what was raised")
    return found, timeless


def too_many(name: str) -> BadRequest:
    """Return the error of a source that says more than can be compared."""
    return BadRequest(
        f"These are over {MOST:,} findings: {name}.", "Give a shorter range, one service, or settings that raise less."
    )


def of_insight(insight: Insight) -> Finding:
    """Return an insight as a finding."""
    kind = _kind(insight)
    series = insight.entity_id.removeprefix("alert_").rpartition("_")[0]
    entity = insight.related_entity if kind is FindingKind.FABRIC else series
    return Finding(
        kind=kind,
        entity=(entity,),
        shown=entity if kind is FindingKind.FABRIC else series.rpartition("_")[0],
        start=insight.timestamp,
        end=insight.timestamp,
        severity=severity_of(insight.risk_score),
        text=insight.explanation[:_LONGEST_INSIGHT],
        risk=insight.risk_score,
        prediction_type=insight.prediction_type,
        confidence=insight.confidence,
    )


def _kind(insight: Insight) -> FindingKind:
    """Return whose insight it is: behind the entity, the id of a series goes on with `/`, that of a fabric with `_`."""
    if insight.entity_id.startswith(f"alert_{insight.related_entity}_"):
        return FindingKind.FABRIC
    return FindingKind.EDGES if edges.raised(insight) else FindingKind.METRIC


def of_anomaly(anomaly: Anomaly) -> Finding:
    """Return an anomaly as a finding; it lasts until its end is known."""
    burst = anomaly.kind is AnomalyKind.BURST
    minutes = f"{anomaly.window_seconds / 60:g} min"
    counted = f"{anomaly.count:,.0f} abnormal events in {minutes} (threshold {anomaly.threshold:,g})"
    return Finding(
        kind=_INCIDENTS[anomaly.kind],
        entity=(anomaly.subject.service, anomaly.subject.route, anomaly.subject.error_code),
        shown=str(anomaly.subject),
        start=anomaly.detected_at,
        end=anomaly.detected_at,
        severity=anomaly.severity,
        text=counted if burst else next(iter(anomaly.templates), "")[:_LONGEST],
    )


def _sightings(incident: Incident) -> Iterator[Finding]:
    """Return an incident's anomalies, as its timeline tells them."""
    subject = incident.subject
    kind = incident.kind or AnomalyKind.BURST
    ends = {entry.data.get("anomaly_id"): entry.at for entry in incident.timeline if entry.kind == "ended"}
    for entry in incident.timeline:
        if entry.kind in ("detected", "repeated") and "anomaly_id" in entry.data:
            yield Finding(
                kind=_INCIDENTS[kind],
                entity=(subject.service, subject.route, subject.error_code),
                shown=str(subject),
                start=entry.at,
                end=max(entry.at, ends.get(entry.data["anomaly_id"], entry.at)),
                severity=_severity(entry, incident.severity),
                text=entry.text.partition(": ")[2][:_LONGEST],
            )


def _severity(entry: TimelineEntry, otherwise: Severity) -> Severity:
    return next((one for one in SEVERITIES if one == entry.data.get("severity")), otherwise)


def _insights(insights: Insights, stretch: Stretch) -> Iterator[Insight]:
    wanted, cursor = InsightFilter(since=stretch.start, until=stretch.end), ""
    while True:
        page = insights.recent(wanted, _PAGE, cursor)
        yield from (one for one in page.insights if _belongs(one.related_entity, stretch.service))
        cursor = page.next
        if not cursor:
            return


def _belongs(entity: str, service: str) -> bool:
    """Return whether an entity is a service, or a part of it as a port is of its host."""
    return not service or entity == service or entity.startswith(f"{service}/")
