"""Money as people read it: never 0.00 where something was charged, never a wall of digits."""

from __future__ import annotations

import math
from datetime import date

import pytest

from bdp.cli.money import figure, money, percent, share, stretch


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"),
        (1234.5, "1,234.50"),
        (-1234567.891, "-1,234,567.89"),
        (0.25, "0.25"),
        (0.5, "0.50"),
        (0.0123, "0.012"),
        (0.0000008, "0.0000008"),
        (-0.00012345, "-0.00012"),
        (0.0999, "0.10"),
        (0.999, "1.00"),
        (-5.551115123125783e-17, "0.00"),
        (2.5e22, "2.5e+22"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_figures(amount: float, text: str) -> None:
    assert figure(amount) == text


def test_currencies_stand_behind_and_won_has_no_cents() -> None:
    assert money(1_234_567.4, "KRW") == "1,234,567 KRW"
    assert money(0.4, "KRW") == "0.40 KRW"
    assert money(12, "EUR") == "12.00 EUR"
    assert money(12, "\x1b[31m") == "12.00 \ufffd[31m"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (None, "-"),
        (math.inf, "-"),
        (0.0, "+0.0%"),
        (-3.25, "-3.2%"),
        (249.4, "+249%"),
        (12_400, "×125"),
        (1e20, "×1e+18"),
    ],
)
def test_changes(change: float | None, text: str) -> None:
    assert percent(change) == text


def test_a_share_of_nothing_is_none() -> None:
    assert [share(1, 4), share(5, 0), share(5, -3), share(-1, 4)] == ["25%", "-", "-", "-25%"]


def test_one_day_is_told_once() -> None:
    first, last = date(2026, 5, 1), date(2026, 5, 3)
    assert stretch(first, first, "en") == "2026-05-01"
    assert stretch(first, last, "en") == "2026-05-01 to 2026-05-03"
    assert stretch(first, last, "ko") == "2026-05-01 ~ 2026-05-03"
