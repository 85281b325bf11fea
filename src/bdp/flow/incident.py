"""The durable workflow of one incident: analyse, decide, act, look whether it helped.

    where it is          what happened                                    goes to             tells
    -------------------  -----------------------------------------------  ------------------  -------------------------
    open                 the workflow begins                              analysing
    analysing            inconclusive, badly grounded or unsure           escalated           ESCALATION_REQUIRED
    analysing            a remedy is chosen, the symptom is gone          resolved (4)
    analysing            the gate says act                                acting
    analysing            the gate says ask                                awaiting_approval   the question
    analysing            no action is left, the symptom is gone           resolved
    analysing            no action is left, the symptom persists          escalated           ESCALATION_REQUIRED (1)
    awaiting_approval    approved, the symptom persists                   acting
    awaiting_approval    approved, the symptom is gone                    resolved (4)
    awaiting_approval    rejected                                         analysing (2)
    awaiting_approval    nobody answered in time                          escalated           APPROVAL_TIMEOUT,
                                                                                              ESCALATION_REQUIRED
    acting               told, looked or only planned (dry run)           the next action (3)
    acting               the action failed                                analysing (2)
    acting               the action took effect                           verifying
    verifying            the symptom is gone                              resolved            REMEDIATION_SUCCESS
    verifying            the symptom persists                             analysing (2)
    any                  an unexpected error                              escalated           WORKFLOW_ERROR,
                                                                                              ESCALATION_REQUIRED
    any                  a person resolved it or took it over             the workflow ends silently

    (1) after REMEDIATION_ERROR, when an action that was to mend it did not.
    (2) the next analysis, which knows what was tried; at most `max_replans`, then as "no action is left".
    (3) telling and looking mend nothing, so the remaining actions of the same analysis come next, in their order.
    (4) nothing is done: a remedy for what is over can only harm, and no success may be claimed for it. Only an answer
        makes a waiting question look again; a question that nobody answers times out, also when the symptom is gone.

An action that would be a dry run is not asked for: nobody need approve what will not happen. Each event is told once in
the life of a workflow, each action is tried once, each run is one row of the execution log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from bdp.flow.approval import wake
from bdp.flow.parts import Parts
from bdp.flow.run import Json, Run, Signals
from bdp.flow.settings import WorkflowSettings
from bdp.flow.steps import Closed, Steps
from bdp.model.action import ActionStatus, WorkflowEvent
from bdp.model.analysis import Analysis
from bdp.model.decision import ApprovalStatus, Course, Decision, Reason
from bdp.model.plan import ActionPlan

__all__ = ["IncidentWorkflow", "WorkflowSettings", "workflow_id_of"]

DOUBTS = frozenset({Reason.INCONCLUSIVE, Reason.GROUNDING_LOW, Reason.CONFIDENCE_LOW})
SHOWN_DRY_RUNS = 5

NEXT, AGAIN = "next", ""
"""What may follow an action besides an end: the next action, or the next analysis."""

log = structlog.get_logger(__name__)


def workflow_id_of(incident_id: str) -> str:
    """Return the id of the workflow that an incident starts with."""
    return f"incident-{incident_id}"


class IncidentWorkflow:
    """The workflow's body, and who waits in it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # By execution, not by workflow: for a moment two executions of one workflow may wait.
        self._asked: dict[int, str] = {}

    async def body(self, run: Run, incident_id: str) -> str:
        """Work on one incident to its end; return how it ended.

        Raises:
            nothing that belongs to the incident: an error hands it over.
        """
        work = _Work(run, Steps(self._parts, run.workflow_id, incident_id), self._parts.settings, self._asked)
        try:
            return await work.to_the_end()
        except Closed:
            return "closed"
        except Exception as error:
            log.exception("workflow failed", workflow_id=run.workflow_id)
            return await work.give_up(error)
        finally:
            self._asked.pop(id(work), None)

    def wake_answered(self, signals: Signals) -> list[str]:
        """Wake the workflows whose question has its answer, in case a wake-up was lost; return their ids."""
        woken = []
        for approval_id in set(self._asked.values()):
            approval = self._parts.approvals.get(approval_id)
            if approval.status is not ApprovalStatus.WAITING:
                wake(signals, approval)
                woken.append(approval.workflow_id)
        return woken

    def hand_over(self, workflow_id: str, incident_id: str, why: str) -> None:
        """Escalate an incident whose workflow is no more; done again, it changes nothing."""
        try:
            Steps(self._parts, workflow_id, incident_id).escalate(why, (WorkflowEvent.WORKFLOW_ERROR,))
        except Closed:
            log.info("nothing to hand over", incident_id=incident_id)


