"""What a policy says of a plan."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bdp.decide.inspect import inspect
from bdp.decide.policy import Policy, Problem, broken, shipped
from bdp.model.action import Pause
from bdp.model.analysis import ActionType
from bdp.model.anomaly import Severity
from bdp.model.decision import Inspection, PolicyEffect, RateLimit, Reason, Role, Scope
from bdp.model.plan import ActionPlan, Risk
from tests.unit.decide.scene import AT, incident, now, permit, plan, policy, rules, telling

DENY, ASK, ALLOW = PolicyEffect.DENY, PolicyEffect.ASK, PolicyEffect.ALLOW
PAUSE = Pause(by="kim", at=AT - timedelta(minutes=5), reason="storm")
FREE = "actions: '*', effect: allow"


def ask(found: Policy, wanted: ActionPlan | None = None, service: str = "shop", **more: object) -> Inspection:
    circumstances = now(**more)  # type: ignore[arg-type]
    return inspect(found, wanted or plan(), incident(service), circumstances)


def test_what_no_rule_names_is_denied() -> None:
    found = ask(rules("actions: notify, effect: allow"))
    assert (found.effect, found.rule, found.reasons) == (DENY, "", (Reason.NO_RULE,))
    assert "`kubernetes_rollout` on `deployment:shop/cart` in production" in found.explanation
    assert ask(policy("rules: []"), telling()).effect is DENY


def test_a_rule_that_denies_wins_wherever_it_stands() -> None:
    deny = "actions: '*', effect: deny, resources: 'deployment:shop/*'"
    for found in (ask(rules(FREE, deny)), ask(rules(deny, FREE))):
        assert (found.effect, found.reasons) == (DENY, (Reason.POLICY_DENIES,))
    assert ask(rules(FREE, deny), plan(resource="deployment:pay/api")).effect is ALLOW


def test_else_the_first_rule_that_fits_decides() -> None:
    found = rules(
        "actions: webhook, effect: allow",
        "actions: '*', resources: 'deployment:shop/*', services: ['s?op', other], effect: ask, reason: look first",
        FREE,
    )
    asked = ask(found)
    assert (asked.effect, asked.rule, asked.reasons) == (ASK, "r2", (Reason.POLICY_ASKS,))
    assert ": look first." in asked.explanation
    assert ask(found, service="stop").rule == "r2"
    assert ask(found, service="stoop").rule == "r3"
    assert ask(found, plan(ActionType.WEBHOOK)).rule == "r1"


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ("severities: [critical, high]", True),
        ("severities: low", False),
        ("risks: medium", True),
        ("risks: [low, high]", False),
        ("reversible: true", True),
        ("reversible: false", False),
        ("resources: 'deployment:SHOP/*'", False),
        ("environments: production", True),
        ("services: shop", True),
    ],
)
def test_a_rule_fits_when_all_that_it_names_fits(line: str, fits: bool) -> None:
    assert (ask(rules(f"{FREE}, {line}")).effect is ALLOW) == fits


def test_what_forbids_looks_at_no_upper_case() -> None:
    found = rules("actions: '*', resources: 'rds:orders', effect: deny", FREE)
    assert ask(found, plan(ActionType.RDS_PARAMETER, "rds:Orders")).effect is DENY


PLACES = """
environments:
  staging: ["*:staging/*", "staging-*"]
  sandbox: "sandbox*"
rules:
  - {name: free, actions: "*", environments: [staging, sandbox], effect: allow}
