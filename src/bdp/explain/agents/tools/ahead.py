"""Look-ups over what costs will be: the month with its interval, and whether budgets hold.

Figures are those of the forecast that reports of costs show. What was spent comes with the query that finds it again;
what is expected rests on it and on the forecast's method, which the evidence names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRequest
from bdp.explain.agents.bench import Bench, Span
from bdp.explain.agents.tools.scope import Name
from bdp.explain.wording import clean, money, name, sample
from bdp.model.cost_result import BudgetOutlook, CostForecast
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.ports import CostOutlook, MonthAhead

_SHOWN: Final = 5


class Ahead(BaseModel):
    """What the month will cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Name = Field(default="", description="what is billed, exact; empty: all")
    account: Name = Field(default="", description="name or id, exact; one account alone is not forecast")
    month: str = Field(default="", pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$", description="2026-12; empty: that which runs")


class Budgets(BaseModel):
    """Whether budgets hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def cost_forecast(bench: Bench, given: Ahead) -> Evidence:
    """Tell what the month will cost: what was spent, what is forecast on top, and its interval."""
    if given.account:
        return _of_an_account(bench, given.account)
    month = _outlook(bench).month(given.service)
    if month is None:
        return _nothing(bench, given.service)
    if given.month and given.month != f"{month.first:%Y-%m}":
        return _not_reached(bench, given, month)
    rows = [_row(month, one) for one in month.rest]
    value: dict[str, Any] = {
        "first_day": str(month.first),
        "last_day": str(month.last),
        "as_of_day": str(month.as_of),
        "rows": rows,
        "method": next((one.method for one in month.rest), ""),
        **({"service_name": given.service} if given.service else {}),
    }
    what = name(given.service) if given.service else ""
    parts = [_month(bench, month, row) for row in rows] or [_too_short(bench)]
    head = bench.say(
        f"Cost{f' of {what}' if what else ''} from {month.first} to {month.last} UTC without taxes and credits",
        f"{month.first} ~ {month.last} UTC {f'{what} ' if what else ''}비용(세금과 크레딧 제외)",
    )
    if month.last < bench.now.date():
        parts.append(bench.say("newer costs are not stored", "더 새로운 비용은 저장되어 있지 않음"))
    span = _span(month.first, month.last)
    return bench.add(EvidenceKind.METRIC, value, f"{head}: {'; '.join(parts)}.", month.query, span, source="costs")


def budgets(bench: Bench, given: Budgets) -> Evidence:
    """Tell of each budget what is expected, and when it is used up."""
    found = _outlook(bench).budgets()
    shown = found[: bench.rows()]
    rows = [_budget_row(one.outlook) for one in shown]
    value: dict[str, Any] = {"rows": rows, "budgets": len(found)}
    query = "; ".join(one.query for one in shown[:1])
    if not found:
        text = bench.say("0 budgets are set that costs belong to", "비용에 해당하는 설정된 예산 0개")
        return bench.add(EvidenceKind.METRIC, value, f"{text}.", "", bench.span, source="costs")
    text = "; ".join(_budget(bench, row) for row in rows[:_SHOWN])
    one = shown[0].outlook
    return bench.add(EvidenceKind.METRIC, value, f"{text}.", query, _span(one.start, one.end), source="costs")


def _outlook(bench: Bench) -> CostOutlook:
    if bench.outlook is None:
        raise BadRequest("Costs are not forecast here.")
    return bench.outlook


def _not_reached(bench: Bench, given: Ahead, month: MonthAhead) -> Evidence:
    """Tell that a month is not forecast, and up to which day costs are; no figure of another month."""
    first = date.fromisoformat(f"{given.month}-01")
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    value: dict[str, Any] = {
        "first_day": str(first),
        "last_day": str(last),
        "forecast_last_day": str(month.last),
        **({"service_name": given.service} if given.service else {}),
    }
    what = name(given.service) if given.service else ""
    text = bench.say(
        f"Cost{f' of {what}' if what else ''} from {first} to {last} UTC is not forecast; the forecast ends on "
        f"{month.last} UTC",
        f"{first} ~ {last} UTC {f'{what} ' if what else ''}비용은 예측되지 않음; 예측은 {month.last} UTC까지",
    )
    return bench.add(EvidenceKind.METRIC, value, f"{text}.", "", _span(first, last), source="costs")


def _of_an_account(bench: Bench, account: str) -> Evidence:
    what = name(account)
    text = bench.say(
        f"What account {what} alone will cost is not forecast", f"{what} 계정만의 앞으로의 비용은 예측하지 않음"
    )
    return bench.add(EvidenceKind.METRIC, {"account": account}, f"{text}.", "", bench.span, source="costs")


def _nothing(bench: Bench, service: str) -> Evidence:
    text = bench.say("0 cost lines of days that are over are stored", "지난 날짜의 비용 항목 0건")
    value: dict[str, Any] = {"cost_lines": 0, **({"service_name": service} if service else {})}
    return bench.add(EvidenceKind.METRIC, value, f"{text}.", "", bench.span, source="costs")


def _too_short(bench: Bench) -> str:
    return bench.say("the past is too short for a forecast", "예측하기에는 과거 기간이 너무 짧음")


def _row(month: MonthAhead, one: CostForecast) -> dict[str, Any]:
    spent = month.spent.get(one.currency, 0.0)
    return {
        "currency": sample(clean(one.currency)),
        "spent_cost": round(spent, 2),
        "expected_cost": round(spent + one.total, 2),
        "low_cost": round(spent + one.low, 2),
        "high_cost": round(spent + one.high, 2),
        "interval_percent": round(100 * one.level, 1),
    }


def _month(bench: Bench, month: MonthAhead, row: dict[str, Any]) -> str:
    spent, expected, low, high = _sums(row, "spent_cost", "expected_cost", "low_cost", "high_cost")
    level = f"{row['interval_percent']:g} %"
    return bench.say(
        f"{expected} expected, from {low} to {high}, {spent} of it spent up to {month.as_of}; interval {level}",
        f"예상 {expected}, 구간 {low} ~ {high}, 그중 {month.as_of}까지 사용 {spent}; 구간 확률 {level}",
    )


def _budget_row(one: BudgetOutlook) -> dict[str, Any]:
    told = {
        "budget": sample(clean(one.name)),
        "currency": one.currency,
        "amount_cost": round(one.amount, 2),
        "spent_cost": round(one.spent, 2),
        "expected_cost": round(one.expected, 2),
        "low_cost": round(one.low, 2),
        "high_cost": round(one.high, 2),
        "as_of_day": str(one.as_of),
        "last_day": str(one.end),
        "exceeded_percent": round(100 * one.probability),
    }
    days = {"overrun_day": one.overrun_day, "overrun_earliest_day": one.overrun_earliest}
    return told | {key: str(day) for key, day in days.items() if day is not None}


def _budget(bench: Bench, row: dict[str, Any]) -> str:
    amount, spent, expected, low, high = _sums(
        row, "amount_cost", "spent_cost", "expected_cost", "low_cost", "high_cost"
    )
    head = bench.say(
        f"Budget {name(row['budget'])} of {amount}: {expected} expected by {row['last_day']}, from {low} to {high}, "
        f"{spent} of it spent up to {row['as_of_day']}",
        f"예산 {name(row['budget'])} {amount}: {row['last_day']}까지 예상 {expected}, 구간 {low} ~ {high}, 그중 "
        f"{row['as_of_day']}까지 사용 {spent}",
    )
    return ", ".join([head, *_overrun(bench, row)])


def _overrun(bench: Bench, row: dict[str, Any]) -> Iterator[str]:
    day, earliest = row.get("overrun_day"), row.get("overrun_earliest_day")
    if day:
        past = day <= row["as_of_day"]
        yield bench.say(
            f"used up on {day}" if past else f"will be used up on {day}",
            f"{day}에 모두 사용함" if past else f"{day}에 초과 예상",
        )
    elif earliest:
        yield bench.say(
            f"will probably hold, used up on {earliest} at the earliest",
            f"지켜질 것으로 보이나 빠르면 {earliest}에 초과",
        )
    else:
        yield bench.say("will hold", "지켜질 것으로 예상")
    chance = f"{row['exceeded_percent']} %"
    yield bench.say(f"exceeded with a chance of {chance}", f"초과 확률 {chance}")


def _sums(row: dict[str, Any], *keys: str) -> Iterator[str]:
    return (money(row[key], row["currency"]) for key in keys)


def _span(first: date, last: date) -> Span:
    return Span(datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1))
