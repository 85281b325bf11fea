"""The incident that a workflow works on: moved through its life, noted in its timeline, told to people."""

from __future__ import annotations

from datetime import datetime

from bdp.act.action import Action
from bdp.act.actions import ACTIONS
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.run import Json, begun_by
from bdp.flow.tell.incident_notice import event_message
from bdp.flow.tell.outbox import TOLD_AS_INSIGHTS
from bdp.learn.executions import Ending, Running, row
from bdp.model.action import MessageForm, WorkflowEvent
from bdp.model.analysis import ActionProposal, Analysis, IncidentReport
from bdp.model.incident import TRANSITIONS, Incident, IncidentStatus, TimelineEntry

ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})


class Closed(Exception):
    """A person resolved the incident or took it over; the workflow ends without a word."""


class Place:
    """What all steps of one incident's workflows share. Keys hold the incident, so that each thing is noted once
    although several workflows work on it one after the other."""

    def __init__(self, parts: Parts, incident_id: str) -> None:
        self.parts = parts
        self.incident_id = incident_id
        self.root = begun_by(incident_id)

    def now(self) -> datetime:
        """Return the wall time."""
        return self.parts.tools.clock.now()

    def incident(self) -> Incident:
        """Return the incident as it is.

        Raises:
            Closed: it is resolved.
        """
        incident = self.parts.incidents.get(self.incident_id)
        if incident.status is IncidentStatus.RESOLVED:
            raise Closed
        return incident

    def at_work(self) -> Incident:
        """Return the incident as it is.

        Raises:
            Closed: it is resolved, or a person has taken it over.
        """
        incident = self.incident()
        if incident.status in ENDED:
            raise Closed
        return incident

    def move(self, to: IncidentStatus, text: str, fresh: bool = False) -> Incident:
        """Change the status, by way of analysing where the life of an incident has no direct way.

        Args:
            fresh: the workflow begins, so an incident that was handed over before is taken up again.

        Raises:
            Closed: it has ended.
        """
        move, now = self.parts.incidents.move, self.now()
        incident = self.parts.incidents.get(self.incident_id)
        if incident.status is to:
            return incident
        if incident.status in ENDED and not (fresh and incident.status is IncidentStatus.ESCALATED):
            raise Closed
        if to not in TRANSITIONS[incident.status]:
            move(self.incident_id, IncidentStatus.ANALYSING, "The next action is considered.", now)
        return move(self.incident_id, to, text, now)

    def note(self, kind: str, text: str, key: str, data: Json | None = None) -> None:
        """Add to the timeline, once by key."""
        entry = TimelineEntry(at=self.now(), kind=kind, text=text, data=data or {})
        self.parts.incidents.note(self.incident_id, entry, f"{self.root}:{key}")

    def publish(self, event: WorkflowEvent, text: str, text_ko: str, incident: Incident) -> None:
        """Tell a workflow event, once each in the life of an incident's work.

        A hand-over of what metrics or a fabric showed is written down and not sent: people are told of its insights, at
        once or in the digest, with a guard against floods (`bdp.flow.tell.alerting`).
        """
        self.note("event", f"{event}: {text}", f"event:{event}", {"event": event})
        if event is WorkflowEvent.ESCALATION_REQUIRED and incident.kind in TOLD_AS_INSIGHTS:
            return
        message = event_message(event, text, text_ko, incident, self.root)
        self.parts.post(MessageForm.EVENT, message)

    def action(self, proposal: ActionProposal, incident: Incident, analysis: Analysis) -> Action:
        """Return the action that a proposal names."""
        return ACTIONS[proposal.type](self.parts.tools, IncidentReport(incident=incident, analysis=analysis))

    def running(self, incident: Incident, agent: str, action: str, attempt: int, parameters: Json) -> Running:
        """Return one run of an agent, as the log knows it."""
        return Running(
            origin=incident.opened_at,
            workflow_id=self.root,
            incident_id=self.incident_id,
            agent=agent,
            action=action,
            attempt=attempt,
            parameters=parameters,
        )

    def keep_run(
        self,
        agent: str,
        analysis: Analysis,
        proposal: ActionProposal,
        started_at: datetime,
        seconds: float,
        ending: Ending,
    ) -> None:
        """Add a run to the log, once."""
        incident = self.parts.incidents.get(self.incident_id)
        running = self.running(incident, agent, proposal.type, analysis.attempt, proposal.parameters)
        case = Ending(ending.outcome, ending.error_type, case_of(analysis))
        self.parts.executions.add(row(running, started_at, seconds, case))


def case_of(analysis: Analysis) -> str:
    """Return the known pattern that an analysis follows."""
    return analysis.playbook or analysis.mechanism
