"""The work on one incident: analyse, decide, act, look whether it helped, take back what did not.

    where it is          what happened                                    goes to             tells
    -------------------  -----------------------------------------------  ------------------  -------------------------
    open                 a workflow begins                                analysing
    analysing            inconclusive, badly grounded or unsure           escalated           ESCALATION_REQUIRED
    analysing            a remedy is chosen, the symptom is gone          resolved (4)
    analysing            the gate says act                                acting
    analysing            the gate says ask                                awaiting_approval   the question (5)
    analysing            no action is left, the symptom is gone           resolved
    analysing            no action is left, the symptom persists          escalated           ESCALATION_REQUIRED (1)
    awaiting_approval    approved, the symptom persists                   acting (6)
    awaiting_approval    approved, the symptom is gone                    resolved (4)
    awaiting_approval    rejected                                         analysing (2)
    awaiting_approval    not answered in time                             escalated           APPROVAL_TIMEOUT,
                                                                                              ESCALATION_REQUIRED
    acting               told, looked or only planned (dry run)           the next action (3)
    acting               the action failed                                analysing (2)
    acting               the action took effect                           verifying
    verifying            the symptom is gone                              resolved            REMEDIATION_SUCCESS
    verifying            the symptom persists, the act is taken back      analysing (2)
    any                  an unexpected error                              escalated           WORKFLOW_ERROR,
                                                                                              ESCALATION_REQUIRED
    any                  a person resolved it or took it over             the workflow ends silently

    (1) after REMEDIATION_ERROR, when an action that was to mend it did not.
    (2) the next analysis, which knows what was tried; at most `max_replans`, then as "no action is left".
    (3) telling and looking mend nothing, so the remaining actions of the same analysis come next, in their order.
    (4) nothing is done: a remedy for what is over can only harm, and no success may be claimed for it. Only an answer
        makes a waiting question look again; a question that nobody answers times out, also when the symptom is gone.
    (5) the workflow ends with its question, so that what waits for people costs nothing; the answer or the deadline
        starts the next one, which finds all that it needs beside the question.
    (6) each act needs leave at its very moment: preconditions, policy, limits and the kill switch are asked again. What
        has no leave any more is not done, and the next action comes.

An action that would be a dry run is not asked for: nobody need approve what will not happen. Each event is told once in
the life of an incident's work, each action is tried once, each run is one row of the execution log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from bdp.decide.words import Words
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.run import Json, Run, is_anew, question_of
from bdp.flow.mend.standing import Standing
from bdp.flow.mend.steps import Closed, Steps
from bdp.flow.settings import WorkflowSettings
from bdp.model.action import ActionStatus, WorkflowEvent
from bdp.model.analysis import Analysis
from bdp.model.decision import ApprovalStatus, Course, Decision, Reason

DOUBTS = frozenset({Reason.INCONCLUSIVE, Reason.GROUNDING_LOW, Reason.CONFIDENCE_LOW})
VERSION = 1
"""Of the order of steps below. Whoever changes it raises the number and lets `Run.version` choose the old order."""

NEXT, AGAIN = "next", ""
"""What may follow an action besides an end: the next action, or the next analysis."""

log = structlog.get_logger(__name__)


class IncidentWorkflow:
    """The workflow's body."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def body(self, run: Run, incident_id: str) -> str:
        """Work on one incident until it ends or a person is asked; return which.

        Raises:
            nothing that belongs to the incident: an error hands it over.
        """
        work = _Work(run, Steps(self._parts, incident_id), self._parts.settings)
        try:
            return await work.begin()
        except Closed:
            return "closed"
        except Exception as error:
            log.exception("workflow failed", workflow_id=run.workflow_id)
            return await work.give_up(error)

    def hand_over(self, incident_id: str, why: str) -> None:
        """Escalate an incident whose workflow is no more; done again, it changes nothing."""
        try:
            events = (WorkflowEvent.WORKFLOW_ERROR,)
            Steps(self._parts, incident_id).escalate(why, f"워크플로가 중단되었습니다. {why}", events)
        except Closed:
            log.info("nothing to hand over", incident_id=incident_id)


