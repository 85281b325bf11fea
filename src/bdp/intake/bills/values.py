"""Values of bills: numbers, times and texts, as providers and people write them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import EPOCH, read_time, to_utc

LAST_DAY: Final = datetime(2106, 1, 1, tzinfo=UTC)
"""The store keeps the ends of periods as seconds since 1970 in 32 bits, which end in February 2106."""
DAY: Final = timedelta(days=1)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"([+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?)", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_CURRENCIES: Final = {"$": "USD", "€": "EUR", "£": "GBP", "₩": "KRW"}
LARGEST = 1e15
"""Beyond it a number is a slip; a few of them would make every sum infinite."""
_SIGNS = "$€£¥₩ \u00a0"
_BY_COMMA = str.maketrans(",.", ".,")
_APART = re.compile(r"(?<=\d)[ \u00a0\u202f'’](?=\d{3}(?!\d))", re.ASCII)
"""What some write between thousands."""
_YEAR_LAST = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_NUMBERS_OF_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)|(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)


def number_of(value: object, name: str, *, comma: bool = False) -> float:
    """Return a finite number; text may have thousands separators (`1,234.50`) and a currency sign.

    Args:
        comma: decimals follow a comma, as in `1.234,50`.

    Raises:
        RefusedRecord: it is none.
    """
    if isinstance(value, str):
        found = _number(value.translate(_BY_COMMA) if comma else value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
    else:
        found = math.nan
    if not math.isfinite(found):
        raise RefusedRecord(f"{name}: expected a finite number, got {shown(value)}")
    if abs(found) > LARGEST:
        raise RefusedRecord(f"{name}: {shown(value)} is no sum of money")
    return found


def moment_of(value: object, name: str, *, day_first: bool = False) -> datetime:
    """Return an instant in UTC; a day is its midnight.

    Text is `2024-09-18`, `2024/9/18`, `2024.09.18`, `20240918`, `9/18/2024` or `9-18-2024` (the month first),
    `18.9.2024` or RFC 3339.

    Args:
        day_first: the month is second in `18/9/2024`.

    Raises:
        RefusedRecord: it is none, or the store has no such day.
    """
    try:
        text = value.strip() if isinstance(value, str) else ""
        at = to_utc(value) if isinstance(value, datetime) else _moment(text, day_first=day_first)
    except (RefusedRecord, ValueError):
        raise RefusedRecord(f"{name}: expected a date or RFC 3339 text, got {shown(value)}") from None
    if not EPOCH <= at < LAST_DAY:
        raise RefusedRecord(f"{name}: {at.isoformat()} is not from 1970 to {LAST_DAY.year - 1}")
    return at


def currency_of(value: str, name: str, usual: str = "USD") -> str:
    """Return an ISO 4217 code; the usual one where there is none.

    Raises:
        RefusedRecord: it is no such code. Then the columns are likely shifted, and the amount is not to be trusted.
    """
    code = _CURRENCIES.get(value, value.upper()) or usual
    if not _CODE.fullmatch(code):
        raise RefusedRecord(f"{name}: expected a currency such as USD, got {shown(value)}")
    return code


def sign_of(value: object) -> str:
    """Return the code of the currency whose sign stands beside a number; empty where none does."""
    if not isinstance(value, str):
        return ""
    return next((code for sign, code in _CURRENCIES.items() if sign in value), "")


def _number(value: str) -> float:
    """Return nan for what is none; decimals follow a point. Bookkeepers put brackets around what is below zero."""
    text = value.strip(_SIGNS)
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1].strip(_SIGNS)
    if text.startswith("-"):
        text = "-" + text[1:].lstrip(_SIGNS)
    text = _APART.sub("", text)
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def _moment(text: str, *, day_first: bool) -> datetime:
    if found := _YEAR_LAST.fullmatch(text):
        first, second = int(found[1]), int(found[3])
        day, month = (first, second) if day_first or found[2] == "." else (second, first)
        return datetime(int(found[4]), month, day, tzinfo=UTC)
    if found := _NUMBERS_OF_DAY.fullmatch(text):
        year, month, day = (int(part) for part in found.groups() if part)
        return datetime(year, month, day, tzinfo=UTC)
    return read_time(text)
