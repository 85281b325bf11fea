"""Oracle Cloud's cost reports. A report holds some hours of a day, so give all those of a day together.

A correction brings the difference and adds to what it corrects, as an adjustment. The account is the tenancy, as in
Oracle's FOCUS reports; the compartment is a tag.
"""

from __future__ import annotations

from typing import Final

from bdp.intake.bills.table import Delivery, Table
from bdp.model.cost import CostLine

NEEDED = (("lineitemintervalusagestart",), ("costmycost",))
COMPARTMENT: Final = "compartment"


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows."""
    starts = table.moments("lineitemintervalusagestart")
    billed = table.numbers("costmycost")
    tags = table.tags_under("tags/")
    named = table.texts("productcompartmentname", "productcompartmentid")
    corrections = table.texts("lineitemiscorrection")
    return table.lines(
        delivery,
        charge_period_start=starts,
        charge_period_end=table.ends(starts, "lineitemintervalusageend"),
        provider_name="Oracle",
        billing_account_id=table.texts("costsubscriptionid"),
        sub_account_id=table.texts("lineitemtenantid"),
        service_name=table.texts("productservice"),
        region_id=table.texts("productregion"),
        resource_id=table.texts("productresourceid"),
        sku_meter=table.texts("productdescription", "costproductsku"),
        charge_category=["Adjustment" if told.lower() == "true" else "Usage" for told in corrections],
        billed_cost=billed,
        effective_cost=billed,
        billing_currency=table.currencies("costcurrencycode"),
        tags=[{COMPARTMENT: name, **own} if name else own for name, own in zip(named, tags, strict=True)],
    )
