"""What a policy says of one plan now: allow, ask or deny, and why. Pure.

the policy is broken                             deny    POLICY_BROKEN  (telling and reading: allow)
somebody paused BDP                              deny    PAUSED         (telling and reading go on)
a rule that denies fits, wherever it stands      deny    POLICY_DENIES
no rule fits                                     deny    NO_RULE
the first rule that fits: something is not met   as it says `otherwise`, with what is not met
else                                             as it says: allow or ask
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bdp.decide import words
from bdp.decide.asked import Asked
from bdp.decide.circumstances import Circumstances
from bdp.decide.hours import DAYS, length
from bdp.decide.limits import limits_hold
from bdp.decide.maintenance import Window
from bdp.decide.policy import Policy
from bdp.decide.rule import Aspect, Maintenance, Rule
from bdp.decide.words import RISK_KO, SCOPE, Words, filled, joined, said
from bdp.model.action import Pause
from bdp.model.decision import Inspection, PolicyEffect, RateLimit, Reason
from bdp.model.incident import Incident
from bdp.model.plan import ActionPlan

_TELL_AT = 0.5
"""Confidence from which people are told although the policy is broken: as in the shipped one."""
Unmet = tuple[Reason, Words]


def inspect(policy: Policy, plan: ActionPlan, incident: Incident, circumstances: Circumstances) -> Inspection:
    """Return what a policy says of a plan. A dry run is inspected as if it were real."""
    environment = policy.environment_of(plan.resource, incident.subject.service)
    return inspected(policy, Asked.of(plan, incident, environment), circumstances)


def inspected(policy: Policy, asked: Asked, circumstances: Circumstances) -> Inspection:
    """Return the same for what is known already, such as another environment than the policy's names say."""
    now, pause = circumstances.now, circumstances.pause
    if policy.broken:
        return _broken(policy, asked)
    if pause is not None and pause.holds(now) and not asked.changes_nothing:
        return _denied(policy, asked, "", (Reason.PAUSED, _paused(pause)))
    for sieve in policy.denying[asked.type]:
        if sieve.misfit(asked, now) is None:
            rule = sieve.rule
            return _denied(
                policy, asked, rule.name, (Reason.POLICY_DENIES, _by_rule(Reason.POLICY_DENIES, rule, asked))
            )
    for sieve in policy.granting[asked.type]:
        if sieve.misfit(asked, now) is None:
            return _granted(policy, sieve.rule, asked, circumstances)
    return _denied(policy, asked, "", *_no_rule(policy, asked, now))


def maintenance(policy: Policy, asked: Asked, now: datetime) -> Window | None:
    """Return the first maintenance that is on for what is asked about; None when there is none."""
    return next((w for w in policy.maintenance if w.open(asked.resource, asked.service, now)), None)


def _broken(policy: Policy, asked: Asked) -> Inspection:
    told = said(Reason.POLICY_BROKEN, problem=str(policy.problems[0]).rstrip("."))
    if not asked.changes_nothing:
        return _denied(policy, asked, "", (Reason.POLICY_BROKEN, told))
    return Inspection(
        effect=PolicyEffect.ALLOW,
        rule="",
        reasons=(Reason.POLICY_BROKEN,),
        explanation=told.en,
        explanation_ko=told.ko,
        act_at=_TELL_AT,
        environment=asked.environment,
        policy_version=policy.version,
    )


def _denied(policy: Policy, asked: Asked, rule: str, *why: Unmet, so: Words | None = None) -> Inspection:
    told = joined((*(text for _, text in why), *((so,) if so else ())))
    return Inspection(
        effect=PolicyEffect.DENY,
        rule=rule,
        reasons=tuple(reason for reason, _ in why),
        explanation=told.en,
        explanation_ko=told.ko,
        environment=asked.environment,
        policy_version=policy.version,
    )


def _granted(policy: Policy, rule: Rule, asked: Asked, circumstances: Circumstances) -> Inspection:
    unmet = list(_unmet(policy, rule, asked, circumstances))
    if unmet and rule.otherwise == "deny":
        return _denied(policy, asked, rule.name, *unmet, so=filled(words.SO_DENIED, rule=rule.name))
    asks = bool(unmet) or rule.effect is PolicyEffect.ASK
    effect = PolicyEffect.ASK if asks else PolicyEffect.ALLOW
    why = [*unmet, *_answer(rule, asked, asks=asks)]
    told = joined(text for _, text in why)
    exceeded = any(reason is Reason.RATE_LIMIT for reason, _ in unmet)
    return Inspection(
        effect=effect,
        rule=rule.name,
        reasons=tuple(reason for reason, _ in why),
        explanation=told.en,
        explanation_ko=told.ko,
        act_at=None if asks else rule.act_at,
        needed=rule.approvers,
        role=rule.role,
        environment=asked.environment,
        # Who is asked because of a limit decides about that limit, so it binds no more.
        limits=() if exceeded else rule.rates,
        policy_version=policy.version,
    )


