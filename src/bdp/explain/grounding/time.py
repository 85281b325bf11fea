"""Times in a claim, and whether the evidence has them, at the precision in which they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

ZONES: Final = {
    "UTC": 0.0,
    "GMT": 0.0,
    "Z": 0.0,
    "KST": 9.0,
    "JST": 9.0,
    "CET": 1.0,
    "CEST": 2.0,
    "EST": -5.0,
    "EDT": -4.0,
    "CST": -6.0,
    "CDT": -5.0,
    "PST": -8.0,
    "PDT": -7.0,
    "IST": 5.5,
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
)
_ZONE = rf"(?:\s?({'|'.join(ZONES)})(?![A-Za-z])|\s?([+-]\d\d:?\d\d)(?!\d))?"
_CLOCK = rf"(\d{{1,2}}):(\d\d)(?::(\d\d)(?:[.,](\d{{1,6}}))?)?(?:\s?([ap])\.?m\b\.?)?{_ZONE}"
_ISO: Final = re.compile(
    rf"(?<![\d-])(\d{{4}})-(\d\d)-(\d\d)(?:(?:T|,? |, at )(?:at )?{_CLOCK})?(?![\d-])", re.IGNORECASE
)
_ENGLISH_DATE: Final = re.compile(
    rf"\b(?:(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})|({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|"
    rf"th)?)(?![\d:A-Za-z])"
    rf"(?:,? (\d{{4}})(?![\d:]))?(?:,?(?: at)? {_CLOCK})?", re.IGNORECASE
)  # fmt: skip
_BARE: Final = re.compile(rf"(?<![\d:.]){_CLOCK}(?!\d|:\d)", re.IGNORECASE)
_NOON: Final = re.compile(r"\b(\d{1,2})\s?([ap])\.?m\b\.?", re.IGNORECASE)
_KOREAN: Final = re.compile(
    r"(?:(?:(\d{4})년\s?)?(\d{1,2})월\s?(\d{1,2})일\s?)?(?:(오전|오후)\s?)?(\d{1,2})시(?!간)(?:\s?(\d{1,2})분)?(?:\s?(\d{1,2})초)?"
)
_KOREAN_DATE: Final = re.compile(r"(?:(\d{4})년\s?)?(\d{1,2})월\s?(\d{1,2})일")
_KOREAN_CLOCK: Final = re.compile(rf"(오전|오후)\s?{_CLOCK}", re.IGNORECASE)


@dataclass(frozen=True)
class Time:
    """A time as written: digits to compare at their own precision.

    Attributes:
        at: parsed; its year or date does not count when `year` or `dated` is False.
        precision: `day`, `minute`, `second` or `fraction`.
    """

    shown: str
    at: datetime
    dated: bool
    precision: str
    start: int
    end: int
    year: bool = True


def times(text: str) -> tuple[list[Time], str]:
    """Return the times of a text, and the text with them blanked out."""
    found: list[Time] = []
    for pattern, read in _READERS.items():

        def take(match: re.Match[str], read: str = read) -> str:
            time = _made(match, read)
            if time is None:
                return match[0]
            found.append(time)
            trailing = len(match[0]) - len(match[0].rstrip())
            return "\x00" * (len(match[0]) - trailing) + match[0][len(match[0]) - trailing :]

        text = pattern.sub(take, text)
    return sorted(found, key=lambda time: time.start), text


_READERS: Final = {_ISO: "iso", _ENGLISH_DATE: "english", _KOREAN_CLOCK: "half", _KOREAN: "korean", _KOREAN_DATE: "date", _BARE: "bare",  # noqa: E501
                   _NOON: "noon"}  # fmt: skip


def _made(match: re.Match[str], read: str) -> Time | None:
    g = match.groups()
    year = month = day = None
    clock: tuple[str | None, ...] = (None,) * 7
    if read == "iso":
        year, month, day, clock = int(g[0]), int(g[1]), int(g[2]), g[3:10]
    elif read == "english":
        month = 1 + _MONTHS.index((g[1] or g[2])[:3].lower())
        day, year, clock = int(g[0] or g[3]), int(g[4]) if g[4] else None, g[5:12]
    elif read == "half":
        clock = (*g[1:5], "p" if g[0] == "오후" else "a", *g[6:8])
    elif read in {"korean", "date"}:
        year, month, day = (int(part) if part else None for part in g[:3])
        half = "p" if read == "korean" and g[3] == "오후" else "a" if read == "korean" and g[3] else None
        clock = (g[4], g[5] or "0", g[6], None, half, None, None) if read == "korean" else clock
    elif read == "bare":
        clock = g
    else:
        clock = (g[0], "00", None, None, g[1], None, None)
    precision = _precision(read, g, clock)
    return _time(match, (year, month, day), clock, precision)


def _precision(read: str, g: tuple[str | None, ...], clock: tuple[str | None, ...]) -> str:
    if clock[0] is None:
        return "day"
    if clock[3]:
        return "fraction"
    if read == "noon" or (read == "korean" and not g[5]):
        return "hour"
    return "second" if clock[2] else "minute"


def _time(
    match: re.Match[str], date: tuple[int | None, int | None, int | None], clock: tuple[str | None, ...], precision: str
) -> Time | None:
    year, month, day = date
    hour = int(clock[0] or 0)
    if clock[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clock[4].lower() == "p" else 0)
    fraction = int((clock[3] or "0").ljust(6, "0"))
    try:
        at = datetime(
            year or 2000, month or 1, day or 1, hour, int(clock[1] or 0), int(clock[2] or 0), fraction, _zone(clock)
        )
    except ValueError:
        return None
    return Time(match[0].strip(), at, day is not None, precision, match.start(), match.end(), year is not None)


def _zone(clock: tuple[str | None, ...]) -> timezone:
    if clock[5]:
        return timezone(timedelta(hours=ZONES[clock[5].upper()]))
    if clock[6]:
        digits = clock[6].replace(":", "")
        offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
        return timezone(-offset if digits[0] == "-" else offset) if offset < timedelta(hours=24) else UTC
    return UTC


def fits(time: Time, moments: Iterable[datetime]) -> bool:
    """Return whether one of some moments is the time that was written."""
    return any(_same(time, at) for at in moments)


def _same(time: Time, at: datetime) -> bool:
    zone = time.at.tzinfo or UTC
    local = at.astimezone(zone)
    said = time.at
    if not time.dated:
        said = said.replace(year=local.year, month=local.month, day=1).replace(day=local.day)
    elif not time.year:
        if (said.month, said.day) != (local.month, local.day):
            return False
        said = said.replace(year=local.year) if (said.month, said.day) != (2, 29) else local
    if time.precision == "day":
        return said.date() == local.date()
    if time.precision == "fraction":
        return abs(said - local) <= timedelta(milliseconds=1)
    if time.precision == "hour":
        return abs(local - said) <= timedelta(minutes=5)
    step = timedelta(minutes=1) if time.precision == "minute" else timedelta(seconds=1)
    return -step / 2 <= local - said < step
