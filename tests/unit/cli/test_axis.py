"""Ticks: round, few, and told apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bdp.cli.axis import time_ticks, value_ticks

START = datetime(2026, 5, 4, 22, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("least", "greatest"),
    [
        (0, 1),
        (-3, 250),
        (163.5, 447),
        (1e15 - 5, 1e15 + 40),
        (1e-7, 9e-7),
        (-1.7e308, 1.7e308),
        (0.3, 0.30001),
        (7, 7.7),
    ],
)
def test_values_are_round_few_and_told_apart(least: float, greatest: float) -> None:
    ticks = value_ticks(least, greatest)
    assert 3 <= len(ticks) <= 10
    assert all(least <= value <= greatest for value, _ in ticks)
    labels = [label for _, label in ticks]
    assert len(set(labels)) == len(labels)
    for value, label in ticks:
        assert float(label.replace(",", "")) == pytest.approx(value, abs=(greatest / 10 - least / 10) / 10)


@pytest.mark.parametrize(
    "seconds", [0.2, 7, 60, 3600, 86_400, 3 * 86_400, 14 * 86_400, 90 * 86_400, 3 * 365 * 86_400, 60 * 365 * 86_400]
)
def test_times_are_few_and_within(seconds: float) -> None:
    ticks = time_ticks(START, START + seconds)
    assert 2 <= len(ticks) <= 11
    assert all(START <= ts <= START + seconds for ts, _, _ in ticks)
    assert len({(upper, ts // 86_400) for ts, upper, _ in ticks}) == len(ticks)
    assert ticks[0][2], "the first tick says the day, or the year"


def test_the_day_is_said_where_it_changes() -> None:
    found = time_ticks(START, START + 6 * 3600)
    assert [(upper, lower) for _, upper, lower in found] == [
        *[("23:00", "4 May 2026"), ("00:00", "5 May 2026"), ("01:00", ""), ("02:00", ""), ("03:00", ""), ("04:00", "")]
    ]


def test_long_times_are_told_by_months_of_the_calendar() -> None:
    found = time_ticks(START, START + 365 * 86_400)
    assert [(upper, lower) for _, upper, lower in found][:3] == [("Jul", "2026"), ("Sep", ""), ("Nov", "")]
    assert {datetime.fromtimestamp(ts, UTC).day for ts, _, _ in found} == {1}


def test_times_before_1970_have_ticks() -> None:
    assert time_ticks(-86_400.0 * 40, -86_400.0)
