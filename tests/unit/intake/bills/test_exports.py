"""Real exports of four providers: every row is read, and the money is what the file itself adds up to."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import zstandard

from bdp.errors import UnknownFormat
from bdp.intake.bills.files import scan
from bdp.intake.limits import IntakeSettings
from tests.unit.intake.bills.reading import read, sums

Row = dict[str, str]


@dataclass(frozen=True)
class Export:
    path: str
    format: str
    rows: int
    cost: str
    currency: str
    service: Callable[[Row], str]


EXPORTS = [
    Export("focus-1.0/FOCUS-1.0/focus_sample.csv", "focus", 1000, "BilledCost", "BillingCurrency",
           lambda row: row["ServiceName"]),
    Export("provider-exports/aws/sample-anonymous-aws-export-dataset.csv", "aws_cur", 1281, "lineItem/UnblendedCost",
           "lineItem/CurrencyCode", lambda row: row["product/ProductName"]),
    Export("azure-ea/EA_ActualCost_Small.csv", "azure_costs", 11, "Cost", "BillingCurrency",
           lambda row: row["MeterCategory"]),
    Export("azure-ea/EA_AmortizedCost_Small.csv", "azure_costs", 28, "Cost", "BillingCurrency",
           lambda row: row["MeterCategory"]),
    Export("provider-exports/azure/sample-anonymous-ea-export-dataset.csv", "azure_costs", 27, "CostInBillingCurrency",
           "BillingCurrencyCode", lambda row: row["MeterCategory"]),
    Export("provider-exports/oci/reports_cost-csv_0000000030000269.csv", "oci_costs", 506, "cost/myCost",
           "cost/currencyCode", lambda row: row["product/service"]),
]  # fmt: skip
BY_NAME = pytest.mark.parametrize("export", EXPORTS, ids=[Path(export.path).stem for export in EXPORTS])


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def expected(export: Export, rows: list[Row]) -> dict[tuple[str, ...], Decimal]:
    found: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row[export.currency], export.service(row)] += Decimal(row[export.cost])
    return found


@BY_NAME
def test_every_row_is_read_and_adds_up_by_currency_and_service(data_dir: Path, export: Export) -> None:
    path = data_dir / "finops-cost" / export.path
    rows = rows_of(path)
    lines = read(path)
    assert len(lines) == len(rows) == export.rows
    found = sums(lines, "billing_currency", "service_name")
    told = expected(export, rows)
    assert set(found) == set(told)
    for key, amount in told.items():
        assert found[key] == pytest.approx(float(amount), abs=1e-6)
    assert [info.format for info in scan([path], IntakeSettings())] == [export.format]


@BY_NAME
def test_small_batches_and_compressed_files_give_the_same(data_dir: Path, export: Export, tmp_path: Path) -> None:
    path = data_dir / "finops-cost" / export.path
    content = path.read_bytes()
    packed = tmp_path / "bill.csv.gz"
    packed.write_bytes(gzip.compress(content))
    (tmp_path / "bill.csv.zst").write_bytes(zstandard.compress(content))
    lines = read(path)
    assert read(packed) == lines
    assert read(tmp_path / "bill.csv.zst", IntakeSettings(batch_records=7)) == lines


def test_columns_of_focus_arrive_where_they_belong(data_dir: Path) -> None:
    path = data_dir / "finops-cost" / EXPORTS[0].path
    rows = rows_of(path)
    lines = read(path)
    assert {line.provider_name for line in lines} == {"AWS", "Microsoft", "Oracle"}
    assert {line.charge_category for line in lines} == {"Usage", "Adjustment", "Credit"}
    for row, line in zip(rows, lines, strict=True):
        assert f"{line.charge_period_start:%Y-%m-%d %H:%M:%S}" == row["ChargePeriodStart"]
        assert f"{line.charge_period_end:%Y-%m-%d %H:%M:%S}" == row["ChargePeriodEnd"]
        assert line.region_id == row["RegionId"].replace("NULL", "")
        assert line.sub_account_id == row["SubAccountId"]
        assert line.effective_cost == float(row["EffectiveCost"])
        assert bool(line.tags) == (row["Tags"] != "NULL")
    assert lines[0].statement == "s1"


def test_taxes_of_a_month_stay_at_its_first_day(data_dir: Path) -> None:
    lines = read(data_dir / "finops-cost" / EXPORTS[1].path)
    taxes = [line for line in lines if line.charge_category == "Tax"]
    assert len(taxes) == 12
    assert {(f"{tax.charge_period_start:%F}", f"{tax.charge_period_end:%F}") for tax in taxes} == {
        ("2023-11-01", "2023-12-01")
    }
    assert {line.provider_name for line in lines} == {"AWS"}
    assert all(line.billing_account_id and line.sub_account_id for line in lines)


def test_tags_of_azure_lack_braces_and_dates_are_american(data_dir: Path) -> None:
    line = read(data_dir / "finops-cost" / EXPORTS[4].path)[0]
    assert line.tags == {"tagA": "valueA", "tagB": "valueB", "tagC": "valueC"}
    assert f"{line.charge_period_start:%F}" == "2023-09-02"
    assert line.sku_meter == "Peering/Intra-Region Ingress"


def test_a_lookup_table_beside_bills_is_told_apart(data_dir: Path) -> None:
    path = data_dir / "finops-cost/azure-ea/src/open-data/Services.csv"
    with pytest.raises(UnknownFormat, match=r"Services\.csv is not a bill\. Bills are FOCUS"):
        scan([path], IntakeSettings())
    (info,) = scan([path.parent], IntakeSettings())
    assert "not a bill" in info.problem
