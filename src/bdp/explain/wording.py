"""How figures, names and times are written, the same in evidence, claims and prose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor, log10

_LONGEST_NAME = 120
_SAMPLE = 200
BYTES = frozenset({"By", "byte", "bytes"})
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes"))
_UNITS = {"1": "", "percent": "%", "seconds": "s", "milliseconds": "ms", "microseconds": "us"}
_PLAIN_UNIT = re.compile(r"%|[A-Za-z\u00b5][A-Za-z/\u00b5]{0,19}")
"""Units with digits or signs in them would be read as figures; they stay in the evidence."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_WHOLE = frozenset({"KRW", "JPY", "VND", "CLP"})
"""Currencies without cents."""

_TICKS = re.compile(r"[`\u00b4]")


def clean(text: str) -> str:
    """Return text on one line, without control, direction and other unprintable characters, and without backticks."""
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(_TICKS.sub("'", "".join(visible)).split())


def name(text: str) -> str:
    """Return a name from telemetry in backticks, cut at 120 characters; it cannot break out of them."""
    cleaned = clean(text) or "(empty)"
    return f"`{cleaned if len(cleaned) <= _LONGEST_NAME else cleaned[: _LONGEST_NAME - 1] + '…'}`"


def sample(text: str) -> str:
    """Return a message cut at 200 characters."""
    return text if len(text) <= _SAMPLE else text[: _SAMPLE - 1] + "…"


def names(texts: Sequence[str], most: int = 5) -> str:
    """Return names as `a`, `b` and `c`; at most `most` of them."""
    shown = [name(text) for text in texts[:most]]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def number(value: float) -> int | float:
    """Return a float without a fraction as an int: weights are 1 unless events were sampled."""
    return int(value) if float(value).is_integer() else round(value, 3)


def figure(value: float) -> str:
    """Return a figure for people: 1,234 or 12.5."""
    value = number(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def amount(value: float, unit: str = "") -> str:
    """Return a measured value with its unit: three digits, more where it is whole; `14.2 us`, `95 %`, `1.5 GB`."""
    if unit in BYTES:
        size, shown = next((size, shown) for size, shown in _SIZES if abs(value) >= size or size == 1)
        return f"{_digits(value / size)} {shown}"
    unit = _UNITS.get(unit, unit)
    return f"{_digits(value)} {unit}" if _PLAIN_UNIT.fullmatch(unit) else _digits(value)


def money(value: float, currency: str) -> str:
    """Return a sum with its currency: `1,234.56 USD`; what is no code of a currency stays in the evidence."""
    digits = f"{value + 0.0:,.{0 if currency in _WHOLE else 2}f}"
    return f"{digits} {currency}" if _CURRENCY.fullmatch(currency) else digits


def _digits(value: float) -> str:
    if float(value).is_integer():
        return f"{int(value):,}"
    places = max(0, min(15, 2 - floor(log10(abs(value)))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def percent(share: float) -> str:
    """Return a share (0 to 1) as `76 %`; under one percent with one decimal."""
    return f"{share * 100:.1f} %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def plural(value: float, noun: str) -> str:
    """Return `1 event` or `2 events`."""
    ending = "" if value == 1 else "es" if noun.endswith("s") else "s"
    return f"{figure(value)} {noun}{ending}"


def agree(value: float, one: str, many: str) -> str:
    """Return the form of a verb that fits the number: 1 event shows, 2 events show."""
    return one if value == 1 else many


def span(seconds: float) -> str:
    """Return a duration: `45 s`, `12.5 min`, `3.1 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def moment(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(at: datetime) -> str:
    """Return a time of day as `16:31:05`."""
    return at.astimezone(UTC).strftime("%H:%M:%S")
