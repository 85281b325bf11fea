"""Plans, incidents and policies that the tests of deciding play with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bdp.decide.circumstances import Circumstances
from bdp.decide.policy import Policy, policy_of
from bdp.model.action import Permit
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Confidence, Grounding, Verdict
from bdp.model.anomaly import Severity, Subject
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.plan import ActionPlan, Risk

AT = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)
"""A Wednesday; noon in Seoul."""
CART = "deployment:shop/cart"


def policy(text: str) -> Policy:
    """Return the policy of one file, which must be usable."""
    found = policy_of({"policy.yaml": text.encode()}, "test")
    assert not found.problems, [str(problem) for problem in found.problems]
    return found


def rules(*lines: str) -> Policy:
    """Return the policy of rules in YAML's short form, named r1, r2, …"""
    return policy("rules:\n" + "".join(f"  - {{name: r{n}, {line}}}\n" for n, line in enumerate(lines, 1)))


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


def plan(kind: ActionType = ActionType.KUBERNETES_ROLLOUT, resource: str = CART, **more: Any) -> ActionPlan:
    given: dict[str, Any] = {"risk": Risk.MEDIUM, "blast_radius": 3, "dry_run": False} | more
    return ActionPlan(
        idempotency_key="key", type=kind, parameters={}, effect="does it", undo="undoes it", resource=resource, **given
    )


def telling(**more: Any) -> ActionPlan:
    given: dict[str, Any] = {"resource": "", "risk": Risk.LOW, "blast_radius": 0} | more
    return plan(ActionType.NOTIFY, **given)


def proposal(kind: ActionType = ActionType.KUBERNETES_ROLLOUT) -> ActionProposal:
    return ActionProposal(type=kind, description="do it", parameters={"kind": kind.value})


def analysis(
    actions: Sequence[ActionProposal] = (),
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


def permit(key: str = "other", minutes_ago: float = 10, **more: Any) -> Permit:
    given: dict[str, Any] = {
        "type": ActionType.KUBERNETES_ROLLOUT,
        "resource": CART,
        "service": "shop",
        "environment": "production",
        "rule": "r1",
        "incident_id": "I",
        "at": AT - timedelta(minutes=minutes_ago),
    }
    return Permit(key=key, **(given | more))


def now(at: datetime = AT, **more: Any) -> Circumstances:
    return Circumstances(at, **more)