"""


def test_the_environment_is_that_of_what_is_touched_else_of_the_service_else_the_default() -> None:
    found = policy(PLACES)
    assert ask(found, plan(resource="deployment:staging/cart")).environment == "staging"
    assert ask(found, plan(resource=""), service="staging-shop").environment == "staging"
    assert ask(found, plan(resource="deployment:sandbox"), service="sandbox1").environment == "sandbox"
    elsewhere = ask(found)
    assert (elsewhere.effect, elsewhere.environment) == (DENY, "production")
    assert elsewhere.reasons == (Reason.NO_RULE, Reason.ENVIRONMENT)
    assert "`free` would fit, but it is for staging, sandbox and this is production" in elsewhere.explanation
    # What is touched counts, whatever telemetry calls the service.
    assert ask(policy(PLACES.replace("staging-*", "rds:x")), service="sandbox").environment == "sandbox"


@pytest.mark.parametrize(
    ("line", "wanted", "reason", "words"),
    [
        (
            "max_risk: low",
            plan(),
            Reason.RISK_TOO_HIGH,
            "Its risk is medium; at most low is allowed. So the rule `r1` denies it.",
        ),
        ("reversible_only: true", plan(reversible=False), Reason.IRREVERSIBLE, "cannot be taken back"),
        ("max_blast_radius: 2", plan(), Reason.BLAST_RADIUS, "It touches 3 at once; at most 2 are allowed."),
        ("hours: {days: sat-sun}", plan(), Reason.OUTSIDE_HOURS, "It is Wed 03:00 UTC; it is allowed only sat,sun"),
        ("maintenance: inside", plan(), Reason.MAINTENANCE, "only during maintenance, and none is on"),
    ],
)
def test_what_a_rule_asks_for_besides_denies_or_asks(line: str, wanted: ActionPlan, reason: Reason, words: str) -> None:
    denied = ask(rules(f"{FREE}, {line}"), wanted)
    assert (denied.effect, denied.rule, denied.reasons) == (DENY, "r1", (reason,))
    assert words in denied.explanation
    asked = ask(rules(f"{FREE}, {line}, otherwise: ask"), wanted)
    assert (asked.effect, asked.reasons) == (ASK, (reason, Reason.POLICY_ASKS))


def test_all_that_is_not_met_is_told_at_once() -> None:
    found = ask(rules(f"{FREE}, max_risk: low, max_blast_radius: 1, reversible_only: true"), plan(reversible=False))
    assert found.reasons == (Reason.RISK_TOO_HIGH, Reason.IRREVERSIBLE, Reason.BLAST_RADIUS)


LIMITED = f"{FREE}, limits: [{{most: 2, per: 1h, scope: resource}}, {{most: 3, per: 1d, scope: all}}]"


def test_limits_count_what_was_permitted_of_late() -> None:
    found = rules(LIMITED)
    assert found.longest_window == timedelta(days=1)
    held = ask(found, recent=(permit("a"), permit("b", 61)))
    assert held.effect is ALLOW
    assert held.limits[0] == RateLimit(most=2, per_seconds=3600, scope=Scope.RESOURCE)
    full = ask(found, recent=(permit("a"), permit("b")))
    assert (full.effect, full.reasons) == (DENY, (Reason.RATE_LIMIT,))
    assert "There were 2 in the last 1h already on this resource" in full.explanation
    others = [permit(f"{n}", 100, resource="x") for n in range(3)]
    assert "3 in the last 1d already in all" in ask(found, recent=others).explanation


def test_who_is_asked_because_of_a_limit_decides_about_it() -> None:
    asked = ask(rules(f"{LIMITED}, otherwise: ask"), recent=(permit("a"), permit("b")))
    assert (asked.effect, asked.reasons, asked.limits) == (ASK, (Reason.RATE_LIMIT, Reason.POLICY_ASKS), ())


def test_the_two_person_rule_is_told() -> None:
    asked = ask(rules("actions: '*', effect: ask, approvers: 2, role: admin"))
    assert (asked.needed, asked.role, asked.reasons) == (2, Role.ADMIN, (Reason.POLICY_ASKS, Reason.TWO_PERSONS))
    assert "2 different people (admin)" in asked.explanation
    assert "서로 다른 2명(관리자)" in asked.explanation_ko


def test_a_pause_stops_what_changes_a_system_and_nothing_else() -> None:
    found = rules(FREE)
    stopped = ask(found, pause=PAUSE)
    assert (stopped.effect, stopped.reasons) == (DENY, (Reason.PAUSED,))
    assert "kim paused BDP at 2026-11-18 02:55 UTC" in stopped.explanation
    assert "(storm)" in stopped.explanation
    assert ask(found, telling(), pause=PAUSE).effect is ALLOW
    assert ask(found, pause=PAUSE.model_copy(update={"until": AT})).effect is ALLOW
    assert ask(found, pause=PAUSE.model_copy(update={"until": AT + timedelta(seconds=1)})).effect is DENY


@pytest.mark.parametrize(
    "wanted",
    [telling(resource="x:y"), telling(risk=Risk.MEDIUM), telling(blast_radius=1), plan(ActionType.WEBHOOK, "")],
)
def test_only_what_tells_or_reads_and_says_so_passes_a_pause_or_a_broken_policy(wanted: ActionPlan) -> None:
    assert ask(rules(FREE), wanted, pause=PAUSE).effect is DENY
    assert ask(broken([Problem("a.yaml", "no", 3)], "x"), wanted).effect is DENY


def test_a_broken_policy_denies_whatever_changes_a_system() -> None:
    found = broken([Problem("a.yaml", "nobody knows this key", 3, "rules.0.x")], "x")
    denied = ask(found)
    assert (denied.effect, denied.reasons) == (DENY, (Reason.POLICY_BROKEN,))
    assert "a.yaml:3: rules.0.x: nobody knows this key" in denied.explanation
    told = ask(found, telling())
    assert (told.effect, told.act_at, told.reasons) == (ALLOW, 0.5, (Reason.POLICY_BROKEN,))


WINDOWS = """
maintenance:
  - {name: upgrade, resources: "rds:orders*", from: 2026-11-18T02:00Z, to: 2026-11-18T04:00Z, reason: version 17}
  - {name: sundays, services: batch, weekly: {days: sun, from: "23:00", to: "02:00", zone: Asia/Seoul}}
