"""What each step of the incident's workflow does. A step may run again after a crash, so all it leaves is keyed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from bdp.act.action import Action
from bdp.act.actions import ACTIONS
from bdp.decide.circumstances import Circumstances
from bdp.decide.gate import doubts, none_left, weigh
from bdp.decide.inspect import inspect
from bdp.errors import BdpError, NotPossible
from bdp.flow.parts import Parts
from bdp.flow.run import Json
from bdp.ids import derived
from bdp.learn.executions import Ending, Running, recorded, row
from bdp.model.action import ActionResult, ActionStatus, Message, WorkflowEvent
from bdp.model.analysis import ActionProposal, Analysis, IncidentReport
from bdp.model.anomaly import AnomalyKind
from bdp.model.decision import Approval, ApprovalStatus, Decision, Reason
from bdp.model.execution import Outcome
from bdp.model.incident import TRANSITIONS, Incident, IncidentStatus, TimelineEntry
from bdp.model.plan import ActionPlan
from bdp.notify.channels import deliver

ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})
_TOLD_AS_INSIGHTS = frozenset({AnomalyKind.METRIC, AnomalyKind.FABRIC})
QUIET = timedelta(minutes=5)
"""The symptom counts as gone by itself when the last five minutes show none of it."""

OUTCOMES = {
    ActionStatus.APPLIED: Outcome.SUCCESS,
    ActionStatus.PLANNED_ONLY: Outcome.DRY_RUN,
    ActionStatus.FAILED: Outcome.FAILURE,
}
ANSWERS = {
    ApprovalStatus.APPROVED: Outcome.SUCCESS,
    ApprovalStatus.REJECTED: Outcome.REJECTED,
    ApprovalStatus.TIMED_OUT: Outcome.TIMED_OUT,
}


class Closed(Exception):
    """A person resolved the incident or took it over; the workflow ends without a word."""


class Steps:
    """The steps of one workflow on one incident."""

    def __init__(self, parts: Parts, workflow_id: str, incident_id: str) -> None:
        self._parts = parts
        self._clock = parts.tools.clock
        self._workflow_id = workflow_id
        self._incident_id = incident_id

    def now(self) -> datetime:
        """Return the wall time."""
        return self._clock.now()

    def analyse(self, attempt: int, tried: Collection[str]) -> Json:
        """Explain the incident and keep the analysis."""
        parts, keys = self._parts, sorted(tried)
        incident = self._move(IncidentStatus.ANALYSING, f"Analysis {attempt} began.", fresh=attempt == 1)
        analysis = recorded(
            self._running(incident, "analyst", "explain", attempt, {"tried": keys}),
            parts.executions,
            self._clock,
            lambda: parts.explain(incident, attempt, keys),
            lambda found: Ending(case_id=_case(found)),
        )
        parts.incidents.save_analysis(analysis)
        text = f"{analysis.verdict}: {analysis.summary}"
        data = {"attempt": attempt, "confidence": analysis.confidence.score}
        self._note("analysis", text, f"analysis:{attempt}", data)
        return analysis.model_dump(mode="json")

    def decide(self, analysis: Analysis, tried: Collection[str]) -> Json:
        """Plan what was not tried, in turn, until the gate takes one."""
        incident = self._incident()
        decision, error = self._chosen(analysis, incident, frozenset(tried))
        found: Json = {
            "decision": decision.model_dump(mode="json"),
            "plan": None,
            "informational": True,
            "error": error,
        }
        key = f"decision:{analysis.attempt}:{decision.action.key if decision.action else ''}"
        data = {"course": decision.course, "reasons": list(decision.reasons), "confidence": decision.confidence}
        self._note("decision", decision.explanation, key, data)
        if decision.action:
            found["informational"] = self._action(decision.action, incident, analysis).informational
            found["plan"] = decision.plan and decision.plan.model_dump(mode="json")
        return found

    def _chosen(self, analysis: Analysis, incident: Incident, tried: Collection[str]) -> tuple[Decision, str]:
        """Return the decision, and why its action could not be planned; empty if it could."""
        parts, passed = self._parts, list[Reason]()
        if doubt := doubts(analysis, parts.gate):
            return doubt, ""
        policy, circumstances = parts.policy(), Circumstances(self._clock.now(), parts.pause())
        for proposal in sorted(analysis.actions, key=lambda action: action.priority):
            if proposal.key in tried:
                passed.append(Reason.TRIED_BEFORE)
                continue
            try:
                key = self._effect_key(analysis.attempt, proposal)
                plan = self._action(proposal, incident, analysis).plan(proposal, key)
            except BdpError as error:
                unplanned = none_left(analysis, (Reason.UNPLANNABLE,)).model_copy(update={"action": proposal})
                return unplanned, f"{type(error).__name__}: {error}"
            inspection = inspect(policy, plan, incident, circumstances)
            decision = weigh(analysis, proposal, plan, inspection, (), parts.gate, passed)
            if decision.action:
                return decision, ""
            passed += decision.reasons
        return none_left(analysis, passed), ""

    def unplannable(self, analysis: Analysis, proposal: ActionProposal, error: str) -> Json:
        """Write down that an action could not even be planned."""
        name, _, text = error.partition(": ")
        running = self._running(self._incident(), "action", proposal.type, analysis.attempt, proposal.parameters)
        ending = Ending(Outcome.FAILURE, name, _case(analysis))
        self._parts.executions.add(row(running, self._clock.now(), 0.0, ending))
        key = f"action:{analysis.attempt}:{proposal.key}"
        self._note("action", f"{proposal.type} could not be planned: {text}", key)
        return {}

    def ask(self, analysis: Analysis, proposal: ActionProposal, plan: ActionPlan, why: str) -> Json:
        """Put the question to people; asked again, it keeps its first deadline."""
        parts, now, attempt = self._parts, self._clock.now(), analysis.attempt
        incident = self._incident()
        approval_id = derived(incident.opened_at, self._workflow_id, str(attempt), proposal.key, "approval")
        question = Approval(
            approval_id=approval_id,
            incident_id=self._incident_id,
            workflow_id=self._workflow_id,
            action=proposal,
            plan=plan.effect,
            undo=plan.undo,
            requested_at=now,
            expires_at=now + timedelta(seconds=parts.settings.approval_seconds),
        )
        # The status first: whoever sees the question sees an incident that waits for its answer.
        self._move(IncidentStatus.AWAITING_APPROVAL, f"A person is asked: {proposal.description}")
        parts.approvals.ask(question)
        approval = parts.approvals.get(approval_id)
        title = f"Approval wanted: {proposal.description}"
        self._tell(f"{approval_id}:asked", title, _question(approval, why), incident)
        return {"approval_id": approval_id, "expires_at": approval.expires_at.isoformat()}

    def settle(self, approval_id: str, attempt: int, case_id: str, over: bool) -> Json:
        """Read the answer; when the time is over, close the question. The row decides who was first."""
        parts, now = self._parts, self._clock.now()
        approval = parts.approvals.get(approval_id)
        if approval.status is ApprovalStatus.WAITING and (over or now >= approval.expires_at):
            try:
                approval = parts.approvals.answer(approval_id, ApprovalStatus.TIMED_OUT, "bdp", "", now)
            except NotPossible:
                approval = parts.approvals.get(approval_id)
        if approval.status is not ApprovalStatus.WAITING:
            self._keep_answer(approval, attempt, case_id)
        return {"status": approval.status, "by": approval.decided_by, "note": approval.note}

    def act(self, analysis: Analysis, proposal: ActionProposal, plan: ActionPlan) -> Json:
        """Do it. The effect happens once by the plan's key; see `bdp.notify.effect`."""
        incident = self._move(IncidentStatus.ACTING, f"{'Dry run' if plan.dry_run else 'Action'}: {plan.effect}")
        started_at, began = self._clock.now(), self._clock.monotonic()
        action = self._action(proposal, incident, analysis)
        try:
            result = action.apply(plan)
        except BdpError as error:
            result = ActionResult(status=ActionStatus.FAILED, detail=str(error), error_type=type(error).__name__)
        seconds = self._clock.monotonic() - began
        if action.informational or result.status is not ActionStatus.APPLIED:
            self._keep_run(analysis, proposal, started_at, seconds, Ending(OUTCOMES[result.status], result.error_type))
        self._note("action", result.detail, f"action:{analysis.attempt}:{proposal.key}", result.data)
        return {"result": result.model_dump(mode="json"), "started_at": started_at.isoformat(), "seconds": seconds}

    def verifying(self, seconds: float) -> Json:
        """Say that the effect is waited for."""
        self._move(IncidentStatus.VERIFYING, f"In {seconds:g} seconds the store is asked whether it helped.")
        return {}

    def verify(self, analysis: Analysis, proposal: ActionProposal, plan: ActionPlan, acted: Json) -> Json:
        """Ask whether the effect took place and the symptom is gone, and keep the run with that outcome."""
        incident, since = self._incident(), datetime.fromisoformat(acted["started_at"])
        result = ActionResult.model_validate(acted["result"])
        took_place = self._action(proposal, incident, analysis).verify(plan, result)
        helped = took_place and self._parts.symptom_gone(incident, since)
        ending = Ending() if helped else Ending(Outcome.FAILURE, "SymptomPersists" if took_place else "NoEffect")
        self._keep_run(analysis, proposal, since, acted["seconds"], ending)
        text = "The symptom is gone." if helped else "The symptom persists."
        self._note("verification", text, f"verification:{analysis.attempt}:{proposal.key}", {"gone": helped})
        return {"gone": helped}

    def ended_by_itself(self) -> Json:
        """Ask whether the anomaly is over although nothing was mended."""
        incident = self._incident()
        return {"gone": self._parts.symptom_gone(incident, self._clock.now() - QUIET)}

    def resolve(self, text: str, event: WorkflowEvent | None) -> Json:
        """End well."""
        incident = self._incident()
        if event:
            # Told first: run again after the move, this step could not tell its own end from that by a person.
            self._publish(event, text, incident)
        if incident.status is IncidentStatus.ACTING:
            self._move(IncidentStatus.VERIFYING, "The store was asked whether the symptom is gone.")
        self._move(IncidentStatus.RESOLVED, text)
        return {}

    def escalate(self, text: str, events: Collection[WorkflowEvent]) -> Json:
        """Hand over to a person, with what is known."""
        incident = self._move(IncidentStatus.ESCALATED, text)
        for event in (*events, WorkflowEvent.ESCALATION_REQUIRED):
            self._publish(event, text, incident)
        return {}

    def _incident(self) -> Incident:
        incident = self._parts.incidents.get(self._incident_id)
        if incident.status is IncidentStatus.RESOLVED:
            raise Closed
        return incident

    def _move(self, to: IncidentStatus, text: str, fresh: bool = False) -> Incident:
        """Change the status, by way of analysing where the life of an incident has no direct way.

        Args:
            fresh: the workflow begins, so an incident that was handed over before is taken up again.
        """
        move, now = self._parts.incidents.move, self._clock.now()
        incident = self._parts.incidents.get(self._incident_id)
        if incident.status is to:
            return incident
        if incident.status in ENDED and not (fresh and incident.status is IncidentStatus.ESCALATED):
            raise Closed
        if to not in TRANSITIONS[incident.status]:
            move(self._incident_id, IncidentStatus.ANALYSING, "The next action is considered.", now)
        return move(self._incident_id, to, text, now)

    def _action(self, proposal: ActionProposal, incident: Incident, analysis: Analysis) -> Action:
        return ACTIONS[proposal.type](self._parts.tools, IncidentReport(incident=incident, analysis=analysis))

    def _effect_key(self, attempt: int, proposal: ActionProposal) -> str:
        return f"{self._workflow_id}:{attempt}:{proposal.key}"

    def _running(self, incident: Incident, agent: str, action: str, attempt: int, parameters: Json) -> Running:
        return Running(
            origin=incident.opened_at,
            workflow_id=self._workflow_id,
            incident_id=self._incident_id,
            agent=agent,
            action=action,
            attempt=attempt,
            parameters=parameters,
        )

    def _keep_run(
        self, analysis: Analysis, proposal: ActionProposal, started_at: datetime, seconds: float, ending: Ending
    ) -> None:
        incident = self._parts.incidents.get(self._incident_id)
        running = self._running(incident, "action", proposal.type, analysis.attempt, proposal.parameters)
        case = Ending(ending.outcome, ending.error_type, _case(analysis))
        self._parts.executions.add(row(running, started_at, seconds, case))

    def _keep_answer(self, approval: Approval, attempt: int, case_id: str) -> None:
        asked, incident = approval.action, self._incident()
        running = self._running(incident, "approval", asked.type, attempt, asked.parameters)
        waited = ((approval.decided_at or self._clock.now()) - approval.requested_at).total_seconds()
        ending = Ending(ANSWERS[approval.status], case_id=case_id)
        self._parts.executions.add(row(running, approval.requested_at, waited, ending))
        words = f"{approval.status.replace('_', ' ')} by {approval.decided_by}. {approval.note}".strip()
        self._note("approval", words.capitalize(), f"approval:{approval.approval_id}", {"plan": approval.plan})

    def _note(self, kind: str, text: str, key: str, data: Json | None = None) -> None:
        entry = TimelineEntry(at=self._clock.now(), kind=kind, text=text, data=data or {})
        self._parts.incidents.note(self._incident_id, entry, f"{self._workflow_id}:{key}")

    def _publish(self, event: WorkflowEvent, text: str, incident: Incident) -> None:
        """Send a workflow event, once each in the life of a workflow.

        A hand-over of what metrics or a fabric showed is written down and not sent: people are told of its insights, at
        once or in the digest, with a guard against floods (`bdp.flow.alerting`).
        """
        self._note("event", f"{event}: {text}", f"event:{event}", {"event": event})
        if event is WorkflowEvent.ESCALATION_REQUIRED and incident.kind in _TOLD_AS_INSIGHTS:
            return
        self._tell(f"{self._workflow_id}:{event}", f"{event}: {incident.title}", text, incident, event)

    def _tell(self, key: str, title: str, body: str, incident: Incident, event: str = "") -> None:
        message = Message(
            key=key,
            title=title,
            body=body,
            severity=incident.severity,
            event=event,
            incident_id=self._incident_id,
            workflow_id=self._workflow_id,
        )
        tools = self._parts.tools
        for name, why in deliver(tools.channels, message, tools.effects, tools.clock).failed.items():
            self._note("notification", f"{title} did not reach {name}: {why}", f"untold:{key}:{name}")


def _case(analysis: Analysis) -> str:
    return analysis.playbook or analysis.mechanism


def _question(approval: Approval, why: str) -> str:
    return "\n".join(
        (
            f"Does: {approval.plan}",
            f"Undo: {approval.undo or 'nothing to take back'}",
            f"Why: {why}",
            f"Until: {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC, then it goes to a person.",
            f"Answer: bdp approve {approval.approval_id} (or: bdp reject {approval.approval_id})",
        )
    )
