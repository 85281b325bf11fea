"""CSV files of one metric series, as people and tools write them."""

from __future__ import annotations

import math

import pytest

from bdp.errors import BadRequest
from bdp.intake.series import Heard, Row, read_series


def read(text: str, column: str = "") -> tuple[list[Row], Heard]:
    heard = Heard()
    return list(read_series(text.splitlines(keepends=True), heard, column)), heard


POINTS = [(1_777_636_800.0, 17.5), (1_777_637_100.0, 18.0)]


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n2026-05-01T12:00:00Z,17.5\n2026-05-01T12:05:00Z,18\n",
        "2026-05-01T12:00:00Z,17.5\n2026-05-01T12:05:00Z,18",
        "TimeStamp,Value\r\n2026-05-01 12:00:00,17.5\r\n2026-05-01 12:05:00,18\r\n",
        "\ufeffts,value\n1777636800,17.5\n1777637100,18\n",
        '"time","value"\n"1777636800000","17.5"\n"1777637100000","18"\n',
        "value,ts\n17.5,2026-05-01T14:00:00+02:00\n1.8e1,2026-05-01T14:05:00+02:00\n",
        "\n\ntimestamp,value\n\n 2026-05-01T12:00:00.000Z , 17.5 \n\n1777637100.0, 18\n",
        "timestamp;value\n2026-05-01T12:00:00Z;17,5\n2026-05-01T12:05:00Z;18\n",
        "time\tvalue\n1777636800\t17.5\n1777637100\t18\n",
        "timestamp,latency_ms\n1777636800,17.5\n1777637100,18\n",
    ],
)
def test_a_file_is_read_as_it_is_written(text: str) -> None:
    rows, heard = read(text)
    assert [(row.ts, row.value) for row in rows] == POINTS
    assert (heard.bad, heard.ignored) == (0, [])


def test_times_stay_as_they_were_given() -> None:
    rows, _ = read("2026-05-01 12:00:00,1\n1777637100000,2\n")
    assert [row.time for row in rows] == ["2026-05-01 12:00:00", "1777637100000"]


def test_other_columns_are_named() -> None:
    rows, heard = read("host,timestamp,value,region\nh1,1777636800,17.5,eu\n")
    assert rows[0].value == 17.5
    assert heard.ignored == ["host", "region"]
    assert read("1777636800,17.5,eu,h1\n")[1].ignored == ["3", "4"]


def test_a_column_can_be_chosen() -> None:
    rows, heard = read("ts,cpu,value\n1777636800,3,4\n", "CPU")
    assert rows[0].value == 3
    assert heard.ignored == ["value"]


def test_bad_rows_are_counted_and_the_first_is_told() -> None:
    rows, heard = read("timestamp,value\n1777636800,17.5\nyesterday,1\n1777637100\n1777637100,n/a\n1777637100,18\n")
    assert [(row.ts, row.value) for row in rows] == POINTS
    assert heard.bad == 3
    assert heard.first_bad.startswith("line 3: ts: expected RFC 3339 text")


def test_a_bad_first_row_is_no_header() -> None:
    rows, heard = read("# exported 2026\n1777636800,17.5\n")
    assert len(rows) == heard.bad == 1


def test_what_is_no_number_but_says_so_is_handed_on() -> None:
    rows, heard = read("1777636800,NaN\n1777637100,-inf\n")
    assert math.isnan(rows[0].value)
    assert rows[1].value == -math.inf
    assert heard.bad == 0


def test_an_open_quote_does_not_swallow_the_file_without_end() -> None:
    text = '1777636800,17.5\n1777636900,"5\n' + "1777637000,1\n" * 30_000 + "1777637100,18\n"
    rows, heard = read(text)
    assert rows[-1].value == 18
    assert heard.bad >= 1


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("time,cpu,memory\n1777636800,1,2\n", "", "Which column holds the values"),
        ("time,cpu,memory\n1777636800,1,2\n", "disk", "Which column holds the values"),
        ("when,value\n1777636800,1\n", "", "No column of times"),
        ("1777636800,1\n", "cpu", "No column of times"),
    ],
)
def test_a_header_that_does_not_say_enough_is_asked_about(text: str, column: str, what: str) -> None:
    with pytest.raises(BadRequest, match=what) as told:
        read(text, column)
    assert told.value.next_step


def test_an_empty_file_has_no_points() -> None:
    assert read("")[0] == read("\n \n")[0] == []


def test_a_quotation_mark_that_is_never_closed_costs_its_line_alone() -> None:
    heard = Heard()
    lines = ["timestamp,value\n", "2026-05-01T00:00:00Z,1\n", '"2026-05-01T00:01:00Z,2\n', "2026-05-01T00:02:00Z,3\n"]
    assert [row.value for row in read_series(lines, heard)] == [1.0, 3.0]
    assert (heard.bad, heard.first_bad.partition(":")[0]) == (1, "line 3")
