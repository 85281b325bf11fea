"""The gate: thresholds, policy, and what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bdp.decide.gate import GateSettings, decide
from bdp.decide.policy import PolicySettings, Rule, RuleEffect
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Confidence, Grounding, Verdict
from bdp.model.anomaly import Severity, Subject
from bdp.model.decision import Course, Decision, Reason
from bdp.model.incident import Incident, IncidentStatus

AT = datetime(2026, 5, 1, tzinfo=UTC)
CALL = ActionProposal(type=ActionType.WEBHOOK, description="restart", parameters={"operation": "restart"})
TELL = ActionProposal(type=ActionType.NOTIFY, description="tell", priority=2)
FREE = PolicySettings(rules=(Rule(effect=RuleEffect.ALLOW),))


def incident(service: str = "shop", severity: Severity = Severity.HIGH) -> Incident:
    return Incident(
        incident_id="I",
        title="t",
        severity=severity,
        status=IncidentStatus.ANALYSING,
        subject=Subject(service=service),
        signature="0" * 16,
        start_time=AT,
        last_seen=AT,
        opened_at=AT,
    )


def analysis(
    actions: Sequence[ActionProposal] = (CALL,),
    *,
    confidence: float = 0.9,
    grounding: float = 1.0,
    verdict: Verdict = Verdict.CONFIRMED,
) -> Analysis:
    return Analysis(
        incident_id="I",
        attempt=1,
        created_at=AT,
        verdict=verdict,
        mechanism="m",
        root_cause="c",
        summary="s",
        claims=(),
        grounding=Grounding(score=grounding, supported=1, contradicted=0, unsupported=0, not_checkable=0),
        confidence=Confidence(score=confidence, breakdown={}, reasoning=""),
        actions=tuple(actions),
    )


def gate(found: Analysis, policy: PolicySettings = FREE, tried: frozenset[str] = frozenset()) -> Decision:
    return decide(found, incident(), GateSettings(), policy, tried)


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
    assert gate(analysis(confidence=confidence)).course is course


def test_weak_grounding_and_no_verdict_go_to_a_person_however_confident() -> None:
    weak = gate(analysis(confidence=1.0, grounding=0.79))
    assert (weak.course, weak.reasons, weak.action) == (Course.ESCALATE, (Reason.GROUNDING_LOW,), None)
    assert "79%" in weak.explanation
    open_ended = gate(analysis(confidence=1.0, verdict=Verdict.INCONCLUSIVE))
    assert (open_ended.course, open_ended.reasons) == (Course.ESCALATE, (Reason.INCONCLUSIVE,))


def test_what_no_rule_names_is_denied() -> None:
    denied = gate(analysis((CALL, TELL)), PolicySettings(rules=()))
    assert (denied.course, denied.reasons) == (Course.ESCALATE, (Reason.POLICY_DENIES,))


def test_shipped_policy_tells_and_looks_alone_but_asks_before_a_change() -> None:
    shipped = PolicySettings()
    assert gate(analysis((CALL,), confidence=1.0), shipped).course is Course.ASK
    assert gate(analysis((TELL,), confidence=0.6), shipped).course is Course.ACT
    look = ActionProposal(type=ActionType.INVESTIGATE, description="look")
    assert gate(analysis((look,), confidence=0.6), shipped).course is Course.ACT


def test_the_first_rule_that_fits_decides() -> None:
    rules = (
        Rule(action=ActionType.WEBHOOK, service="pay*", effect=RuleEffect.DENY),
        Rule(action=ActionType.WEBHOOK, severities=(Severity.LOW,), effect=RuleEffect.ALLOW),
        Rule(action=ActionType.WEBHOOK, effect=RuleEffect.ASK),
    )
    policy = PolicySettings(rules=rules)

    def course(service: str, severity: Severity) -> Course:
        return decide(analysis(), incident(service, severity), GateSettings(), policy).course

    assert course("payment", Severity.LOW) is Course.ESCALATE
    assert course("shop", Severity.LOW) is Course.ACT
    assert course("shop", Severity.HIGH) is Course.ASK


def test_priority_chooses_and_what_was_tried_is_passed_over() -> None:
    found = analysis((TELL, CALL))
    assert gate(found).action == CALL
    second = gate(found, tried=frozenset({CALL.key}))
    assert second.action == TELL
    assert Reason.TRIED_BEFORE in second.reasons
    none_left = gate(found, tried=frozenset({CALL.key, TELL.key}))
    assert (none_left.course, none_left.reasons) == (Course.ESCALATE, (Reason.TRIED_BEFORE,))
    assert gate(analysis(())).reasons == (Reason.NO_ACTION,)


def test_thresholds_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError):
        GateSettings(act_at=0.4, ask_at=0.6)


UNIT = st.floats(0, 1)


@given(UNIT, UNIT, st.sampled_from(Verdict), st.sampled_from(RuleEffect), st.booleans())
def test_nothing_runs_unasked_below_its_thresholds(
    confidence: float, grounding: float, verdict: Verdict, effect: RuleEffect, was_tried: bool
) -> None:
    policy = PolicySettings(rules=(Rule(effect=effect),))
    tried = frozenset({CALL.key}) if was_tried else frozenset[str]()
    found = gate(analysis(confidence=confidence, grounding=grounding, verdict=verdict), policy, tried)
    assert found.explanation
    assert found.reasons
    assert (found.action is None) == (found.course is Course.ESCALATE)
    if found.course is Course.ACT:
        assert effect is RuleEffect.ALLOW
        assert confidence >= 0.85
    if found.course is not Course.ESCALATE:
        assert grounding >= 0.8
        assert confidence >= 0.5
        assert verdict is not Verdict.INCONCLUSIVE
        assert not was_tried
