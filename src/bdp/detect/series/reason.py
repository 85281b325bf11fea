"""Why a point is abnormal: one sentence with the numbers behind it."""

from __future__ import annotations

import math
from typing import Final

from bdp.detect.series.window import TROUGH

_DIGITS: Final = 4
_MOST_DIGITS: Final = 17
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e15
_NO_UNIT: Final = ("", "1")


def why(reason: str, direction: int, *, value: float, low: float, high: float, nearest: float, unit: str = "") -> str:
    """Return one sentence.

    Args:
        reason: one of `bank.SIGNALS`.
        direction: 1 above its forecast, or moving more; -1 below, or less.
        low, high: the band that was expected; NaN where none was known.
        nearest: distance to the nearest value seen before.
        unit: UCUM code of all of these numbers.

    Raises:
        ValueError: there is no such signal.
    """
    digits = digits_for(value, low, high)
    shown, expected = _with(short(value, digits), unit), _expected(low, high, digits, unit)
    band = f" (expected {expected})" if expected else ""
    up = direction > 0
    match reason:
        case "value":
            return _value(value, low, high, shown, expected, _with(short(nearest), unit))
        case "error":
            return f"For a while values have been {'above' if up else 'below'} their forecast; now {shown}{band}."
        case "trough":
            level = "even the lowest" if up else "the lowest"
            return f"The level has changed: {level} of the latest {TROUGH} values is unlike before; now {shown}{band}."
        case "unrest":
            return f"Values move much {'more' if up else 'less'} than usual; now {shown}{band}."
        case "season":
            return f"{shown} is unusually {'high' if up else 'low'} for this time of the week{band}."
    raise ValueError(reason)


def short(number: float, digits: int = _DIGITS) -> str:
    """Return a number with so many significant digits, and without an exponent where people would not write one."""
    if not math.isfinite(number):
        return str(number)
    size = abs(number)
    if size == 0:
        return "0"
    if _PLAIN_FROM <= size < _PLAIN_TO:
        places = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{number:.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{number:.{digits}g}"


def _value(value: float, low: float, high: float, shown: str, expected: str, nearest: str) -> str:
    if expected and not low <= value <= high:
        found = f"{shown} is {'above' if value > high else 'below'} the expected {expected}"
    else:
        found = f"{shown} was not seen before" + (f", though within the expected {expected}" if expected else "")
    return f"{found}; the nearest value seen before is {nearest} away."


def _expected(low: float, high: float, digits: int, unit: str) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    first, last = short(low, digits), short(high, digits)
    return _with(first if first == last else f"{first} to {last}", unit)


def _with(text: str, unit: str) -> str:
    return text if unit in _NO_UNIT else f"{text} {unit}"


def digits_for(value: float, low: float, high: float) -> int:
    """Return how many digits tell the value from the edges, and the edges from each other."""
    known = [number for number in (value, low, high) if math.isfinite(number)]
    size = max((abs(number) for number in known), default=0.0)
    steps = [abs(a - b) for a in known for b in known if a != b]
    apart = max(min(steps), max(steps) / 1000) if steps else size
    if not apart or not math.isfinite(apart) or not math.isfinite(size / apart):
        return _DIGITS
    return min(_MOST_DIGITS, max(_DIGITS, math.ceil(math.log10(size / apart)) + 2))