class _Work:
    """One pass over the workflow. Fields are rebuilt from the kept results when it is replayed."""

    def __init__(self, run: Run, steps: Steps, settings: WorkflowSettings) -> None:
        self.run = run
        self.steps = steps
        self.settings = settings
        self.standing = Standing()

    async def begin(self) -> str:
        question = question_of(self.run.workflow_id)
        if question:
            return await self._go_on(question)
        if is_anew(self.run.workflow_id):
            self.standing = Standing.of(await self._step("begin-anew", self.steps.begin_anew))
        return await self._to_the_end(self.standing.attempt, first=True)

    async def give_up(self, error: Exception) -> str:
        told = f"{type(error).__name__}: {error}"
        text, text_ko = f"The workflow failed ({told}).", f"워크플로가 실패했습니다({told})."
        patience = self.settings.hand_over_patience_seconds
        events = (WorkflowEvent.WORKFLOW_ERROR,)
        try:
            await self._step("hand-over", lambda: self.steps.escalate(text, text_ko, events), patience)
        except Closed:
            return "closed"
        return "failed"

    async def _to_the_end(self, attempt: int, first: bool = False) -> str:
        for number in range(attempt, self.settings.max_replans + 2):
            self.standing.attempt = number
            analyse = partial(self.steps.analyse, number, tuple(self.standing.tried), first)
            analysis = Analysis.model_validate(await self._step(f"analyse-{number}", analyse))
            first = False
            ended = await self._work_through(analysis)
            if ended:
                return ended
        why = Words(
            f"{self.settings.max_replans} further analyses did not help.",
            f"추가 분석 {self.settings.max_replans}회로도 해결되지 않았습니다.",
        )
        return await self._end_without_remedy(why)

    async def _work_through(self, analysis: Analysis) -> str:
        """Take the analysis' actions in turn; return how the workflow ended, else AGAIN."""
        while True:
            tried = tuple(self.standing.tried)
            chosen = await self._step(f"decide-{len(tried)}", partial(self.steps.choosing.decide, analysis, tried))
            for key, en, ko in chosen["unplannable"]:
                self.standing.tried.append(key)
                self.standing.failed.append(Words(en, ko))
            decision = Decision.model_validate(chosen["decision"])
            if decision.action is None:
                return await self._hand_over_or_end(decision, analysis)
            self.standing.tried.append(decision.action.key)
            verdict = await self._take(analysis, decision, informational=chosen["informational"])
            if verdict != NEXT:
                return verdict

    async def _take(self, analysis: Analysis, decision: Decision, *, informational: bool) -> str:
        """Return how the workflow ended, else NEXT or AGAIN."""
        dry = decision.plan is not None and decision.plan.dry_run
        if not (informational or dry) and (ended := await self._end_if_gone()):
            return ended
        if decision.course is Course.ASK and not dry:
            standing = self.standing.as_json() | {"informational": informational}
            await self._step("ask", partial(self.steps.ask, analysis, decision, standing))
            return "asked"
        return await self._do(analysis, decision, informational=informational, approved=False)

    async def _go_on(self, question: str) -> str:
        """Do what the answer to a question says."""
        settled = await self._step("settle", partial(self.steps.settle, question))
        status, kept = ApprovalStatus(settled["status"]), settled["kept"]
        if kept is None:
            why = Words("The question was asked by an earlier version of BDP.", "이전 버전의 BDP가 요청한 승인입니다.")
            return await self._escalate(why)
        informational = kept["standing"].pop("informational")
        self.standing = Standing.of(kept["standing"])
        analysis, decision = Analysis.model_validate(kept["analysis"]), Decision.model_validate(kept["decision"])
        if status is ApprovalStatus.TIMED_OUT:
            late = Words("Nobody answered in time.", "제시간에 응답이 없었습니다.")
            return await self._escalate(late, WorkflowEvent.APPROVAL_TIMEOUT)
        if status is ApprovalStatus.APPROVED:
            verdict = "" if informational else await self._end_if_gone()
            verdict = verdict or await self._do(analysis, decision, informational=informational, approved=True)
            ended = await self._work_through(analysis) if verdict == NEXT else verdict
            if ended:
                return ended
        return await self._to_the_end(self.standing.attempt + 1)

    async def _do(self, analysis: Analysis, decision: Decision, *, informational: bool, approved: bool) -> str:
        """Act and look; return how the workflow ended, else NEXT or AGAIN."""
        action, plan = decision.action, decision.plan
        assert action is not None  # noqa: S101 - the caller has chosen one
        assert plan is not None  # noqa: S101
        acted = await self._step("act", partial(self.steps.doing.act, analysis, decision, approved))
        name, name_ko = action.description, action.worded("description", "ko")
        if acted["refused"]:
            self.standing.refused.append(Words(f"{name} {acted['refused']}", f"{name_ko} {acted['refused_ko']}"))
            return NEXT
        status = acted["result"]["status"]
        if status == ActionStatus.PLANNED_ONLY:
            self.standing.planned_only.append(Words(plan.effect, plan.worded("effect", "ko")))
        if status == ActionStatus.FAILED and not informational:
            detail = acted["result"]["detail"]
            self.standing.failed.append(Words(f"{name} ({detail})", f"{name_ko} ({detail})"))
            return AGAIN
        if informational or status == ActionStatus.PLANNED_ONLY:
            return NEXT
        return await self._verify(analysis, decision, acted)

    async def _verify(self, analysis: Analysis, decision: Decision, acted: Json) -> str:
        action, plan, pause = decision.action, decision.plan, self.settings.verify_after_seconds
        assert action is not None  # noqa: S101
        assert plan is not None  # noqa: S101
        doing, name, name_ko = self.steps.doing, action.description, action.worded("description", "ko")
        await self._step("verifying", partial(doing.verifying, pause))
        await self.run.sleep(pause)
        found = await self._step("verify", partial(doing.verify, analysis, decision, acted))
        if found["silent"]:
            why = Words(
                f"{name} Nothing has been heard of the service since, so whether it helped cannot be told.",
                f"{name_ko} 이후 서비스의 이벤트가 없어 효과를 확인할 수 없습니다.",
            )
            return await self._escalate(why)
        if found["gone"]:
            text, text_ko = f"{name} The symptom is gone.", f"{name_ko} 증상이 사라졌습니다."
            event = WorkflowEvent.REMEDIATION_SUCCESS
            await self._step("resolve", lambda: self.steps.resolve(text, text_ko, event))
            return "resolved"
        back = ""
        if self.settings.undo_useless and plan.undo and plan.reversible:
            undone = await self._step("undo", partial(doing.undo, analysis, decision, acted))
            back = f" {undone['detail']}"
        self.standing.failed.append(Words(f"{name} (the symptom persists){back}", f"{name_ko} (증상이 계속됨){back}"))
        return AGAIN

    async def _end_if_gone(self) -> str:
        found = await self._step("still-there", self.steps.ended_by_itself)
        if not found["gone"]:
            return ""
        more, more_ko = ("more ", "추가로 ") if self.standing.failed else ("", "")
        text = f"The symptom was gone before anything {more}was done."
        text_ko = f"{more_ko}조치하기 전에 증상이 사라졌습니다."
        await self._step("resolve", lambda: self.steps.resolve(text, text_ko, None))
        return "resolved"

    async def _hand_over_or_end(self, decision: Decision, analysis: Analysis) -> str:
        why = Words(
            f"{decision.explanation} {analysis.summary}",
            f"{decision.worded('explanation', 'ko')} {analysis.worded('summary', 'ko')}",
        )
        return await (self._escalate(why) if DOUBTS & set(decision.reasons) else self._end_without_remedy(why))

    async def _end_without_remedy(self, why: Words) -> str:
        found = await self._step("ended-by-itself", self.steps.ended_by_itself)
        if not found["gone"]:
            return await self._escalate(why)
        text = "The symptom is gone; nothing that BDP did mended it."
        text_ko = "증상이 사라졌습니다. BDP의 조치로 해결된 것은 아닙니다."
        await self._step("resolve", lambda: self.steps.resolve(text, text_ko, None))
        return "resolved"

    async def _escalate(self, why: Words, *events: WorkflowEvent) -> str:
        told = [why, *self.standing.told()]
        text, text_ko = "\n".join(one.en.strip() for one in told), "\n".join(one.ko.strip() for one in told)
        failure = (WorkflowEvent.REMEDIATION_ERROR,) if self.standing.failed else ()
        await self._step("escalate", lambda: self.steps.escalate(text, text_ko, (*failure, *events)))
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
