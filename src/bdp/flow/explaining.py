"""Explaining incidents: on demand, for a workflow, and anew once all of an incident is known, in the background."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from bdp.errors import BdpError
from bdp.explain.analyst import Analyst
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.anomaly import SEVERITIES
from bdp.model.incident import Incident
from bdp.ports import Incidents

log = structlog.get_logger(__name__)
_MOST_INCIDENTS = 1000


class Explaining:
    """Has the analyst explain incidents, and keeps what it says."""

    def __init__(self, analyst: Analyst, incidents: Incidents) -> None:
        self._analyst = analyst
        self._incidents = incidents
        self._quiet: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._refresh_quiet, name="refresher")

    def start(self) -> None:
        """Explain what becomes quiet anew in the background, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not explained anew keeps its earlier analysis."""
        self._ending.set()
        self._quiet.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def quiet(self, incident_id: str) -> None:
        """Note that all of an incident is known."""
        self._quiet.put(incident_id)

    def explained(self, incident: Incident, attempt: int, tried: Sequence[str]) -> Analysis:
        """Return an analysis of what the store holds now, without keeping it."""
        return self._analyst.explain(incident, attempt=attempt, tried=tried)

    def explain(self, incident_id: str) -> IncidentReport:
        """Explain an incident from what the store holds now, and keep the analysis."""
        known = self._incidents.report(incident_id)
        attempt = known.analysis.attempt + 1 if known.analysis else 1
        self._incidents.save_analysis(self.explained(known.incident, attempt, ()))
        return self._incidents.report(incident_id)

    def refresh(self, incident_id: str) -> None:
        """Explain an incident anew under its latest attempt, now that all of it is known; what it proposes stays.

        One that was not explained yet is left to its workflow.
        """
        known = self._incidents.report(incident_id)
        if known.analysis:
            fresh = self.explained(known.incident, known.analysis.attempt, ())
            kept = fresh.model_copy(update={"actions": known.analysis.actions})
            self._incidents.save_analysis(kept)

    def explain_all(self, progress: Callable[[int], None] = lambda done: None) -> list[IncidentReport]:
        """Explain every incident; return them as `reports` does."""
        for done, incident in enumerate(self._incidents.list(limit=_MOST_INCIDENTS), 1):
            self.explain(incident.incident_id)
            progress(done)
        return self.reports()

    def reports(self) -> list[IncidentReport]:
        """Return every incident with its latest analysis, worst first, then oldest first."""
        listed = self._incidents.list(limit=_MOST_INCIDENTS)
        return sorted((self._incidents.report(one.incident_id) for one in listed), key=_order)

    def _refresh_quiet(self) -> None:
        while (incident_id := self._quiet.get()) is not None and not self._ending.is_set():
            try:
                self.refresh(incident_id)
            except BdpError as error:
                # The earlier analysis stands; it says less, not wrong things.
                log.warning("analysis.not_refreshed", incident_id=incident_id, reason=str(error))


def _order(report: IncidentReport) -> tuple[int, datetime]:
    return SEVERITIES.index(report.incident.severity), report.incident.start_time
