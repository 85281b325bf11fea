"""Small charts of costs: heights from zero, gaps blank, credits and the days in question marked."""

from __future__ import annotations

import math
from datetime import date, timedelta

from bdp.cli.spark import Day, chart, spark

START = date(2026, 5, 1)


def days(*costs: float | None, marked: int = -1) -> list[Day]:
    return [
        Day(START + timedelta(days=number), cost, marked=number == marked) for number, cost in enumerate(costs)
    ]  # fmt: skip


def test_heights_begin_at_zero() -> None:
    assert spark([100, 104, 98]).plain == "███"
    assert spark([1, 4, 8, 0]).plain == "▁▄█▁"


def test_gaps_are_blank_and_credits_a_minus() -> None:
    assert spark([8, None, -3, math.nan, 8]).plain == "█ - █"


def test_only_the_days_in_question_are_coloured() -> None:
    line = spark([1, 1, 9], {2})
    assert [(span.start, str(span.style)) for span in line.spans if "red" in str(span.style)] == [(2, "bold red")]


def test_the_latest_days_are_kept_and_places_hold() -> None:
    line = spark([*range(1, 101)], {99}, width=10)
    assert len(line.plain) == 10
    assert [span.start for span in line.spans if "red" in str(span.style)] == [9]


def test_nothing_at_all() -> None:
    assert spark([]).plain == ""
    assert spark([None, None]).plain == "  "
    assert spark([0, 0]).plain == "▁▁"
    assert spark([-1, -2]).plain == "--"


def test_a_chart_fits_and_shows_what_it_is_about() -> None:
    lines = [line.plain for line in chart(days(*[10.0] * 20, None, -2, 80, marked=22), 60, level=12)]
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("80.00 ┤")
    assert lines[0].endswith("█")
    assert "╌" in lines[5]
    axis = next(line for line in lines if "└" in line)
    assert axis.partition("└")[2].index(" ") == 20 * 2  # the day that was not delivered
    assert "-" in lines[5]
    assert lines[-2].strip() == "^"
    assert lines[-2].index("^") == len(lines[0]) - 1
    assert "2026-05-01" in lines[-1]
    assert lines[-1].endswith("2026-05-23")


def test_a_chart_of_too_many_days_shows_the_latest() -> None:
    lines = [line.plain for line in chart(days(*range(1, 400)), 50)]
    assert max(map(len, lines)) <= 50
    assert lines[-1].endswith(str(START + timedelta(days=398)))


def test_what_is_expected_is_named_beside_the_axis() -> None:
    lines = [line.plain for line in chart(days(*[10.0] * 9, 100), 60, level=50)]
    assert [line.split()[0] for line in lines if "┤" in line] == ["100.00", "50.00", "0"]


def test_days_ahead_have_a_band() -> None:
    ahead = [Day(START + timedelta(days=9), 6, low=4, high=10)]
    column = [line.plain[-1] for line in chart([*days(2, 2), *ahead], 40, height=5)][:5]
    assert column == ["░", "░", "━", "▒", "▒"]


def test_an_interval_beyond_all_costs_does_not_flatten_them() -> None:
    ahead = [Day(START + timedelta(days=9), 6, low=4, high=1e12)]
    assert chart([*days(5, 5), *ahead], 40)[0].plain.startswith("12.00 ┤")


def test_tiny_and_endless_costs() -> None:
    assert chart(days(0.0000008, 0.0000002), 40)[0].plain.startswith("0.0000008 ┤")
    assert chart(days(math.inf, 5, math.nan), 40)[0].plain.startswith("5.00 ┤")
    assert chart([], 40)[0].plain.startswith("1.00 ┤")
