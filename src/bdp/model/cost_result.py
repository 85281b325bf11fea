"""What analysing daily costs yields: results by account and service, forecasts, and the report of a stretch of days."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from bdp.model.anomaly import Severity
from bdp.model.cost import ALL_SERVICES
from bdp.model.noun import Noun

Share = Annotated[float, Field(ge=0, le=1)]


class CostKey(Noun):
    """Whose costs: one service of one account, in one currency.

    Attributes:
        account_id: FOCUS `SubAccountId`; the billing account where there is none.
    """

    provider_name: str = ""
    billing_account_id: str = ""
    account_id: str = ""
    account_name: str = ""
    service_name: str = ""
    currency: str = "USD"

    @property
    def account(self) -> str:
        """The account as people know it."""
        return self.account_name or self.account_id or self.billing_account_id

    @property
    def is_whole(self) -> bool:
        """Whether all that an account costs is meant."""
        return self.service_name == ALL_SERVICES and bool(self.account_id)

    def __str__(self) -> str:
        return " / ".join(part for part in (self.account, self.service_name) if part) or "unnamed service"


class TrendDirection(StrEnum):
    """Where the costs of the last weeks were going, before the day in question."""

    INCREASING = "increasing"
    DECREASING = "decreasing"
    STABLE = "stable"


class Standing(StrEnum):
    """What could be said of a day."""

    JUDGED = "judged"
    TOO_YOUNG = "too_young"
    """Fewer days of history than a judgement needs."""
    NO_COST = "no_cost"
    """Nothing was charged that day, or less than nothing."""
    BELOW_IMPACT = "below_impact"
    """Abnormal, but the money is below the least that anybody is told of."""
    LOOKS_DOUBLED = "looks_doubled"
    """Nearly everything of the account costs twice as much: the day seems to have been counted twice."""


class MethodResult(Noun):
    """What one method says of one day.

    Attributes:
        confidence: 0..1; from 0.5 on the method calls the day abnormal.
        value: the method's own figure: a ratio, a z-score, an outlier score.
        threshold: of that figure, where confidence is 0.5.
    """

    is_anomaly: bool
    confidence: Share
    value: float
    threshold: float
    explanation: str
    explanation_ko: str = ""


class PatternContext(Noun):
    """Why a rise was expected, or why it was not.

    Attributes:
        pattern: day_of_week, trend, month_cycle or service_profile.
        adjustment: what the confidence was lowered by, as a negative number; 0 where the pattern does not hold.
        applied: False in shadow mode, where it is recorded but does not decide.
    """

    pattern: str
    adjustment: Annotated[float, Field(ge=-1, le=0)]
    applied: bool
    explanation: str
    explanation_ko: str = ""


class Driver(Noun):
    """One part of a rise, or what moved against it.

    Attributes:
        dimension: account, service, region, resource, usage type, charge category or tag.
        cost: on the days of the spike, by day; usual: on the days before, by day.
        share: of the whole change; negative for what fell while the rest rose.
        is_new: it had no cost before.
    """

    dimension: str
    name: str
    cost: float
    usual: float
    change: float
    share: float
    is_new: bool = False


class CostChange(Noun):
    """A change shortly before a rise, which may have brought it about.

    Attributes:
        why: what speaks for it, in plain words.
    """

    ref: str
    kind: str
    service: str
    summary: str
    at: datetime
    why: str
    why_ko: str = ""


class CostResult(Noun):
    """What is said of one account and service on one day. Costs are in `key.currency`.

    Attributes:
        day: the day that was judged (UTC).
        timestamp: when it was judged.
        confidence_score: after patterns; raw_confidence_score: before them.
        current_cost: of that day; historical_average: mean of the days before that were looked at.
        expected_cost: what its own past makes likely for such a day; `expected_high` the most of it.
        change_percent: of current cost against the historical average; None where that is 0 or unknown.
        impact: money above what was expected, over the whole spike so far.
        spike_duration_days: days in a row up to this one; 0 where it is no anomaly.
        detection_results: by method, in the order of their weights; what did not run is not in there.
        historical_costs: of the days in `timestamps`, the judged one last; None where nothing was delivered.
        note: why there is no judgement, or what else is to be known.
    """

    key: CostKey
    day: date
    standing: Standing
    is_anomaly: bool
    confidence_score: Share
    raw_confidence_score: Share
    severity: Severity | None = None
    current_cost: float
    historical_average: float
    expected_cost: float
    expected_high: float
    change_percent: float | None
    impact: float
    spike_duration_days: int
    spike_start_date: date | None
    trend_direction: TrendDirection
    detection_results: dict[str, MethodResult]
    detected_methods: tuple[str, ...]
    pattern_contexts: tuple[PatternContext, ...]
    historical_costs: tuple[float | None, ...]
    timestamps: tuple[date, ...]
    drivers: tuple[Driver, ...] = ()
    changes: tuple[CostChange, ...] = ()
    analysis: str = ""
    analysis_ko: str = ""
    note: str = ""
    note_ko: str = ""
    timestamp: datetime

    @property
    def service_name(self) -> str:
        """What is billed."""
        return self.key.service_name

    @property
    def account_id(self) -> str:
        """Whose it is."""
        return self.key.account_id

    def flat(self) -> dict[str, Any]:
        """Return it for scripts: with the parts of its key beside the other fields."""
        fields = self.model_dump(mode="json")
        return {**fields.pop("key"), **fields}


class ForecastDay(Noun):
    """One day ahead, with its interval."""

    day: date
    cost: float
    low: float
    high: float


class CostForecast(Noun):
    """What a service, an account or all of it will cost. Costs are in `currency`.

    Attributes:
        account, service_name: empty for all of them.
        level: share of days that the interval is to hold, 0..1.
        total, low, high: of all days together.
        method: how it was made, in plain words.
    """

    account: str = ""
    service_name: str = ""
    currency: str = "USD"
    days: tuple[ForecastDay, ...]
    level: Share
    total: float
    low: float
    high: float
    method: str = ""
    note: str = ""
    note_ko: str = ""


class BudgetOutlook(Noun):
    """Whether a budget will hold. Costs are in `currency`.

    Attributes:
        start, end: the budget's period, first and last day.
        spent: up to `as_of`, the last day with costs.
        expected: at the end of the period, with its interval.
        overrun_day: the day on which the budget will be used up; None if it holds. `overrun_earliest`: by the upper
            end of the interval.
        probability: that it will be exceeded, 0..1.
    """

    name: str
    amount: float
    currency: str
    start: date
    end: date
    as_of: date
    spent: float
    expected: float
    low: float
    high: float
    overrun_day: date | None
    overrun_earliest: date | None
    probability: Share
    text: str
    text_ko: str = ""


class ProviderAnomaly(Noun):
    """An anomaly as the provider of the bill sees it, shown beside ours."""

    provider: str
    anomaly_id: str
    start: date
    end: date | None
    service_name: str
    account_id: str = ""
    impact: float
    currency: str = "USD"
    score: float | None = None
    root_causes: tuple[str, ...] = ()


class ProviderForecast(Noun):
    """A forecast of the provider of the bill, shown beside ours."""

    provider: str
    start: date
    end: date
    total: float
    currency: str = "USD"
    days: tuple[ForecastDay, ...] = ()


class ProviderView(Noun):
    """What a provider itself forecasts and finds, as it was last asked."""

    name: str
    asked_at: datetime
    forecast: ProviderForecast | None = None
    anomalies: tuple[ProviderAnomaly, ...] = ()
    problem: str = ""


class CurrencyTotal(Noun):
    """Everything that was charged in one currency."""

    currency: str
    billed_cost: float
    effective_cost: float
    lines: int
    by_category: dict[str, float]


class ServiceTotal(Noun):
    """What one account and service cost in the stretch, and how its days went."""

    key: CostKey
    cost: float
    costs: tuple[float | None, ...]
    standing: Standing
    change_percent: float | None = None
    trend_direction: TrendDirection = TrendDirection.STABLE


class CostNote(Noun):
    """Something about the data that a reader of the figures must know."""

    kind: str
    text: str
    text_ko: str = ""


class ShadowCount(Noun):
    """How often what is live and what is in the shadow agreed."""

    name: str
    both: int
    live_only: int
    shadow_only: int
    money_live_only: float
    money_shadow_only: float
    examples: tuple[str, ...] = ()


class CostReport(Noun):
    """The analysis of a stretch of days.

    Attributes:
        start, end: first and last day with costs; None where there are none.
        judged: days by account and service that were judged.
        services: dearest first, `service_count` in all.
        anomalies: dearest first.
        quiet: what was abnormal, but below the least impact, or looks like a day that was counted twice.
        methods: name and weight of what ran; absent: what did not, and why.
    """

    start: date | None
    end: date | None
    days: tuple[date, ...] = ()
    totals: tuple[CurrencyTotal, ...] = ()
    judged: int = 0
    services: tuple[ServiceTotal, ...] = ()
    service_count: int = 0
    anomalies: tuple[CostResult, ...] = ()
    quiet: tuple[CostResult, ...] = ()
    standings: dict[str, int] = {}
    forecasts: tuple[CostForecast, ...] = ()
    budgets: tuple[BudgetOutlook, ...] = ()
    providers: tuple[ProviderView, ...] = ()
    shadow: tuple[ShadowCount, ...] = ()
    notes: tuple[CostNote, ...] = ()
    methods: dict[str, float] = {}
    absent: dict[str, str] = {}
    timestamp: datetime
