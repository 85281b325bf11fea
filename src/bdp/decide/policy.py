"""Policy: what may be done, as data. What no rule names is denied.

A rule fits when action, service and severity fit; the first that fits decides. The shipped policy is what a careful
engineer wants on the first day: read and tell freely, ask before anything changes.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from bdp.model.analysis import ActionType
from bdp.model.anomaly import SEVERITIES, Severity
from bdp.model.incident import Incident


class RuleEffect(StrEnum):
    """What a rule says to an action."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Rule(BaseModel):
    """One line of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: ActionType | None = Field(default=None, description="this action only; empty: every action")
    effect: RuleEffect = Field(description="allow: confidence decides; ask: a person always decides; deny: never")
    service: str = Field(default="*", min_length=1, max_length=200, description="glob on the incident's service")
    severities: tuple[Severity, ...] = Field(default=SEVERITIES, min_length=1, description="of the incident")
    act_at: float | None = Field(
        default=None, ge=0, le=1, description="confidence from which the action needs no approval; empty: the gate's"
    )
    reason: str = Field(default="", max_length=500, description="shown with each decision that rests on the rule")

    def fits(self, action: ActionType, incident: Incident) -> bool:
        """Return whether the rule speaks about this action in this incident."""
        return (
            self.action in (None, action)
            and fnmatchcase(incident.subject.service, self.service)
            and incident.severity in self.severities
        )


_SHIPPED = (
    Rule(action=ActionType.NOTIFY, effect=RuleEffect.ALLOW, act_at=0.5, reason="telling people changes nothing"),
    Rule(action=ActionType.INVESTIGATE, effect=RuleEffect.ALLOW, act_at=0.5, reason="it only reads"),
    Rule(action=ActionType.WEBHOOK, effect=RuleEffect.ASK, reason="it changes another system"),
)
_NO_RULE = Rule(effect=RuleEffect.DENY, reason="no rule of the policy names it")


class PolicySettings(BaseModel):
    """The rules, in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(default=_SHIPPED, description="the first rule that fits decides; none: denied")

    def rule_for(self, action: ActionType, incident: Incident) -> Rule:
        """Return the rule that decides; a denying one when none fits."""
        return next((rule for rule in self.rules if rule.fits(action, incident)), _NO_RULE)
