"""The steps of an incident's work besides choosing and doing. A step may run again after a crash, so all it leaves is
keyed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from bdp.errors import NotFound
from bdp.flow.mend.choosing import Choosing
from bdp.flow.mend.doing import Doing
from bdp.flow.mend.invitation import questions
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.place import Closed, Place, case_of
from bdp.flow.mend.run import Json
from bdp.flow.mend.standing import Standing, keep, kept
from bdp.ids import derived
from bdp.learn.executions import Ending, recorded, row
from bdp.model.action import MessageForm, WorkflowEvent
from bdp.model.analysis import Analysis, Check
from bdp.model.decision import Approval, ApprovalStatus, Decision
from bdp.model.execution import Outcome
from bdp.model.incident import Incident, IncidentStatus

__all__ = ["Closed", "Steps"]

QUIET = timedelta(minutes=5)
"""The symptom counts as gone by itself when the last five minutes show none of it."""
MOST_EVIDENCE = 5

ANSWERS = {
    ApprovalStatus.APPROVED: Outcome.SUCCESS,
    ApprovalStatus.REJECTED: Outcome.REJECTED,
    ApprovalStatus.TIMED_OUT: Outcome.TIMED_OUT,
}


class Steps:
    """The steps of the workflows of one incident. `choosing` and `doing` hold the rest of them."""

    def __init__(self, parts: Parts, incident_id: str) -> None:
        self._parts = parts
        self._place = Place(parts, incident_id)
        self.choosing = Choosing(self._place)
        self.doing = Doing(self._place, self.choosing)

    def begin_anew(self) -> Json:
        """Return the standing of an incident whose workflow cannot go on: what had leave to act counts as tried."""
        permits = self._parts.permits.of(self._place.incident_id)
        analysis = self._parts.incidents.report(self._place.incident_id).analysis
        tried = [permit.key.rpartition(":")[2] for permit in permits]
        return Standing(attempt=analysis.attempt + 1 if analysis else 1, tried=tried).as_json()

    def analyse(self, attempt: int, tried: Collection[str], first: bool) -> Json:
        """Explain the incident and keep the analysis."""
        parts, keys = self._parts, sorted(tried)
        incident = self._place.move(IncidentStatus.ANALYSING, f"Analysis {attempt} began.", fresh=first)
        analysis = recorded(
            self._place.running(incident, "analyst", "explain", attempt, {"tried": keys}),
            parts.executions,
            parts.tools.clock,
            lambda: parts.explain(incident, attempt, keys),
            lambda found: Ending(case_id=case_of(found)),
        )
        parts.incidents.save_analysis(analysis)
        text = f"{analysis.verdict}: {analysis.summary}"
        data = {"attempt": attempt, "confidence": analysis.confidence.score}
        self._place.note("analysis", text, f"analysis:{attempt}", data)
        return analysis.model_dump(mode="json")

    def ask(self, analysis: Analysis, decision: Decision, standing: Json) -> Json:
        """Put the question to people; asked again, it keeps its first deadline."""
        parts, place, now = self._parts, self._place, self._place.now()
        incident = place.incident()
        question = _question(analysis, decision, incident, place.root, now, parts.settings.approval_seconds)
        if not self._is_asked(question.approval_id):  # else it may have its answer, and the work may go on elsewhere
            keep(parts.tools.effects, question.approval_id, standing, decision, analysis, now)
            # The status first: whoever sees the question sees an incident that waits for its answer.
            place.move(IncidentStatus.AWAITING_APPROVAL, f"A person is asked: {question.action.description}")
            parts.approvals.ask(question)
        approval = parts.approvals.get(question.approval_id)
        channels = [channel.name for channel in parts.tools.channels]
        for message in questions(approval, incident, parts.invitations(approval), channels):
            parts.post(MessageForm.QUESTION, message)
        return {"approval_id": approval.approval_id}

    def _is_asked(self, approval_id: str) -> bool:
        try:
            self._parts.approvals.get(approval_id)
        except NotFound:
            return False
        return True

    def settle(self, approval_id: str) -> Json:
        """Read the answer, note it, and return it with what was kept beside the question.

        Returns:
            `status`, and `kept` as `bdp.flow.mend.standing` gives it; None for a question of an earlier version.
        """
        approval = self._parts.approvals.get(approval_id)
        found = kept(self._parts.tools.effects, approval_id)
        self._keep_answer(approval, found)
        return {"status": approval.status, "by": approval.decided_by, "kept": found}

    def ended_by_itself(self) -> Json:
        """Ask whether the anomaly is over although nothing was mended."""
        return {"gone": self._parts.symptom_gone(self._place.incident(), self._place.now() - QUIET)}

    def resolve(self, text: str, text_ko: str, event: WorkflowEvent | None) -> Json:
        """End well."""
        incident = self._place.incident()
        if event:
            # Told first: run again after the move, this step could not tell its own end from that by a person.
            self._place.publish(event, text, text_ko, incident)
        if incident.status is IncidentStatus.ACTING:
            self._place.move(IncidentStatus.VERIFYING, "The store was asked whether the symptom is gone.")
        self._place.move(IncidentStatus.RESOLVED, text)
        return {}

    def escalate(self, text: str, text_ko: str, events: Collection[WorkflowEvent]) -> Json:
        """Hand over to a person, with what is known."""
        incident = self._place.move(IncidentStatus.ESCALATED, text)
        for event in (*events, WorkflowEvent.ESCALATION_REQUIRED):
            self._place.publish(event, text, text_ko, incident)
        return {}

    def _keep_answer(self, approval: Approval, found: Json | None) -> None:
        asked, incident = approval.action, self._place.at_work()
        attempt = found["attempt"] if found else 1
        running = self._place.running(incident, "approval", asked.type, attempt, asked.parameters)
        waited = ((approval.decided_at or self._place.now()) - approval.requested_at).total_seconds()
        case = case_of(Analysis.model_validate(found["analysis"])) if found else ""
        ending = Ending(ANSWERS[approval.status], case_id=case)
        self._parts.executions.add(row(running, approval.requested_at, waited, ending))
        words = f"{approval.status.replace('_', ' ')} by {approval.decided_by}. {approval.note}".strip()
        key = f"approval:{approval.approval_id}"
        self._place.note("approval", words.capitalize(), key, {"plan": approval.plan})


def _question(
    analysis: Analysis, decision: Decision, incident: Incident, workflow_id: str, now: datetime, seconds: float
) -> Approval:
    action, plan, inspection = decision.action, decision.plan, decision.inspection
    assert action is not None  # noqa: S101 - the gate asks about an action only
    assert plan is not None  # noqa: S101
    assert inspection is not None  # noqa: S101
    return Approval(
        approval_id=derived(incident.opened_at, workflow_id, str(analysis.attempt), action.key, "approval"),
        incident_id=incident.incident_id,
        workflow_id=workflow_id,
        action=action,
        plan=plan.effect,
        plan_ko=plan.effect_ko,
        undo=plan.undo,
        undo_ko=plan.undo_ko,
        why=decision.explanation,
        why_ko=decision.explanation_ko,
        evidence=_evidence(analysis, korean=False),
        evidence_ko=_evidence(analysis, korean=True),
        planned=plan,
        needed=inspection.needed,
        role=inspection.role,
        requested_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )


def _evidence(analysis: Analysis, *, korean: bool) -> tuple[str, ...]:
    """Return the claims that code has found true, a line each, those of the cause first."""
    claims = [claim for claim in (analysis.cause, *analysis.claims) if claim and claim.check is Check.SUPPORTED]
    lines = (f"{claim.worded('text', 'ko' if korean else 'en')} [{', '.join(claim.evidence)}]" for claim in claims)
    return tuple(dict.fromkeys(lines))[:MOST_EVIDENCE]
