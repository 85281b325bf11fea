"""The gate, asked of each proposed action in turn: planned, inspected, its preconditions looked at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from bdp.decide.circumstances import Circumstances
from bdp.decide.gate import doubts, none_left, weigh
from bdp.decide.inspect import inspect
from bdp.decide.policy import Policy
from bdp.decide.words import Words
from bdp.errors import BdpError, StoreUnavailable
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.place import Place, case_of
from bdp.flow.mend.preconditions import Preconditions
from bdp.flow.mend.run import Json
from bdp.learn.executions import Ending, row
from bdp.model.analysis import ActionProposal, Analysis
from bdp.model.decision import Decision, Inspection, Reason
from bdp.model.execution import Outcome
from bdp.model.incident import Incident
from bdp.model.plan import ActionPlan


@dataclass
class _Passed:
    """What may not be done, and why."""

    reasons: list[Reason] = field(default_factory=list)
    told: list[Json] = field(default_factory=list)
    unplannable: list[tuple[ActionProposal, Words]] = field(default_factory=list)


class Choosing:
    """Finds what is to be done next."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._parts = place.parts
        self._preconditions = Preconditions(self._parts.tools.store, self._parts.symptom_gone)

    def decide(self, analysis: Analysis, tried: Collection[str]) -> Json:
        """Ask the gate; keep what it said in the timeline.

        Returns:
            `decision`, whether its action is `informational`, and what was `unplannable`: keys and words.
        """
        incident, passed = self._place.incident(), _Passed()
        decision = doubts(analysis, self._parts.gate) or self._first(analysis, incident, tried, passed)
        key = f"decision:{analysis.attempt}:{decision.action.key if decision.action else ''}:{len(tried)}"
        data: Json = {"course": decision.course, "reasons": list(decision.reasons), "confidence": decision.confidence}
        self._place.note("decision", decision.explanation, key, data | {"passed": passed.told})
        chosen = decision.action
        informational = chosen is not None and self._place.action(chosen, incident, analysis).informational
        return {
            "decision": decision.model_dump(mode="json"),
            "informational": informational,
            "unplannable": [[action.key, words.en, words.ko] for action, words in passed.unplannable],
        }

    def _first(self, analysis: Analysis, incident: Incident, tried: Collection[str], passed: _Passed) -> Decision:
        for action in sorted(analysis.actions, key=lambda action: action.priority):
            if action.key in tried:
                passed.reasons.append(Reason.TRIED_BEFORE)
                continue
            decision = self._weighed(analysis, incident, action, passed)
            if decision is not None and decision.action is not None:
                return decision
            if decision is not None:
                passed.reasons += [reason for reason in decision.reasons if reason not in passed.reasons]
                passed.told.append({"action": action.description, "why": decision.explanation})
        return none_left(analysis, passed.reasons)

    def _weighed(
        self, analysis: Analysis, incident: Incident, action: ActionProposal, passed: _Passed
    ) -> Decision | None:
        try:
            key = f"{self._place.root}:{analysis.attempt}:{action.key}"
            plan = self._place.action(action, incident, analysis).plan(action, key)
        except StoreUnavailable:
            raise
        except BdpError as error:
            passed.reasons.append(Reason.UNPLANNABLE)
            passed.unplannable.append((action, self._unplannable(analysis, action, incident, error)))
            return None
        unmet = self._preconditions.unmet(action.requires, incident, self._place.now())
        inspection = self.inspected(plan, incident)
        return weigh(analysis, action, plan, inspection, unmet, self._parts.gate, tuple(passed.reasons))

    def _unplannable(self, analysis: Analysis, action: ActionProposal, incident: Incident, error: BdpError) -> Words:
        """Write down that an action could not even be planned."""
        running = self._place.running(incident, "action", action.type, analysis.attempt, action.parameters)
        ending = Ending(Outcome.FAILURE, type(error).__name__, case_of(analysis))
        self._parts.executions.add(row(running, self._place.now(), 0.0, ending))
        text = f"{action.type} could not be planned: {error}"
        self._place.note("action", text, f"action:{analysis.attempt}:{action.key}")
        return Words(f"{action.description} ({error})", f"{action.worded('description', 'ko')} ({error})")

    def inspected(self, plan: ActionPlan, incident: Incident) -> Inspection:
        """Return what the policy says of a plan now."""
        policy = self._parts.policy()
        return inspect(policy, plan, incident, circumstances(self._parts, policy, self._place.now()))

    def unmet(self, action: ActionProposal, incident: Incident) -> list[Words]:
        """Return which preconditions of an action are not true now."""
        return self._preconditions.unmet(action.requires, incident, self._place.now())


def circumstances(parts: Parts, policy: Policy, now: datetime) -> Circumstances:
    """Return what the policy must know besides the plan."""
    recent = parts.permits.since(now - policy.longest_window)
    return Circumstances(now=now, pause=parts.pause(), recent=tuple(recent))
