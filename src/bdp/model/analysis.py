"""Analyses: what an incident means, in claims that code has checked."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bdp.model.evidence import Evidence
from bdp.model.incident import Incident
from bdp.model.noun import Noun

Remedy = Literal[
    "rollback", "roll-forward", "config-revert", "scale", "feature-flag-disable", "failover", "rotate-cert",
    "purge-bad-data", "reschedule", "escalate-upstream",
]  # fmt: skip
"""What helps, in one word."""


class Verdict(StrEnum):
    """How sure the analyst is of the root cause; INCONCLUSIVE is a right answer where evidence is thin."""

    CONFIRMED = "CONFIRMED"
    LIKELY = "LIKELY"
    INCONCLUSIVE = "INCONCLUSIVE"


class Check(StrEnum):
    """What code found when it held a claim against its evidence."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSUPPORTED = "unsupported"
    NOT_CHECKABLE = "not_checkable"


class Claim(Noun):
    """One sentence that rests on numbered evidence.

    Attributes:
        evidence: ids such as `E1`.
        check: None until grounding has run.
        reason: why the check came out so, in plain words.
        text_ko: the same in Korean, as in the other fields with `_ko`; where it is empty English is shown (`worded`).
    """

    text: str
    text_ko: str = ""
    evidence: tuple[str, ...] = ()
    check: Check | None = None
    reason: str = ""

    @property
    def struck(self) -> bool:
        """True for a claim that is shown struck out and counts for nothing."""
        return self.check is Check.CONTRADICTED


class Grounding(Noun):
    """How far the claims rest on evidence.

    Attributes:
        score: supported / checkable, 0 to 1; 0.0 when nothing was checkable.
        checkable: supported + contradicted + unsupported.
    """

    score: float
    supported: int
    contradicted: int
    unsupported: int
    not_checkable: int

    @property
    def checkable(self) -> int:
        """Claims that code could hold against a value."""
        return self.supported + self.contradicted + self.unsupported


class Confidence(Noun):
    """A score with its reasons.

    Attributes:
        score: 0 to 1, after the cap by grounding.
        breakdown: each factor's value, 0 to 1, by name.
        replan: the analysis is too weak to build on; look again.
    """

    score: float = Field(ge=0, le=1)
    breakdown: dict[str, float]
    reasoning: str
    reasoning_ko: str = ""
    suggestions: tuple[str, ...] = ()
    suggestions_ko: tuple[str, ...] = ()
    replan: bool = False


class Hypothesis(Noun):
    """One possible cause and how it fared.

    Attributes:
        mechanism: name of the kind of failure, such as `credential-attack`.
        score: 0 to 1, comparable within one analysis.
        refutation: what speaks against it; empty if nothing does.
    """

    mechanism: str
    statement: str
    statement_ko: str = ""
    score: float
    evidence: tuple[str, ...] = ()
    refutation: str = ""
    refutation_ko: str = ""


class ActionType(StrEnum):
    """What BDP can do or propose."""

    NOTIFY = "notify"
    INVESTIGATE = "investigate"
    WEBHOOK = "webhook"
    LAMBDA_RESTART = "lambda_restart"
    RDS_PARAMETER = "rds_parameter"
    AUTO_SCALING = "auto_scaling"
    EVENTBRIDGE_EVENT = "eventbridge_event"
    KUBERNETES_ROLLOUT = "kubernetes_rollout"


class ConditionKind(StrEnum):
    """What must be true right before an action, asked of the store."""

    SYMPTOM_PRESENT = "symptom_present"
    """The incident's symptom was there in the last minutes."""
    CHANGE_IS_LATEST = "change_is_latest"
    """No change of `service` came after `ref`: rolling back takes back that one alone."""
    NO_CHANGE_SINCE = "no_change_since"
    """Nobody has changed `service` since the incident was detected: nobody else is mending it."""
    EVENTS_AT_LEAST = "events_at_least"
    """`service` had at least `least` events in the last `minutes`."""
    METRIC_ABOVE = "metric_above"
    """The mean of the metric `name` of `entity` in the last `minutes` is above `value`."""
    METRIC_BELOW = "metric_below"
    """The same, below."""


class Condition(Noun):
    """One precondition of an action.

    Attributes:
        parameters: as the kind names them; all that it does not name is refused when it is evaluated.
    """

    kind: ConditionKind
    parameters: dict[str, Any] = {}


class ActionProposal(Noun):
    """An action that the analysis recommends.

    Attributes:
        priority: 1 is first.
        requires: must all be true when it is decided and again right before it runs.
        rollback: how to take it back; empty when there is nothing to take back.
        description_ko: the same in Korean, as in the other fields with `_ko`; where it is empty English is shown.
    """

    type: ActionType
    description: str
    description_ko: str = ""
    parameters: dict[str, Any] = {}
    priority: int = 1
    requires: tuple[Condition, ...] = ()
    estimated_impact: str = ""
    estimated_impact_ko: str = ""
    rollback: str = ""
    rollback_ko: str = ""

    @property
    def key(self) -> str:
        """What makes two proposals the same action: 16 hex digits over type and parameters, whatever the texts say."""
        content = json.dumps([self.type, self.parameters], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


class Analysis(Noun):
    """What one attempt at explaining an incident found.

    Attributes:
        attempt: 1 for the first, up by one with each replan.
        root_cause: what is named, and how surely; for INCONCLUSIVE what is missing. What it rests on is in the claims.
        cause: what is named as a claim of its own, checked like the others and counted in the grounding; None where
            nothing is.
        mechanism: the leading hypothesis' name; empty when INCONCLUSIVE.
        culprit_change: `ref` of the change to blame, or None when no change is to blame or none is known.
        remediation: what helps, such as `rollback` or `failover`; empty where it was not looked for.
        source: `rules` or `ai`.
    """

    incident_id: str
    attempt: int
    created_at: datetime
    verdict: Verdict
    mechanism: str
    root_cause: str
    root_cause_ko: str = ""
    summary: str
    summary_ko: str = ""
    cause: Claim | None = None
    claims: tuple[Claim, ...]
    grounding: Grounding
    confidence: Confidence
    actions: tuple[ActionProposal, ...]
    hypotheses: tuple[Hypothesis, ...] = ()
    culprit_change: str | None = None
    first_failing_service: str = ""
    blast_radius: tuple[str, ...] = ()
    remediation: str = ""
    playbook: str = ""
    source: str = "rules"
    evidence: tuple[Evidence, ...] = ()


class IncidentReport(Noun):
    """An incident with its latest analysis, as faces show it."""

    incident: Incident
    analysis: Analysis | None = None