rules:
  - {name: free, actions: "*", effect: allow}
  - {name: mend, actions: auto_scaling, maintenance: any, effect: allow}
"""


def test_maintenance_keeps_off_what_a_person_works_on() -> None:
    found = policy(WINDOWS)
    orders = plan(ActionType.RDS_PARAMETER, "rds:orders-1")
    denied = ask(found, orders)
    assert (denied.effect, denied.reasons) == (DENY, (Reason.MAINTENANCE,))
    assert "`upgrade` is on (version 17)" in denied.explanation
    assert inspect(found, orders, incident(), now(datetime(2026, 11, 18, 4, tzinfo=UTC))).effect is ALLOW
    assert ask(found).effect is ALLOW
    assert inspect(found, telling(), incident("batch"), now(datetime(2026, 11, 22, 15, tzinfo=UTC))).effect is ALLOW
    sunday = now(datetime(2026, 11, 22, 15, tzinfo=UTC))  # midnight in Seoul
    assert inspect(found, plan(), incident("batch"), sunday).reasons == (Reason.MAINTENANCE,)


def test_a_rule_may_hold_only_during_maintenance_or_whatever_is_on() -> None:
    orders = plan(ActionType.RDS_PARAMETER, "rds:orders-1")
    inside = WINDOWS.replace("effect: allow}", "effect: allow, maintenance: inside}", 1)
    assert ask(policy(inside), orders).effect is ALLOW
    assert ask(policy(inside)).reasons == (Reason.MAINTENANCE,)
    whatever = WINDOWS.replace("effect: allow}", "effect: allow, maintenance: any}", 1)
    assert ask(policy(whatever), orders).effect is ALLOW


def test_a_rule_that_denies_may_do_so_in_some_hours_only() -> None:
    freeze = rules("actions: '*', effect: deny, hours: {days: fri, from: '17:00', zone: Asia/Seoul}", FREE)
    assert ask(freeze).effect is ALLOW
    friday = now(datetime(2026, 11, 20, 8, 30, tzinfo=UTC))
    assert inspect(freeze, plan(), incident(), friday).effect is DENY


def test_a_dry_run_gets_what_the_real_one_would_get() -> None:
    for found in (rules("actions: notify, effect: allow"), rules(FREE), shipped()):
        assert ask(found, plan(dry_run=True)) == ask(found, plan())


@pytest.mark.parametrize(
    ("wanted", "effect", "needed"),
    [
        (telling(), ALLOW, 1),
        (plan(ActionType.INVESTIGATE, "", risk=Risk.LOW, blast_radius=0), ALLOW, 1),
        (plan(ActionType.WEBHOOK, ""), ASK, 1),
        (plan(ActionType.EVENTBRIDGE_EVENT, "events:bus"), ASK, 1),
        (plan(), ASK, 1),
        (plan(ActionType.RDS_PARAMETER, "rds:x", reversible=False), ASK, 2),
        (plan(ActionType.AUTO_SCALING, "ecs:x", risk=Risk.HIGH), ASK, 2),
        (plan(blast_radius=21), DENY, 1),
        (plan(risk=Risk.HIGH, blast_radius=11), DENY, 1),
    ],
)
def test_the_shipped_policy(wanted: ActionPlan, effect: PolicyEffect, needed: int) -> None:
    found = ask(shipped(), wanted)
    assert (found.effect, found.needed) == (effect, needed)
    assert found.act_at == (0.5 if effect is ALLOW else None)


def test_the_shipped_policy_lets_a_remedy_be_tried_three_times_an_hour() -> None:
    tried = [permit(f"{n}") for n in range(3)]
    assert ask(shipped(), recent=tried[:2]).effect is ASK
    assert ask(shipped(), recent=tried).reasons == (Reason.RATE_LIMIT,)
    assert {rule.name for rule in shipped().rules if rule.reason and re.search("[가-힣]", rule.reason_ko)} == {
        rule.name for rule in shipped().rules
    }


def test_what_telemetry_names_cannot_steer_a_terminal() -> None:
    found = ask(rules(FREE), plan(resource="deployment:\x1b[2J{rule}\nx"))
    assert "\x1b" not in found.explanation
    assert "{rule} x" in found.explanation
    assert inspect(rules(FREE), plan(), incident("\x1b", Severity.LOW), now()).effect is ALLOW
