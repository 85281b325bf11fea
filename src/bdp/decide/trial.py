"""What an action would get, and why: every rule that is looked at, and the verdict. Nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from bdp.decide.asked import Asked
from bdp.decide.circumstances import Circumstances
from bdp.decide.gate import GateSettings
from bdp.decide.inspect import inspected
from bdp.decide.policy import Policy
from bdp.decide.rule import Aspect, Rule
from bdp.decide.words import RISK_KO, Words, people, said
from bdp.model.analysis import ActionType
from bdp.model.anomaly import Severity
from bdp.model.decision import Course, Inspection, PolicyEffect, Reason
from bdp.model.noun import Noun
from bdp.model.plan import Risk


class Question(Noun):
    """An action that might be wanted."""

    action: ActionType
    resource: str = Field(default="", max_length=500, description="what it touches, such as deployment:shop/cart")
    service: str = Field(default="", max_length=500, description="of the incident")
    environment: str = Field(default="", max_length=200, description="empty: as the policy's names say")
    severity: Severity = Severity.HIGH
    risk: Risk = Risk.MEDIUM
    blast_radius: int = Field(default=1, ge=0, le=1_000_000_000, description="how many it touches at once")
    reversible: bool = True
    confidence: float = Field(default=0.9, ge=0, le=1, description="of the analysis; its grounding counts as good")

    def asked(self, policy: Policy) -> Asked:
        """Return it as the rules see it."""
        return Asked(
            key="",
            type=self.action,
            resource=self.resource,
            service=self.service,
            environment=self.environment or policy.environment_of(self.resource, self.service),
            severity=self.severity,
            risk=self.risk,
            reversible=self.reversible,
            blast_radius=self.blast_radius,
            incident_id="",
        )


class Look(Noun):
    """How one rule was looked at.

    Attributes:
        fits: it is for this action; `decides`: it says what happens.
        why: the first thing that does not fit; empty where it fits.
    """

    rule: str
    effect: PolicyEffect
    fits: bool
    decides: bool
    why: str = ""
    why_ko: str = ""


class Trial(Noun):
    """What would happen.

    Attributes:
        course: None when the policy denies it.
        looks: rules that deny first, as they are asked first; the others up to the one that decides.
    """

    course: Course | None
    verdict: str
    verdict_ko: str
    inspection: Inspection
    looks: tuple[Look, ...]


def tried(policy: Policy, question: Question, circumstances: Circumstances, settings: GateSettings) -> Trial:
    """Return what an action would get."""
    asked = question.asked(policy)
    inspection = inspected(policy, asked, circumstances)
    course, verdict = _verdict(inspection, question.confidence, settings)
    looks = () if policy.broken else tuple(_looks(policy, asked, circumstances.now, inspection))
    return Trial(course=course, verdict=verdict.en, verdict_ko=verdict.ko, inspection=inspection, looks=looks)


def _verdict(inspection: Inspection, score: float, settings: GateSettings) -> tuple[Course | None, Words]:
    """Say what `bdp.decide.gate` makes of it."""
    bar = settings.act_at if inspection.act_at is None else inspection.act_at
    figures = {"score": f"{score:.2f}", "bar": f"{bar:.2f}"}
    if inspection.effect is PolicyEffect.DENY:
        return None, Words("denied", "금지")
    if score < settings.ask_at:
        low = said(Reason.CONFIDENCE_LOW, score=figures["score"], bar=f"{settings.ask_at:.2f}")
        return Course.ESCALATE, Words(f"goes to a person: {low.en}", f"사람에게 넘김: {low.ko}")
    if inspection.effect is PolicyEffect.ALLOW and score >= bar:
        high = said(Reason.CONFIDENCE_HIGH, **figures)
        return Course.ACT, Words(f"acts by itself: {high.en}", f"스스로 실행: {high.ko}")
    who = people(inspection.needed, inspection.role)
    english, korean = f"asks {who['people']}", f"승인 요청: {who['people_ko'].removesuffix('이')}"
    if inspection.effect is PolicyEffect.ALLOW:
        middle = said(Reason.CONFIDENCE_MIDDLE, **figures)
        return Course.ASK, Words(f"{english}: {middle.en}", f"{korean}: {middle.ko}")
    return Course.ASK, Words(english, korean)


def _looks(policy: Policy, asked: Asked, now: datetime, inspection: Inspection) -> Iterator[Look]:
    """Yield the rules in the order in which they are asked, up to the one that decides."""
    for rule in (*(r for r in policy.rules if r.denies), *(r for r in policy.rules if not r.denies)):
        aspect = rule.sieve.misfit(asked, now)
        why = _misfit(rule, aspect, asked) if aspect else Words("", "")
        decides = rule.name == inspection.rule
        yield Look(
            rule=rule.name,
            effect=rule.effect,
            fits=aspect is None,
            decides=decides,
            why=why.en,
            why_ko=why.ko,
        )
        if decides or (aspect is None and not inspection.rule):
            return


def _misfit(rule: Rule, aspect: Aspect, asked: Asked) -> Words:
    match aspect:
        case Aspect.ACTION:
            wanted = ", ".join(rule.actions)
            return Words(f"is for {wanted}", f"{wanted} 작업의 규칙")
        case Aspect.ENVIRONMENT:
            wanted, is_so = ", ".join(rule.environments), asked.environment
        case Aspect.RESOURCE:
            wanted, is_so = ", ".join(rule.resources), asked.resource or "-"
        case Aspect.SERVICE:
            wanted, is_so = ", ".join(rule.services), asked.service or "-"
        case Aspect.SEVERITY:
            wanted, is_so = ", ".join(rule.severities), asked.severity.value
        case Aspect.RISK:
            risks, korean = ", ".join(rule.risks), ", ".join(RISK_KO[risk] for risk in rule.risks)
            return Words(f"risk {asked.risk} is not {risks}", f"위험도 불일치: {RISK_KO[asked.risk]} ≠ {korean}")
        case Aspect.REVERSIBLE:
            return Words(
                "only for what can be taken back" if rule.reversible else "only for what cannot be taken back",
                "되돌릴 수 있는 작업만" if rule.reversible else "되돌릴 수 없는 작업만",
            )
        case Aspect.HOURS:
            wanted = ", ".join(map(str, rule.hours))
            return Words(f"denies only {wanted}", f"{wanted}에만 금지")
    return _is_for(aspect, wanted, is_so)


_ASPECT_KO = {
    Aspect.ENVIRONMENT: "환경",
    Aspect.RESOURCE: "리소스",
    Aspect.SERVICE: "서비스",
    Aspect.SEVERITY: "심각도",
}


def _is_for(aspect: Aspect, wanted: str, is_so: str) -> Words:
    return Words(f"{aspect.value} {is_so} is not {wanted}", f"{_ASPECT_KO[aspect]} 불일치: {is_so} ≠ {wanted}")
