"""The gate: thresholds, what the policy says, preconditions, and asking again right before the act."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bdp.decide.gate import GateSettings, doubts, none_left, still, weigh
from bdp.decide.inspect import inspect
from bdp.decide.words import Words
from bdp.model.analysis import ActionType, Verdict
from bdp.model.decision import Course, Decision, Inspection, PolicyEffect, Reason, Role
from tests.unit.decide.scene import analysis, incident, now, plan, proposal, rules

SETTINGS = GateSettings()


def said(effect: PolicyEffect = PolicyEffect.ALLOW, **more: Any) -> Inspection:
    reason = {"allow": Reason.POLICY_ALLOWS, "ask": Reason.POLICY_ASKS, "deny": Reason.POLICY_DENIES}[effect]
    given = {"rule": "r", "reasons": (reason,), "explanation": "So says r.", "explanation_ko": "r의 말입니다."} | more
    return Inspection(effect=effect, **given)


GONE = Words("it is gone", "사라짐")


def gate(inspection: Inspection, confidence: float = 0.9, unmet: tuple[Words, ...] = (), **more: Any) -> Decision:
    return weigh(analysis(confidence=confidence, **more), proposal(), plan(), inspection, unmet, SETTINGS, ())


@pytest.mark.parametrize(
    ("confidence", "course"),
    [
        (0.85, Course.ACT),
        (1.0, Course.ACT),
        (0.8499, Course.ASK),
        (0.5, Course.ASK),
        (0.4999, Course.ESCALATE),
        (0.0, Course.ESCALATE),
    ],
)
def test_confidence_decides_the_course(confidence: float, course: Course) -> None:
    assert gate(said(), confidence).course is course


def test_weak_grounding_and_no_verdict_go_to_a_person_however_confident() -> None:
    weak = doubts(analysis(confidence=1.0, grounding=0.79), SETTINGS)
    assert weak is not None
    assert (weak.course, weak.reasons, weak.action) == (Course.ESCALATE, (Reason.GROUNDING_LOW,), None)
    assert "79%" in weak.explanation
    assert "79%" in weak.explanation_ko
    open_ended = doubts(analysis(confidence=1.0, verdict=Verdict.INCONCLUSIVE), SETTINGS)
    assert open_ended is not None
    assert open_ended.reasons == (Reason.INCONCLUSIVE,)
    assert doubts(analysis(confidence=0.5, grounding=0.8), SETTINGS) is None


def test_a_rule_may_ask_for_more_or_less_confidence_than_the_gate() -> None:
    assert gate(said(act_at=0.95), 0.9).course is Course.ASK
    assert gate(said(act_at=0.6), 0.6).course is Course.ACT
    eager = gate(said(act_at=0.0), 0.49)
    assert (eager.course, eager.reasons) == (Course.ESCALATE, (Reason.CONFIDENCE_LOW,))


def test_what_the_policy_denies_may_not_be_taken_and_the_decision_shows_the_plan() -> None:
    denied = gate(said(PolicyEffect.DENY), 1.0)
    assert (denied.course, denied.action, denied.reasons) == (Course.ESCALATE, None, (Reason.POLICY_DENIES,))
    assert denied.plan is not None
    assert denied.inspection is not None
    assert "So says r." in denied.explanation


def test_a_precondition_that_is_not_true_stops_the_action_and_is_named() -> None:
    stopped = gate(
        said(),
        1.0,
        (Words("the symptom is gone \x1b[2J", "증상이 사라짐"), Words("somebody changed `shop`.", "`shop` 변경됨")),
    )
    assert (stopped.course, stopped.action, stopped.reasons) == (Course.ESCALATE, None, (Reason.PRECONDITION_UNMET,))
    assert "the symptom is gone [2J; somebody changed `shop`." in stopped.explanation
    both = gate(said(PolicyEffect.DENY), 1.0, (GONE,))
    assert both.reasons == (Reason.POLICY_DENIES, Reason.PRECONDITION_UNMET)


def test_who_is_asked_learns_how_many_must_approve() -> None:
    inspection = inspect(rules("actions: '*', effect: allow, approvers: 2"), plan(), incident(), now())
    asked = gate(inspection, 0.6)
    assert (asked.course, Reason.TWO_PERSONS in asked.reasons) == (Course.ASK, True)
    assert Reason.TWO_PERSONS not in gate(inspection, 0.9).reasons


def test_when_none_is_left_it_says_why_each_was_passed_over() -> None:
    assert none_left(analysis(), ()).reasons == (Reason.NO_ACTION,)
    passed = none_left(analysis(), (Reason.TRIED_BEFORE, Reason.PAUSED, Reason.TRIED_BEFORE))
    assert (passed.course, passed.reasons) == (Course.ESCALATE, (Reason.TRIED_BEFORE, Reason.PAUSED))
    assert "BDP is paused" in passed.explanation
    assert "일시 중지" in passed.explanation_ko


def test_thresholds_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError):
        GateSettings(act_at=0.4, ask_at=0.6)


DENY, ASK, ALLOW = PolicyEffect.DENY, PolicyEffect.ASK, PolicyEffect.ALLOW


@pytest.mark.parametrize(
    ("then", "present", "approved", "why"),
    [
        (said(ALLOW), said(ALLOW), False, None),
        (said(ASK), said(ASK), True, None),
        (said(ASK), said(ALLOW), True, None),
        (said(ALLOW), said(DENY, reasons=(Reason.PAUSED,)), False, Reason.PAUSED),
        (said(ASK), said(DENY, reasons=(Reason.POLICY_BROKEN,)), True, Reason.POLICY_BROKEN),
        (said(ALLOW), said(ASK), False, Reason.POLICY_ASKS),
        (said(ALLOW, act_at=0.6), said(ALLOW, act_at=0.9), False, Reason.POLICY_ASKS),
        (said(ALLOW, act_at=0.6), said(ALLOW), False, Reason.POLICY_ASKS),
        (said(ALLOW, act_at=0.9), said(ALLOW, act_at=0.6), False, None),
        (said(ASK), said(ASK, needed=2), True, Reason.TWO_PERSONS),
        (said(ASK, needed=2), said(ASK), True, None),
        (said(ASK), said(ASK, role=Role.ADMIN), True, Reason.POLICY_ASKS),
        (said(ASK), said(ASK, reasons=(Reason.BLAST_RADIUS, Reason.POLICY_ASKS)), True, Reason.BLAST_RADIUS),
        (said(ASK, reasons=(Reason.BLAST_RADIUS,)), said(ASK, reasons=(Reason.BLAST_RADIUS,)), True, None),
    ],
)
def test_what_has_changed_since_stops_the_act(
    then: Inspection, present: Inspection, approved: bool, why: Reason | None
) -> None:
    assert still(then, present, approved) is why


UNIT = st.floats(0, 1)


@given(UNIT, UNIT, st.sampled_from(Verdict), st.sampled_from(PolicyEffect), st.booleans(), st.none() | UNIT)
def test_nothing_runs_unasked_below_its_thresholds(
    confidence: float, grounding: float, verdict: Verdict, effect: PolicyEffect, met: bool, act_at: float | None
) -> None:
    found = analysis(confidence=confidence, grounding=grounding, verdict=verdict)
    unmet = () if met else (GONE,)
    decision = weigh(found, proposal(ActionType.WEBHOOK), plan(), said(effect, act_at=act_at), unmet, SETTINGS, ())
    assert decision.explanation
    assert decision.explanation_ko
    assert decision.reasons
    assert (decision.action is None) == (decision.course is Course.ESCALATE)
    if decision.course is Course.ACT:
        assert effect is PolicyEffect.ALLOW
        assert confidence >= (0.85 if act_at is None else act_at)
    if decision.course is not Course.ESCALATE:
        assert effect is not PolicyEffect.DENY
        assert grounding >= 0.8
        assert confidence >= 0.5
        assert verdict is not Verdict.INCONCLUSIVE
        assert met
