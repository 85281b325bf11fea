"""Tables that people and consoles make: one row a day, or one column a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.errors import BadRequest, UnknownFormat
from bdp.intake.bills.files import Took
from bdp.intake.bills.formats import is_bill
from bdp.intake.limits import IntakeSettings
from bdp.model.cost import ALL_SERVICES
from tests.unit.intake.bills.reading import batches_of, lines_in, read, reasons_in, sums

WIDE = """"Service","EC2-Instances($)","S3($)","Total costs($)"
"Service total","30.5","3","33.5"
"2026-02-01","10","1","11"
"2026-02-02","20.5","","20.5"
"2026-02-03","","2","2"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "costs.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date,cost\n2026-02-01,1.5\n2026-02-02,2\n", {(ALL_SERVICES, "", "USD"): 3.5}),
        ("Day;Service;Amount\n2026/02/01;EC2;1,234.50\n2026.2.2;EC2;1\n", {("EC2", "", "USD"): 1235.5}),
        ("Usage Date\tProduct\tSpend\tProject\n20260201\tVM\t$3\tp1\n", {("VM", "p1", "USD"): 3}),
        ("timestamp,UnblendedCost,linked_account,currency\n2026-02-01T05:00:00+09:00,7,1,KRW\n",
         {(ALL_SERVICES, "1", "KRW"): 7}),
        ("date,service,cost,region\n02/13/2026,A,-1,x\n2/14/2026,A,-$2.00,\n", {("A", "", "USD"): -3}),
        ("날짜,서비스,비용,통화\n2026-02-01,서버,₩1,200\n", None),
        ('날짜,서비스,비용,통화\n2026-02-01,서버,"₩1,200",KRW\n', {("서버", "", "KRW"): 1200}),
    ],
)  # fmt: skip
def test_usual_names(tmp_path: Path, text: str, expected: dict[tuple[str, ...], float] | None) -> None:
    path = written(tmp_path, text)
    if expected is None:
        assert reasons_in(batches_of(path)) == ["costs.csv row 2: 통화: expected a currency such as USD, got '200'"]
        return
    assert sums(read(path), "service_name", "sub_account_id", "billing_currency") == pytest.approx(expected)


def test_a_day_is_utc_and_lasts_a_day(tmp_path: Path) -> None:
    (line,) = read(written(tmp_path, "timestamp,cost\n2026-02-01T05:00:00+09:00,7\n"))
    assert line.charge_period_start.isoformat() == "2026-01-31T20:00:00+00:00"
    assert (line.charge_period_end - line.charge_period_start).days == 1


def test_equal_rows_are_all_kept(tmp_path: Path) -> None:
    lines = read(written(tmp_path, "date,service,cost\n" + "2026-02-01,A,0.1\n" * 10))
    assert len(lines) == 10
    assert sums(lines, "service_name") == pytest.approx({("A",): 1})


def test_the_console_s_table_without_its_totals(tmp_path: Path) -> None:
    lines = read(written(tmp_path, WIDE))
    assert {(f"{line.charge_period_start:%d}", line.service_name): line.billed_cost for line in lines} == {
        ("01", "EC2-Instances"): 10, ("02", "EC2-Instances"): 20.5, ("01", "S3"): 1, ("03", "S3"): 2,
    }  # fmt: skip


def test_the_console_s_table_turned(tmp_path: Path) -> None:
    text = (
        '"Service","Service total","2026-02-01","2026-02-02"\n"EC2-Instances($)","30.5","10","20.5"\n'
        '"S3($)","1","1",""\n"Total costs($)","31.5","11","20.5"\n'
    )
    lines = read(written(tmp_path, text))
    assert sums(lines, "service_name") == {("EC2-Instances",): 30.5, ("S3",): 1}
    assert {line.billing_currency for line in lines} == {"USD"}


def test_the_console_s_table_by_other_things(tmp_path: Path) -> None:
    text = '"Linked account","prod (123456789012)($)","210987654321($)"\n"2026-02-01","1","2"\n'
    found = {(line.sub_account_id, line.sub_account_name): line.billed_cost for line in read(written(tmp_path, text))}
    assert found == {("123456789012", "prod"): 1, ("210987654321", ""): 2}
    text = '"Instance type","m5.large(€)","Total costs(€)"\n"2026-02-01","1","1"\n'
    (line,) = read(written(tmp_path, text))
    assert (line.tags, line.billing_currency) == ({"Instance type": "m5.large"}, "EUR")


