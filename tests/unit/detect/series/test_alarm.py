"""From surprises to alarms: when one is told, when it is over, and what stays quiet."""

from __future__ import annotations

import numpy as np
import pytest

from bdp.detect.series import alarm
from bdp.detect.series.columns import Columns

BOUND, REST = 1.0, 3600.0
ROW = np.array([0])


def judge(columns: Columns, surprise: float, passed: float = 60.0, *, itself: bool = True) -> alarm.Alarms:
    number, seconds = np.array([surprise], np.float32), np.array([passed], np.float32)
    return alarm.judge(columns, ROW, number, np.array([itself]), seconds, BOUND, REST)


@pytest.fixture
def columns() -> Columns:
    return Columns(alarm.layout(), 1)


def test_an_alarm_is_told_once_while_it_lasts(columns: Columns) -> None:
    told = [judge(columns, surprise) for surprise in (0.2, 1.4, 1.3, 1.2, 0.9)]
    assert [bool(one.opened[0]) for one in told] == [False, True, False, False, False]
    assert [bool(one.going[0]) for one in told] == [False, True, True, True, True]
    assert not any(one.closed[0] for one in told)


def test_it_is_over_after_three_calm_points(columns: Columns) -> None:
    told = [judge(columns, surprise) for surprise in (1.4, 0.1, 0.1, 0.7, 0.1, 0.1, 0.1, 0.1)]
    assert [bool(one.closed[0]) for one in told] == [False] * 6 + [True, False]
    assert [bool(one.going[0]) for one in told] == [True, False, False, True, False, False, False, False]


def test_a_mean_that_earlier_points_have_moved_lets_no_anomaly_go_on(columns: Columns) -> None:
    told = [judge(columns, 1.4), *(judge(columns, 1.2, itself=False) for _ in range(4))]
    assert [bool(one.going[0]) for one in told] == [True, False, False, False, False]
    assert [bool(one.closed[0]) for one in told] == [False, False, False, True, False]


def test_below_the_bound_nothing_is_told(columns: Columns) -> None:
    assert not judge(columns, 0.99).opened[0]
    assert judge(columns, 1.1, passed=0).fresh[0]


def closed_alarm(columns: Columns, surprise: float) -> None:
    for one in (surprise, 0, 0, 0):
        judge(columns, one, passed=0)


def test_an_echo_is_quiet_and_worse_is_not(columns: Columns) -> None:
    closed_alarm(columns, 1.2)
    assert not judge(columns, 1.25, passed=60).opened[0]
    closed_alarm(columns, 0)
    assert judge(columns, 1.45, passed=0).opened[0]


def test_the_bar_falls_by_half_in_the_rest(columns: Columns) -> None:
    closed_alarm(columns, 1.4)
    assert not judge(columns, 1.05, passed=REST / 10).opened[0]
    for _ in range(3):
        judge(columns, 0, passed=0)
    assert judge(columns, 1.05, passed=REST).opened[0]


def test_an_extreme_one_does_not_silence_the_series_for_long(columns: Columns) -> None:
    closed_alarm(columns, 1e6)
    assert judge(columns, 2.9, passed=0).opened[0]


def test_a_mean_that_earlier_points_have_moved_keeps_no_alarm_open(columns: Columns) -> None:
    assert judge(columns, 1.4).going[0]
    told = [judge(columns, 1.3, itself=False) for _ in range(3)]
    assert [bool(one.closed[0]) for one in told] == [False, False, True]
    assert not any(one.going[0] for one in told)


def test_each_series_has_its_own_bar() -> None:
    columns = Columns(alarm.layout(), 3)
    rows, passed, itself = np.array([2, 0]), np.array([60, 60], np.float32), np.array([True, True])
    first = alarm.judge(columns, rows, np.array([1.4, 0.1], np.float32), itself, passed, BOUND, REST)
    assert first.opened.tolist() == [True, False]
    assert columns["open"].tolist() == [False, False, True]
    second = alarm.judge(columns, rows, np.array([0.1, 1.4], np.float32), itself, passed, BOUND, REST)
    assert second.opened.tolist() == [False, True]
