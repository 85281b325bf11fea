"""Incidents with their analyses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from bdp.model.analysis import IncidentReport
from bdp.model.incident import Incident, IncidentStatus
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/incidents", tags=["incidents"])


@routes.get("")
def list_incidents(
    product: Product,
    status: IncidentStatus | None = None,
    since: datetime | None = None,
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
    return product.explain(incident_id)


@routes.post("/{incident_id}/resolve")
def resolve(incident_id: str, product: Product, by: str = "operator", note: str = "") -> Incident:
    """Close an incident by hand."""
    text = f"Closed by {by}" + (f": {note}" if note else "")
    return product.state.incidents.move(incident_id, IncidentStatus.RESOLVED, text, product.clock.now())