@dataclass
class _Work:
    """One pass over the workflow. Fields are rebuilt from the kept results when it is replayed."""

    run: Run
    steps: Steps
    settings: WorkflowSettings
    asked: dict[int, str]
    tried: list[str] = field(default_factory=list)
    planned_only: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def to_the_end(self) -> str:
        for attempt in range(1, self.settings.max_replans + 2):
            found = await self._step(f"analyse-{attempt}", partial(self.steps.analyse, attempt, self.tried))
            ended = await self._work_through(Analysis.model_validate(found))
            if ended:
                return ended
        return await self._end_without_remedy(f"{self.settings.max_replans} further analyses did not help.")

    async def give_up(self, error: Exception) -> str:
        text = f"The workflow failed ({type(error).__name__}: {error})."
        patience = self.settings.hand_over_patience_seconds
        try:
            await self._step("hand-over", lambda: self.steps.escalate(text, (WorkflowEvent.WORKFLOW_ERROR,)), patience)
        except Closed:
            return "closed"
        return "failed"

    async def _work_through(self, analysis: Analysis) -> str:
        """Take the analysis' actions in turn; return how the workflow ended, else AGAIN."""
        while True:
            chosen = await self._step(f"decide-{len(self.tried)}", lambda: self.steps.decide(analysis, self.tried))
            decision = Decision.model_validate(chosen["decision"])
            if decision.action is None:
                return await self._hand_over_or_end(decision, analysis)
            self.tried.append(decision.action.key)
            verdict = await self._take(analysis, decision, chosen)
            if verdict != NEXT:
                return verdict

    async def _take(self, analysis: Analysis, decision: Decision, chosen: Json) -> str:
        """Return how the workflow ended, else NEXT or AGAIN."""
        action = decision.action
        assert action is not None  # noqa: S101 - `_work_through` ends before
        if chosen["error"]:
            await self._step("unplannable", lambda: self.steps.unplannable(analysis, action, chosen["error"]))
            self.failed.append(f"{action.description} ({chosen['error']})")
            return NEXT
        plan = ActionPlan.model_validate(chosen["plan"])
        remedy = not (chosen["informational"] or plan.dry_run)
        if remedy and (ended := await self._end_if_gone()):
            return ended
        if decision.course is Course.ASK and not plan.dry_run:
            verdict = await self._approved(analysis, decision, plan, remedy)
            if verdict != NEXT:
                return verdict
        acted = await self._step("act", lambda: self.steps.act(analysis, action, plan))
        status = acted["result"]["status"]
        if status == ActionStatus.PLANNED_ONLY:
            self.planned_only.append(plan.effect)
        if status == ActionStatus.FAILED and not chosen["informational"]:
            self.failed.append(f"{action.description} ({acted['result']['detail']})")
            return AGAIN
        if chosen["informational"] or status == ActionStatus.PLANNED_ONLY:
            return NEXT
        return await self._verify(analysis, decision, plan, acted)

    async def _approved(self, analysis: Analysis, decision: Decision, plan: ActionPlan, remedy: bool) -> str:
        """Return NEXT when a person approved it and it is still wanted, else how the workflow ended or AGAIN."""
        status = await self._ask(analysis, decision, plan)
        if status is ApprovalStatus.TIMED_OUT:
            return await self._escalate("Nobody answered in time.", WorkflowEvent.APPROVAL_TIMEOUT)
        if status is ApprovalStatus.REJECTED:
            return AGAIN
        return (await self._end_if_gone() if remedy else "") or NEXT

    async def _end_if_gone(self) -> str:
        found = await self._step("still-there", self.steps.ended_by_itself)
        if not found["gone"]:
            return ""
        text = f"The symptom was gone before anything {'more ' if self.failed else ''}was done."
        await self._step("resolve", lambda: self.steps.resolve(text, None))
        return "resolved"

    async def _ask(self, analysis: Analysis, decision: Decision, plan: ActionPlan) -> ApprovalStatus:
        action, why = decision.action, decision.explanation
        assert action is not None  # noqa: S101
        case_id = analysis.playbook or analysis.mechanism
        question = await self._step("ask", lambda: self.steps.ask(analysis, action, plan, why))
        approval_id, until = question["approval_id"], datetime.fromisoformat(question["expires_at"])
        self.asked[id(self)] = approval_id
        while True:
            woken = await self.run.wake(approval_id, max(0.0, (until - self.steps.now()).total_seconds()))
            settle = partial(self.steps.settle, approval_id, analysis.attempt, case_id, over=not woken)
            settled = await self._step("settle", settle)
            if settled["status"] != ApprovalStatus.WAITING:
                self.asked.pop(id(self), None)
                return ApprovalStatus(settled["status"])

    async def _verify(self, analysis: Analysis, decision: Decision, plan: ActionPlan, acted: Json) -> str:
        action, pause = decision.action, self.settings.verify_after_seconds
        assert action is not None  # noqa: S101
        await self._step("verifying", lambda: self.steps.verifying(pause))
        await self.run.sleep(pause)
        found = await self._step("verify", lambda: self.steps.verify(analysis, action, plan, acted))
        if not found["gone"]:
            self.failed.append(f"{action.description} (the symptom persists)")
            return AGAIN
        text = f"{action.description} The symptom is gone."
        await self._step("resolve", lambda: self.steps.resolve(text, WorkflowEvent.REMEDIATION_SUCCESS))
        return "resolved"

    async def _hand_over_or_end(self, decision: Decision, analysis: Analysis) -> str:
        if DOUBTS & set(decision.reasons):
            return await self._escalate(f"{decision.explanation} {analysis.summary}")
        return await self._end_without_remedy(f"{decision.explanation} {analysis.summary}")

    async def _end_without_remedy(self, why: str) -> str:
        found = await self._step("ended-by-itself", self.steps.ended_by_itself)
        if not found["gone"]:
            return await self._escalate(why)
        text = "The symptom is gone; nothing that BDP did mended it."
        await self._step("resolve", lambda: self.steps.resolve(text, None))
        return "resolved"

    async def _escalate(self, why: str, *events: WorkflowEvent) -> str:
        parts = [why.strip()]
        parts += [f"Would have been done: {effect}" for effect in self.planned_only[:SHOWN_DRY_RUNS]]
        parts += [f"Did not help: {text}" for text in self.failed]
        failure = (WorkflowEvent.REMEDIATION_ERROR,) if self.failed else ()
        await self._step("escalate", lambda: self.steps.escalate("\n".join(parts), (*failure, *events)))
        return "escalated"

    async def _step(self, name: str, do: Callable[[], Json], patience: float | None = None) -> Json:
        found = await self.run.step(name, lambda: _closable(do), patience)
        if found.get("closed"):
            raise Closed
        return found


def _closable(do: Callable[[], Json]) -> Json:
    # A result, not an error: errors lose their class when they are kept.
    try:
        return do()
    except Closed:
        return {"closed": True}
