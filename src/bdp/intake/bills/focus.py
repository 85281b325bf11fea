"""FOCUS 1.0 to 1.3, the FinOps Foundation's own columns; see https://focus.finops.org. Names may be in snake case too.

`ServiceProviderName` of 1.3 goes before `ProviderName`. FOCUS 1.0 has no `SkuMeter`, and its `SkuId` says nothing to
people, so the meter is empty then.
"""

from __future__ import annotations

from bdp.intake.bills.table import Delivery, Table
from bdp.model.cost import CostLine

NEEDED = (("chargeperiodstart",), ("billedcost",), ("servicename",))


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows."""
    starts = table.moments("chargeperiodstart")
    billed = table.numbers("billedcost")
    return table.lines(
        delivery,
        charge_period_start=starts,
        charge_period_end=table.ends(starts, "chargeperiodend"),
        provider_name=table.texts("serviceprovidername", "providername"),
        billing_account_id=table.texts("billingaccountid"),
        sub_account_id=table.texts("subaccountid"),
        sub_account_name=table.texts("subaccountname"),
        service_name=table.texts("servicename"),
        region_id=table.texts("regionid"),
        resource_id=table.texts("resourceid"),
        sku_meter=table.texts("skumeter"),
        charge_category=[category or "Usage" for category in table.texts("chargecategory")],
        billed_cost=billed,
        effective_cost=table.amounts(billed, "effectivecost"),
        billing_currency=table.currencies("billingcurrency"),
        tags=table.tags("tags"),
    )
