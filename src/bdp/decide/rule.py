"""One rule of a policy: what it is for, what it says, and what must be true for that."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from bdp.decide.asked import Asked
from bdp.decide.globs import ANY, Globs, pattern_of, several
from bdp.decide.hours import Hours, Length
from bdp.model.analysis import ActionType
from bdp.model.anomaly import Severity
from bdp.model.decision import PolicyEffect, RateLimit, Role, Scope
from bdp.model.noun import Noun
from bdp.model.plan import RISKS, Risk

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[\w][\w .:/+-]*$")]
Reasoning = Annotated[str, Field(max_length=500)]
_LONGEST_PER = 31 * 86_400


def _action(name: str) -> str:
    if name != "*" and name not in list(ActionType):
        raise ValueError(f"must be one of {', '.join(ActionType)}, or '*'")
    return name


Action = Annotated[str, AfterValidator(_action)]
"""Name of a kind of action; `*`: every one."""


class Aspect(StrEnum):
    """What a rule looks at to see whether it is for an action, in this order."""

    ACTION = "action"
    ENVIRONMENT = "environment"
    RESOURCE = "resource"
    SERVICE = "service"
    SEVERITY = "severity"
    RISK = "risk"
    REVERSIBLE = "reversible"
    HOURS = "hours"


class Maintenance(StrEnum):
    """What a rule has to do with maintenance windows."""

    OUTSIDE = "outside"
    """It holds only while the resource is not under maintenance."""
    INSIDE = "inside"
    """It holds only while it is."""
    ANY = "any"


class Limit(Noun):
    """At most so many actions in a time."""

    most: Annotated[int, Field(ge=1, le=1_000_000)]
    per: Annotated[Length, Field(le=_LONGEST_PER)]
    scope: Scope = Scope.RULE

    @property
    def noun(self) -> RateLimit:
        """The limit as an inspection shows it."""
        return RateLimit(most=self.most, per_seconds=self.per, scope=self.scope)


_ONLY_ALLOW = ("act_at",)
_NOT_DENY = (
    "act_at", "max_risk", "reversible_only", "max_blast_radius", "limits", "maintenance", "otherwise", "approvers",
    "role",
)  # fmt: skip


class Rule(Noun):
    """One rule. Fields up to `reversible` say what it is for; those after `effect` what must be true besides.

    A rule that allows or asks and whose `hours`, `max_risk` and so on are not met says `otherwise`. `hours` of a rule
    that denies say when it does.
    """

    name: Name
    actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=50), BeforeValidator(several)]
    resources: Globs = ANY
    services: Globs = ANY
    environments: Annotated[tuple[Name, ...], Field(max_length=50), BeforeValidator(several)] = ()
    severities: Annotated[tuple[Severity, ...], Field(max_length=10), BeforeValidator(several)] = ()
    risks: Annotated[tuple[Risk, ...], Field(max_length=10), BeforeValidator(several)] = ()
    reversible: bool | None = None
    effect: PolicyEffect
    act_at: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    max_risk: Risk | None = None
    reversible_only: bool = False
    max_blast_radius: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    limits: Annotated[tuple[Limit, ...], Field(max_length=20), BeforeValidator(several)] = ()
    hours: Annotated[tuple[Hours, ...], Field(max_length=50), BeforeValidator(several)] = ()
    maintenance: Maintenance = Maintenance.OUTSIDE
    otherwise: Literal["ask", "deny"] = "deny"
    approvers: Annotated[int, Field(ge=1, le=5)] = 1
    role: Role = Role.APPROVER
    reason: Reasoning = ""
    reason_ko: Reasoning = ""
    _sieve: Sieve = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _belongs(cls, given: Any) -> Any:
        if isinstance(given, dict):
            effect = given.get("effect")
            strange = _NOT_DENY if effect == "deny" else _ONLY_ALLOW if effect == "ask" else ()
            for name in strange:
                if name in given:
                    raise ValueError(f"{name}: a rule that says {effect} has none; take it out")
        return given

    @model_validator(mode="after")
    def _made(self) -> Rule:
        self._sieve = Sieve(self)
        return self

    @property
    def denies(self) -> bool:
        """True when it forbids."""
        return self.effect is PolicyEffect.DENY

    @property
    def sieve(self) -> Sieve:
        """What says whether it is for something."""
        return self._sieve

    @property
    def rates(self) -> tuple[RateLimit, ...]:
        """Its limits."""
        return tuple(limit.noun for limit in self.limits)

    def in_hours(self, now: datetime) -> bool:
        """Return whether it is one of its hours; a rule without hours always holds."""
        return not self.hours or any(hours.hold(now) for hours in self.hours)

    def too_risky(self, risk: Risk) -> bool:
        """Return whether a risk is above what it takes."""
        return self.max_risk is not None and RISKS.index(risk) > RISKS.index(self.max_risk)


class Sieve:
    """Says whether a rule is for something. Apart from the rule, since a policy looks through a hundred in no time."""

    __slots__ = (
        "_denies",
        "_environments",
        "_resource",
        "_reversible",
        "_risks",
        "_service",
        "_severities",
        "rule",
        "types",
    )

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        everything = "*" in rule.actions
        self.types = frozenset(ActionType) if everything else frozenset(map(ActionType, rule.actions))
        self._denies = rule.denies
        self._environments = frozenset(rule.environments)
        # What forbids looks at no case: some systems take `Orders` for `orders`.
        self._resource = pattern_of(rule.resources, any_case=rule.denies)
        self._service = pattern_of(rule.services, any_case=rule.denies)
        self._severities = frozenset(rule.severities)
        self._risks = frozenset(rule.risks)
        self._reversible = rule.reversible

    def misfit(self, asked: Asked, now: datetime) -> Aspect | None:
        """Return the first thing because of which the rule is not for this; None when it is."""
        if asked.type not in self.types:
            return Aspect.ACTION
        if self._environments and asked.environment not in self._environments:
            return Aspect.ENVIRONMENT
        if self._resource is not None and self._resource.match(asked.resource) is None:
            return Aspect.RESOURCE
        if self._service is not None and self._service.match(asked.service) is None:
            return Aspect.SERVICE
        if self._severities and asked.severity not in self._severities:
            return Aspect.SEVERITY
        if self._risks and asked.risk not in self._risks:
            return Aspect.RISK
        if self._reversible not in (None, asked.reversible):
            return Aspect.REVERSIBLE
        return Aspect.HOURS if self._denies and not self.rule.in_hours(now) else None
