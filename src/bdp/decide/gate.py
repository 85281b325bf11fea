"""The gate: act, ask or hand over. A pure function of the analysis, the settings and the policy.

analysis INCONCLUSIVE, or grounding below its threshold      escalate
confidence below ask_at (0.5)                                escalate
no action left that is allowed and has not failed            escalate
confidence >= the rule's act_at, else >= act_at (0.85)       act,  if the policy allows
otherwise                                                    ask
"""

from __future__ import annotations

from collections.abc import Set

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.decide.policy import PolicySettings, Rule, RuleEffect
from bdp.model.analysis import ActionProposal, Analysis, Verdict
from bdp.model.decision import Course, Decision, Reason
from bdp.model.incident import Incident


class GateSettings(BaseModel):
    """Thresholds of the gate, each from 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    act_at: float = Field(
        default=0.85, ge=0, le=1, description="confidence from which an allowed action runs by itself"
    )
    ask_at: float = Field(default=0.5, ge=0, le=1, description="confidence from which a person is asked")
    grounding_at: float = Field(default=0.8, ge=0, le=1, description="share of checked claims that must be supported")

    @model_validator(mode="after")
    def _in_order(self) -> GateSettings:
        if self.ask_at > self.act_at:
            raise ValueError("ask_at may not be above act_at")
        return self


def decide(
    analysis: Analysis,
    incident: Incident,
    settings: GateSettings,
    policy: PolicySettings,
    tried: Set[str] = frozenset(),
) -> Decision:
    """Decide what happens next with an incident.

    Args:
        tried: `ActionProposal.key`s that ran or were refused before; they are never chosen again.

    Returns:
        the course with its reasons; `action` is None only when escalating.
    """
    doubt = _doubts(analysis, settings)
    if doubt:
        return _decision(Course.ESCALATE, analysis, None, *doubt)
    action, rule, passed = _choose(analysis, incident, policy, tried)
    if action is None:
        why = f"No action is left to take ({', '.join(_NONE_LEFT[reason] for reason in passed)})."
        return _decision(Course.ESCALATE, analysis, None, passed, why)
    return _weigh(analysis, action, rule, settings, passed)


_NONE_LEFT = {
    Reason.NO_ACTION: "the analysis proposes none",
    Reason.POLICY_DENIES: "the policy denies what is left",
    Reason.TRIED_BEFORE: "what was proposed was tried before",
}


def _doubts(analysis: Analysis, settings: GateSettings) -> tuple[tuple[Reason, ...], str] | None:
    score, grounding = analysis.confidence.score, analysis.grounding.score
    if analysis.verdict is Verdict.INCONCLUSIVE:
        return (Reason.INCONCLUSIVE,), "The evidence is too thin to name a cause."
    if grounding < settings.grounding_at:
        why = f"Only {grounding:.0%} of the checked claims are supported; {settings.grounding_at:.0%} are needed."
        return (Reason.GROUNDING_LOW,), why
    if score < settings.ask_at:
        return (Reason.CONFIDENCE_LOW,), f"Confidence {score:.2f} is below {settings.ask_at:.2f}."
    return None


def _choose(
    analysis: Analysis, incident: Incident, policy: PolicySettings, tried: Set[str]
) -> tuple[ActionProposal | None, Rule, tuple[Reason, ...]]:
    """Return the first action by priority that is neither denied nor tried, its rule, and why others were passed."""
    passed: list[Reason] = []
    for action in sorted(analysis.actions, key=lambda action: action.priority):
        rule = policy.rule_for(action.type, incident)
        if action.key in tried:
            passed.append(Reason.TRIED_BEFORE)
        elif rule.effect is RuleEffect.DENY:
            passed.append(Reason.POLICY_DENIES)
        else:
            return action, rule, tuple(dict.fromkeys(passed))
    found = dict.fromkeys(passed or [Reason.NO_ACTION])
    return None, Rule(effect=RuleEffect.DENY), tuple(sorted(found, key=lambda reason: reason is Reason.POLICY_DENIES))


def _weigh(
    analysis: Analysis, action: ActionProposal, rule: Rule, settings: GateSettings, passed: tuple[Reason, ...]
) -> Decision:
    score = analysis.confidence.score
    act_at = settings.act_at if rule.act_at is None else rule.act_at
    high = score >= settings.act_at
    level = Reason.CONFIDENCE_HIGH if high else Reason.CONFIDENCE_MIDDLE
    if rule.effect is RuleEffect.ASK:
        why = f"The policy wants a person to decide on {action.type}{_because(rule)}. Confidence is {score:.2f}."
        return _decision(Course.ASK, analysis, action, (*passed, level, Reason.POLICY_ASKS), why)
    reasons = (*passed, level, Reason.POLICY_ALLOWS)
    if score < act_at:
        why = f"Confidence {score:.2f} is enough to propose {action.type}; to act alone it must reach {act_at:.2f}."
        return _decision(Course.ASK, analysis, action, reasons, why)
    why = f"Confidence {score:.2f} reaches {act_at:.2f} and the policy allows {action.type}{_because(rule)}."
    return _decision(Course.ACT, analysis, action, reasons, why)


def _because(rule: Rule) -> str:
    return f" ({rule.reason})" if rule.reason else ""


def _decision(
    course: Course, analysis: Analysis, action: ActionProposal | None, reasons: tuple[Reason, ...], explanation: str
) -> Decision:
    return Decision(
        course=course,
        reasons=reasons,
        action=action,
        confidence=analysis.confidence.score,
        grounding=analysis.grounding.score,
        explanation=explanation,
    )