def _answer(rule: Rule, asked: Asked, *, asks: bool) -> Iterator[Unmet]:
    if not asks:
        yield Reason.POLICY_ALLOWS, _by_rule(Reason.POLICY_ALLOWS, rule, asked)
        return
    yield Reason.POLICY_ASKS, _by_rule(Reason.POLICY_ASKS, rule, asked)
    if rule.approvers > 1:
        yield Reason.TWO_PERSONS, Words("", "")  # the sentence before says how many


def _unmet(policy: Policy, rule: Rule, asked: Asked, circumstances: Circumstances) -> Iterator[Unmet]:
    """Yield what a rule asks for besides and is not so."""
    now, name = circumstances.now, rule.name
    yield from _maintained(policy, rule, asked, now)
    if not rule.in_hours(now):
        yield Reason.OUTSIDE_HOURS, _outside(rule, now)
    if rule.max_risk is not None and rule.too_risky(asked.risk):
        risks = {"risk": asked.risk.value, "most_risk": rule.max_risk.value}
        korean = {"risk_ko": RISK_KO[asked.risk], "most_risk_ko": RISK_KO[rule.max_risk]}
        yield Reason.RISK_TOO_HIGH, said(Reason.RISK_TOO_HIGH, **risks, **korean)
    if rule.reversible_only and not asked.reversible:
        yield Reason.IRREVERSIBLE, said(Reason.IRREVERSIBLE)
    if rule.max_blast_radius is not None and asked.blast_radius > rule.max_blast_radius:
        figures = {"radius": asked.blast_radius, "most": rule.max_blast_radius}
        yield Reason.BLAST_RADIUS, said(Reason.BLAST_RADIUS, **figures)
    if rule.rates and circumstances.recent:
        limit = limits_hold(rule.rates, circumstances.recent, asked.permit(name, now), now)
        if limit is not None:
            yield Reason.RATE_LIMIT, _too_often(limit)


def _maintained(policy: Policy, rule: Rule, asked: Asked, now: datetime) -> Iterator[Unmet]:
    if rule.maintenance is Maintenance.ANY or (asked.changes_nothing and rule.maintenance is Maintenance.OUTSIDE):
        return
    window = maintenance(policy, asked, now)
    if rule.maintenance is Maintenance.INSIDE:
        if window is None:
            yield Reason.MAINTENANCE, words.NOT_IN_MAINTENANCE
    elif window is not None:
        english = said(Reason.MAINTENANCE, window=window.name, because=words.because(window.reason)).en
        korean = said(
            Reason.MAINTENANCE, window=window.name, because=words.because(window.reason_ko or window.reason)
        ).ko
        yield Reason.MAINTENANCE, Words(english, korean)


def _no_rule(policy: Policy, asked: Asked, now: datetime) -> Iterator[Unmet]:
    yield Reason.NO_RULE, said(Reason.NO_RULE, environment=asked.environment, **_what(asked))
    for sieve in policy.granting[asked.type]:
        # Said where a person may wonder: the rule is there, for somewhere else.
        if sieve.misfit(asked, now) is Aspect.ENVIRONMENT:
            rule = sieve.rule
            if sieve.misfit(asked._replace(environment=rule.environments[0]), now) is None:
                figures = {"wanted": ", ".join(rule.environments), "environment": asked.environment}
                yield Reason.ENVIRONMENT, said(Reason.ENVIRONMENT, rule=rule.name, **figures)
                return


def _what(asked: Asked) -> dict[str, str]:
    return {"action": words.named(asked.type), **words.on(asked.resource)}


def _by_rule(reason: Reason, rule: Rule, asked: Asked) -> Words:
    figures = {"rule": rule.name, "environment": asked.environment, **_what(asked)}
    if reason is Reason.POLICY_ASKS:
        figures |= words.people(rule.approvers, rule.role)
    return words.with_reason(said(reason, **figures), rule.reason, rule.reason_ko)


def _paused(pause: Pause) -> Words:
    until = f"{pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
    return said(
        Reason.PAUSED,
        by=pause.by,
        since=f"{pause.at:%Y-%m-%d %H:%M} UTC",
        until=f" until {until}" if until else "",
        until_ko=f"({until}까지)" if until else "",
        because=words.because(pause.reason),
    )


def _outside(rule: Rule, now: datetime) -> Words:
    zone, there = rule.hours[0].zone, rule.hours[0].there(now)
    time, day = f"{there:%H:%M} {zone}", there.weekday()
    local = {"now": f"{DAYS[day].capitalize()} {time}", "now_ko": f"{words.DAYS_KO[day]}요일 {time}"}
    return said(Reason.OUTSIDE_HOURS, hours=", ".join(map(str, rule.hours)), **local)


def _too_often(limit: RateLimit) -> Words:
    scope = SCOPE[limit.scope]
    figures = {"most": limit.most, "per": length(limit.per_seconds), "scope": scope.en, "scope_ko": scope.ko}
    return said(Reason.RATE_LIMIT, **figures)
