"""No incident is forgotten: what has no workflow gets one, what lost its workflow goes to a person."""

from __future__ import annotations

from typing import Protocol

from bdp.flow.mend.incident import IncidentWorkflow
from bdp.flow.mend.run import begun_anew_by, begun_by, incident_of
from bdp.model.incident import Incident, IncidentStatus
from bdp.ports import Incidents

S = IncidentStatus
WORKED_ON = (S.OPEN, S.ANALYSING, S.ACTING, S.VERIFYING)
"""Statuses in which something must be under way. What waits for an answer is looked after by its question."""
MOST = 1000
"""Incidents looked at per status and round; the rest waits for the next."""


class Starter(Protocol):
    """What the sweep needs of the engine."""

    version: str

    def start(self, workflow_id: str, incident_id: str) -> None:
        """Start a workflow once."""

    def pending(self) -> list[str]:
        """Return the ids that are not finished."""

    def lost(self) -> dict[str, str]:
        """Return the ids that ended without a result, and how."""

    def outdated(self) -> list[str]:
        """End what was begun by a version that cannot go on, and whose worker is gone; return the ids."""


class Sweep:
    """Run at the start and by the watchdog: closes every gap that a crash between two databases can leave."""

    def __init__(self, incidents: Incidents, workflow: IncidentWorkflow, engine: Starter) -> None:
        self._incidents = incidents
        self._workflow = workflow
        self._engine = engine
        self._handed_over: set[str] = set()

    def __call__(self) -> None:
        """Start what never started, take up what another version left, hand over what lost its workflow."""
        for workflow_id in self._engine.outdated():
            incident_id = incident_of(workflow_id)
            self._engine.start(begun_anew_by(incident_id, self._engine.version), incident_id)
        lost = self._engine.lost()
        busy = {incident_of(workflow_id) for workflow_id in self._engine.pending()}
        for status in WORKED_ON:
            for incident in self._incidents.list(status, limit=MOST):
                if incident.incident_id not in busy:
                    self._look_after(incident, lost)
        for workflow_id, how in lost.items():
            self._waiting_for_nothing(workflow_id, how, busy)

    def _look_after(self, incident: Incident, lost: dict[str, str]) -> None:
        how = next((how for name, how in lost.items() if incident_of(name) == incident.incident_id), "")
        if how:
            self._workflow.hand_over(incident.incident_id, f"The workflow ended as {how}.")
        else:
            self._engine.start(begun_by(incident.incident_id), incident.incident_id)

    def _waiting_for_nothing(self, workflow_id: str, how: str, busy: set[str]) -> None:
        """Hand over what was to go on after an answer, and could not."""
        incident_id = incident_of(workflow_id)
        if incident_id in busy or workflow_id in self._handed_over:
            return
        if self._incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL:
            self._workflow.hand_over(incident_id, f"The workflow ended as {how}.")
        self._handed_over.add(workflow_id)
