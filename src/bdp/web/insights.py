"""Insights: what was found about the fabric, and whether people were told."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from bdp.flow.concord import Concord, concord
from bdp.model.insight import (
    AlertStanding,
    Insight,
    InsightFilter,
    InsightPage,
    InsightSource,
    PredictionType,
)
from bdp.web.incidents import Since
from bdp.web.reach import Product

routes = APIRouter(tags=["insights"])

Entity = Annotated[str, Query(min_length=1, max_length=4000, description="only this stream or port")]
Cursor = Annotated[str, Query(max_length=8000, description="`next` of an earlier answer, to go on behind it")]


class InsightAnswer(Insight):
    """One insight, and how it stands with telling people of it."""

    alert: AlertStanding = Field(description="what was decided about telling people, and when they were told")


@routes.get("/v1/insights")
@routes.get("/insights/recent")
def list_insights(
    product: Product,
    since: Since | None = None,
    min_risk: Annotated[int, Query(ge=0, le=100, description="80: critical, 60: high, 40: medium")] = 0,
    prediction_type: PredictionType | None = None,
    related_entity: Entity | None = None,
    source: InsightSource | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Cursor = "",
) -> InsightPage:
    """Return insights, newest event time first, a page at a time.

    An empty `next` is the last page. Pages hold together while new insights come in: none of those that were there is
    left out or told twice.
    """
    wanted = InsightFilter(
        since=since, min_risk=min_risk, prediction_type=prediction_type, related_entity=related_entity, source=source
    )
    return product.state.insights.recent(wanted, limit, cursor)


@routes.get("/v1/comparisons/insights")
def compare_insights(
    product: Product,
    since: Annotated[AwareDatetime, Query(alias="from", description="event time, from here on")],
    until: Annotated[
        AwareDatetime | None, Query(alias="to", description="event time, before here; default: now")
    ] = None,
    related_entity: Annotated[str, Query(max_length=4000, description="only this stream or port")] = "",
) -> Concord:
    """Return how far models and rules agree on the insights of a range, from what was kept of both."""
    state = product.state
    end = until or product.clock.now()
    return concord(state.insights, state.inquiries, since.astimezone(UTC), end.astimezone(UTC), related_entity)


@routes.get("/v1/insights/{entity_id:path}")
def get_insight(entity_id: str, product: Product) -> InsightAnswer:
    """Return one insight, and whether people were told of it."""
    state = product.state
    return InsightAnswer(**dict(state.insights.get(entity_id)), alert=state.alerts.standing(entity_id))
