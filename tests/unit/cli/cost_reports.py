"""Reports of costs as the product makes them, with a spike in one service, for tests of what people see."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from bdp.model.anomaly import Severity
from bdp.model.cost_result import (
    BudgetOutlook,
    CostChange,
    CostForecast,
    CostKey,
    CostNote,
    CostReport,
    CostResult,
    CurrencyTotal,
    Driver,
    ForecastDay,
    MethodResult,
    PatternContext,
    ProviderAnomaly,
    ProviderForecast,
    ProviderView,
    ServiceTotal,
    ShadowCount,
    Standing,
    TrendDirection,
)

NOW = datetime(2026, 5, 6, 8, 30, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 20), date(2026, 5, 5)
DAYS = tuple(FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))
SPIKE = date(2026, 5, 3)
EC2 = CostKey(
    provider_name="AWS",
    billing_account_id="999",
    account_id="123456789012",
    account_name="prod",
    service_name="Amazon Elastic Compute Cloud",
)
_USUAL = tuple(118.0 + (day.weekday() < 5) * 14 + day.day % 3 for day in DAYS)


def costs(times: float = 3.4) -> tuple[float | None, ...]:
    """Return daily costs with a gap, a day of credits, and the spike at the end."""
    shown: list[float | None] = [cost * times if day >= SPIKE else cost for day, cost in zip(DAYS, _USUAL, strict=True)]
    shown[-20], shown[-12] = None, -31.5
    return tuple(shown)


def result(**changes: Any) -> CostResult:
    """Return an anomaly of three days in a row; `changes` are fields."""
    given: dict[str, Any] = {
        "key": EC2,
        "day": LAST,
        "standing": Standing.JUDGED,
        "is_anomaly": True,
        "confidence_score": 0.82,
        "raw_confidence_score": 0.97,
        "severity": Severity.HIGH,
        "current_cost": 455.6,
        "historical_average": 126.3,
        "expected_cost": 131.9,
        "expected_high": 152.04,
        "change_percent": 260.7,
        "impact": 912.48,
        "spike_duration_days": 3,
        "spike_start_date": SPIKE,
        "trend_direction": TrendDirection.STABLE,
        "detection_results": _methods(),
        "detected_methods": ("ecod", "ratio", "stddev"),
        "pattern_contexts": _patterns(),
        "historical_costs": costs(),
        "timestamps": DAYS,
        "drivers": _drivers(),
        "changes": (_change(),),
        "analysis": "Amazon Elastic Compute Cloud in prod cost 455.60 USD on 2026-05-05, 3.5 times as usual."
        "\nNearly all of it is BoxUsage:p4d.24xlarge in us-east-1, which had no cost before.",
        "analysis_ko": "prod의 Amazon Elastic Compute Cloud가 2026-05-05에 455.60 USD로 평소의 3.5배였습니다."
        "\n대부분 이전에 비용이 없던 us-east-1의 BoxUsage:p4d.24xlarge입니다.",
        "timestamp": NOW,
    }
    return CostResult(**(given | changes))


def report(**changes: Any) -> CostReport:
    """Return a whole report; `changes` are fields."""
    quiet = result(
        key=EC2.model_copy(update={"service_name": "AWS Key Management Service"}),
        standing=Standing.BELOW_IMPACT, is_anomaly=False, severity=None, current_cost=0.93, change_percent=210.0,
        impact=0.61, note="0.61 USD above what was expected, below the least impact of 1.00 USD",
        note_ko="예상보다 0.61 USD 초과로 최소 영향 1.00 USD 미만입니다",
    )  # fmt: skip
    given: dict[str, Any] = {
        "start": FIRST,
        "end": LAST,
        "days": DAYS,
        "totals": _totals(),
        "judged": 311,
        "services": _services(),
        "service_count": 4,
        "anomalies": (result(),),
        "quiet": (quiet,),
        "standings": {"judged": 311, "too_young": 14, "no_cost": 6, "below_impact": 1},
        "forecasts": forecasts(),
        "budgets": (budget(),),
        "providers": (provider(),),
        "shadow": (shadow(),),
        "notes": (
            CostNote(
                kind="partial_day",
                text="2026-05-06 is still being delivered and was not judged.",
                text_ko="2026-05-06은 아직 수신 중이라 판정하지 않았습니다.",
            ),
        ),
        "methods": {"ecod": 0.4, "ratio": 0.25, "stddev": 0.25, "trend": 0.1},
        "absent": {"luminol": "luminol is not installed: pip install 'bdp-agent[luminol]'"},
        "timestamp": NOW,
    }
    return CostReport(**(given | changes))


def forecasts() -> tuple[CostForecast, ...]:
    """Return the whole and two services, ten days ahead."""
    return tuple(
        CostForecast(
            account=account, service_name=service, days=_ahead(size), level=0.9, total=size * 10, low=size * 8,
            high=size * 12.5, method="median of the weekday, with the trend of the last weeks",
        )
        for account, service, size in (("", "", 520.0), ("prod", EC2.service_name, 455.0), ("prod", "Amazon S3", 41.2))
    )  # fmt: skip


def budget(**changes: Any) -> BudgetOutlook:
    """Return a budget that will not hold."""
    given: dict[str, Any] = {
        "name": "all of AWS",
        "amount": 9000,
        "currency": "USD",
        "start": date(2026, 5, 1),
        "end": date(2026, 5, 31),
        "as_of": LAST,
        "spent": 1866.2,
        "expected": 15386.0,
        "low": 12000.0,
        "high": 18866.0,
        "overrun_day": date(2026, 5, 19),
        "overrun_earliest": date(2026, 5, 16),
        "probability": 0.97,
        "text": "The budget will be used up on 2026-05-19, 12 days before its end.",
        "text_ko": "예산이 종료 12일 전인 2026-05-19에 소진됩니다.",
    }
    return BudgetOutlook(**(given | changes))


def provider(**changes: Any) -> ProviderView:
    """Return what AWS says: one anomaly that was found here, one that was not, and a forecast."""
    both = ProviderAnomaly(
        provider="aws", anomaly_id="a1", start=SPIKE, end=None, service_name=EC2.service_name,
        account_id=EC2.account_id, impact=899.1, root_causes=("us-east-1 BoxUsage:p4d.24xlarge",),
    )  # fmt: skip
    other = ProviderAnomaly(
        provider="aws", anomaly_id="a2", start=date(2026, 4, 2), end=date(2026, 4, 3), service_name="AWS Glue",
        impact=12.5,
    )  # fmt: skip
    told = ProviderForecast(provider="aws", start=date(2026, 5, 7), end=date(2026, 5, 31), total=12850.25)
    given: dict[str, Any] = {"name": "aws", "asked_at": NOW, "forecast": told, "anomalies": (both, other)}
    return ProviderView(**(given | changes))


def shadow(**changes: Any) -> ShadowCount:
    """Return a count in which patterns would have kept three anomalies back."""
    given: dict[str, Any] = {
        "name": "patterns",
        "both": 4,
        "live_only": 3,
        "shadow_only": 0,
        "money_live_only": 55.2,
        "money_shadow_only": 0.0,
        "examples": ("2026-04-01 AWS Lambda / prod: 0.58 live, 0.43 with patterns",),
    }
    return ShadowCount(**(given | changes))


def _ahead(size: float) -> tuple[ForecastDay, ...]:
    days = (LAST + timedelta(days=number) for number in range(1, 11))
    return tuple(
        ForecastDay(day=day, cost=size * (1 - 0.1 * (day.weekday() > 4)), low=size * 0.8, high=size * 1.25)
        for day in days
    )


def _totals() -> tuple[CurrencyTotal, ...]:
    return (
        CurrencyTotal(
            currency="USD", billed_cost=8123.4, effective_cost=7901.25, lines=18_402,
            by_category={"Usage": 7990.1, "Tax": 164.8, "Credit": -31.5},
        ),
        CurrencyTotal(
            currency="KRW", billed_cost=1_234_567, effective_cost=1_234_567, lines=94, by_category={"Usage": 1_234_567}
        ),
    )  # fmt: skip


def _services() -> tuple[ServiceTotal, ...]:
    s3 = EC2.model_copy(update={"service_name": "Amazon Simple Storage Service"})
    won = CostKey(
        provider_name="OCI",
        billing_account_id="o1",
        account_name="데이터팀",
        service_name="객체 저장소",
        currency="KRW",
    )
    young = EC2.model_copy(
        update={"service_name": "Amazon Bedrock", "account_id": "210987654321", "account_name": "lab"}
    )
    flat, few = tuple(41.0 + day.day % 4 for day in DAYS), (None,) * (len(DAYS) - 3) + (0.0, 0.0000003, 0.0000005)
    rows: tuple[tuple[CostKey, tuple[float | None, ...], Standing, float | None, TrendDirection], ...] = (
        (EC2, costs(), Standing.JUDGED, 260.7, TrendDirection.STABLE),
        (s3, flat, Standing.JUDGED, -3.2, TrendDirection.INCREASING),
        (won, tuple(cost * 600 for cost in flat), Standing.JUDGED, 12_400.0, TrendDirection.DECREASING),
        (young, few, Standing.TOO_YOUNG, None, TrendDirection.STABLE),
    )
    return tuple(
        ServiceTotal(
            key=key, cost=sum(cost or 0 for cost in shown), costs=shown, standing=standing, change_percent=change,
            trend_direction=trend,
        )
        for key, shown, standing, change, trend in rows
    )  # fmt: skip


def _methods() -> dict[str, MethodResult]:
    return {
        name: MethodResult(
            is_anomaly=confidence >= 0.5, confidence=confidence, value=1, threshold=2, explanation=said,
            explanation_ko=korean,
        )
        for name, confidence, said, korean in (
            ("ecod", 1.0, "rarer than 99.9 % of the days before", "이전 날의 99.9%보다 드묾"),
            ("ratio", 0.99, "3.5 times the average before", "이전 평균의 3.5배, 1.5배부터 이상"),
            ("stddev", 0.98, "21.3 standard deviations above the mean, from 2.5 on", "평균보다 21.3 표준편차 위"),
            ("trend", 0.31, "the weeks before were flat", "이전 주들은 평탄함"),
        )
    }  # fmt: skip


def _patterns() -> tuple[PatternContext, ...]:
    return (
        PatternContext(pattern="month_cycle", adjustment=-0.15, applied=True,
            explanation="Costs at the turn of the month are usually like this.",
            explanation_ko="월말과 월초에는 보통 이 정도입니다."),
        PatternContext(pattern="day_of_week", adjustment=0, applied=False,
            explanation="Tuesdays are usually much cheaper.", explanation_ko="화요일은 보통 훨씬 저렴합니다."),
    )  # fmt: skip


def _drivers() -> tuple[Driver, ...]:
    return (
        Driver(dimension="usage type", name="BoxUsage:p4d.24xlarge", cost=330.1, usual=0, change=330.1, share=1.01,
            is_new=True),
        Driver(dimension="region", name="us-east-1", cost=410.2, usual=88.4, change=321.8, share=0.98),
        Driver(dimension="region", name="eu-west-1", cost=12.1, usual=20.3, change=-8.2, share=-0.03),
    )  # fmt: skip


def _change() -> CostChange:
    return CostChange(
        ref="train@2.1.0", kind="deploy", service="trainer", summary="GPU training on p4d",
        at=datetime(2026, 5, 2, 22, 14, tzinfo=UTC), why="2 h before the rise; its summary names p4d",
        why_ko="상승 2시간 전; 요약에 p4d가 있음",
    )  # fmt: skip
