"""Months in a question that lie ahead: named with their year, `next month`, or beside a word for the future.

what will we spend in december, 12월 예상 비용     the coming one; the month that runs is not ahead
december 2027, 2027년 12월, 2027-12               that one
next month, 다음 달                                the one after this
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from bdp.explain.agents import months

_NEXT: Final = re.compile(r"\bnext\s{1,3}month\b(?:'s)?|다음\s?달|내달|익월")
_BACK: Final = re.compile(r"\b(?:last|this)\s?$|^(?:last|this)\b|작년|재작년|지난|올해|이번")
_DECEMBER: Final = 12


def taken(text: str, now: datetime, *, ahead: bool) -> tuple[tuple[date, ...], str]:
    """Return the first days of the months ahead that a text, lower case, names, and the text with blanks for them.

    Args:
        ahead: it has a word for the future: a month without a year is then the coming one.
    """
    found: list[date] = []
    for pattern in (_NEXT, months.WRITTEN, months.NAMED, months.NAMED_KO):
        for match in list(pattern.finditer(text)):
            first = _first(match, now, ahead=ahead)
            if first is not None and first > now.date():
                found.append(first)
                text = f"{text[: match.start()]}{' ' * len(match[0])}{text[match.end() :]}"
    return tuple(dict.fromkeys(found)), text


def _first(match: re.Match[str], now: datetime, *, ahead: bool) -> date | None:
    groups = match.groupdict()
    if match.re is _NEXT:
        return _after(now)
    number, year = months.number_of(match), next((groups[key] for key in _YEARS if groups.get(key)), None)
    if not 1 <= number <= _DECEMBER:
        return None
    if year:
        return date(int(year), number, 1) if int(year) >= now.year else None
    before = match.string[max(0, match.start() - 6) : match.start()]
    if not ahead or _BACK.search(match[0]) or _BACK.search(before):
        return None
    return date(now.year + (number < now.month), number, 1)


def _after(now: datetime) -> date:
    return date(now.year + now.month // _DECEMBER, now.month % _DECEMBER + 1, 1)


_YEARS: Final = ("year", "year2", "year3")
