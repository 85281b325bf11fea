"""Plain tables of daily costs, as people and scripts write them: one column of days, one of costs, and what else helps.

A day without a service is of `All services`. A table whose days are all the first of a month is a monthly one, which
has no days in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from bdp.errors import BadRequest
from bdp.intake.bills.table import Delivery, Table
from bdp.model.cost import ALL_SERVICES, CostLine

DAYS: Final = (
    "date", "day", "usagedate", "billingdate", "startdate", "usagestartdate", "start", "periodstart",
    "chargeperiodstart", "timestamp", "날짜", "일자", "사용일",
)  # fmt: skip
PLAINLY: Final = (
    "cost", "costs", "billedcost", "unblendedcost", "netunblendedcost", "blendedcost", "amortizedcost", "totalcost",
    "totalcosts", "costusd", "costkrw", "costeur", "spend", "spending", "비용", "요금",
)  # fmt: skip
PERHAPS: Final = ("amount", "total", "amountusd", "금액", "합계")
"""Costs only beside a column that says of what."""
SERVICES: Final = ("servicename", "service", "productname", "product", "servicedescription", "productcode", "서비스")
ACCOUNTS: Final = (
    "subaccountid", "linkedaccountid", "linkedaccount", "usageaccountid", "accountid", "account", "subscriptionid",
    "subscription", "projectid", "project", "계정", "프로젝트",
)  # fmt: skip
_NAMES: Final = ("subaccountname", "linkedaccountname", "accountname", "subscriptionname", "projectname")
CURRENCIES: Final = ("billingcurrency", "currency", "currencycode", "unit", "통화")
_IN_NAME: Final = {"costusd": "USD", "amountusd": "USD", "costkrw": "KRW", "costeur": "EUR"}


def fits(names: Iterable[str]) -> bool:
    """Return whether plain names of columns are those of such a table."""
    known = set(names)
    of_what = known.intersection(SERVICES + ACCOUNTS + CURRENCIES)
    costs = known.intersection(PLAINLY) or (of_what and known.intersection(PERHAPS))
    return bool(costs) and not known.isdisjoint(DAYS)


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows.

    Raises:
        BadRequest: its periods are months.
    """
    starts = table.moments(*DAYS)
    billed = table.numbers(*PLAINLY, *PERHAPS)
    if table.first:
        check_days(start for start in starts if start is not None)
    usual = _IN_NAME.get(table.has(*PLAINLY, *PERHAPS), "USD")
    named = table.has(*CURRENCIES)
    return table.lines(
        delivery,
        charge_period_start=starts,
        charge_period_end=table.ends(starts),
        provider_name=table.texts("providername", "provider", "cloud"),
        billing_account_id=table.texts("billingaccountid", "payeraccountid"),
        sub_account_id=table.texts(*ACCOUNTS),
        sub_account_name=table.texts(*_NAMES),
        service_name=[service or ALL_SERVICES for service in table.texts(*SERVICES)],
        region_id=table.texts("regionid", "region", "location", "리전"),
        resource_id=table.texts("resourceid", "resource"),
        sku_meter=table.texts("skumeter", "usagetype", "meter"),
        charge_category="Usage",
        billed_cost=billed,
        effective_cost=table.amounts(billed, "effectivecost", "amortizedcost"),
        billing_currency=table.currencies(*CURRENCIES, usual=usual)
        if named
        else table.signs(*PLAINLY, *PERHAPS, usual=usual),
        tags=table.tags("tags"),
    )


def check_days(starts: Iterable[datetime]) -> None:
    """Check that a table's days are not months.

    Raises:
        BadRequest: they are.
    """
    days = {start.date() for start in starts}
    if len(days) > 1 and all(day.day == 1 for day in days):
        raise BadRequest(
            f"The table has only the first days of {len(days)} months: it is a monthly one, without days.",
            "Download it with daily granularity.",
        )
