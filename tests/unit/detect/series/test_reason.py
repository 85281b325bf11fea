"""The sentence that says why."""

from __future__ import annotations

import math

import pytest

from bdp.detect.series.bank import SIGNALS
from bdp.detect.series.reason import short, why

NONE = math.nan


def said(reason: str, direction: int = 1, value: float = 112.123, unit: str = "ms", nearest: float = 8.4) -> str:
    return why(reason, direction, value=value, low=96.3, high=103.71, nearest=nearest, unit=unit)


def test_a_value_is_held_against_the_band_and_the_past() -> None:
    assert (
        said("value")
        == "112.1 ms is above the expected 96.3 to 103.7 ms; the nearest value seen before is 8.4 ms away."
    )
    assert said("value", value=90).startswith("90 ms is below the expected 96.3 to 103.7 ms;")
    assert said("value", value=100).startswith(
        "100 ms was not seen before, though within the expected 96.3 to 103.7 ms;"
    )


@pytest.mark.parametrize("reason", SIGNALS)
@pytest.mark.parametrize("direction", [1, -1])
def test_each_signal_has_one_sentence_with_its_numbers(reason: str, direction: int) -> None:
    text = said(reason, direction)
    assert text.endswith(".")
    assert ". " not in text
    assert "112.1 ms" in text
    assert "96.3 to 103.7 ms" in text


@pytest.mark.parametrize("reason", ["error", "unrest", "season", "trough"])
def test_both_directions_read_differently(reason: str) -> None:
    assert said(reason, 1) != said(reason, -1)


@pytest.mark.parametrize("reason", SIGNALS)
def test_an_unknown_band_is_not_spoken_of(reason: str) -> None:
    text = why(reason, 1, value=5, low=NONE, high=NONE, nearest=1)
    assert "expected" not in text
    assert "nan" not in text


def test_a_band_without_width_is_one_number() -> None:
    assert "above the expected 7;" in why("value", 1, value=8, low=7, high=7, nearest=1)


def test_numbers_that_lie_close_together_are_told_apart() -> None:
    text = why("value", 1, value=1e15 + 40, low=1e15 - 5, high=1e15 + 5, nearest=34)
    assert text.startswith("1000000000000040 is above the expected 999999999999995 to 1000000000000005;")


@pytest.mark.parametrize("unit", ["", "1"])
def test_a_plain_number_has_no_unit(unit: str) -> None:
    assert said("season", unit=unit).startswith("112.1 is unusually high")


def test_an_unknown_signal_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        said("nonsense")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (123456.7, "123457"),
        (0.00012345, "0.0001234"),
        (1e-9, "1e-09"),
        (1e300, "1e+300"),
        (-17.0, "-17"),
        (1200.0, "1200"),
        (math.inf, "inf"),
    ],
)
def test_a_short_number_is_one_that_people_write(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize("value", [0.0, -1.7e308, 1.7e308, 5e-324, 1e-300])
@pytest.mark.parametrize("edge", [0.0, -1.7e308, 5e-324, NONE])
def test_no_number_is_too_wild_to_say(value: float, edge: float) -> None:
    for reason in SIGNALS:
        assert why(reason, 1, value=value, low=edge, high=edge, nearest=abs(value)).endswith(".")