@pytest.mark.parametrize(
    "text",
    [
        "date,service,cost\n2026-01-01,A,1\n2026-02-01,A,1\n",
        '"Service","S3($)"\n"2026-01-01","1"\n"2026-02-01","1"\n',
    ],
)
def test_months_are_no_days(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRequest, match="monthly"):
        batches_of(written(tmp_path, text))


def test_a_bad_cell_is_refused_and_its_neighbours_pass(tmp_path: Path) -> None:
    batches = batches_of(written(tmp_path, WIDE.replace('"20.5",""', '"x","4"')))
    assert sums(lines_in(batches), "service_name") == {("EC2-Instances",): 10, ("S3",): 7}
    assert reasons_in(batches) == ["costs.csv row 4: EC2-Instances($): expected a finite number, got 'x'"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n",
        b"timestamp,value\n2026-02-01,1\n",
        b"date,total\n2026-02-01,1\n",
        b"name,cost\na,1\n",
        b"ts level message\n2026-02-01 INFO cost 12\n",
        b'{"message": "ResultsByTime"}\n',
        b'{"message": "{\\"ResultsByTime\\": [1]}"}\n',
        b"date\n2026-02-01\n",
        b'"date,cost\n',
    ],
)
def test_what_is_no_bill(head: bytes, tmp_path: Path) -> None:
    assert is_bill(head, "x") == ""
    path = tmp_path / "x.csv"
    path.write_bytes(head)
    if not head.strip():
        assert batches_of(path) == []
        return
    with pytest.raises(UnknownFormat, match=r"x\.csv is not a bill"):
        batches_of(path)


def test_a_format_by_name_must_fit(tmp_path: Path) -> None:
    path = written(tmp_path, "date,cost\n2026-02-01,1\n")
    assert len(read(path, format="cost_table")) == 1
    with pytest.raises(UnknownFormat, match="has not the columns of focus"):
        batches_of(path, format="focus")
    with pytest.raises(UnknownFormat, match="There is no format 'x' of bills"):
        batches_of(path, format="x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date;service;cost\n1.9.2026;VM;1.234,50 €\n2.9.2026;VM;-0,125\n13.9.2026;VM;1.234\n", [1234.5, -0.125, 1234]),
        ("date;service;cost\n01.09.2026;VM;1\u202f234,5\n02.09.2026;VM;12 345\n03.09.2026;VM;7\n", [1234.5, 12345, 7]),
        ("date,service,cost\n2026-09-01,VM,1'234.50\n2026-09-02,VM,\"1,234\"\n2026-09-03,A,1.2\n", [1234.5, 1234, 1.2]),
        ('date,service,cost\n2026-09-01,VM,"1,234"\n2026-09-02,VM,"2,345"\n2026-09-03,VM,3\n', [1234, 2345, 3]),
        ('date;service;cost\n2026-09-01;VM;1,2E-3\n2026-09-02;VM;5\n2026-09-03;VM;2.000\n', [0.0012, 5, 2000]),
        ('date,service,cost\n2026-09-01,VM,($1.50)\n2026-09-02,VM,"$(2,000)"\n2026-09-03,A,-1\n', [-1.5, -2000, -1]),
    ],
    ids=["german", "french", "swiss", "thousands only", "exponent", "brackets"],
)  # fmt: skip
def test_a_file_writes_all_its_numbers_in_one_manner(tmp_path: Path, text: str, expected: list[float]) -> None:
    assert [line.billed_cost for line in read(written(tmp_path, text))] == expected


