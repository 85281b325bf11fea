"""Azure cost exports (Cost Management) of enterprise (EA), customer (MCA) and pay-as-you-go agreements.

An actual export has a reservation where it was bought, an amortized one spreads it over its use; either way its cost
is both the billed and the effective one, and one of them is enough: both together would count twice. `Cost` of EA and
`CostInBillingCurrency` of MCA are in the currency of the bill.
"""

from __future__ import annotations

from typing import Final

from bdp.intake.bills.table import Delivery, Table
from bdp.model.cost import CostLine

DATES = ("date", "usagedatetime", "usagedate")
COSTS = ("costinbillingcurrency", "cost", "extendedcost", "pretaxcost")
NEEDED = (DATES, COSTS, ("metercategory",))
_CATEGORIES: Final = {
    "purchase": "Purchase", "tax": "Tax", "credit": "Credit", "refund": "Adjustment", "adjustment": "Adjustment",
    "roundingadjustment": "Adjustment",
}  # fmt: skip


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows."""
    starts = table.moments(*DATES)
    billed = table.numbers(*COSTS)
    return table.lines(
        delivery,
        charge_period_start=starts,
        charge_period_end=table.ends(starts),
        provider_name="Microsoft",
        billing_account_id=table.texts("billingaccountid", "enrollmentnumber"),
        sub_account_id=table.texts("subscriptionid", "subscriptionguid"),
        sub_account_name=table.texts("subscriptionname"),
        service_name=table.texts("metercategory", "consumedservice"),
        region_id=table.texts("resourcelocation", "meterregion"),
        resource_id=table.texts("resourceid", "instanceid"),
        sku_meter=_meters(table),
        charge_category=[_CATEGORIES.get(kind.lower(), "Usage") for kind in table.texts("chargetype")],
        billed_cost=billed,
        effective_cost=billed,
        billing_currency=table.currencies("billingcurrency", "billingcurrencycode", "currency"),
        tags=table.tags("tags", braces=True),
    )


def _meters(table: Table) -> list[str]:
    groups, meters = table.texts("metersubcategory"), table.texts("metername")
    return ["/".join(filter(None, pair)) for pair in zip(groups, meters, strict=True)]
