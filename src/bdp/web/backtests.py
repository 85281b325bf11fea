"""Backtests: what other settings would have raised, and how far the rules agree with what was raised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bdp.errors import BadRequest, NotFound
from bdp.flow.backtest import METRIC_LEAD_HOURS, Answer, Backtest, Trial
from bdp.settings import over
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/backtests", tags=["backtests"])

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
DETECTION = ("detect", "series", "fabric")
"""The rooms of settings that a backtest looks at."""


class BacktestQuestion(BaseModel):
    """A time range, and settings to try."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime | None, Field(alias="to", description="default: now")] = None
    settings: dict[str, Any] = Field(
        default={}, description="by room, as in bdp.toml; put over the present ones. Empty: only those are tried"
    )
    service: str = Field(default="", max_length=1000, description="only this service's events, this entity's metrics")
    lead_hours: float = Field(
        default=METRIC_LEAD_HOURS, ge=0, le=24 * 90, description="metrics read before it, to know what is usual"
    )
    rate: float = Field(default=0, ge=0, description="most records a second; 0: no bound")
    differences: int = Field(default=20, ge=0, le=1000, description="differences to list, worst first")


class BacktestAnswer(BaseModel):
    """How far a backtest has come, and what came of it."""

    start: datetime
    end: datetime
    service: str
    lead_hours: float
    state: str
    total: int = Field(description="records to read, with those before the range; 0 while that is not known")
    read: dict[str, int] = Field(description="records read so far, by kind")
    at: datetime | None
    seconds: float
    reason: str = Field(description="why it failed; else empty")
    ignored: tuple[str, ...] = Field(default=(), description="rooms of the given settings that do not detect")
    answer: Answer | None


@routes.post("", status_code=202)
def start_backtest(question: BacktestQuestion, product: Product) -> BacktestAnswer:
    """Begin to show a range of the store to fresh detectors. Nothing is raised or kept; one at a time."""
    now = product.clock.now()
    end = min(question.end or now, now)
    if question.start < _FIRST or end < _FIRST:
        raise BadRequest("The range lies before 1970.", "The store holds nothing of then.")
    trial = Trial(
        start=question.start.astimezone(UTC),
        end=end.astimezone(UTC),
        service=question.service,
        lead_hours=question.lead_hours,
        rate=question.rate,
        most=question.differences,
    )
    given = question.settings
    settings = over(product.settings, given)
    tried = any(name in DETECTION for name in given)
    backtest = product.backtester.start(trial, (lambda: product.watch(settings)) if tried else None)
    ignored = tuple(sorted(name for name in given if name not in DETECTION))
    return _told(backtest).model_copy(update={"ignored": ignored})


@routes.get("")
def backtest_progress(product: Product) -> BacktestAnswer:
    """Return how far the present backtest has come, or what came of the last one."""
    backtest = product.backtester.latest
    if backtest is None:
        raise NotFound("Nothing was backtested since BDP started.")
    return _told(backtest)


@routes.post("/stop")
def stop_backtest(product: Product) -> BacktestAnswer:
    """End the present backtest."""
    product.backtester.stop()
    return backtest_progress(product)


def _told(backtest: Backtest) -> BacktestAnswer:
    trial = backtest.trial
    return BacktestAnswer(
        start=trial.start,
        end=trial.end,
        service=trial.service,
        lead_hours=trial.lead_hours,
        state=backtest.state.value,
        total=backtest.total,
        read={kind.value: count for kind, count in backtest.read.items()},
        at=backtest.at,
        seconds=round(backtest.seconds, 3),
        reason=backtest.reason,
        answer=backtest.answer,
    )
