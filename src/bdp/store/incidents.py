"""Incidents: one live incident per signature, on one machine or on many.

Locks are taken in one order: the signature's row, then the incident's row. On SQLite a write transaction is alone
anyhow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, or_, select, update

from bdp.errors import NotFound, NotPossible
from bdp.ids import derived
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.anomaly import (
    SEVERITIES,
    Anomaly,
    AnomalyEnd,
    AnomalyKind,
    AnomalyProgress,
    Severity,
    Sighting,
    Subject,
)
from bdp.model.incident import LIVE, TRANSITIONS, Incident, IncidentStatus, TimelineEntry
from bdp.model.title import titled
from bdp.store.alerts import Announce, announce
from bdp.store.database import Database, insert
from bdp.store.tables import analyses, anomalies, incidents, signatures
from bdp.store.timeline import add_entry, read_timeline, tell_detected, tell_ended, tell_repeated

MOST_MEMBERS = 200
MOST_TRACES = 20
KEEP_SIGNATURES = timedelta(days=7)

Judge = Callable[[Sighting | None, Anomaly], bool]
"""Says whether an anomaly is a repeat of the last sighting of its signature (None: never seen, or forgotten).

A live incident keeps its repeats whatever the judge says, for there is one live incident per signature; the judge
decides whether a resolved one takes the anomaly, or a new incident is opened.
"""


_WORKED_ON = LIVE - {IncidentStatus.OPEN, IncidentStatus.ESCALATED}


def joins_live(sighting: Sighting | None, anomaly: Anomaly) -> bool:
    """The judge that lets live incidents alone take repeats."""
    return sighting is not None and sighting.live


class SqlIncidents:
    """`bdp.ports.Incidents` in the state database."""

    def __init__(self, database: Database, judge: Judge = joins_live, tell: Announce = lambda incident: None) -> None:
        self._database = database
        self._judge = judge
        self._tell = tell

    def record(self, anomaly: Anomaly, now: datetime) -> tuple[Incident, bool]:
        """Add an anomaly: to the live incident with its signature, else to a new one.

        Idempotent by `anomaly_id`, for ever.

        Returns:
            the incident, and True if it was opened by this call.
        """
        with self._database.write() as connection:
            last = _queue_for(connection, anomaly.signature)
            known = _incident_of(connection, anomaly.anomaly_id)
            if known is not None:
                return _get(connection, known), False
            incident = _lock(connection, last) if last is not None else None
            if incident is not None and self._is_repeat(incident, anomaly):
                return _repeat(connection, incident, anomaly), False
            if incident is not None and incident.status in LIVE:
                _supersede(connection, incident, now)
            opened = _open(connection, anomaly, now)
            if (said := self._tell(opened)) is not None:
                announce(connection, said, now)  # kept with the incident, or neither
            return opened, True

    def _is_repeat(self, incident: Incident, anomaly: Anomaly) -> bool:
        """A repeat is what the judge says; besides, an incident that somebody works on keeps what comes."""
        live = incident.status in LIVE
        sighting = Sighting(
            signature=anomaly.signature, incident_id=incident.incident_id, live=live, last_seen=incident.last_seen
        )
        return incident.status in _WORKED_ON or self._judge(sighting, anomaly)

    def progress(self, progress: AnomalyProgress) -> None:
        """Note how far an anomaly has grown; unknown ids, and anomalies that are over, are ignored."""
        with self._database.write() as connection:
            incident_id = _incident_of(connection, progress.anomaly_id)
            if incident_id is not None:
                _progress(connection, _lock(connection, incident_id), progress)

    def end(self, end: AnomalyEnd) -> str | None:
        """Note that an anomaly went quiet; unknown ids are ignored. A later word on the same anomaly replaces it.

        The incident's `end_time` is set when the last of its anomalies is over; then its id is returned.
        """
        with self._database.write() as connection:
            incident_id = _incident_of(connection, end.anomaly_id)
            if incident_id is None or not _end(connection, _lock(connection, incident_id), end):
                return None
            return incident_id

    def get(self, incident_id: str) -> Incident:
        """Return one incident with its timeline.

        Raises:
            NotFound: no such incident.
        """
        with self._database.read() as connection:
            return _get(connection, incident_id)

    def list(
        self, status: IncidentStatus | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Incident]:
        """Return incidents without their timelines, newest start first; `since` bounds `last_seen` from below."""
        query = select(incidents).order_by(incidents.c.start_time.desc(), incidents.c.incident_id.desc()).limit(limit)
        if status is not None:
            query = query.where(incidents.c.status == status)
        if since is not None:
            query = query.where(incidents.c.last_seen >= since)
        with self._database.read() as connection:
            return [_incident(row) for row in connection.execute(query).mappings()]

    def move(self, incident_id: str, to: IncidentStatus, text: str, now: datetime) -> Incident:
        """Change the status with a timeline entry; moving to the present status does nothing.

        Raises:
            NotFound: no such incident.
            NotPossible: the life of an incident does not allow it.
        """
        with self._database.write() as connection:
            incident = _lock(connection, incident_id)
            if incident.status is not to:
                _move(connection, incident, to, text, now)
            return _get(connection, incident_id)

    def note(self, incident_id: str, entry: TimelineEntry, key: str = "") -> None:
        """Add a timeline entry; a non-empty `key` is added once per incident.

        Raises:
            NotFound: no such incident.
        """
        with self._database.write() as connection:
            _read(connection, incident_id)
            add_entry(connection, incident_id, entry, f"note:{key}" if key else "")

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep an analysis; the same incident and attempt is replaced.

        Raises:
            NotFound: no such incident.
        """
        row = {
            "incident_id": analysis.incident_id,
            "attempt": analysis.attempt,
            "created_at": analysis.created_at,
            "analysis": analysis,
        }
        with self._database.write() as connection:
            _read(connection, analysis.incident_id)
            query = insert(connection, analyses).values(row)
            changed = {name: query.excluded[name] for name in ("created_at", "analysis")}
            connection.execute(query.on_conflict_do_update(index_elements=["incident_id", "attempt"], set_=changed))

    def report(self, incident_id: str) -> IncidentReport:
        """Return the incident with the analysis of its latest attempt.

        Raises:
            NotFound: no such incident.
        """
        latest = select(analyses.c.analysis).where(analyses.c.incident_id == incident_id)
        with self._database.read() as connection:
            incident = _get(connection, incident_id)
            found = connection.scalar(latest.order_by(analyses.c.attempt.desc()).limit(1))
        return IncidentReport(incident=incident, analysis=None if found is None else Analysis.model_validate(found))

    def forget_signatures(self, now: datetime) -> int:
        """Forget the signatures of resolved incidents that were last seen 7 days ago; return how many.

        Incidents and their anomalies stay: an anomaly that is recorded again still finds its incident.
        """
        query = select(incidents.c.incident_id)
        old = query.where(incidents.c.status.not_in(LIVE), incidents.c.last_seen < now - KEEP_SIGNATURES)
        forgotten = or_(signatures.c.incident_id.is_(None), signatures.c.incident_id.in_(old))
        with self._database.write() as connection:
            return connection.execute(delete(signatures).where(forgotten)).rowcount


