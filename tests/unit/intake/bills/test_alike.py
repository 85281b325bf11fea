"""Two forms of one bill in one reading are noticed; parts of one report are not taken for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bdp.intake.bills.alike import Alike, Sample
from bdp.intake.bills.files import Took, read_bills
from bdp.intake.limits import IntakeSettings
from tests.unit.intake.bills.exports import Row, azure, written
from tests.unit.intake.bills.reading import NOW


def sampled(*paths: Path) -> Sample:
    """What is held of a reading of these files, in small batches."""
    took, settings = Took(), IntakeSettings(batch_records=300)
    for _ in read_bills(paths, statement="s", stated_at=NOW, now=NOW, settings=settings, took=took):
        pass
    return took.sample


def alike(*paths: Path) -> Sequence[Alike]:
    return sampled(*paths).alike()


def test_the_actual_and_the_amortized_export_of_a_bill(tmp_path: Path) -> None:
    actual = written(tmp_path / "actual.csv", azure(amortized=False))
    amortized = written(tmp_path / "amortized.csv", azure(amortized=True)[::-1])
    (found,) = alike(actual, amortized)
    assert found.files == ("actual.csv", "amortized.csv")
    assert found.share == 1.0
    for text in (found.text, found.text_ko):
        assert "actual.csv" in text
        assert "amortized.csv" in text


def test_a_longer_export_of_the_same_bill(tmp_path: Path) -> None:
    rows = azure(amortized=False)
    short = written(tmp_path / "to-10.csv", [row for row in rows if row[0] <= "02/10/2026"])
    assert [one.files for one in alike(short, written(tmp_path / "to-20.csv", rows))] == [("to-10.csv", "to-20.csv")]


@pytest.mark.parametrize(
    "part_of",
    [
        lambda place, row: place < 100,
        lambda place, row: place % 2 == 0,
        lambda place, row: row[1] == "one",
        lambda place, row: row[0] < "02/11/2026",
        lambda place, row: row[2] == "Storage",
    ],
    ids=["at a row", "every other row", "by account", "by day", "by service"],
)
def test_parts_of_one_report(tmp_path: Path, part_of: Callable[[int, Row], bool]) -> None:
    rows = azure(amortized=False)
    chosen = [part_of(place, row) for place, row in enumerate(rows)]
    one = [row for row, first in zip(rows, chosen, strict=True) if first]
    other = [row for row, first in zip(rows, chosen, strict=True) if not first]
    assert one
    assert other
    assert not alike(written(tmp_path / "one.csv", one), written(tmp_path / "other.csv", other))


def test_hours_of_what_always_costs_the_same(tmp_path: Path) -> None:
    head = "ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,BillingCurrency,ServiceName,ResourceId\n"
    for hour in range(3):
        rows = (
            f"2026-02-{day:02}T{hour:02}:00:00Z,2026-02-{day:02}T{hour + 1:02}:00:00Z,{cost},{cost},USD,S{cost},r{cost}"
            for day in range(1, 21)
            for cost in range(1, 9)
        )
        (tmp_path / f"{hour}.csv").write_text(head + "\n".join(rows))
    assert not alike(*sorted(tmp_path.iterdir()))


def test_equal_disks_in_tables_without_accounts(tmp_path: Path) -> None:
    for name in ("team-a.csv", "team-b.csv"):
        rows = "".join(f"2026-02-{day:02},Disks,10.00\n" for day in range(1, 29))
        (tmp_path / name).write_text(f"date,service,cost\n{rows}{'' if 'a' in name[-5] else '2026-02-28,Mail,1'}\n")
    assert not alike(tmp_path / "team-a.csv", tmp_path / "team-b.csv")


def test_a_copy_counts_once_and_a_file_alone_is_like_no_other(tmp_path: Path) -> None:
    rows = azure(amortized=False)
    assert not alike(written(tmp_path / "one.csv", rows), written(tmp_path / "copy.csv", rows))
    assert not alike(tmp_path / "one.csv")


def test_of_large_bills_a_sample_is_held(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / f"{amortized}.csv", azure(amortized=amortized, days=28, resources=400))
        for amortized in (False, True)
    ]
    sample = sampled(*paths)
    assert 5_000 < sample.held <= 20_000
    assert [one.files for one in sample.alike()] == [("False.csv", "True.csv")]


def test_real_bills(data_dir: Path) -> None:
    sample = sampled(data_dir / "finops-cost")
    assert sample.held > 1000
    assert not sample.alike()
