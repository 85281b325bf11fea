"""Hostile and broken tables: one bad row is refused alone, and what is in the file is bounded."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdp.errors import BadRequest, Reject
from bdp.intake.bills.cells import blocks
from bdp.intake.bills.files import read_bills
from bdp.intake.bills.table import Table
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Cause
from tests.unit.intake.bills.reading import NOW, batches_of, lines_in, reasons_in

HEAD = "ChargePeriodStart,ChargePeriodEnd,ServiceName,BilledCost,EffectiveCost,BillingCurrency,Tags,ResourceId\n"
GOOD = "2026-02-01 00:00:00,2026-02-02 00:00:00,good,1,2,USD,NULL,r\n"


def write(folder: Path, *rows: str, end: str = "") -> Path:
    path = folder / "f.csv"
    path.write_bytes((HEAD + GOOD + "".join(rows) + GOOD + end).encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-02-01,2026-02-02,a,NaN,,USD,,\n", "BilledCost: expected a finite number, got 'NaN'"),
        ("2026-02-01,2026-02-02,a,-inf,,USD,,\n", "BilledCost: expected a finite number, got '-inf'"),
        ("2026-02-01,2026-02-02,a,1e400,,USD,,\n", "BilledCost: expected a finite number, got '1e400'"),
        ("2026-02-01,2026-02-02,a,,,USD,,\n", "BilledCost: expected a finite number, got ''"),
        ("2026-02-01,2026-02-02,a,1_0,,USD,,\n", "BilledCost: expected a finite number, got '1_0'"),
        ("2026-02-01,2026-02-02,a,٣,,USD,,\n", "BilledCost: expected a finite number, got '٣'"),
        ("2026-02-01,2026-02-02,a,1,x,USD,,\n", "EffectiveCost: expected a finite number, got 'x'"),
        (",2026-02-02,a,1,,USD,,\n", "ChargePeriodStart: expected a date or RFC 3339 text, got ''"),
        ("2026-02-30,2026-03-02,a,1,,USD,,\n", "ChargePeriodStart: expected a date or RFC 3339 text, got '2026-02-30'"),
        ("1969-12-31,1970-01-02,a,1,,USD,,\n", "ChargePeriodStart: 1969-12-31T00:00:00+00:00 is not from 1970 to 2105"),
        ("2026-02-01,9999-12-31,a,1,,USD,,\n", "ChargePeriodEnd: 9999-12-31T00:00:00+00:00 is not from 1970 to 2105"),
        ("2026-02-02,2026-02-01,a,1,,USD,,\n",
         "the period ends 2026-02-01T00:00:00+00:00, before it starts 2026-02-02T00:00:00+00:00"),
        ("2026-02-01,2026-02-02,a,1,,12,,\n", "BillingCurrency: expected a currency such as USD, got '12'"),
        ("2026-02-01,2026-02-02,a,1\n", "the row has 4 columns, the header 8"),
        ("2026-02-01,2026-02-02,a,1,,USD,,,,,\n", "the row has 11 columns, the header 8"),
        ('2026-02-01,2026-02-02,"never closed,1,,USD,,\n', "the row has 3 columns, the header 8"),
        (f"2026-02-01,2026-02-02,{'x' * 200_000},1,,USD,,\n",
         "the row is no CSV, or a value has more than 131072 characters"),
        (f"2026-02-01,2026-02-02,{'x' * 2_000_000},1,,USD,,\n", "the row has more than 1048576 bytes"),
    ],
    ids=range(18),
)  # fmt: skip
def test_a_bad_row_is_refused_alone(tmp_path: Path, row: str, reason: str) -> None:
    batches = batches_of(write(tmp_path, row, GOOD))
    assert [line.service_name for line in lines_in(batches)] == ["good"] * 3
    assert reasons_in(batches) == [f"f.csv row 3: {reason}"]
    (letter,) = [letter for batch in batches for letter in batch.refused]
    assert letter.index == 2


def test_a_letter_holds_the_row_by_names_and_its_delivery(tmp_path: Path) -> None:
    ((letter,),) = [batch.refused for batch in batches_of(write(tmp_path, "2026-02-01,,a,x,,USD,,\n"))]
    assert json.loads(letter.payload) == {
        "ChargePeriodStart": "2026-02-01", "ServiceName": "a", "BilledCost": "x", "BillingCurrency": "USD",
        "statement": "s1", "stated_at": "2026-03-01T12:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        '2026-02-01,2026-02-02,"two\nlines, and ""marks""",1,,USD,,\n',
        '2026-02-01,2026-02-02,5" disk,1,,USD,,\n',
        "2026-02-01,2026-02-02,\udcff\udcfe,1,,USD,,\n",
        '2026-02-01T00:00:00+09:00,,line\u2028end,1,,usd,"[1]",\n',
        '2026-02-01,2026-02-02,a,1,,USD,"{""a"": {""b"": 1}, ""c"": ""\\ud800\\u0000"", ""d"": null}",\n',
        "2026-02-01,2026-02-02,a,1,,USD,{broken,\n",
        "\n   \n2026-02-01,2026-02-02,a,1,,USD,,\r\n",
    ],
    ids=range(7),
)
def test_an_odd_row_passes_with_its_money(tmp_path: Path, row: str) -> None:
    batches = batches_of(write(tmp_path, row))
    assert reasons_in(batches) == []
    lines = lines_in(batches)
    assert [line.billed_cost for line in lines] == [1, 1, 1]
    assert "\0" not in str(lines)
    assert lines[1].effective_cost == 1  # where there is none, the billed one


