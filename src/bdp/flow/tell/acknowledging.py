"""Acknowledgements: somebody has taken an incident on, so nobody else is told again.

Whoever answers a question of an incident has taken it on as well: who takes answers calls `acknowledge`.
"""

from __future__ import annotations

from datetime import datetime

from bdp.model.action import Acknowledgement
from bdp.model.incident import TimelineEntry
from bdp.ports import Alerts, Incidents
from bdp.telemetry import ACKNOWLEDGEMENTS


class Acknowledging:
    """Takes acknowledgements."""

    def __init__(self, alerts: Alerts, incidents: Incidents) -> None:
        self._alerts = alerts
        self._incidents = incidents

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> Acknowledgement:
        """Note that somebody has taken an incident on, with an entry in audit log and timeline; the first one counts.

        What reminds of the incident or of its questions so far ends, each time.

        Returns:
            the first acknowledgement.

        Raises:
            NotFound: no such incident.
        """
        first = self._alerts.acknowledge(incident_id, by, now)
        entry = TimelineEntry(
            at=first.at, kind="acknowledged", text=f"{first.by} has taken it on.", data={"by": first.by}
        )
        self._incidents.note(incident_id, entry, "acknowledged")
        if (first.by, first.at) == (by, now):
            ACKNOWLEDGEMENTS.inc()
        return first
