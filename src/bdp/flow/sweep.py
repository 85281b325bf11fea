"""No incident is forgotten: what has no workflow gets one, what lost its workflow goes to a person."""

from __future__ import annotations

from typing import Protocol

from bdp.flow.incident import IncidentWorkflow, workflow_id_of
from bdp.flow.run import Signals
from bdp.model.incident import Incident, IncidentStatus
from bdp.ports import Incidents

WORKED_ON = tuple(set(IncidentStatus) - {IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})
MOST = 1000
"""Incidents looked at per status and round; the rest waits for the next."""
LOST = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})


class Starter(Signals, Protocol):
    """What the sweep needs of the engine."""

    def start(self, workflow_id: str, incident_id: str) -> None:
        """Start a workflow once."""

    def status(self, workflow_id: str) -> str:
        """Return its state, empty if it never started."""

    def pending(self) -> list[str]:
        """Return the ids that are not finished."""


class Sweep:
    """Run at the start and by the watchdog: closes every gap that a crash between two databases can leave."""

    def __init__(self, incidents: Incidents, workflow: IncidentWorkflow, engine: Starter) -> None:
        self._incidents = incidents
        self._workflow = workflow
        self._engine = engine

    def __call__(self) -> None:
        """Wake what was answered, start what never started, hand over what lost its workflow."""
        self._workflow.wake_answered(self._engine)
        pending = frozenset(self._engine.pending())
        for status in WORKED_ON:
            for incident in self._incidents.list(status, limit=MOST):
                if workflow_id_of(incident.incident_id) not in pending:
                    self._look_after(incident)

    def _look_after(self, incident: Incident) -> None:
        workflow_id = workflow_id_of(incident.incident_id)
        state = self._engine.status(workflow_id)
        if not state:
            self._engine.start(workflow_id, incident.incident_id)
        elif state in LOST:
            self._workflow.hand_over(workflow_id, incident.incident_id, f"The workflow ended as {state}.")
