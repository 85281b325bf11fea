"""AWS Cost and Usage Reports: the older CSV (`lineItem/UsageStartDate`), Athena's names and CUR 2.0 (`line_item_…`).

The billed cost is the unblended one. The effective cost follows what AWS calls amortized:

| LineItemType | effective cost |
| --- | --- |
| SavingsPlanCoveredUsage | savingsPlan/SavingsPlanEffectiveCost |
| SavingsPlanRecurringFee | what was committed and not used: TotalCommitmentToDate - UsedCommitment |
| SavingsPlanNegation, SavingsPlanUpfrontFee | 0: it is in the covered usage |
| DiscountedUsage | reservation/EffectiveCost |
| RIFee | what was not used: UnusedAmortizedUpfrontFeeForBillingPeriod + UnusedRecurringFee |
| Fee of a reservation (with its ARN) | 0: it is in the discounted usage |
| all others | the unblended cost |

Where a report lacks these columns, the effective cost is the unblended one.
"""

from __future__ import annotations

from typing import Final

from bdp.intake.bills.line_types import category_of
from bdp.intake.bills.table import Column, Delivery, Table
from bdp.model.cost import CostLine

NEEDED = (("lineitemusagestartdate",), ("lineitemunblendedcost",), ("lineitemlineitemtype",))
_SPREAD: Final = "savingsplansavingsplaneffectivecost"
_RESERVED: Final = "reservationeffectivecost"
_PAID_AHEAD: Final = frozenset({"SavingsPlanNegation", "SavingsPlanUpfrontFee"})


def lines(table: Table, delivery: Delivery) -> list[CostLine]:
    """Return the lines of some rows."""
    starts = table.moments("lineitemusagestartdate")
    billed = table.numbers("lineitemunblendedcost")
    types = table.texts("lineitemlineitemtype")
    product = table.tags("product")
    return table.lines(
        delivery,
        charge_period_start=starts,
        charge_period_end=table.ends(starts, "lineitemusageenddate"),
        provider_name="AWS",
        billing_account_id=table.texts("billpayeraccountid"),
        sub_account_id=table.texts("lineitemusageaccountid"),
        sub_account_name=table.texts("lineitemusageaccountname"),
        service_name=_services(table, product),
        region_id=table.texts("productregioncode", "productregion"),
        resource_id=table.texts("lineitemresourceid"),
        sku_meter=table.texts("lineitemusagetype"),
        charge_category=[category_of(line_type) for line_type in types],
        billed_cost=billed,
        effective_cost=_effective(table, types, billed),
        billing_currency=table.currencies("lineitemcurrencycode"),
        tags=_tags(table),
    )


def _services(table: Table, product: Column) -> Column:
    """Return the name as Cost Explorer has it; CUR 2.0 keeps it in a map."""
    found = table.texts("productproductname", "productservicename")
    codes = table.texts("lineitemproductcode")
    return [
        name or more.get("product_name") or more.get("servicename") or code
        for name, more, code in zip(found, product, codes, strict=True)
    ]


def _tags(table: Table) -> Column:
    own = table.tags_under("resourceTags/user:", "resource_tags_user_")
    own = own if any(own) else table.tags_under("resourceTags/", "resource_tags_")
    if any(own) or not table.has("resourcetags"):
        return own
    whole = table.tags("resourcetags")
    return [{name.removeprefix("user_"): value for name, value in tags.items()} for tags in whole]


def _effective(table: Table, types: Column, billed: Column) -> Column:
    if not table.has(_SPREAD, _RESERVED):
        return billed
    zero = [0.0] * table.size
    by_type = {
        "SavingsPlanCoveredUsage": table.amounts(billed, _SPREAD),
        "SavingsPlanRecurringFee": _difference(table, billed),
        "DiscountedUsage": table.amounts(billed, _RESERVED),
        "RIFee": _unused(table, billed),
    }
    reserved = table.texts("reservationreservationarn", "reservationsubscriptionid")
    for place, line_type in enumerate(types):
        if line_type in _PAID_AHEAD or (line_type == "Fee" and reserved[place]):
            continue
        zero[place] = by_type.get(line_type, billed)[place]
    return zero


def _difference(table: Table, billed: Column) -> Column:
    committed = table.amounts([None] * table.size, "savingsplantotalcommitmenttodate")
    used = table.amounts([None] * table.size, "savingsplanusedcommitment")
    return [
        cost if whole is None or part is None else whole - part
        for cost, whole, part in zip(billed, committed, used, strict=True)
    ]


def _unused(table: Table, billed: Column) -> Column:
    ahead = table.amounts([None] * table.size, "reservationunusedamortizedupfrontfeeforbillingperiod")
    recurring = table.amounts([None] * table.size, "reservationunusedrecurringfee")
    return [
        cost if first is None and second is None else (first or 0.0) + (second or 0.0)
        for cost, first, second in zip(billed, ahead, recurring, strict=True)
    ]
