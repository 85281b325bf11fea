"""What AWS itself says of costs: the answers of `get_cost_forecast` and `get_anomalies`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from bdp.errors import BadRequest
from bdp.intake.bills.values import moment_of, number_of
from bdp.intake.flatten import sound
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost_result import ForecastDay, ProviderAnomaly, ProviderForecast

PROVIDER: Final = "AWS"
_CURRENCY: Final = "USD"
"""Anomalies come without a currency; AWS has them in that of its price list."""
_MOST_CAUSES = 10
_LONGEST = 200


def forecast_of(answer: Mapping[str, Any], start: date, end: date) -> ProviderForecast:
    """Return the forecast of the days from `start` up to but not including `end`.

    Raises:
        BadRequest: it cannot be read, or has none of these days.
    """
    try:
        days = [_day_of(found) for found in answer.get("ForecastResultsByTime") or ()]
        total = _map(answer, "Total")
        whole = number_of(total.get("Amount"), "Total")
    except RefusedRecord as error:
        raise BadRequest(f"The forecast of Cost Explorer cannot be read: {error.what}.") from None
    within = tuple(sorted((one for one in days if start <= one.day < end), key=lambda one: one.day))
    if not within:
        raise BadRequest("The forecast of Cost Explorer has none of the days that it was asked for.")
    currency = _text(total.get("Unit")) or _CURRENCY
    return ProviderForecast(
        provider=PROVIDER, start=within[0].day, end=within[-1].day, total=whole, currency=currency, days=within
    )


def anomaly_of(found: Mapping[str, Any]) -> ProviderAnomaly:
    """Return one anomaly; its service and account are those of the first root cause.

    Raises:
        BadRequest: it cannot be read.
    """
    causes = [cause for cause in found.get("RootCauses") or () if isinstance(cause, Mapping)]
    first: Mapping[str, Any] = causes[0] if causes else {}
    score = _map(found, "AnomalyScore").get("CurrentScore")
    try:
        return ProviderAnomaly(
            provider=PROVIDER,
            anomaly_id=_text(found.get("AnomalyId")),
            start=_date(found.get("AnomalyStartDate"), "AnomalyStartDate"),
            end=_date(found["AnomalyEndDate"], "AnomalyEndDate") if found.get("AnomalyEndDate") else None,
            service_name=_text(first.get("Service") or found.get("DimensionValue")),
            account_id=_text(first.get("LinkedAccount")),
            impact=number_of(_map(found, "Impact").get("TotalImpact"), "TotalImpact"),
            currency=_CURRENCY,
            score=None if score is None else number_of(score, "CurrentScore"),
            root_causes=tuple(text for text in map(_cause, causes[:_MOST_CAUSES]) if text),
        )
    except RefusedRecord as error:
        raise BadRequest(f"An anomaly of Cost Explorer cannot be read: {error.what}.") from None


def _day_of(found: Mapping[str, Any]) -> ForecastDay:
    cost = number_of(found.get("MeanValue"), "MeanValue")
    bounds = (found.get(f"PredictionInterval{end}Bound") for end in ("Lower", "Upper"))
    low, high = (cost if bound is None else number_of(bound, "PredictionInterval") for bound in bounds)
    day = _date(_map(found, "TimePeriod").get("Start"), "TimePeriod")
    return ForecastDay(day=day, cost=cost, low=min(low, cost), high=max(high, cost))


def _cause(cause: Mapping[str, Any]) -> str:
    """Return a root cause in a few words: account, service, region, usage type, and its part of the money."""
    account = cause.get("LinkedAccountName") or cause.get("LinkedAccount")
    parts = [_text(part) for part in (account, cause.get("Service"), cause.get("Region"), cause.get("UsageType"))]
    text = " / ".join(part for part in parts if part)
    part = _map(cause, "Impact").get("Contribution")
    return f"{text}: {number_of(part, 'Contribution'):.2f} {_CURRENCY}" if text and part is not None else text


def _date(value: object, name: str) -> date:
    return moment_of(value if isinstance(value, str) else "", name).date()


def _map(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """Return text from outside: sound, short, on one line."""
    return " ".join(sound(value).split())[:_LONGEST] if isinstance(value, str) else ""
