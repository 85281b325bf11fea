"""A shop with trouble of several kinds, and whom to ask about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec

from bdp.clock import ManualClock
from bdp.errors import NotFound
from bdp.explain.agents.orchestrator import Orchestrator
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.analyst import Analyst
from bdp.explain.playbook import load_playbooks
from bdp.explain.settings import ExplainSettings
from bdp.llm.ask import ChatModel
from bdp.llm.gateway import NoModel
from bdp.model.analysis import IncidentReport
from bdp.model.batch import RecordKind
from bdp.model.change import Change
from bdp.model.cost import CostLine
from bdp.model.event import Event, Level
from bdp.model.incident import Incident
from bdp.ports import Incidents, Store
from tests.unit.explain.scene import ONSET, change, event, fill, incident, normal

NOW = ONSET + timedelta(hours=1)
POOL = "HikariPool-1 - Connection is not available, request timed out after 30000ms"
INCIDENT = "01JNZ0000000000000000000AB"


class Known:
    """Incidents that are known; only what reads."""

    def __init__(self, *reports: IncidentReport) -> None:
        self.reports = {one.incident.incident_id: one for one in reports}

    def list(self, status: Any = None, since: Any = None, limit: int = 100) -> list[Incident]:
        return [one.incident for one in self.reports.values()][:limit]

    def report(self, incident_id: str) -> IncidentReport:
        if incident_id not in self.reports:
            raise NotFound(f"There is no incident {incident_id}.")
        return self.reports[incident_id]


def shop() -> list[Event]:
    """Payment has no connections left; one address tries log-ins; checkout is slow."""
    failing = [event(i, POOL, error_code="E_POOL", trace_id=f"t{i:02}", attributes={"pool": "main"}) for i in range(40)]
    tries = [
        event(60 + i, "Failed password for root", service="sshd", client_ip="203.0.113.7", user_id=f"u{i % 6}")
        for i in range(30)
    ]
    got_in = [event(120, "Accepted password for root", service="sshd", client_ip="203.0.113.7", level=Level.INFO)]
    paid: dict[str, Any] = {"service": "checkout", "level": Level.INFO, "route": "/pay"}
    slow = [event(i, "done", duration_ms=900.0, **paid) for i in range(20)]
    fast = [event(-3600 * 30 + i, "done", duration_ms=90.0, **paid) for i in range(20)]
    return [*normal(100), *failing, *tries, *got_in, *slow, *fast]


def costs() -> list[CostLine]:
    day = ONSET.replace(hour=0)
    return [
        CostLine(
            charge_period_start=day - timedelta(days=back),
            charge_period_end=day - timedelta(days=back - 1),
            service_name="database",
            billed_cost=cost,
        )
        for back, cost in ((2, 10.0), (1, 42.5))
    ]


def filled(store: Store, events: Iterable[Event] | None = None, changes: Sequence[Change] = ()) -> None:
    fill(store, shop() if events is None else events, changes or [change(240, ref="rel-77")])
    store.insert(RecordKind.COSTS, msgspec.json.Encoder().encode_lines(costs()), "costs")


def asking(
    store: Store, model: ChatModel | None = None, *, about: Incident | None = None, **settings: Any
) -> Orchestrator:
    """Return whom to ask; the incident is explained by the rules."""
    clock = ManualClock(NOW)
    analyst = Analyst(store, ExplainSettings(), clock)
    known = about or incident().model_copy(update={"incident_id": INCIDENT})
    report = IncidentReport(incident=known, analysis=analyst.explain(known))
    known_ones = cast(Incidents, Known(report))
    return Orchestrator(
        store, known_ones, model or NoModel(), analyst, load_playbooks(), AgentSettings(**settings), clock
    )
