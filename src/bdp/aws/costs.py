"""Costs: asks Cost Explorer for daily costs, judges them, and tells what is abnormal and what comes next.

No store and no SQL, so that the package stays small: numpy and the client of AWS. Today is left out, for it is not
over. Each page of AWS's answer costs money.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.aws.contract import Json, answered, asked
from bdp.aws.environment import cost_settings
from bdp.clock import Clock, SystemClock
from bdp.detect.cost.charges import Charges
from bdp.detect.cost.daily import DailyCosts
from bdp.detect.cost.results import usual_days
from bdp.detect.cost.review import review
from bdp.detect.cost.settings import CostSettings
from bdp.errors import BadRequest, Refuse
from bdp.intake.providers.cost_explorer import CostExplorer, CostExplorerSettings
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost_result import CostResult

_LISTED: Final = 200
"""A function may answer with 6 MB."""


class CostQuestion(BaseModel):
    """What the function is asked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=90, ge=8, le=395, description="days to ask for and to judge, up to yesterday")
    account: str = Field(default="", max_length=300, description="id or name of an account; empty: all")
    service: str = Field(default="", max_length=300, description="what is billed, exact; empty: all")


def handler(event: object, context: object = None) -> Json:
    """Answer an invocation: the entry point, `bdp.aws.costs.handler`."""
    return answered(lambda: costs(asked(event, CostQuestion), cost_settings(), SystemClock()))


def costs(question: CostQuestion, settings: CostSettings, clock: Clock) -> Json:
    """Return what is abnormal in the costs of the last days.

    Raises:
        NotAllowed: AWS does not know these credentials, or they may not ask.
        NotPossible: AWS has no costs yet.
        Refuse: AWS does not take the question, or what answers is not AWS.
        Retry: AWS did not answer, or asks for fewer questions.
    """
    now = clock.now()
    charges, refused = _fetched(question, settings, clock)
    daily = charges.daily()
    told: Json = {"lines": len(charges), "refused": refused, "timestamp": now.isoformat()}
    if daily is None:
        return {"start": None, "end": None, "totals": [], "anomalies": [], "forecasts": [], "budgets": []} | told
    totals = charges.totals(daily.days[0], daily.days[-1])
    if not (question.account or question.service):
        return told | {"totals": _plain(totals)} | _judged(daily, daily, settings, now)
    # A part is as grave as it is within all, and the budgets are for the whole.
    part = settings.model_copy(update={"budgets": ()})
    return told | {"totals": _plain(totals)} | _judged(daily, charges.daily(every=True) or daily, part, now)


def _fetched(question: CostQuestion, settings: CostSettings, clock: Clock) -> tuple[Charges, int]:
    """Return the charges, and how many that AWS told are none."""
    charges = Charges(question.account, question.service, settings.cost)
    refused: list[str] = []

    def refuse(error: RefusedRecord, group: bytes) -> None:
        refused.append(error.what)

    # Region and endpoint are those of AWS's own tools: AWS_REGION, AWS_ENDPOINT_URL.
    asked = CostExplorer(CostExplorerSettings(region=""), clock, refuse)
    today = clock.now().date()
    try:
        for line in asked.lines(today - timedelta(days=question.days), today):
            charges.add(line)
    except BadRequest as error:  # ours, not the caller's
        raise Refuse(error.what, error.next_step) from error
    return charges, len(refused)


def _judged(daily: DailyCosts, every: DailyCosts, settings: CostSettings, now: datetime) -> Json:
    reviewed = review(daily, settings, now, whole=usual_days(every))
    forecasts, budgets = reviewed.ahead(settings)
    results = reviewed.results
    found = reviewed.anomalies()
    quiet = sorted(results.quiet.values(), key=lambda one: -one.impact)
    return {
        "start": daily.days[0].isoformat(),
        "end": daily.days[-1].isoformat(),
        "series": len(daily.keys),
        "standings": reviewed.standings,
        "anomaly_count": len(found),
        "anomalies": _flat(found),
        "quiet_count": len(quiet),
        "quiet": _flat(quiet),
        "forecasts": _plain(forecasts),
        "budgets": _plain(budgets),
        "methods": reviewed.ensemble.weights,
        "absent": reviewed.ensemble.absent,
    }


def _flat(found: list[CostResult]) -> list[Json]:
    return [one.flat() for one in found[:_LISTED]]


def _plain(nouns: tuple[BaseModel, ...]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in nouns]
