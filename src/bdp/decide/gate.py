"""The gate: act, ask or hand over. Pure functions of the analysis, the settings and what the policy said of the plan.

analysis INCONCLUSIVE, or grounding below its threshold      escalate
confidence below ask_at (0.5)                                escalate
the policy denies, or a precondition is not met              this action may not be taken; the next one may
the policy asks                                              ask
confidence >= the rule's act_at, else >= act_at (0.85)       act
otherwise                                                    ask
no action left                                               escalate
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.decide.words import Words, joined, listed, said
from bdp.model.analysis import ActionProposal, Analysis, Verdict
from bdp.model.decision import Course, Decision, Inspection, PolicyEffect, Reason
from bdp.model.plan import ActionPlan
from bdp.notify.plain import one_line


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


def doubts(analysis: Analysis, settings: GateSettings) -> Decision | None:
    """Return the decision to hand over because the analysis is too weak to act on; None when it is good enough."""
    score, grounding = analysis.confidence.score, analysis.grounding.score
    if analysis.verdict is Verdict.INCONCLUSIVE:
        reason, told = Reason.INCONCLUSIVE, said(Reason.INCONCLUSIVE)
    elif not grounding >= settings.grounding_at:
        reason = Reason.GROUNDING_LOW
        told = said(reason, score=f"{grounding:.0%}", bar=f"{settings.grounding_at:.0%}")
    elif not score >= settings.ask_at:
        reason = Reason.CONFIDENCE_LOW
        told = said(reason, score=f"{score:.2f}", bar=f"{settings.ask_at:.2f}")
    else:
        return None
    return _decision(Course.ESCALATE, analysis, (reason,), told)


def weigh(
    analysis: Analysis,
    action: ActionProposal,
    plan: ActionPlan,
    inspection: Inspection,
    unmet: Sequence[Words],
    settings: GateSettings,
    passed: Sequence[Reason] = (),
) -> Decision:
    """Decide on one action.

    Args:
        inspection: what the policy says of `plan`.
        unmet: preconditions that are not true now, in words.
        passed: why actions before it were not taken.

    Returns:
        ACT or ASK; ESCALATE with `action` None when this one may not be taken.
    """
    doubt = doubts(analysis, settings)
    if doubt is not None:
        return doubt
    if inspection.effect is PolicyEffect.DENY or unmet:
        reasons, told = _refused(inspection, unmet)
        return _decision(Course.ESCALATE, analysis, (*reasons, *passed), told, None, plan, inspection)
    score = analysis.confidence.score
    level = Reason.CONFIDENCE_HIGH if score >= settings.act_at else Reason.CONFIDENCE_MIDDLE
    policy = Words(inspection.explanation, inspection.explanation_ko or inspection.explanation)
    bar = settings.act_at if inspection.act_at is None else inspection.act_at
    runs = inspection.effect is PolicyEffect.ALLOW and score >= bar
    reasons = (*passed, level, *inspection.reasons)
    course = Course.ACT if runs else Course.ASK
    if inspection.effect is PolicyEffect.ASK:
        return _decision(course, analysis, reasons, policy, action, plan, inspection)
    if not runs and inspection.needed > 1:
        reasons = (*reasons, Reason.TWO_PERSONS)
    reason = Reason.CONFIDENCE_HIGH if runs else Reason.CONFIDENCE_MIDDLE
    told = joined((policy, said(reason, score=f"{score:.2f}", bar=f"{bar:.2f}")))
    return _decision(course, analysis, reasons, told, action, plan, inspection)


def none_left(analysis: Analysis, passed: Sequence[Reason]) -> Decision:
    """Return the decision to hand over because no action is left.

    Args:
        passed: why each was not taken; empty: there was none.
    """
    reasons = tuple(dict.fromkeys(passed)) or (Reason.NO_ACTION,)
    told = listed(reasons)
    words = Words(f"No action is left to take ({told.en}).", f"취할 수 있는 조치가 없습니다({told.ko}).")
    return _decision(Course.ESCALATE, analysis, reasons, words)


def still(then: Inspection, now: Inspection, approved: bool) -> Reason | None:
    """Return why an action may no longer be taken, asked right before the act; None: go on.

    Args:
        then: what was decided, or approved, by; now: what the policy says of the same plan now.
        approved: people approved it, as many and of the role that `then` asked for.
    """
    if now.effect is PolicyEffect.DENY:
        return now.reasons[0]
    if now.needed > then.needed and (approved or now.effect is PolicyEffect.ASK):
        return Reason.TWO_PERSONS
    if approved:
        return _unseen(then, now)
    if now.effect is PolicyEffect.ASK:
        return now.reasons[0]
    stricter = now.act_at != then.act_at and (now.act_at is None or then.act_at is None or now.act_at > then.act_at)
    return Reason.POLICY_ASKS if stricter else None


def _unseen(then: Inspection, now: Inspection) -> Reason | None:
    """Return what has come up since people approved, and they did not know."""
    if not then.role.may(now.role):
        return Reason.POLICY_ASKS
    if now.effect is PolicyEffect.ALLOW:
        return None
    known = {*then.reasons, Reason.POLICY_ASKS, Reason.TWO_PERSONS}
    return next((reason for reason in now.reasons if reason not in known), None)


def _refused(inspection: Inspection, unmet: Sequence[Words]) -> tuple[tuple[Reason, ...], Words]:
    reasons: list[Reason] = []
    told: list[Words] = []
    if inspection.effect is PolicyEffect.DENY:
        reasons += inspection.reasons
        told.append(Words(inspection.explanation, inspection.explanation_ko or inspection.explanation))
    if unmet:
        reasons.append(Reason.PRECONDITION_UNMET)
        en, ko = ("; ".join(one_line(text, 200).rstrip(".") for text in texts) for texts in zip(*unmet, strict=True))
        one, other = (said(Reason.PRECONDITION_UNMET, unmet=text) for text in (en, ko))
        told.append(Words(one.en, other.ko))
    return tuple(reasons), joined(told)


def _decision(
    course: Course,
    analysis: Analysis,
    reasons: tuple[Reason, ...],
    told: Words,
    action: ActionProposal | None = None,
    plan: ActionPlan | None = None,
    inspection: Inspection | None = None,
) -> Decision:
    return Decision(
        course=course,
        reasons=tuple(dict.fromkeys(reasons)),
        action=action,
        plan=plan,
        inspection=inspection,
        confidence=analysis.confidence.score,
        grounding=analysis.grounding.score,
        explanation=told.en,
        explanation_ko=told.ko,
    )
