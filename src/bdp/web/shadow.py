"""Shadow detection: what settings to try find beside the live ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bdp.flow.contrast import Report
from bdp.flow.shadow import report
from bdp.web.incidents import Since
from bdp.web.reach import Product

routes = APIRouter(tags=["shadow"])
_USUAL: Final = timedelta(hours=24)


class ShadowAnswer(BaseModel):
    """The settings to try, and what both sides found."""

    settings: dict[str, dict[str, Any]] = Field(description="what `[shadow]` gives, by room; empty: shadow is off")
    since: datetime
    report: Report | None = Field(description="of all lanes whose worker has this process's settings; null when off")


@routes.get("/v1/shadow")
def shadow_report(
    product: Product,
    since: Annotated[Since | None, Query(description="event time from here on; default: 24 hours ago")] = None,
    differences: Annotated[int, Query(ge=0, le=1000, description="differences to list, worst first")] = 20,
) -> ShadowAnswer:
    """Return what live detection and its shadow found of the same records. The shadow raises nothing."""
    settings, now = product.settings, product.clock.now()
    begin, other = since or now - _USUAL, settings.shadow_detection
    found = report(product.books, settings.detection, other, begin, now, differences) if other else None
    return ShadowAnswer(settings=settings.shadow.given, since=begin, report=found)
