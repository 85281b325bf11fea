"""The table that Cost Explorer's console downloads: days down, a column for each service, such as `EC2-Instances($)`.

Its columns and rows of totals are left out; so are empty cells. The transposed form, days across, is read as well. The
first cell says what the columns are: services, linked accounts (`name (123456789012)`), regions or usage types; columns
by anything else become a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from bdp.intake.bills.daily import check_days
from bdp.intake.bills.table import NOTHING, Delivery, Table, plain
from bdp.intake.bills.values import DAY, moment_of, number_of
from bdp.intake.flatten import sound
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost import ALL_SERVICES, CostLine

_MONEY = re.compile(r"(.*?)\s*\((\$|€|£|₩|[A-Z]{3})\)")
_SIGNS: Final = {"$": "USD", "€": "EUR", "£": "GBP", "₩": "KRW"}
_ACCOUNT = re.compile(r"(.*?)\s*\((\d{12})\)")
_TOTALS: Final = ("total", "totals", "totalcost", "totalcosts")
_DIMENSIONS: Final = {
    "service": "service_name", "linkedaccount": "sub_account_id", "region": "region_id", "usagetype": "sku_meter",
    "date": "service_name", "day": "service_name", "": "service_name",
}  # fmt: skip


def fits(names: Sequence[str]) -> bool:
    """Return whether a header is one of these tables: its columns say money, or its columns are days."""
    rest = names[1:]
    if not rest:
        return False
    money = sum(_MONEY.fullmatch(name) is not None for name in rest)
    return money == len(rest) or (plain(names[0]) in _DIMENSIONS and _across(names))


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows; a bad cell is refused with the number of its row, the others of the row pass.

    Raises:
        BadRequest: its periods are months.
    """
    table.asked.update(range(len(table.names)))
    turned = _across(table.names)
    cells = list(_turned(table) if turned else _upright(table))
    if table.first:
        check_days(start for start, _, _ in cells)
    dimension = plain(table.names[0])
    return [_line(start, name, cost, dimension, table.names[0], delivery) for start, name, cost in cells]


def _across(names: Sequence[str]) -> bool:
    days = sum(_day(_money(name)[0]) is not None for name in names[1:])
    return days > 0 and days >= len(names) - 2


def _upright(table: Table) -> Iterator[tuple[datetime, str, float]]:
    days: dict[str, datetime | None] = {}
    for place, first in enumerate(table.columns[0]):
        if first in NOTHING or _is_total(first, table.names[0]):
            continue
        if first not in days:
            days[first] = _day(first)
        if days[first] is None:
            table.refuse(place, f"{table.names[0][:60]}: expected a date, got {first[:60]!r}")
    for name, column in zip(table.names[1:], table.columns[1:], strict=True):
        if not _is_total(_money(name)[0], table.names[0]):
            for place, value in enumerate(column):
                start = days.get(table.columns[0][place])
                if start is not None and (cost := _cost(table, place, name, value)) is not None:
                    yield start, name, cost


def _turned(table: Table) -> Iterator[tuple[datetime, str, float]]:
    for name, column in zip(table.names[1:], table.columns[1:], strict=True):
        start = _day(_money(name)[0])
        if start is None:
            continue
        for place, value in enumerate(column):
            what = table.columns[0][place]
            if (
                not _is_total(_money(what)[0], table.names[0])
                and (cost := _cost(table, place, name, value)) is not None
            ):
                yield start, what, cost


def _cost(table: Table, place: int, name: str, value: Any) -> float | None:
    if value in NOTHING:
        return None
    try:
        return number_of(value, name[:60])
    except RefusedRecord as error:
        table.refused.setdefault(place, error)
        return None


def _line(start: datetime, name: str, cost: float, dimension: str, title: str, delivery: Delivery) -> CostLine:
    what, currency = _money(sound(name))
    line = CostLine(
        charge_period_start=start,
        charge_period_end=start + DAY,
        service_name=ALL_SERVICES,
        billed_cost=cost,
        effective_cost=cost,
        billing_currency=currency,
        statement=delivery.statement,
        stated_at=delivery.stated_at,
    )
    if dimension not in _DIMENSIONS:
        line.tags = {sound(title): what}
        return line
    found = _ACCOUNT.fullmatch(what) if dimension == "linkedaccount" else None
    if found:
        line.sub_account_name, what = found[1], found[2]
    setattr(line, _DIMENSIONS[dimension], what)
    return line


def _money(name: str) -> tuple[str, str]:
    """Return a name without its currency, and the currency."""
    found = _MONEY.fullmatch(name.strip())
    return (found[1], _SIGNS.get(found[2], found[2])) if found else (name.strip(), "USD")


def _is_total(name: str, title: str) -> bool:
    known = plain(name)
    return known in _TOTALS or known == f"{plain(title)}total"


def _day(text: str) -> datetime | None:
    """Ids of accounts are numbers too, so a number alone is a day only as `20240918`."""
    if text.isdigit() and len(text) != len("20240918"):
        return None
    try:
        return moment_of(text, "")
    except RefusedRecord:
        return None
