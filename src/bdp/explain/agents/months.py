"""Calendar months in a question, English or Korean: whole UTC days, as bills have them.

    november, in may, 11월           the latest that is not ahead
    last november, 작년 11월          the one before this year's; 지난 11월 the latest that is over
    november 2025, 2025년 11월, 2025-11
    last month, 지난달, 전월          the month before this one

`may` and `march` are months only where a word before them or a year behind them says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

_NAMES: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        1,
    )
    for name in names
}
_ALSO_WORDS: Final = ("march", "may", "mar")
_PLAIN: Final = "|".join(sorted((name for name in _NAMES if name not in _ALSO_WORDS), key=len, reverse=True))
_CUES: Final = ("in", "of", "for", "since", "from", "to", "until", "during", "last", "this", "than", "and", "before")
_AFTER_CUE: Final = "|".join(rf"(?<=\b{cue} )" for cue in _CUES)
_YEAR: Final = r"(?:,?\s(?:of\s)?(?P<{0}>\d{{4}})(?![\d:]))"
NAMED: Final = re.compile(
    r"(?P<which>\b(?:last|this)\s)?"
    rf"(?:\b(?P<plain>{_PLAIN})\b\.?{_YEAR.format('year')}?|(?:{_AFTER_CUE})(?P<cued>{'|'.join(_ALSO_WORDS)})\b"
    rf"{_YEAR.format('year2')}?|\b(?P<dated>{'|'.join(_ALSO_WORDS)})\b{_YEAR.format('year3')})"
)
NAMED_KO: Final = re.compile(
    r"(?:(?P<year>\d{4})년\s?|(?P<which>지난해|작년|재작년|올해|지난|이번)\s?)?(?<!\d)(?P<month>\d{1,2})월(?!\s?\d{1,2}일)(?:달|분)?"
)
WRITTEN: Final = re.compile(r"(?<![\d-])(?P<year>\d{4})-(?P<month>\d\d)(?![\d:-])")
LAST: Final = re.compile(r"\b(?:last|previous)\s{1,3}month\b(?:'s)?|(?:지난|저번)\s?달|전월")
_YEARS_BACK: Final[Mapping[str, int]] = {"작년": 1, "지난해": 1, "재작년": 2, "올해": 0}


def number_of(match: re.Match[str]) -> int:
    """Return which month of a year a match of one of these patterns names."""
    found = match.groupdict()
    if found.get("month"):
        return int(found["month"])
    return _NAMES[found["plain"] or found["cued"] or found["dated"]]


def named(match: re.Match[str], now: datetime) -> tuple[datetime, timedelta]:
    """Return the beginning and the length of the month that a match of `NAMED` is.

    Raises:
        ValueError: it is ahead.
    """
    number = _NAMES[match["plain"] or match["cued"] or match["dated"]]
    year = match["year"] or match["year2"] or match["year3"]
    ahead = match.string[: match.start("cued")] if match["cued"] else ""
    is_last = (match["which"] or "").startswith("last") or ahead.endswith("last ")
    return _month(number, int(year) if year else _latest(number, now, is_over=is_last), now)


def named_ko(match: re.Match[str], now: datetime) -> tuple[datetime, timedelta]:
    """Return the same of a match of `NAMED_KO`.

    Raises:
        ValueError: there is no such month, or it is ahead.
    """
    number, which = int(match["month"]), match["which"]
    if match["year"]:
        return _month(number, int(match["year"]), now)
    if which in _YEARS_BACK:
        return _month(number, now.year - _YEARS_BACK[which], now)
    return _month(number, _latest(number, now, is_over=which == "지난"), now)


def written(match: re.Match[str], now: datetime) -> tuple[datetime, timedelta]:
    """Return the same of a match of `WRITTEN`.

    Raises:
        ValueError: there is no such month, or it is ahead.
    """
    return _month(int(match["month"]), int(match["year"]), now)


def last(match: re.Match[str], now: datetime) -> tuple[datetime, timedelta]:
    """Return the same of the month before this one."""
    before = now.replace(day=1) - timedelta(days=1)
    return _month(before.month, before.year, now)


def _latest(number: int, now: datetime, *, is_over: bool) -> int:
    """Return the year of the latest such month that is not ahead, or that is over."""
    is_past = number < now.month or (number == now.month and not is_over)
    return now.year if is_past else now.year - 1


def _month(number: int, year: int, now: datetime) -> tuple[datetime, timedelta]:
    start = datetime(year, number, 1, tzinfo=UTC)
    if start > now:
        raise ValueError("it is ahead")
    following = (start + timedelta(days=32)).replace(day=1)
    return start, following - start