def _queue_for(connection: Connection, signature: str) -> str | None:
    """Lock the signature's row until the transaction ends, and return the incident it was last seen in."""
    query = insert(connection, signatures).values(signature=signature, incident_id=None)
    same = query.on_conflict_do_update(index_elements=["signature"], set_={"signature": query.excluded.signature})
    found: str | None = connection.execute(same.returning(signatures.c.incident_id)).scalar_one()
    return found


def _incident_of(connection: Connection, anomaly_id: str) -> str | None:
    found: str | None = connection.scalar(select(anomalies.c.incident_id).where(anomalies.c.anomaly_id == anomaly_id))
    return found


def _read(connection: Connection, incident_id: str, lock: bool = False) -> Incident:
    query = select(incidents).where(incidents.c.incident_id == incident_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no incident {incident_id}.")
    return _incident(row)


def _lock(connection: Connection, incident_id: str) -> Incident:
    return _read(connection, incident_id, lock=True)


def _get(connection: Connection, incident_id: str) -> Incident:
    return _read(connection, incident_id).model_copy(update={"timeline": read_timeline(connection, incident_id)})


def _incident(row: RowMapping) -> Incident:
    fields = dict(row)
    subject = Subject(**{name: fields.pop(name) for name in Subject.model_fields})
    return Incident(subject=subject, **fields)


def _open(connection: Connection, anomaly: Anomaly, now: datetime) -> Incident:
    incident = Incident(
        incident_id=derived(anomaly.start_time, "incident", anomaly.anomaly_id),
        title=titled(anomaly.kind, anomaly.subject),
        severity=anomaly.severity,
        status=IncidentStatus.OPEN,
        subject=anomaly.subject,
        signature=anomaly.signature,
        start_time=anomaly.start_time,
        last_seen=anomaly.detected_at,
        opened_at=now,
        events=_events(anomaly),
        members=(anomaly.anomaly_id,),
        related_traces=_first(anomaly.trace_ids, MOST_TRACES),
    )
    row = incident.model_dump(exclude={"timeline", "subject"}) | dict(anomaly.subject)
    connection.execute(insert(connection, incidents).values(row))
    _add_member(connection, incident.incident_id, anomaly)
    _point(connection, incident)
    tell_detected(connection, incident.incident_id, anomaly)
    return _get(connection, incident.incident_id)


def _supersede(connection: Connection, incident: Incident, now: datetime) -> None:
    """Close a quiet incident whose trouble came back as another: one signature, one live incident."""
    _move(connection, incident, IncidentStatus.RESOLVED, "It went quiet; the trouble came back as a new incident.", now)


def _repeat(connection: Connection, incident: Incident, anomaly: Anomaly) -> Incident:
    incident_id = incident.incident_id
    _change(connection, incident_id, grown(incident, anomaly))
    _add_member(connection, incident_id, anomaly)
    tell_repeated(connection, incident_id, anomaly, incident.sightings + 1)
    return _get(connection, incident_id)


def grown(incident: Incident, anomaly: Anomaly) -> dict[str, Any]:
    """Return what changes in an incident that takes one more anomaly."""
    return {
        "severity": worse(incident.severity, anomaly.severity),
        "start_time": min(incident.start_time, anomaly.start_time),
        "last_seen": max(incident.last_seen, anomaly.detected_at),
        # It is abnormal again, so it has no end yet; what is resolved keeps its end until the anomaly tells a new one.
        "end_time": None if incident.status in LIVE else incident.end_time,
        "sightings": incident.sightings + 1,
        "events": incident.events + _events(anomaly),
        "members": _first((*incident.members, anomaly.anomaly_id), MOST_MEMBERS),
        "related_traces": _first((*incident.related_traces, *anomaly.trace_ids), MOST_TRACES),
    }


def worse(one: Severity, other: Severity) -> Severity:
    """Return the worse of two."""
    return min(one, other, key=SEVERITIES.index)


def _progress(connection: Connection, incident: Incident, progress: AnomalyProgress) -> None:
    this = anomalies.c.anomaly_id == progress.anomaly_id
    before = connection.execute(select(anomalies.c.events, anomalies.c.end_time).where(this)).one()
    if before.end_time is not None or before.events >= progress.total:
        return
    connection.execute(update(anomalies).where(this).values(events=progress.total))
    changes = {
        "events": incident.events + progress.total - before.events,
        "last_seen": max(incident.last_seen, progress.last_seen),
    }
    _change(connection, incident.incident_id, changes)


def _end(connection: Connection, incident: Incident, end: AnomalyEnd) -> bool:
    """Keep the end; return whether the whole incident became quiet by it."""
    this = anomalies.c.anomaly_id == end.anomaly_id
    before = connection.execute(select(anomalies.c.events, anomalies.c.end_time).where(this)).one()
    if before == (end.total, end.end_time):
        return False
    connection.execute(update(anomalies).where(this).values(events=end.total, end_time=end.end_time))
    changes: dict[str, Any] = {
        "events": incident.events + end.total - before.events,
        "last_seen": max(incident.last_seen, end.end_time),
    }
    quiet = _quiet_since(connection, incident.incident_id)
    if quiet is not None:
        changes["end_time"] = quiet
        tell_ended(connection, incident.incident_id, end, incident.sightings)
    _change(connection, incident.incident_id, changes)
    return quiet is not None


def _quiet_since(connection: Connection, incident_id: str) -> datetime | None:
    """Return the end of the last anomaly, None while one is still going on."""
    ends = select(func.max(anomalies.c.end_time), func.count() - func.count(anomalies.c.end_time))
    latest, going_on = connection.execute(ends.where(anomalies.c.incident_id == incident_id)).one()
    return None if going_on else latest


def _move(connection: Connection, incident: Incident, to: IncidentStatus, text: str, now: datetime) -> None:
    if to not in TRANSITIONS[incident.status]:
        raise NotPossible(f"Incident {incident.incident_id} is {incident.status}; it cannot become {to}.")
    changes: dict[str, Any] = {"status": to}
    if to is IncidentStatus.RESOLVED and incident.end_time is None:
        changes["end_time"] = now
    _change(connection, incident.incident_id, changes)
    entry = TimelineEntry(at=now, kind="status", text=text, data={"from": incident.status, "to": to})
    add_entry(connection, incident.incident_id, entry)


def _change(connection: Connection, incident_id: str, changes: Mapping[str, Any]) -> None:
    connection.execute(update(incidents).where(incidents.c.incident_id == incident_id).values(dict(changes)))


def _add_member(connection: Connection, incident_id: str, anomaly: Anomaly) -> None:
    row = {"anomaly_id": anomaly.anomaly_id, "incident_id": incident_id, "events": _events(anomaly)}
    connection.execute(insert(connection, anomalies).values(row))


def _point(connection: Connection, incident: Incident) -> None:
    chosen = signatures.c.signature == incident.signature
    connection.execute(update(signatures).where(chosen).values(incident_id=incident.incident_id))


def _first(values: Iterable[str], most: int) -> tuple[str, ...]:
    """Return the distinct values in their order, at most so many."""
    return tuple(dict.fromkeys(values))[:most]


def _events(anomaly: Anomaly) -> float:
    """Return how many abnormal events an anomaly begins with; one of costs begins with a day."""
    return 1.0 if anomaly.kind is AnomalyKind.COST else anomaly.count
