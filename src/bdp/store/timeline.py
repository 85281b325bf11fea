"""What happened to an incident, entry by entry, as rows of the state database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind
from bdp.model.incident import TimelineEntry
from bdp.store.database import insert
from bdp.store.tables import timeline

MOST_TOLD = 50
"""Sightings of one incident that get an entry each; the later ones share one that counts."""


def read_timeline(connection: Connection, incident_id: str) -> tuple[TimelineEntry, ...]:
    """Return the entries by time, then in the order in which they were added."""
    columns = (timeline.c.at, timeline.c.kind, timeline.c.text, timeline.c.data)
    query = select(*columns).where(timeline.c.incident_id == incident_id).order_by(timeline.c.at, timeline.c.entry_id)
    return tuple(TimelineEntry(**row) for row in connection.execute(query).mappings())


def add_entry(connection: Connection, incident_id: str, entry: TimelineEntry, key: str = "") -> None:
    """Add an entry; a non-empty key is added once."""
    row = {"incident_id": incident_id, "key": key or None, **dict(entry)}
    connection.execute(insert(connection, timeline).values(row).on_conflict_do_nothing())


def tell_detected(connection: Connection, incident_id: str, anomaly: Anomaly) -> None:
    """Tell what opened the incident."""
    entry = TimelineEntry(
        at=anomaly.detected_at, kind="detected", text=f"Detected: {_found(anomaly)}", data=_data(anomaly)
    )
    add_entry(connection, incident_id, entry, f"sighting:{anomaly.anomaly_id}")


def tell_repeated(connection: Connection, incident_id: str, anomaly: Anomaly, sightings: int) -> None:
    """Tell that it was seen again, `sightings` times now."""
    if sightings <= MOST_TOLD:
        entry = TimelineEntry(
            at=anomaly.detected_at, kind="repeated", text=f"Seen again: {_found(anomaly)}", data=_data(anomaly)
        )
        add_entry(connection, incident_id, entry, f"sighting:{anomaly.anomaly_id}")
    else:
        _count_up(connection, incident_id, anomaly.detected_at, sightings - MOST_TOLD)


def tell_ended(connection: Connection, incident_id: str, end: AnomalyEnd, sightings: int) -> None:
    """Tell that it went quiet."""
    if sightings > MOST_TOLD:
        return
    data = {"anomaly_id": end.anomaly_id, "peak": end.peak, "total": end.total}
    told = f"{end.total:,.0f} events in all, at most {end.peak:,.0f} in one window"
    if end.kind is AnomalyKind.COST:
        told = f"{end.total:,.0f} days in all"
    elif end.kind is not AnomalyKind.BURST:
        told = f"{end.total:,.0f} findings in all, highest risk {end.peak:,.0f}"
    text = f"Quiet since {end.end_time:%H:%M:%S}: {told}"
    add_entry(
        connection,
        incident_id,
        TimelineEntry(at=end.end_time, kind="ended", text=text, data=data),
        f"ended:{end.anomaly_id}",
    )


def _count_up(connection: Connection, incident_id: str, at: datetime, more: int) -> None:
    entry = TimelineEntry(
        at=at, kind="repeated", text=f"Seen {more:,} times more, the last time here", data={"more": more}
    )
    row = {"incident_id": incident_id, "key": "sighting:more", **dict(entry)}
    query = insert(connection, timeline).values(row)
    changed = {name: query.excluded[name] for name in ("at", "text", "data")}
    connection.execute(query.on_conflict_do_update(index_elements=["incident_id", "key"], set_=changed))


def _found(anomaly: Anomaly) -> str:
    if anomaly.kind is not AnomalyKind.BURST:
        return next(iter(anomaly.templates), f"{anomaly.count:,.0f} findings")
    history = f", usual {anomaly.expected:,.1f}" if anomaly.expected is not None else ""
    first = ", never seen before" if anomaly.never_seen else ""
    minutes = f"{anomaly.window_seconds / 60:g} min"
    return f"{anomaly.count:,.0f} abnormal events in {minutes} (threshold {anomaly.threshold:,g}{history}{first})"


def _data(anomaly: Anomaly) -> dict[str, object]:
    names = {"anomaly_id", "kind", "count", "threshold", "expected", "window_seconds", "never_seen", "severity"}
    return anomaly.model_dump(mode="json", include=names)
