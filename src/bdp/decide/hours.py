"""Times of a policy: hours of days in a time zone, and lengths such as `90s`, `2h`."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from bdp.decide.globs import several
from bdp.model.noun import Noun

_LENGTH = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
DAY_MINUTES = 24 * 60


class Day(StrEnum):
    """Day of the week, in the order of `datetime.weekday`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


DAYS = tuple(Day)


def seconds_of(value: Any) -> Any:
    """Return the seconds of a length such as `90s`, `15m`, `2h`, `7d`.

    Raises:
        ValueError: it is none.
    """
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a length of time as 90s, 15m, 2h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def length(seconds: int) -> str:
    """Return a length as it is written: `2h`.

    >>> length(5400), length(7200)
    ('90m', '2h')
    """
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _time(value: Any) -> str:
    if not (isinstance(value, str) and _TIME.fullmatch(value)) or minutes_of(value) > DAY_MINUTES:
        raise ValueError('write a time of day as "09:00", up to "24:00"')
    return value


def minutes_of(time: str) -> int:
    """Return the minutes since midnight of `HH:MM`."""
    return int(time[:2]) * 60 + int(time[3:])


def known_zone(name: str) -> str:
    """Return a time zone's name.

    Raises:
        ValueError: there is none.
    """
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("nobody knows this time zone; write it as Asia/Seoul or UTC") from None
    return name


Length = Annotated[int, BeforeValidator(seconds_of)]
TimeOfDay = Annotated[str, BeforeValidator(_time)]
Zone = Annotated[str, Field(max_length=100), AfterValidator(known_zone)]


def _days(value: Any) -> Any:
    """Read `mon-fri` as its five days; what is no day is left for the type to refuse."""
    found: list[Any] = []
    for item in several(value):
        first, dash, last = item.partition("-") if isinstance(item, str) else ("", "", "")
        if dash and first in DAYS and last in DAYS:
            start, end = DAYS.index(Day(first)), DAYS.index(Day(last))
            found += [DAYS[(start + step) % 7] for step in range((end - start) % 7 + 1)]
        else:
            found.append(item)
    return found


class Hours(Noun):
    """So many hours of some days, by the clock on the wall there.

    A stretch that ends at or before it begins goes on into the next day; `days` name where it begins. When clocks
    change, the wall clock counts: an hour that is skipped never comes, one that is repeated counts twice.
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=50), BeforeValidator(_days)] = DAYS
    start: TimeOfDay = Field(default="00:00", alias="from")
    end: TimeOfDay = Field(default="24:00", alias="to")
    zone: Zone = "UTC"
    _zone: ZoneInfo = PrivateAttr()
    _begin: int = PrivateAttr()
    _stop: int = PrivateAttr()

    @model_validator(mode="after")
    def _made(self) -> Hours:
        self._zone, self._begin, self._stop = ZoneInfo(self.zone), minutes_of(self.start), minutes_of(self.end)
        if self._begin == DAY_MINUTES:
            raise ValueError('from: a day has no hours after "24:00"')
        return self

    def hold(self, at: datetime) -> bool:
        """Return whether a time (aware) is in them."""
        there = self.there(at)
        minute, today = there.hour * 60 + there.minute, there.weekday()
        if self._begin < self._stop:
            return self._begin <= minute < self._stop and DAYS[today] in self.days
        if minute >= self._begin:
            return DAYS[today] in self.days
        return minute < self._stop and DAYS[today - 1] in self.days

    def there(self, at: datetime) -> datetime:
        """Return a time by the clock on the wall there."""
        return at.astimezone(self._zone)

    def __str__(self) -> str:
        days = "" if set(self.days) == set(DAYS) else f"{_span(self.days)} "
        return f"{days}{self.start}-{self.end} {self.zone}"


def _span(days: tuple[Day, ...]) -> str:
    places = sorted({DAYS.index(day) for day in days})
    if len(places) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"{DAYS[places[0]]}-{DAYS[places[-1]]}"
    return ",".join(DAYS[place] for place in places)
