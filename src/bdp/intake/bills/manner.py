"""How a file writes its numbers and days, which is the same from its first row to its last.

`1,234` is a thousand in one country and a little over one in another, and `5/9/2026` is May or September: a value by
itself does not say. What settles it is any other value of the file that can be read in one way only. The first rows
settle it, and what was read stays read: a later value that does not fit is refused, never read the other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_COMMA = re.compile(
    r"(?:0,\d+|\d+,(?:\d{1,2}|\d{4,})|\d{4,},\d+|\d{1,3}(?:[. \u00a0\u202f'’]\d{3})+,\d+)(?:[eE][+-]?\d+)?"
    r"|\d{1,3}(?:\.\d{3}){2,}",
    re.ASCII,
)
"""Numbers whose decimals can only follow a comma."""
_POINT = re.compile(
    r"(?:0?\.\d+|\d+\.(?:\d{1,2}|\d{4,})|\d{4,}\.\d+|\d{1,3}(?:[, \u00a0\u202f'’]\d{3})+\.\d+)(?:[eE][+-]?\d+)?"
    r"|\d{1,3}(?:,\d{3}){2,}",
    re.ASCII,
)
"""Numbers whose decimals can only follow a point. No thousands begin with 0 or with four digits."""
_DAY = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-]\d{4}", re.ASCII)
_AROUND: Final = "()+-$€£¥₩ \u00a0\t"
_MONTHS: Final = 12


@dataclass
class Manner:
    """Of one file.

    Attributes:
        likely: decimals follow a comma where nothing shows it: spreadsheets put semicolons between columns just where
            they do.
        comma: decimals follow a comma; None while no number has been read that has a sign in it.
        guessed: it was taken as likely that decimals follow a comma.
        currency: by the sign beside a number; empty while there was none.
        day_first: the day stands before the month in `18/9/2026`; None while no such day has been read.
    """

    likely: bool = False
    comma: bool | None = None
    guessed: bool = False
    currency: str = ""
    day_first: bool | None = None

    def look_at_numbers(self, values: Iterable[object]) -> bool:
        """Return whether decimals follow a comma, by these numbers if it is not known yet."""
        if self.comma is None:
            texts = [value.strip(_AROUND) for value in values if isinstance(value, str)]
            point, comma = (any(map(manner.fullmatch, texts)) for manner in (_POINT, _COMMA))
            if point or comma:
                self.comma = not point
            elif any("." in text or "," in text for text in texts):
                self.comma = self.guessed = self.likely
        return bool(self.comma)

    def look_at_days(self, values: Iterable[object]) -> bool:
        """Return whether days stand before months, by these days if it is not known yet.

        Where no day is beyond the 12th, days of one month in a row are likelier than one day of each of many months.
        """
        if self.day_first is None:
            texts = [value.strip() for value in values if isinstance(value, str)]
            found = [(int(day[1]), int(day[2])) for day in map(_DAY.fullmatch, texts) if day]
            if found:
                firsts, seconds = ({day[place] for day in found} for place in (0, 1))
                one_month = len(firsts) > 1 and len(seconds) == 1 and seconds != {1}
                self.day_first = max(seconds) <= _MONTHS and (max(firsts) > _MONTHS or one_month)
        return bool(self.day_first)
