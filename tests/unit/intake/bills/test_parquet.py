"""Parquet: the same lines as from CSV, whatever types the columns have."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from bdp.errors import BadRequest, MissingExtra, UnknownFormat
from bdp.intake.bills.files import scan
from bdp.intake.limits import IntakeSettings
from tests.unit.intake.bills.reading import batches_of, lines_in, read, reasons_in

AT = datetime(2026, 2, 1, tzinfo=UTC)


def written(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = folder / "bill.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path, **options)
    return path


def test_a_focus_export_is_the_same_as_its_csv(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "finops-cost/focus-1.0/FOCUS-1.0/focus_sample.csv"
    read_as = pyarrow.csv.ConvertOptions(null_values=["NULL"], strings_can_be_null=True)
    table = pyarrow.csv.read_csv(source, convert_options=read_as)
    path = tmp_path / "focus.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=300)
    batches = batches_of(path, settings=IntakeSettings(batch_records=128))
    assert reasons_in(batches) == []
    assert max(batch.count for batch in batches) <= 128
    assert lines_in(batches) == read(source)


def test_columns_of_any_type(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {
            "ChargePeriodStart": pa.array([AT, AT], pa.timestamp("ns", "Asia/Seoul")),
            "ChargePeriodEnd": pa.array([date(2026, 2, 2), None], pa.date32()),
            "BilledCost": pa.array([Decimal("1.50"), Decimal("-2.25")], pa.decimal128(20, 10)),
            "EffectiveCost": pa.array([1, None], pa.int64()),
            "ServiceName": pa.array(["a", "b"]).dictionary_encode(),
            "SubAccountId": pa.array([123456789012, None], pa.int64()),
            "Tags": pa.array([[("k", "v"), ("n", None)], None], pa.map_(pa.string(), pa.string())),
            "x_Other": pa.array([[1], [2]]),
        },
    )
    first, second = read(path)
    assert (first.charge_period_start, first.billed_cost, first.effective_cost) == (AT, 1.5, 1)
    assert (second.billed_cost, second.effective_cost, second.service_name) == (-2.25, -2.25, "b")
    assert (first.sub_account_id, first.tags, second.tags) == ("123456789012", {"k": "v"}, {})
    assert first.charge_period_end == second.charge_period_end == datetime(2026, 2, 2, tzinfo=UTC)


def test_cur_2_keeps_products_and_tags_in_maps(tmp_path: Path) -> None:
    pairs = pa.map_(pa.string(), pa.string())
    path = written(
        tmp_path,
        {
            "line_item_usage_start_date": pa.array([AT], pa.timestamp("ms")),
            "line_item_usage_end_date": pa.array([AT], pa.timestamp("ms")),
            "line_item_line_item_type": ["Usage"],
            "line_item_unblended_cost": [2.5],
            "line_item_product_code": ["AmazonEC2"],
            "product": pa.array([[("product_name", "Amazon Elastic Compute Cloud")]], pairs),
            "resource_tags": pa.array([[("user_team", "blue")]], pairs),
        },
    )
    (line,) = read(path)
    assert (line.service_name, line.tags, line.billed_cost) == ("Amazon Elastic Compute Cloud", {"team": "blue"}, 2.5)


def test_bad_values_are_refused_alone(tmp_path: Path) -> None:
    far = pa.array([AT.replace(tzinfo=None)] * 4, pa.timestamp("s")).to_pylist()
    starts = pa.array([far[0], None, far[2], far[3]], pa.timestamp("s"))
    ends = pa.array([1769990400, 1769990400, 1769990400, 99_999_999_999_999], pa.int64()).cast(pa.timestamp("s"))
    path = written(
        tmp_path,
        {"ChargePeriodStart": starts, "ChargePeriodEnd": ends, "ServiceName": ["a", "b", "c", "d"],
         "BilledCost": [1.0, 1.0, float("nan"), 1.0]},
    )  # fmt: skip
    batches = batches_of(path)
    assert [line.service_name for line in lines_in(batches)] == ["a"]
    first, second, third = reasons_in(batches)
    assert "row 2: ChargePeriodStart: expected a date" in first
    assert "row 3: BilledCost: expected a finite number, got nan" in second
    assert "row 4: ChargePeriodEnd: expected a date" in third


def test_what_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"a": [1], "b": ["x"]})
    with pytest.raises(UnknownFormat, match="is not a bill"):
        scan([path], IntakeSettings())
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadRequest, match="is a damaged Parquet file"):
        scan([path], IntakeSettings())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'bdp-agent\[parquet\]'"):
        scan([path], IntakeSettings())
    assert "pyarrow" in scan([tmp_path], IntakeSettings())[0].problem
