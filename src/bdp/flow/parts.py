"""What the incident's workflow is given: ports, settings and two questions that other stages answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdp.act.action import Tools
from bdp.decide.gate import GateSettings
from bdp.decide.policy import Policy
from bdp.flow.settings import WorkflowSettings
from bdp.model.action import Pause
from bdp.model.analysis import Analysis
from bdp.model.incident import Incident
from bdp.ports import Approvals, Executions, Incidents

Explain = Callable[[Incident, int, Sequence[str]], Analysis]
"""explain(incident, attempt, keys of actions that were tried) -> analysis"""

SymptomGone = Callable[[Incident, datetime], bool]
"""symptom_gone(incident, since) -> the store shows no more of it from that event time on"""


@dataclass(frozen=True)
class Parts:
    """Everything the workflow uses. `tools` holds clock, channels, store and effects as well."""

    settings: WorkflowSettings
    gate: GateSettings
    policy: Callable[[], Policy]
    pause: Callable[[], Pause | None]
    incidents: Incidents
    approvals: Approvals
    executions: Executions
    tools: Tools
    explain: Explain
    symptom_gone: SymptomGone