def test_a_number_in_another_manner_is_refused_and_not_read_the_other_way(tmp_path: Path) -> None:
    points = 'date,service,cost\n2026-09-01,VM,12.5\n2026-09-02,VM,"12,5"\n2026-09-03,VM,1.234\n'
    batches = batches_of(written(tmp_path, points))
    assert [line.billed_cost for line in lines_in(batches)] == [12.5, 1.234]
    assert reasons_in(batches) == ["costs.csv row 3: cost: expected a finite number, got '12,5'"]
    commas = "date;service;cost\n2026-09-01;VM;12,5\n2026-09-02;VM;7,25\n2026-09-03;VM;1.5\n"
    assert [line.billed_cost for line in read(written(tmp_path, commas.replace("1.5", "1.500")))] == [12.5, 7.25, 1500]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["05/09/2026", "06/09/2026", "18/09/2026"], ["2026-09-05", "2026-09-06", "2026-09-18"]),
        (["09/05/2026", "09/06/2026", "09/18/2026"], ["2026-09-05", "2026-09-06", "2026-09-18"]),
        (["5/9/2026", "6/9/2026", "7/9/2026"], ["2026-09-05", "2026-09-06", "2026-09-07"]),
        (["9/5/2026", "9/6/2026", "10/7/2026"], ["2026-09-05", "2026-09-06", "2026-10-07"]),
        (["05-09-2026", "13-09-2026"], ["2026-09-05", "2026-09-13"]),
        (["5/9/2026"], ["2026-05-09"]),
    ],
    ids=["day first", "month first", "one month", "two months", "hyphens", "one day alone"],
)
def test_days_of_a_file_are_read_in_one_order(tmp_path: Path, days: list[str], expected: list[str]) -> None:
    path = written(tmp_path, "date,cost\n" + "".join(f"{day},1\n" for day in days))
    assert [f"{line.charge_period_start:%Y-%m-%d}" for line in read(path)] == expected


def test_what_the_first_rows_settle_holds_for_the_later_ones(tmp_path: Path) -> None:
    rows = [f'{day:02d}/09/2026,"{day},5"\n' for day in range(1, 29)]
    path = written(tmp_path, "date,cost\n" + "".join(rows) + '01/10/2026,"1,234"\n')
    batches = batches_of(path, settings=IntakeSettings(batch_records=7))
    assert len(batches) > 1
    last = lines_in(batches)[-1]
    assert (f"{last.charge_period_start:%Y-%m-%d}", last.billed_cost) == ("2026-10-01", 1.234)
    assert not reasons_in(batches)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date,cost\n2026-02-01,€1.50\n2026-02-02,2\n2026-02-03,€3\n", {("EUR",): 6.5}),
        ("date;cost\n2026-02-01;1.189,36 €\n2026-02-02;-7,00 €\n", {("EUR",): 1182.36}),
        ("date,cost\n2026-02-01,$1\n2026-02-02,£2\n", {("USD",): 1, ("GBP",): 2}),
        ("date,cost,currency\n2026-02-01,$1,CAD\n", {("CAD",): 1}),
        ("date,cost\n2026-02-01,1\n", {("USD",): 1}),
    ],
    ids=["before", "behind", "two", "a column says it", "none"],
)
def test_a_currency_sign_beside_the_numbers_says_the_currency(
    tmp_path: Path, text: str, expected: dict[tuple[str], float]
) -> None:
    assert sums(read(written(tmp_path, text)), "billing_currency") == pytest.approx(expected)


def test_where_no_number_shows_it_semicolons_say_that_decimals_follow_a_comma(tmp_path: Path) -> None:
    rows = "2026-02-01{0}1,234\n2026-02-02{0}2,345\n"
    took = Took()
    path = written(tmp_path, "date;cost\n" + rows.format(";"))
    assert [line.billed_cost for line in lines_in(batches_of(path, took=took))] == [1.234, 2.345]
    (remark,) = took.remarks
    assert remark.kind == "numbers"
    assert "costs.csv" in remark.text
    assert "costs.csv" in remark.text_ko
    took = Took()
    path = written(tmp_path, 'date,cost\n2026-02-01,"1,234"\n2026-02-02,"2,345"\n')
    assert [line.billed_cost for line in lines_in(batches_of(path, took=took))] == [1234, 2345]
    assert not took.remarks
    path = written(tmp_path, "date;cost\n" + rows.format(";") + "2026-02-03;3.5\n")
    assert [line.billed_cost for line in lines_in(batches_of(path, took=took))] == [1234, 2345, 3.5]
    assert not took.remarks


def test_copies_count_once_and_are_told(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("team1.csv", "team2.csv")]
    for path in paths:
        path.write_text("date,cost\n2026-02-01,5\n")
    took = Took()
    assert [line.billed_cost for line in lines_in(batches_of(*paths, took=took))] == [5]
    (remark,) = took.remarks
    assert (remark.kind, "team2.csv" in remark.text, "team2.csv" in remark.text_ko) == ("copies", True, True)
