"""What AWS's reports call costs, in either spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.intake.bills.line_types import category_of
from tests.unit.intake.bills.reading import read

NAMES = {
    "line_item_usage_start_date": "lineItem/UsageStartDate",
    "line_item_usage_end_date": "lineItem/UsageEndDate",
    "line_item_line_item_type": "lineItem/LineItemType",
    "line_item_product_code": "lineItem/ProductCode",
    "line_item_unblended_cost": "lineItem/UnblendedCost",
    "line_item_usage_account_id": "lineItem/UsageAccountId",
    "bill_payer_account_id": "bill/PayerAccountId",
    "line_item_usage_type": "lineItem/UsageType",
    "savings_plan_savings_plan_effective_cost": "savingsPlan/SavingsPlanEffectiveCost",
    "savings_plan_total_commitment_to_date": "savingsPlan/TotalCommitmentToDate",
    "savings_plan_used_commitment": "savingsPlan/UsedCommitment",
    "reservation_effective_cost": "reservation/EffectiveCost",
    "reservation_unused_amortized_upfront_fee_for_billing_period":
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation_unused_recurring_fee": "reservation/UnusedRecurringFee",
    "reservation_reservation_a_r_n": "reservation/ReservationARN",
    "resource_tags_user_team": "resourceTags/user:team",
}  # fmt: skip
ROWS = [
    # type, unblended, plan's effective, committed, used, reservation's effective, unused ahead, unused recurring, arn
    ("Usage", "5", "", "", "", "", "", "", "", "Usage", 5.0),
    ("SavingsPlanCoveredUsage", "5", "3", "", "", "", "", "", "", "Usage", 3.0),
    ("SavingsPlanNegation", "-5", "0", "", "", "", "", "", "", "Usage", 0.0),
    ("SavingsPlanRecurringFee", "10", "0", "10", "8", "", "", "", "", "Purchase", 2.0),
    ("SavingsPlanUpfrontFee", "99", "0", "", "", "", "", "", "", "Purchase", 0.0),
    ("DiscountedUsage", "0", "", "", "", "1.5", "", "", "arn", "Usage", 1.5),
    ("RIFee", "30", "", "", "", "0", "2", "1", "arn", "Purchase", 3.0),
    ("Fee", "500", "", "", "", "", "", "", "arn", "Purchase", 0.0),
    ("Fee", "7", "", "", "", "", "", "", "", "Purchase", 7.0),
    ("Tax", "1", "", "", "", "", "", "", "", "Tax", 1.0),
    ("Credit", "-2", "", "", "", "", "", "", "", "Credit", -2.0),
    ("Refund", "-3", "", "", "", "", "", "", "", "Adjustment", -3.0),
    ("EdpDiscount", "-4", "", "", "", "", "", "", "", "Usage", -4.0),
]


@pytest.mark.parametrize("spelling", [list(NAMES), list(NAMES.values())], ids=["cur2", "legacy"])
def test_amortized_costs_and_categories(tmp_path: Path, spelling: list[str]) -> None:
    path = tmp_path / "cur.csv"
    rows = [
        ("2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z", row[0], "AmazonEC2", row[1], "1", "2", "BoxUsage", *row[2:9],
         "blue")
        for row in ROWS
    ]  # fmt: skip
    path.write_text("\n".join(map(",".join, [spelling, *rows])))
    lines = read(path)
    assert [(line.charge_category, line.effective_cost) for line in lines] == [row[9:] for row in ROWS]
    assert [line.billed_cost for line in lines] == [float(row[1]) for row in ROWS]
    assert {(line.sub_account_id, line.billing_account_id, line.sku_meter) for line in lines} == {
        ("1", "2", "BoxUsage")
    }
    assert lines[0].tags == {"team": "blue"}
    assert lines[0].service_name == "AmazonEC2"


def test_kinds_as_cost_explorer_spells_them() -> None:
    bought = ("Savings Plan Upfront Fee", "Recurring reservation fee", "Other out-of-cycle charges")
    assert [category_of(kind) for kind in bought] == ["Purchase"] * 3
    used = ("Usage", "Savings Plan Covered Usage", "Enterprise Discount Program Discount", "")
    assert [category_of(kind) for kind in used] == ["Usage"] * 4
