"""What a policy denies cannot be had, whatever the analysis says and whatever the files hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bdp.decide.circumstances import Circumstances
from bdp.decide.gate import GateSettings, doubts, none_left, weigh
from bdp.decide.inspect import inspect
from bdp.decide.policy import SHIPPED, Policy, policy_of
from bdp.model.action import Pause, Permit
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Confidence, Grounding, Verdict
from bdp.model.anomaly import Severity, Subject
from bdp.model.decision import Course, Inspection, PolicyEffect, Reason, Role, Scope
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.plan import ActionPlan, Risk

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(["shop", "pay", "Shop", "staging-shop", ""])
RESOURCES = st.sampled_from(["deployment:shop/cart", "deployment:Shop/cart", "rds:orders", "lambda:staging-x", ""])
GLOBS = st.sampled_from(["*", "deployment:*", "rds:orders", "*shop*", "s*", "pay"])
TIMES = st.integers(0, 366 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
KINDS = st.sampled_from(ActionType)
UNIT = st.floats(0, 1)
TEXT = st.text(max_size=40)
HOURS = st.fixed_dictionaries(
    {"days": st.sampled_from(["mon-fri", "sat-mon", "sun"])},
    optional={
        "from": st.sampled_from(["00:00", "09:00", "22:00"]),
        "to": st.sampled_from(["06:00", "18:00", "24:00"]),
        "zone": st.sampled_from(["UTC", "Asia/Seoul", "America/New_York"]),
    },
)
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "resources": st.lists(GLOBS, min_size=1, max_size=2),
    "services": GLOBS,
    "environments": st.sampled_from(["production", "staging"]),
    "severities": st.lists(st.sampled_from([s.value for s in Severity]), min_size=1, max_size=2),
    "risks": st.sampled_from([r.value for r in Risk]),
    "reversible": st.booleans(),
    "hours": HOURS,
}
BESIDES: dict[str, st.SearchStrategy[Any]] = {
    "max_risk": st.sampled_from([r.value for r in Risk]),
    "reversible_only": st.booleans(),
    "max_blast_radius": st.integers(0, 5),
    "limits": st.fixed_dictionaries(
        {"most": st.integers(1, 3), "per": st.sampled_from(["1h", "1d"]), "scope": st.sampled_from(list(Scope))}
    ),
    "maintenance": st.sampled_from(["outside", "inside", "any"]),
    "otherwise": st.sampled_from(["ask", "deny"]),
    "approvers": st.integers(1, 5),
    "role": st.sampled_from([r.value for r in Role]),
}
ACTIONS = st.just("*") | st.lists(KINDS.map(str), min_size=1, max_size=3)
DENYING = st.fixed_dictionaries({"actions": ACTIONS, "effect": st.just("deny")}, optional=FITTING)
GRANTING = st.fixed_dictionaries(
    {"actions": ACTIONS, "effect": st.sampled_from(["allow", "ask"])}, optional=FITTING | BESIDES
)
RULES = st.lists(DENYING | GRANTING, max_size=6)
WINDOWS = st.lists(
    st.fixed_dictionaries({"services": GLOBS, "weekly": HOURS}, optional={"resources": GLOBS}), max_size=2
)


def made(rules: list[dict[str, Any]], windows: list[dict[str, Any]] | None = None) -> Policy:
    """Return the policy of rules; JSON is YAML."""
    content = {
        "environments": {"staging": ["staging-*", "lambda:staging-*"]},
        "rules": [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)],
        "maintenance": [{"name": f"w{number}", **window} for number, window in enumerate(windows or [])],
    }
    found = policy_of({"p.yaml": json.dumps(content).encode()}, "test")
    assert not found.problems, [str(problem) for problem in found.problems]
    return found


POLICIES = st.builds(made, RULES, WINDOWS)
PLANS = st.builds(
    ActionPlan,
    idempotency_key=st.just("key"),
    type=KINDS,
    parameters=st.just({}),
    effect=TEXT,
    undo=TEXT,
    dry_run=st.booleans(),
    resource=RESOURCES | TEXT,
    risk=st.sampled_from(Risk),
    reversible=st.booleans(),
    blast_radius=st.integers(0, 8),
)
INCIDENTS = st.builds(
    Incident,
    incident_id=st.just("I"),
    title=TEXT,
    severity=st.sampled_from(Severity),
    status=st.just(IncidentStatus.ANALYSING),
    subject=st.builds(Subject, service=NAMES | TEXT),
    signature=st.just("0" * 16),
    start_time=st.just(START),
    last_seen=st.just(START),
    opened_at=st.just(START),
)
PERMITS = st.builds(
    Permit,
    key=st.sampled_from(["key", "a", "b"]),
    type=KINDS,
    resource=RESOURCES,
    service=NAMES,
    environment=st.sampled_from(["production", "staging"]),
    rule=st.sampled_from(["r0", "r1"]),
    incident_id=st.just("J"),
    at=TIMES,
)
PAUSES = st.none() | st.builds(
    Pause, by=TEXT, at=TIMES, reason=TEXT, until=st.none() | TIMES
)  # fmt: skip
CIRCUMSTANCES = st.builds(Circumstances, now=TIMES, pause=PAUSES, recent=st.lists(PERMITS, max_size=5))
PROPOSALS = st.builds(
    ActionProposal,
    type=KINDS,
    description=TEXT,
    parameters=st.dictionaries(TEXT, TEXT, max_size=2),
    priority=st.integers(-5, 5),
    estimated_impact=TEXT,
    rollback=TEXT,
)
ANALYSES = st.builds(
    Analysis,
    incident_id=st.just("I"),
    attempt=st.integers(1, 4),
    created_at=st.just(START),
    verdict=st.sampled_from(Verdict),
    mechanism=TEXT,
    root_cause=TEXT,
    summary=TEXT,
    claims=st.just(()),
    grounding=st.builds(
        Grounding,
        score=UNIT | st.just(float("nan")),
        supported=st.integers(0, 9),
        contradicted=st.integers(0, 9),
        unsupported=st.integers(0, 9),
        not_checkable=st.integers(0, 9),
    ),
    confidence=st.builds(Confidence, score=UNIT, breakdown=st.just({}), reasoning=TEXT),
    actions=st.lists(PROPOSALS, max_size=3).map(tuple),
    source=st.sampled_from(["rules", "ai"]),
)
ORDER = {PolicyEffect.DENY: 0, PolicyEffect.ASK: 1, PolicyEffect.ALLOW: 2}


def allows_at_most(one: Inspection, other: Inspection) -> bool:
    """Return whether one says no more than the other."""
    return ORDER[one.effect] <= ORDER[other.effect]


@given(POLICIES, PLANS, INCIDENTS, CIRCUMSTANCES, ANALYSES, PROPOSALS)
def test_what_the_policy_denies_is_neither_done_nor_asked_for_whatever_the_analysis_says(
    policy: Policy,
    plan: ActionPlan,
    incident: Incident,
    circumstances: Circumstances,
    analysis: Analysis,
    proposal: ActionProposal,
) -> None:
    inspection = inspect(policy, plan, incident, circumstances)
    decision = weigh(analysis, proposal, plan, inspection, (), GateSettings(), ())
    assert decision.explanation_ko
    if inspection.effect is PolicyEffect.DENY:
        assert (decision.course, decision.action) == (Course.ESCALATE, None)
    if inspection.effect is PolicyEffect.ASK:
        assert decision.course is not Course.ACT
    if decision.course is not Course.ESCALATE:
        assert doubts(analysis, GateSettings()) is None
    assert none_left(analysis, decision.reasons).action is None


@given(RULES, WINDOWS, DENYING, st.integers(0, 6), PLANS, INCIDENTS, CIRCUMSTANCES)
def test_one_more_rule_that_denies_never_allows_more(
    rules: list[dict[str, Any]],
    windows: list[dict[str, Any]],
    denying: dict[str, Any],
    place: int,
    plan: ActionPlan,
    incident: Incident,
    circumstances: Circumstances,
) -> None:
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    more = [*named[:place], {"name": "new", **denying}, *named[place:]]
    before = inspect(made(named, windows), plan, incident, circumstances)
    after = inspect(made(more, windows), plan, incident, circumstances)
    assert allows_at_most(after, before)
    assert after == before.model_copy(update={"policy_version": after.policy_version}) or (
        after.effect is PolicyEffect.DENY
    )


@given(st.permutations(range(4)), st.lists(DENYING, min_size=4, max_size=4), RULES, PLANS, INCIDENTS, CIRCUMSTANCES)
def test_it_does_not_matter_where_rules_that_deny_stand(
    order: list[int],
    denying: list[dict[str, Any]],
    rules: list[dict[str, Any]],
    plan: ActionPlan,
    incident: Incident,
    circumstances: Circumstances,
) -> None:
    named = [{"name": f"granting-{number}", **rule} for number, rule in enumerate(rules)]
    forbids = [{"name": f"denying-{number}", **rule} for number, rule in enumerate(denying)]
    first = inspect(made([*forbids, *named]), plan, incident, circumstances)
    mixed = [*(forbids[number] for number in order[:2]), *named, *(forbids[number] for number in order[2:])]
    other = inspect(made(mixed), plan, incident, circumstances)
    assert (first.effect, first.reasons, first.needed) == (other.effect, other.reasons, other.needed)


@given(PLANS, INCIDENTS, CIRCUMSTANCES)
def test_what_no_rule_names_is_denied(plan: ActionPlan, incident: Incident, circumstances: Circumstances) -> None:
    assert inspect(made([]), plan, incident, circumstances).effect is PolicyEffect.DENY


@given(POLICIES, PLANS, INCIDENTS, TIMES, TEXT)
def test_a_pause_never_allows_more(
    policy: Policy, plan: ActionPlan, incident: Incident, now: datetime, reason: str
) -> None:
    pause = Pause(by="kim", at=now, reason=reason)
    free, paused = (inspect(policy, plan, incident, Circumstances(now, each)) for each in (None, pause))
    assert allows_at_most(paused, free)
    if plan.resource or plan.type not in (ActionType.NOTIFY, ActionType.INVESTIGATE):
        assert paused.effect is PolicyEffect.DENY


BROKEN = st.sampled_from(
    [b"\xff", b"rules: [", b"rules: 1", b"a: &b 1", b"x: 1", b"rules: [{name: a}]", b"\x00", b"- 1"]
)


@given(RULES, BROKEN, PLANS, INCIDENTS, CIRCUMSTANCES)
def test_a_broken_file_never_allows_a_change(
    rules: list[dict[str, Any]], broken: bytes, plan: ActionPlan, incident: Incident, circumstances: Circumstances
) -> None:
    good = json.dumps({"rules": [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]}).encode()
    policy = policy_of({"a.yaml": good, "b.yaml": broken}, "test")
    assert policy.broken
    found = inspect(policy, plan, incident, circumstances)
    tells = plan.type in (ActionType.NOTIFY, ActionType.INVESTIGATE)
    if not tells or plan.resource or plan.blast_radius or plan.risk is not Risk.LOW:
        assert (found.effect, found.reasons) == (PolicyEffect.DENY, (Reason.POLICY_BROKEN,))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["rules", "name", "actions", "effect", "hours", "limits", "maintenance", "environments", "from", "weekly", "zone"]
)
SHAPED = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=3), max_size=4)
YAML_BITS = st.lists(
    st.sampled_from(
        ["rules:", "\n", "  ", "- ", "name: x", "actions: '*'", "effect: allow", "[", "]", "{", "}", "&a", "*a",
         "!!int", "? ", ": ", "|", ">", "'", '"', "#", "%", "---", "\t", "\ufeff", "\u2028", "é", "0x1", "1e999",
         "18:00", "<<: "]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@given(st.binary(max_size=200) | YAML_BITS.map(str.encode) | SHAPED.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 5000)
@example(b"a: " + b"[" * 5000)
@example(b"- " * 5000)
@example(b"? " * 5000)
@example(b"x: " + b"9" * 5000)
@example(b"x: !!timestamp 9999-99-99")
@example(b"<<: {a: 1}")
@example(b"rules: [{name: a, actions: '*', effect: allow, hours: {zone: '/etc/passwd'}}]")
@example(b"maintenance: [{name: a, services: a, from: '0001-01-01T00:00+14:00', to: '9999-12-31T23:59-14:00'}]")
@example(b"rules: [{name: a, actions: '*', effect: allow, resources: '[z-a]**[!'}]")
def test_no_file_makes_reading_fail_but_by_its_own_words(content: bytes) -> None:
    policy = policy_of({"p.yaml": content}, "test")
    assert all(str(problem).startswith("p.yaml") for problem in policy.problems)
    assert len(policy.version) == 12
    plan = ActionPlan(
        idempotency_key="k",
        type=ActionType.RDS_PARAMETER,
        parameters={},
        effect="",
        undo="",
        dry_run=False,
        resource="x",
    )
    incident = Incident(
        incident_id="I", title="", severity=Severity.LOW, status=IncidentStatus.OPEN, subject=Subject(service="a"),
        signature="", start_time=START, last_seen=START, opened_at=START,
    )  # fmt: skip
    assert inspect(policy, plan, incident, Circumstances(START)).explanation


@given(st.data())
def test_cutting_or_doubling_the_shipped_file_anywhere_never_makes_it_allow_a_change(data: st.DataObject) -> None:
    content = SHIPPED.read_bytes()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
    changed = data.draw(st.sampled_from([content[:end], content[:start] + content[end:], content + content[start:end]]))
    policy, plan = policy_of({"p.yaml": changed}, "test"), data.draw(PLANS)
    if plan.type in (ActionType.NOTIFY, ActionType.INVESTIGATE):
        return
    assert inspect(policy, plan, data.draw(INCIDENTS), Circumstances(START)).effect is not PolicyEffect.ALLOW