def test_a_nul_far_into_a_file_becomes_a_replacement(tmp_path: Path) -> None:
    rows = GOOD * 200 + "2026-02-01,2026-02-02,\0nul \x1b[2J,1,,USD,,\n"
    lines = lines_in(batches_of(write(tmp_path, rows)))
    assert lines[-2].service_name == "\ufffdnul \x1b[2J"
    assert len(lines) == 203


def test_a_value_over_two_lines_comes_whole(tmp_path: Path) -> None:
    row = '2026-02-01,2026-02-02,"two\nlines, and ""marks""",1,,USD,,\n'
    lines = lines_in(batches_of(write(tmp_path, row), settings=IntakeSettings(batch_records=1)))
    assert [line.service_name for line in lines] == ["good", 'two\nlines, and "marks"', "good"]


def test_empty_files_and_headers_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text in ("", "\n", HEAD, HEAD.rstrip(), "\ufeff" + HEAD):
        path.write_text(text)
        assert batches_of(path) == []


def test_a_damaged_archive_gives_what_lies_before_the_damage(tmp_path: Path) -> None:
    whole = gzip.compress((HEAD + "".join(GOOD.replace("r\n", f"r{n * 7919}\n") for n in range(50_000))).encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    batches = batches_of(path)
    assert 10_000 < len(lines_in(batches)) < 50_000
    (reason,) = reasons_in(batches)
    assert "the file is damaged, the rest is not read" in reason
    path.write_bytes(whole[:10])
    with pytest.raises(BadRequest):
        batches_of(path)


def test_a_size_limit_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, f"2026-02-01,2026-02-02,{'x' * 300},1,,USD,,\n")
    batches = batches_of(path, settings=IntakeSettings(max_record_bytes=256))
    ((letter,),) = [batch.refused for batch in batches]
    assert (letter.cause, letter.reason) == (Cause.TOO_LARGE, "f.csv row 3: the row has more than 256 bytes")
    assert len(lines_in(batches)) == 2


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=6) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "a,b", 'x"y', "'", "", "NULL"]
)


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12),
    st.sampled_from([1, 2, 5000]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_a_csv_writer_wrote_is_read_as_it_was(rows: list[list[str]], most: int, end: str, every: bool) -> None:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    raw: Any = io.BytesIO(written.getvalue().encode())
    found = list(
        blocks(io.BufferedReader(raw), lambda table: table.asked.update(range(3)), IntakeSettings(batch_records=most))
    )
    assert [block.refused for block in found] == [[]] * len(found)
    assert all(block.table.size <= most for block in found)
    assert [list(row) for block in found for row in zip(*block.table.columns, strict=True)] == rows


@given(st.binary(max_size=400), st.sampled_from([b"", HEAD.encode() + GOOD.encode(), b"date,cost\n2026-02-01,1\n"]))
def test_any_bytes_give_lines_or_a_reason(tmp_path_factory: pytest.TempPathFactory, noise: bytes, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.csv"
    path.write_bytes(head + noise)
    try:
        batches = list(read_bills([path], statement="s", stated_at=NOW, now=NOW, settings=IntakeSettings()))
    except Reject:
        return
    rows = len([line for line in noise.split(b"\n") if line.strip()])
    assert bool(head) <= sum(batch.accepted for batch in batches) <= rows + 1


def test_a_row_is_refused_for_what_came_first() -> None:
    table = Table(["a", "b"], [["x"], ["y"]], 1)
    table.numbers("a")
    table.numbers("b")
    assert table.refused[0].what == "a: expected a finite number, got 'x'"
