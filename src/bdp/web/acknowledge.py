"""Taking an incident on, and trying the ways to people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bdp.flow.tell.trial import Tested, try_channels
from bdp.web.reach import Product

routes = APIRouter(tags=["notifications"])


class Taking(BaseModel):
    """Who takes an incident on."""

    by: str = Field(min_length=1, max_length=200)


class Taken(BaseModel):
    """Who has taken an incident on first, and when."""

    incident_id: str
    by: str
    at: datetime


@routes.post("/v1/incidents/{incident_id}/acknowledge")
def acknowledge(incident_id: str, taking: Taking, product: Product) -> Taken:
    """Take the incident on: nobody else is told of it again. The first one counts."""
    first = product.acknowledging.acknowledge(incident_id, taking.by, product.clock.now())
    return Taken(incident_id=first.incident_id, by=first.by, at=first.at)


@routes.post("/v1/notify/test")
def try_out(product: Product, channel: Annotated[str, Query(max_length=200)] = "") -> list[Tested]:
    """Send a test message to one channel, or to each, and say what happened."""
    return try_channels(product.channels, product.clock, product.ids, channel)
