"""Asking the agents: one way for the command line, the API and whatever else asks."""

from __future__ import annotations

from bdp.clock import Clock
from bdp.explain.agents.orchestrator import Orchestrator
from bdp.explain.agents.reply import Reply
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.analyst import Analyst
from bdp.explain.playbook import load_playbooks
from bdp.explain.settings import ExplainSettings
from bdp.llm.ask import ChatModel
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.incident import Incident
from bdp.ports import CostOutlook, Incidents, Store


class Asking:
    """Answers questions by the rules and, where one is set up, a model. It only reads.

    Raises:
        BadSetting: a playbook does not fit its form.
    """

    def __init__(
        self,
        store: Store,
        incidents: Incidents,
        model: ChatModel,
        clock: Clock,
        settings: AgentSettings,
        explain: ExplainSettings,
        outlook: CostOutlook | None = None,
    ) -> None:
        playbooks = load_playbooks(explain.playbooks)
        analyst = Analyst(store, explain, clock)
        self._incidents = incidents
        self._orchestrator = Orchestrator(store, incidents, model, analyst, playbooks, settings, clock, outlook)

    def ask(self, question: str, incident_id: str = "") -> Reply:
        """Return the answer; see `Orchestrator.ask`."""
        return self._orchestrator.ask(question, incident_id)

    def look_again(self, incident: Incident, analysis: Analysis) -> Reply:
        """Return what the agents say of an incident that rules have investigated; nothing is kept."""
        return self._orchestrator.investigate(IncidentReport(incident=incident, analysis=analysis))

    def investigate(self, incident_id: str) -> Reply:
        """Return what the agents say of an incident, in English; nothing is kept.

        Raises:
            NotFound: no such incident.
        """
        return self._orchestrator.investigate(self._incidents.report(incident_id))
