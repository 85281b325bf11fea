"""Where the ticks of an axis are, and what they say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime
from typing import Final

MINUTE, HOUR, DAY = 60, 3600, 86_400
_STEPS: Final = (
    *(0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY),
)
"""Seconds; from a month on the calendar's months count."""
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH: Final = 30.4 * DAY
_MOST_TIMES: Final = 9
_VALUES: Final = 8
_PLAIN_FROM, _PLAIN_TO = 1e-5, 1e16
_MOST_DIGITS: Final = 17

Tick = tuple[float, str, str]
"""Unix seconds, the label, and a second line where the day or the year changes."""


def value_ticks(least: float, greatest: float) -> list[tuple[float, str]]:
    """Return round values between two, with labels that tell them apart."""
    step = _round_step(greatest / _VALUES - least / _VALUES)
    first = math.ceil(least / step)
    count = math.floor(greatest / step) - first + 1
    return [(value, _label(value, step)) for value in ((first + number) * step for number in range(min(count, 40)))]


def time_ticks(begin: float, end: float) -> list[Tick]:
    """Return round times (UTC) between two, unix seconds."""
    wanted = (end - begin) / _MOST_TIMES
    step = next((step for step in _STEPS if step >= wanted), None)
    moments = list(_months(begin, end, wanted) if step is None else _steps(begin, end, step))
    shown: list[Tick] = []
    before = ""
    for ts in moments:
        at = datetime.fromtimestamp(ts, UTC)
        upper, lower = _time_label(at, step)
        shown.append((ts, upper, lower if lower != before else ""))
        before = lower
    return shown


def _time_label(at: datetime, step: float | None) -> tuple[str, str]:
    if step is None:
        return at.strftime("%b"), str(at.year)
    if step >= DAY:
        return f"{at.day} {at:%b}", str(at.year)
    form = "%H:%M" if step >= MINUTE else "%H:%M:%S"
    label = at.strftime(form) + (f".{at.microsecond // 1000:03d}" if step < 1 else "")
    return label, f"{at.day} {at:%b %Y}"


def _steps(begin: float, end: float, step: float) -> Iterator[float]:
    first = math.ceil(begin / step)
    yield from (number * step for number in range(first, math.floor(end / step) + 1))


def _months(begin: float, end: float, wanted: float) -> Iterator[float]:
    every = next((many for many in _MONTHS if many * _MONTH >= wanted), _MONTHS[-1])
    start = datetime.fromtimestamp(begin, UTC)
    month = math.ceil((start.year * 12 + start.month - 1) / every) * every
    while (year := month // 12) <= MAXYEAR:
        ts = datetime(year, month % 12 + 1, 1, tzinfo=UTC).timestamp()
        if ts > end:
            return
        if ts >= begin:
            yield ts
        month += every


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, no less than this."""
    if least <= 0 or not math.isfinite(least):
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((times * power for times in (1, 2, 5) if times * power >= least), 10 * power)


def _label(value: float, step: float) -> str:
    size = abs(value)
    if size < step / 2:
        return "0"
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if step >= _PLAIN_FROM and size < _PLAIN_TO:
        return f"{value:,.{places}f}"
    digits = min(_MOST_DIGITS, max(1, math.floor(math.log10(size)) - math.floor(math.log10(step)) + 1))
    return f"{value:.{digits}g}"
