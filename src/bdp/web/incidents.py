"""Incidents with their analyses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel

from bdp.explain.agents.reply import Reply
from bdp.flow.investigating import investigate as investigate_live
from bdp.model.analysis import IncidentReport
from bdp.model.incident import Incident, IncidentStatus
from bdp.web.reach import Product


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time in UTC") from None


Since = Annotated[AwareDatetime, AfterValidator(_utc)]
By = Annotated[str, Query(min_length=1, max_length=200)]
Note = Annotated[str, Query(max_length=2000)]
routes = APIRouter(prefix="/v1/incidents", tags=["incidents"])


@routes.get("")
def list_incidents(
    product: Product,
    status: IncidentStatus | None = None,
    since: Since | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[Incident]:
    """Return incidents, newest start first."""
    return product.state.incidents.list(status, since, limit)


@routes.get("/{incident_id}")
def get_incident(incident_id: str, product: Product) -> IncidentReport:
    """Return one incident with its timeline and latest analysis."""
    return product.state.incidents.report(incident_id)


@routes.post("/{incident_id}/analysis")
def analyse(incident_id: str, product: Product) -> IncidentReport:
    """Explain the incident again from what the store holds now."""
    return product.explaining.explain(incident_id)


class Investigation(BaseModel):
    """What an investigation found, and what it took.

    Attributes:
        report: the incident, with the analysis of all services and changes around it; it is not kept.
        reply: what the agents made of it, where a model was to be asked, too.
    """

    report: IncidentReport
    seconds: float
    reply: Reply | None = None


@routes.post("/{incident_id}/investigation")
def investigate(incident_id: str, product: Product, ai: bool = False) -> Investigation:
    """Look at all services and changes around the incident: which is to blame, or none; who suffers; what helps."""
    incident = product.state.incidents.report(incident_id).incident
    found = investigate_live(incident, product.store, product.settings.explain, product.clock)
    reply = product.asking.look_again(incident, found.analysis) if ai else None
    analysis = reply.analysis if reply and reply.analysis else found.analysis
    report = IncidentReport(incident=incident, analysis=analysis)
    return Investigation(report=report, seconds=found.seconds, reply=reply)


@routes.post("/{incident_id}/resolve")
def resolve(incident_id: str, product: Product, by: By = "operator", note: Note = "") -> Incident:
    """Close an incident by hand."""
    text = f"Closed by {by}" + (f": {note}" if note else "")
    return product.state.incidents.move(incident_id, IncidentStatus.RESOLVED, text, product.clock.now())
