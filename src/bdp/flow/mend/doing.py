"""What touches the world: leave to act, the act, the look whether it helped, and taking back what did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bdp.decide.circumstances import Circumstances
from bdp.decide.gate import still
from bdp.decide.inspect import inspect
from bdp.decide.words import Words
from bdp.errors import BdpError, StoreUnavailable
from bdp.flow.mend.choosing import Choosing
from bdp.flow.mend.place import Place
from bdp.flow.mend.run import Json
from bdp.learn.executions import Ending
from bdp.model.action import ActionResult, ActionStatus, Pause, Permit
from bdp.model.analysis import ActionProposal, Analysis
from bdp.model.decision import AuditEntry, Decision, Inspection
from bdp.model.execution import Outcome
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.plan import ActionPlan
from bdp.notify.effect import once

OUTCOMES = {
    ActionStatus.APPLIED: Outcome.SUCCESS,
    ActionStatus.PLANNED_ONLY: Outcome.DRY_RUN,
    ActionStatus.FAILED: Outcome.FAILURE,
    ActionStatus.UNDONE: Outcome.SUCCESS,
}


class Doing:
    """The steps around one act. Each may run again after a crash."""

    def __init__(self, place: Place, choosing: Choosing) -> None:
        self._place = place
        self._parts = place.parts
        self._choosing = choosing

    def act(self, analysis: Analysis, decision: Decision, approved: bool) -> Json:
        """Get leave and do it. The effect happens once by the plan's key, whatever crashes.

        Returns:
            `refused`: why there is no leave any more, empty where there is; else `result`, `started_at`, `seconds`.
        """
        plan, action = _of(decision)
        incident = self._place.at_work()
        refused = None if plan.dry_run else self._refusal(analysis, decision, incident, approved)
        if refused:
            text = f"{action.type} was not done: {refused.en}"
            self._place.note("action", text, f"action:{analysis.attempt}:{action.key}")
            self._keep(analysis, decision, self._place.now(), 0.0, Ending(Outcome.REJECTED, "NoLeave"))
            return {"refused": refused.en, "refused_ko": refused.ko}
        incident = self._place.move(IncidentStatus.ACTING, f"{'Dry run' if plan.dry_run else 'Action'}: {plan.effect}")
        clock = self._parts.tools.clock
        started_at, began = clock.now(), clock.monotonic()
        doer = self._place.action(action, incident, analysis)
        result = _result_of(lambda: doer.apply(plan))
        seconds = clock.monotonic() - began
        if doer.informational or result.status is not ActionStatus.APPLIED:
            self._keep(analysis, decision, started_at, seconds, Ending(OUTCOMES[result.status], result.error_type))
        self._place.note("action", result.detail, f"action:{analysis.attempt}:{action.key}", result.data)
        if not plan.dry_run:
            self._write_down(f"action.{result.status}", plan, result)
        return {
            "refused": "",
            "result": result.model_dump(mode="json"),
            "started_at": started_at.isoformat(),
            "seconds": seconds,
        }

    def _refusal(self, analysis: Analysis, decision: Decision, incident: Incident, approved: bool) -> Words | None:
        """Return why it may not run now, after all; None with a permit, which a repeat of the step finds again."""
        plan, action = _of(decision)
        if self._parts.permits.get(plan.idempotency_key):
            return None
        unmet = self._choosing.unmet(action, incident)
        if unmet:
            return Words(f"{unmet[0].en}.", f"{unmet[0].ko}.")
        then, policy, now = decision.inspection, self._parts.policy(), self._place.now()
        assert then is not None  # noqa: S101 - each decision with a plan has one
        said: list[Inspection] = []

        def admits(recent: Sequence[Permit], pause: Pause | None) -> bool:
            said.append(inspect(policy, plan, incident, Circumstances(now=now, pause=pause, recent=tuple(recent))))
            return still(then, said[-1], approved) is None

        if self._parts.permits.grant(self._permit(plan, then, incident, now), now - policy.longest_window, admits):
            return None
        return Words(said[-1].explanation, said[-1].worded("explanation", "ko"))

    def _permit(self, plan: ActionPlan, inspection: Inspection, incident: Incident, now: datetime) -> Permit:
        return Permit(
            key=plan.idempotency_key,
            type=plan.type,
            resource=plan.resource,
            service=incident.subject.service,
            environment=inspection.environment,
            rule=inspection.rule,
            incident_id=incident.incident_id,
            at=now,
        )

    def verifying(self, seconds: float) -> Json:
        """Say that the effect is waited for."""
        self._place.move(IncidentStatus.VERIFYING, f"In {seconds:g} seconds the store is asked whether it helped.")
        return {}

    def verify(self, analysis: Analysis, decision: Decision, acted: Json) -> Json:
        """Ask whether the effect took place and the symptom is gone, and keep the run with that outcome.

        Returns:
            `gone`, and `silent` where that is only because the service, usually heard of, has said nothing since.
        """
        plan, action = _of(decision)
        incident, started_at = self._place.incident(), datetime.fromisoformat(acted["started_at"])
        result = ActionResult.model_validate(acted["result"])
        took_place = self._took_place(analysis, decision, incident, result)
        # What failed while it was still being done does not speak against it.
        since = started_at + timedelta(seconds=acted["seconds"])
        gone = took_place and self._parts.symptom_gone(incident, since)
        silent = gone and not self._parts.heard(incident, since)
        ending, text = Ending(), "The symptom is gone."
        if silent:
            ending, text = (
                Ending(Outcome.FAILURE, "NothingHeard"),
                "Nothing was heard since: whether it helped is open.",
            )
        elif took_place and not gone:
            ending, text = Ending(Outcome.FAILURE, "SymptomPersists"), "The symptom persists."
        elif not took_place:
            ending, text = Ending(Outcome.FAILURE, "NoEffect"), f"The effect did not take place: {plan.effect}"
        self._keep(analysis, decision, started_at, acted["seconds"], ending)
        data = {"gone": gone, "silent": silent}
        self._place.note("verification", text, f"verification:{analysis.attempt}:{action.key}", data)
        return data

    def _took_place(self, analysis: Analysis, decision: Decision, incident: Incident, result: ActionResult) -> bool:
        plan, action = _of(decision)
        try:
            return self._place.action(action, incident, analysis).verify(plan, result)
        except StoreUnavailable:
            raise
        except BdpError:
            return False

    def undo(self, analysis: Analysis, decision: Decision, acted: Json) -> Json:
        """Take back what did not help, once; not while actions are paused, for undoing changes a system too.

        Returns:
            `undone` and `detail`.
        """
        plan, action = _of(decision)
        incident, key = self._place.incident(), f"undo:{analysis.attempt}:{action.key}"
        if (pause := self._parts.pause()) and pause.holds(self._place.now()):
            detail = f"It was not taken back: {pause.by} has paused all actions. By hand: {plan.undo}"
            self._place.note("undo", detail, key)
            return {"undone": False, "detail": detail}
        clock = self._parts.tools.clock
        started_at, began = clock.now(), clock.monotonic()
        result = ActionResult.model_validate(acted["result"])
        doer = self._place.action(action, incident, analysis)
        undone = _result_of(lambda: doer.undo(plan, result))
        done = undone.status is ActionStatus.UNDONE
        ending = Ending(Outcome.SUCCESS if done else Outcome.FAILURE, undone.error_type)
        self._place.keep_run("undo", analysis, action, started_at, clock.monotonic() - began, ending)
        self._write_down(f"undo.{undone.status}", plan, undone)
        detail = f"Taken back: {undone.detail}" if done else f"It could not be taken back: {undone.detail}"
        self._place.note("undo", detail, key, undone.data)
        return {"undone": done, "detail": detail}

    def _write_down(self, what: str, plan: ActionPlan, result: ActionResult) -> None:
        """Add what came of it to the audit log; a crash in between may write it twice, never not at all."""
        tools, at = self._parts.tools, self._place.now()
        detail = {"key": plan.idempotency_key, "effect": plan.effect, "result": result.detail}
        entry = AuditEntry(at=at, actor="bdp", action=what, object=self._place.incident_id, detail=detail)

        def add() -> Json:
            self._parts.audit.add(entry)
            return {"written": True}

        once(tools.effects, f"audit:{what}:{plan.idempotency_key}", tools.clock, add)

    def _keep(
        self, analysis: Analysis, decision: Decision, started_at: datetime, seconds: float, ending: Ending
    ) -> None:
        _, action = _of(decision)
        self._place.keep_run("action", analysis, action, started_at, seconds, ending)


def _of(decision: Decision) -> tuple[ActionPlan, ActionProposal]:
    plan, action = decision.plan, decision.action
    assert plan is not None  # noqa: S101 - the body asks only where there is one
    assert action is not None  # noqa: S101
    return plan, action


def _result_of(do: Callable[[], ActionResult]) -> ActionResult:
    try:
        return do()
    except StoreUnavailable:
        raise
    except BdpError as error:
        return ActionResult(status=ActionStatus.FAILED, detail=str(error), error_type=type(error).__name__)
