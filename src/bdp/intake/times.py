"""Reading a time: RFC 3339 text with any offset, or a number since 1970 in s, ms, µs or ns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from bdp.intake.refusal import RefusedRecord, shown
from bdp.model.batch import Cause

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?(?:\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19}|\d{1,19}\.\d{1,9})")
_LEAP = re.compile(r"(:\d\d):60")
_OFFSET = re.compile(r"([T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(UTC|GMT|[+-]\d\d(?::?\d\d)?)")


def read_time(value: object) -> datetime:
    """Return the instant in UTC; text without an offset is UTC.

    Raises:
        RefusedRecord: it is no time, or a time that cannot be.
    """
    if isinstance(value, str):
        return _text(value.strip())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    raise RefusedRecord(_expected(value))


def to_utc(value: datetime) -> datetime:
    """Return the instant in UTC; a naive one is UTC already.

    Raises:
        RefusedRecord: it falls out of the calendar.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise RefusedRecord(f"ts: {value.isoformat()} is outside the calendar") from None


def check_time(value: datetime, latest: datetime) -> None:
    """Check that a time can be.

    Raises:
        RefusedRecord: it lies before 1970, or too far ahead of our clock.
    """
    if value < EPOCH:
        raise RefusedRecord(f"ts: {value.isoformat()} is before 1970")
    if value > latest:
        raise RefusedRecord(
            f"ts: {value.isoformat()} is later than {latest.isoformat()}, the latest taken", Cause.CLOCK
        )


def from_micros(micros: int) -> datetime:
    """Return the instant so many microseconds after 1970.

    Raises:
        RefusedRecord: it falls out of the calendar.
    """
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise RefusedRecord(f"ts: {micros} µs since 1970 is outside the calendar") from None


def _text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _number(float(text) if "." in text else int(text))
    try:
        return to_utc(msgspec.convert(text, datetime))
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half of a surrogate pair
        return to_utc(_other_text(text))


def _other_text(text: str) -> datetime:
    plain = _LEAP.sub(r"\1:59", text[:64])
    match = _OFFSET.search(plain)
    if match and match.end() == len(plain):
        zone = "+00:00" if match[2] in ("UTC", "GMT") else match[2]
        plain = plain[: match.start()] + match[1] + zone
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        raise RefusedRecord(_expected(text)) from None


def _number(value: float) -> datetime:
    """Tell s, ms, µs and ns apart by magnitude: seconds stay below 1e11 until the year 5138."""
    if not abs(value) < 1e20:  # NaN neither; an integer may be too large for a float
        raise RefusedRecord(_expected(value))
    size = abs(value)
    if size < 1e11:
        micros = round(value * 1_000_000)
    elif size < 1e14:
        micros = round(value * 1_000)
    elif size < 1e17:
        micros = int(value)
    else:
        micros = int(value) // 1_000
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise RefusedRecord(_expected(value)) from None


def _expected(value: object) -> str:
    return f"ts: expected RFC 3339 text or epoch seconds/milliseconds/microseconds/nanoseconds, got {shown(value)}"
