"""What a policy is asked about: one plan of one incident, as the rules see it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bdp.model.action import Permit
from bdp.model.analysis import ActionType
from bdp.model.anomaly import Severity
from bdp.model.incident import Incident
from bdp.model.plan import ActionPlan, Risk

INFORMATIONAL = frozenset({ActionType.NOTIFY, ActionType.INVESTIGATE})
"""They tell and read."""


class Asked(NamedTuple):
    """One plan as the rules see it.

    Attributes:
        environment: as the policy names it.
    """

    key: str
    type: ActionType
    resource: str
    service: str
    environment: str
    severity: Severity
    risk: Risk
    reversible: bool
    blast_radius: int
    incident_id: str

    @classmethod
    def of(cls, plan: ActionPlan, incident: Incident, environment: str) -> Asked:
        """Return what a plan and its incident say."""
        return cls(
            key=plan.idempotency_key,
            type=plan.type,
            resource=plan.resource,
            service=incident.subject.service,
            environment=environment,
            severity=incident.severity,
            risk=plan.risk,
            reversible=plan.reversible,
            blast_radius=plan.blast_radius,
            incident_id=incident.incident_id,
        )

    @property
    def changes_nothing(self) -> bool:
        """True when it tells or reads: a pause, a maintenance or a broken policy does not stop it."""
        return (
            self.type in INFORMATIONAL and self.risk is Risk.LOW and not self.blast_radius and not self.resource
        )  # fmt: skip

    def permit(self, rule: str, at: datetime) -> Permit:
        """Return the leave that it would get."""
        return Permit(
            key=self.key,
            type=self.type,
            resource=self.resource,
            service=self.service,
            environment=self.environment,
            rule=rule,
            incident_id=self.incident_id,
            at=at,
        )
