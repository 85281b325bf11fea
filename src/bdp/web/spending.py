"""What asking models costs: budgets, what was spent, and what a person decides about it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bdp.app import App
from bdp.errors import BadRequest, NotPossible
from bdp.model.spending import NANO, Standing
from bdp.store.spending import AUDITED, periods_of
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/spending", tags=["models"])

_MOST_DAYS = 90


class BudgetAnswer(BaseModel):
    """How one budget stands, in US dollars."""

    name: str = Field(description="hour, day, month or incident")
    period: str = Field(description="such as 2026-11-21, in UTC, or the incident's id")
    limit_usd: float | None = Field(description="with what was allowed on top; null: no limit")
    spent_usd: float
    reserved_usd: float = Field(description="for requests on their way, the most that they can cost")
    refused: bool = Field(description="a request was refused because of this limit")


class CostAnswer(BaseModel):
    """What one agent spent on one model on one day."""

    day: date
    agent: str
    provider: str
    model: str
    requests: int = Field(description="failed ones included")
    failed: int
    tokens_in: int = Field(description="cached ones included")
    tokens_out: int
    tokens_cached: int
    usd: float


class SpendingAnswer(BaseModel):
    """Money for models; days and months are those of UTC."""

    models: list[str] = Field(description="which are asked, in this order; empty: none is")
    at_limit: str = Field(description="what follows when a day's or month's budget is reached: degrade, ask or stop")
    hour_alarm_usd: float
    stopped_since: datetime | None = Field(description="no model is asked since then, until a person resumes")
    stopped_by: str = Field(description="who stopped; bdp where a budget did; empty if nothing is stopped")
    budgets: list[BudgetAnswer]
    days: int = Field(description="days that the costs are of, today included")
    costs: list[CostAnswer] = Field(description="dearest first")


class Decision(BaseModel):
    """Who decides; kept in the audit log."""

    by: str = Field(min_length=1, max_length=200)


class Allowance(Decision):
    """More money for one budget, for its present period only."""

    name: Literal["day", "month", "incident"]
    incident_id: str = Field(default="", max_length=200, description="which incident; with that name only")
    usd: float = Field(gt=0, le=1e6, allow_inf_nan=False, description="US dollars on top of what is allowed")


@routes.get("")
def show_spending(
    product: Product,
    days: int = Query(default=7, ge=1, le=_MOST_DAYS, description="of costs, today included"),
    incident_id: str = Query(default="", max_length=200, description="tell its budget as well"),
) -> SpendingAnswer:
    """Return budgets, whether all is stopped, and costs by day, agent and model."""
    return _answer(product, days, incident_id)


@routes.post("/allow")
def allow_more(allowance: Allowance, product: Product) -> SpendingAnswer:
    """Put more on the budget of this day, this month, or an incident. It ends no stop: that is what resume is for."""
    settings, spending, now = product.settings.llm.budget, product.state.spending, product.clock.now()
    if (allowance.name == "incident") != bool(allowance.incident_id):
        raise BadRequest("An incident's id belongs to the budget incident, and to no other.", "Give both or neither.")
    if getattr(settings, f"{allowance.name}_usd") is None:
        raise NotPossible(f"There is no limit for a {allowance.name}, so nothing has to be allowed.")
    if allowance.incident_id:
        product.state.incidents.get(allowance.incident_id)
    period = periods_of(now, allowance.incident_id)[allowance.name]
    spending.allow(allowance.name, period, max(1, round(allowance.usd * NANO)), allowance.by, now)
    return _answer(product, 7, allowance.incident_id)


@routes.post("/stop")
def stop_spending(decision: Decision, product: Product) -> SpendingAnswer:
    """Ask no model any more, in any process, until somebody resumes; the rules answer. Requests on their way go on."""
    product.state.spending.stop(product.clock.now(), decision.by)
    return _answer(product)


@routes.post("/resume")
def resume_spending(decision: Decision, product: Product) -> SpendingAnswer:
    """Ask models again."""
    product.state.spending.resume(product.clock.now(), decision.by)
    return _answer(product)


def _answer(product: App, days: int = 7, incident_id: str = "") -> SpendingAnswer:
    settings, spending, now = product.settings.llm, product.state.spending, product.clock.now()
    until = now.date() + timedelta(days=1)
    stopped = spending.stopped()
    return SpendingAnswer(
        models=list(settings.chain) if settings.enabled else [],
        at_limit=settings.budget.at_limit,
        hour_alarm_usd=settings.budget.hour_alarm_usd,
        stopped_since=stopped,
        stopped_by=_stopper(product) if stopped else "",
        budgets=[_told(one) for one in spending.standings(now, settings.budget.bounds(), incident_id)],
        days=days,
        costs=[
            CostAnswer(
                **line.model_dump(exclude={"calls", "nano_usd"}), requests=line.calls, usd=line.nano_usd / NANO
            )
            for line in spending.costs(until - timedelta(days=days), until)
        ],
    )  # fmt: skip


def _stopper(product: App) -> str:
    entries = product.state.audit.list(object=AUDITED, limit=100)
    return next((entry.actor for entry in entries if entry.action == "spending.stop"), "")


def _told(one: Standing) -> BudgetAnswer:
    return BudgetAnswer(
        name=one.name,
        period=one.period,
        limit_usd=None if one.limit is None else one.limit / NANO,
        spent_usd=one.spent / NANO,
        reserved_usd=one.reserved / NANO,
        refused=one.refused,
    )
