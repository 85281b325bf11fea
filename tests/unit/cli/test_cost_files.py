"""Each real bill at hand gives a report, and its totals are those of the file, to the cent."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bdp.cli.main import app

BILLS = Path(os.environ.get("BDP_DATA") or Path(__file__).parents[3] / "../shared/data") / "finops-cost"
COLUMNS = {
    "focus-1.0/FOCUS-1.0/focus_sample.csv": ("BilledCost", "BillingCurrency"),
    "provider-exports/aws/sample-anonymous-aws-export-dataset.csv": ("lineItem/UnblendedCost", "lineItem/CurrencyCode"),
    "provider-exports/azure/sample-anonymous-ea-export-dataset.csv": ("CostInBillingCurrency", "BillingCurrencyCode"),
    "provider-exports/oci/reports_cost-csv_0000000030000269.csv": ("cost/myCost", "cost/currencyCode"),
    "azure-ea/EA_ActualCost_Small.csv": ("Cost", "BillingCurrency"),
    "azure-ea/EA_AmortizedCost_Small.csv": ("Cost", "BillingCurrency"),
}

needs_bills = pytest.mark.skipif(not BILLS.is_dir(), reason=f"no recorded bills: {BILLS} is absent (set BDP_DATA)")


@needs_bills
@pytest.mark.parametrize("name", COLUMNS)
def test_totals_are_those_of_the_file(name: str) -> None:
    cost, currency = COLUMNS[name]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    with (BILLS / name).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            sums[row[currency]] += Decimal(row[cost] or "0")

    answer = CliRunner().invoke(app, ["cost", "analyze", str(BILLS / name), "--json"])

    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout)
    told = {total["currency"]: total["billed_cost"] for total in report["totals"]}
    assert told.keys() == sums.keys()
    for unit, total in sums.items():
        assert abs(Decimal(str(told[unit])) - total) < Decimal("0.005"), (unit, told[unit], total)


@needs_bills
def test_a_folder_of_bills_adds_up() -> None:
    folder = str(BILLS / "provider-exports")
    answer = CliRunner().invoke(app, ["cost", "analyze", folder, "--json"])

    assert answer.exit_code == 0, answer.output
    totals = {total["currency"]: total["lines"] for total in json.loads(answer.stdout)["totals"]}
    assert totals == {"USD": 1281 + 506, "CAD": 27}
