"""Costs: what is abnormal in them, what comes next, and what the providers themselves say."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, create_model

from bdp.errors import BadRequest
from bdp.flow.costs import CostQuery
from bdp.model.cost_result import CostKey, CostReport, CostResult, ProviderView
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/costs", tags=["costs"])

_LONGEST: Final = 4000
Start = Annotated[date | None, Query(description="first day to judge (UTC); default: all that there are")]
End = Annotated[date | None, Query(description="last day to judge (UTC)")]
Account = Annotated[str, Query(max_length=_LONGEST, description="only this account, by id or name")]
Service = Annotated[str, Query(max_length=_LONGEST, description="only this service, as it is billed")]
Currency = Annotated[str, Query(max_length=5, description="only this currency, such as USD")]

if TYPE_CHECKING:
    CostAnomaly = CostKey
else:
    _FIELDS = {name: (field.annotation, field) for name, field in CostResult.model_fields.items() if name != "key"}
    CostAnomaly = create_model("CostAnomaly", __base__=CostKey, **_FIELDS)
    CostAnomaly.__doc__ = "What is said of one account and service on one day, as one flat object."


class AnomalyAnswer(BaseModel):
    """Anomalies of costs."""

    anomalies: list[CostAnomaly] = Field(description="dearest first")
    count: int = Field(description="how many there are in all; more than `limit` are not told")


class ProvidersAnswer(BaseModel):
    """What providers themselves forecast and find."""

    providers: list[ProviderView] = Field(description="as each was last asked")


@routes.get("/report")
def cost_report(
    product: Product,
    start: Start = None,
    end: End = None,
    account: Account = "",
    service: Service = "",
    currency: Currency = "",
) -> CostReport:
    """Return what is abnormal in a stretch of days, what was not judged and why, forecasts and budgets."""
    return product.costs.report(_asked(start, end, account, service, currency))


@routes.get("/forecast")
def cost_forecast(
    product: Product,
    days: Annotated[int, Query(ge=0, le=365, description="days ahead; 0: as the settings say")] = 0,
    account: Account = "",
    service: Service = "",
    currency: Currency = "",
) -> CostReport:
    """Return what costs will be, the whole first, then the dearest services; and whether budgets will hold."""
    return product.costs.forecast(_asked(None, None, account, service, currency), days)


@routes.get("/anomalies")
def cost_anomalies(
    product: Product,
    start: Start = None,
    end: End = None,
    account: Account = "",
    service: Service = "",
    currency: Currency = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AnomalyAnswer:
    """Return the anomalies alone, each as one flat object."""
    found = product.costs.report(_asked(start, end, account, service, currency)).anomalies
    return AnomalyAnswer(anomalies=[_flat(one) for one in found[:limit]], count=len(found))


@routes.get("/providers")
def cost_providers(product: Product) -> ProvidersAnswer:
    """Return what the providers of the bills themselves forecast and find."""
    return ProvidersAnswer(providers=list(product.costs.providers()))


def _flat(found: CostResult) -> CostAnomaly:
    return CostAnomaly.model_validate(found.flat())


def _asked(start: date | None, end: date | None, account: str, service: str, currency: str) -> CostQuery:
    if start and end and end < start:
        raise BadRequest(f"The last day, {end}, is before the first, {start}.", "Turn start and end round.")
    return CostQuery(start=start, end=end, account=account, service=service, currency=currency)
