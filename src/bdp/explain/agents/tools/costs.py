"""The look-up over cost: what was billed in all and by what, beside the same stretch before.

Bills come by the day and late. A question without a time is about the days that were billed last; a stretch shorter
than a day is about the whole days that it lies in. A day that is not over is told alone, beside nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from bdp.explain.agents.bench import Bench, Span, aware
from bdp.explain.agents.tools.days import DAY, billed_days, is_over, newest_charge, oldest_charge
from bdp.explain.agents.tools.scope import Name, Times
from bdp.explain.costs.attribution import parts
from bdp.explain.costs.usual import LEAST_DAYS, usual, whose
from bdp.explain.wording import clean, moment, name, number, sample
from bdp.model.cost_result import CostKey
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import equals

_READ: Final = 1_000
"""Most parts of a bill that are read."""
_MOVERS: Final = 5
_LARGEST: Final = 3
_MAIN: Final = 0.3
"""Share of a rise from which a part of it is told."""
_KEYS: Final = {
    "usage type": "usage_type", "resource": "resource", "region": "region", "charge category": "charge_category",
}  # fmt: skip
_CALLED: Final = {
    "usage_type": ("by day, usage type {}", "일평균 사용 유형 {}"),
    "resource": ("by day, resource {}", "일평균 리소스 {}"),
    "region": ("by day, region {}", "일평균 리전 {}"),
    "charge_category": ("by day, charge category {}", "일평균 청구 구분 {}"),
}
_ACCOUNT: Final = ("sub_account_name", "sub_account_id", "billing_account_id")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class Costs(Times):
    """What was billed."""

    by: Literal["service_name", "sub_account_name", "region_id", "day"] = "service_name"
    service: Name = Field(default="", description="what is billed, exact; empty: all")
    account: Name = Field(default="", description="name or id, exact; empty: all")
    limit: int | None = Field(default=None, ge=1, le=100)


def costs(bench: Bench, given: Costs) -> Evidence:
    """Sum what was billed, in all and by something, beside the same span before."""
    span = billed_days(bench, given)
    column = "toStartOfDay(charge_period_start)" if given.by == "day" else given.by
    now, before = span.of("charge_period_start"), span.before.of("charge_period_start")
    where = " AND ".join([f"(({now}) OR ({before}))", *_about(given)])
    sums = (
        f"billing_currency AS currency, sumIf(billed_cost, {now}) AS cost, sumIf(billed_cost, {before}) AS was, "
        f"countIf({now}) AS found FROM charges WHERE {where}"
    )
    query = (
        f"SELECT {column} AS part, {sums} GROUP BY part, currency "
        f"ORDER BY greatest(abs(cost - was), abs(cost)) DESC, part LIMIT {_READ}"
    )
    whole = bench.query(f"SELECT {sums} GROUP BY currency ORDER BY abs(cost) DESC, currency LIMIT 20")
    oldest = oldest_charge(bench) if is_over(bench, span) else None
    begins_late = oldest is not None and oldest >= span.before.start + DAY
    compared = oldest is not None and not begins_late
    rows = sorted((_part(given.by, row, compared) for row in bench.query(query)), key=lambda row: -row["cost"])
    movers = sorted(rows, key=lambda row: -abs(row["cost"] - row.get("cost_before", 0.0)))[:_MOVERS]
    listed = rows[: bench.rows(given.limit)]
    value: dict[str, Any] = {
        "start": moment(span.start),
        "end": moment(span.end),
        **_days(span),
        "totals": [_total(row, compared) for row in whole],
        "rows": [*listed, *(row for row in movers if row not in listed)],
        "cost_lines": number(sum(row["found"] for row in whole)),
        **({"service_name": given.service} if given.service else {}),
        **({"account": given.account} if given.account else {}),
    }
    if value["cost_lines"] and given.service:
        value["drivers"] = _drivers(bench, given, span, whole[0])
    if begins_late and oldest is not None:
        value["oldest_time"] = moment(oldest)
    newest = newest_charge(bench)
    if newest is not None and (not value["cost_lines"] or _ends_before(bench, given, span)):
        value["newest_time"] = moment(newest)
    shown = [] if given.service else [*movers, *(row for row in rows[:_LARGEST] if row not in movers)]
    return bench.add(EvidenceKind.METRIC, value, _told(bench, given, value, shown), query, span, source="costs")


def _about(given: Costs) -> Iterator[str]:
    """Yield the SQL conditions for what is billed and whose."""
    if given.service:
        yield equals("service_name", given.service)
    if given.account:
        yield f"({' OR '.join(equals(column, given.account) for column in _ACCOUNT)})"


def _key(bench: Bench, given: Costs, span: Span, currency: str) -> CostKey | None:
    """Return whose rise is looked at; None where a name means several accounts."""
    key = CostKey(service_name=given.service, currency=currency)
    if not given.account:
        return key
    where = " AND ".join([span.of("charge_period_start"), *_about(given)])
    found = bench.query(
        "SELECT DISTINCT billing_account_id AS payer, "  # noqa: S608 - every value goes through bdp.sql
        "if(sub_account_id = '', billing_account_id, sub_account_id) "
        f"AS account FROM charges WHERE {where} LIMIT 2"
    )
    if len(found) != 1:
        return None
    ids = {"billing_account_id": str(found[0]["payer"]), "account_id": str(found[0]["account"])}
    return key.model_copy(update=ids)


def _drivers(bench: Bench, given: Costs, span: Span, whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of a bill that make up most of a rise against the weeks before, by day."""
    key = _key(bench, given, span, str(whole["currency"]))
    if key is None:
        return []
    last = (span.end - timedelta(microseconds=1)).date()
    rise = usual(bench.store, whose(key), span.start.date(), last, "billed_cost")
    if len(rise.before) < LEAST_DAYS or not rise.rose:
        return []
    currency = sample(clean(str(whole["currency"])))
    return [
        {
            _KEYS[one.dimension]: sample(clean(one.name)),
            "currency": currency,
            "cost": round(one.cost, 2),
            "cost_usual": round(one.usual, 2),
        }
        for one in parts(bench.store, key, rise, "billed_cost").drivers
        if one.dimension in _KEYS and one.change > 0 and one.share >= _MAIN
    ][:_LARGEST]


def _ends_before(bench: Bench, given: Costs, span: Span) -> bool:
    """Return whether what is stored ends before the days that were named do, or before they are over."""
    if bench.usual and given.start is None and given.end is None:
        return False
    asked = given.span(bench)
    return span.end + DAY <= asked.end


def _days(span: Span) -> dict[str, Any]:
    last = span.end - timedelta(microseconds=1)
    return {"first_day": f"{span.start:%Y-%m-%d}", "last_day": f"{last:%Y-%m-%d}"}


def _sums(row: dict[str, Any], whole_days: bool) -> dict[str, float]:
    """Return what was billed, beside the days before where these can be compared."""
    before = {"cost_before": round(float(row["was"]), 2)} if whole_days else {}
    return {"cost": round(float(row["cost"]), 2), **before}


def _total(row: dict[str, Any], whole_days: bool) -> dict[str, Any]:
    sums = _sums(row, whole_days)
    return {"currency": sample(clean(row["currency"])), **{f"total_{key}": cost for key, cost in sums.items()}}


def _part(by: str, row: dict[str, Any], whole_days: bool) -> dict[str, Any]:
    part = moment(aware(row["part"])) if by == "day" else sample(clean(row["part"])) or "(empty)"
    return {by: part, "currency": sample(clean(row["currency"])), **_sums(row, whole_days)}


def _told(bench: Bench, given: Costs, value: dict[str, Any], moved: list[dict[str, Any]]) -> str:
    of, ko_of = _whose(given)
    on, on_ko = _stretch(value)
    newest = value.get("newest_time", "")[:10]
    if not value["cost_lines"]:
        late = bench.say(f"; the newest of all begins on {newest}", f"; 전체에서 가장 새로운 항목은 {newest} 시작")
        told = bench.say(f"0 cost lines{of} are stored {on}", f"{on_ko} {ko_of}비용 항목 0건")
        return f"{told}{late if newest else ''}."
    oldest = value.get("oldest_time", "")[:10]
    head = [_whole(bench, row, of, ko_of, (on, on_ko), oldest) for row in value["totals"]]
    late = bench.say(f"costs are stored up to {newest}", f"저장된 비용은 {newest}까지")
    tail = [late] if newest else []
    return "; ".join([*head, *tail, *_moved(bench, given, moved), *_rose(bench, value.get("drivers", ()))]) + "."


def _whose(given: Costs) -> tuple[str, str]:
    """Return what is billed and whose, as it stands behind or before its cost."""
    what, account = (name(one) if one else "" for one in (given.service, given.account))
    of = f" of {what}" if what else ""
    mine = f" {'in' if what else 'of'} account {account}" if account else ""
    return f"{of}{mine}", f"{f'{account} 계정 ' if account else ''}{f'{what} ' if what else ''}"


def _stretch(value: dict[str, Any]) -> tuple[str, str]:
    """Return the days as people name them, the last one included."""
    first, last = value["first_day"], value["last_day"]
    return (
        (f"on {first} UTC", f"{first} UTC")
        if first == last
        else (f"from {first} to {last} UTC", f"{first} ~ {last} UTC")
    )


def _whole(bench: Bench, row: dict[str, Any], of: str, ko_of: str, stretch: tuple[str, str], oldest: str) -> str:
    cost, (on, on_ko) = _money(row["total_cost"], row), stretch
    if oldest:
        return bench.say(
            f"Total cost{of} {on}: {cost}; costs are stored from {oldest} on, so no whole span before is beside it",
            f"{on_ko} {ko_of}총 비용: {cost}; 비용이 {oldest}부터 저장되어 그 전 같은 기간과 비교하지 않음",
        )
    if "total_cost_before" not in row:
        return bench.say(
            f"Total cost{of} so far {on}: {cost}; that day is not over, so it stands beside no other",
            f"{on_ko} {ko_of}현재까지 총 비용: {cost}; 아직 끝나지 않은 날이라 다른 날과 비교하지 않음",
        )
    was = _money(row["total_cost_before"], row)
    return bench.say(
        f"Total cost{of} {on}: {cost}, {was} in the span before",
        f"{on_ko} {ko_of}총 비용: {cost}, 그 전 같은 기간 {was}",
    )


def _moved(bench: Bench, given: Costs, parts: list[dict[str, Any]]) -> Iterator[str]:
    was = bench.say("{} in the span before", "그 전 같은 기간 {}")
    for row in parts:
        before = f", {was.format(_money(row['cost_before'], row))}" if "cost_before" in row else ""
        yield f"{name(str(row[given.by]))} {_money(row['cost'], row)}{before}"


def _rose(bench: Bench, parts: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in parts:
        key = next(key for key in _KEYS.values() if key in row)
        cost, usual = _money(row["cost"], row), _money(row["cost_usual"], row)
        what = bench.say(*_CALLED[key]).format(name(row[key]))
        yield bench.say(f"{what} {cost}, usually {usual}", f"{what} {cost}, 평소 {usual}")


def _money(value: float, row: dict[str, Any]) -> str:
    """Return a sum with its currency; what is no code of a currency is only in the evidence."""
    currency = row["currency"]
    return f"{value:,.2f} {currency}" if _CURRENCY.fullmatch(currency) else f"{value:,.2f}"
