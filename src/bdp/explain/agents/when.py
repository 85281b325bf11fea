"""The time that a question names, English or Korean, all UTC unless it says a zone; and what of it was not understood.

    read off in this order, each taken out of the text     gives
    2026-05-01, 2026-05-01T12:00+09:00                     a day, a point
    last month, november, 11월, 2025년 11월                 the days of a calendar month, see `months.py`
    last 2 hours, 지난 2시간, this week, 이번 주             a stretch
    2 hours ago, 2시간 전                                   a point
    today, 어제, monday, 3 May, 5월 3일                      a day
    14:00, 3 pm, at 14h, 오후 3시 반                         a point of the day named before it, else of today
    morning, 어젯밤                                          a part of a day

Two points make a stretch. One with `since`/`부터` lasts until now, one with `until`/`까지` begins with its day, and any
other point is what lay half an hour around it. What looks like a time and was not taken is told as unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Literal

from bdp.explain.agents import months
from bdp.explain.agents.bench import Span
from bdp.explain.grounding.time import ZONES

Role = Literal["", "since", "until"]
_AROUND: Final = timedelta(minutes=30)
_DAY: Final = timedelta(days=1)
_MOST_UNREAD: Final = 3
_UNITS: Final[Mapping[str, timedelta]] = {
    **dict.fromkeys(("minute", "min", "m", "분"), timedelta(minutes=1)),
    **dict.fromkeys(("hour", "hr", "h", "시간"), timedelta(hours=1)),
    **dict.fromkeys(("day", "d", "일"), _DAY),
    **dict.fromkeys(("week", "w", "주", "주일"), timedelta(weeks=1)),
    **dict.fromkeys(("month", "달", "개월"), timedelta(days=30)),
}
_DAYS: Final[Mapping[str, int]] = {
    "day before yesterday": 2,
    "yesterday": 1,
    "today": 0,
    "그저께": 2,
    "그제": 2,
    "엊그제": 2,
    "어제": 1,
    "어저께": 1,
    "오늘": 0,
}
_PARTS: Final[Mapping[str, tuple[int, int, int]]] = {
    "last night": (1, 18, 30),
    "tonight": (0, 18, 24),
    "어젯밤": (1, 18, 30),
    "지난밤": (1, 18, 30),
    "morning": (0, 5, 12),
    "afternoon": (0, 12, 18),
    "evening": (0, 18, 24),
    "새벽": (0, 0, 6),
    "아침": (0, 5, 10),
    "오전": (0, 0, 12),
    "오후": (0, 12, 24),
    "저녁": (0, 18, 24),
}
"""Days back, hours from and to."""
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAYS_KO: Final = "월화수목금토일"
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS: Final[Mapping[str, int]] = {
    "a couple of": 2,
    "a few": 3,
    "an": 1,
    "a": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "half an": 0,
    "열두": 12,
    "열한": 11,
    "열": 10,
    "아홉": 9,
    "여덟": 8,
    "일곱": 7,
    "여섯": 6,
    "다섯": 5,
    "네": 4,
    "세": 3,
    "두": 2,
    "한": 1,
    "하루": 1,
    "이틀": 2,
    "사흘": 3,
    "일주일": 7,
}
_N: Final = r"(?P<n>\d{1,6}|" + "|".join(sorted((w for w in _NUMBERS if w != "half an"), key=len, reverse=True)) + ")"
_UNIT: Final = r"(?P<unit>minute|min|m|hour|hr|h|day|d|week|w|month)s?\b"
_UNIT_KO: Final = r"(?P<unit>분|시간|일|주일|주|개월|달)"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_ZONE: Final = rf"(?:\s?(?P<zone>{'|'.join(ZONES).lower()})(?![a-z]))?"
_HALVES: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("a", "오전", "새벽", "아침", "morning"), False),
    **dict.fromkeys(("p", "오후", "저녁", "밤", "낮", "점심", "afternoon", "evening"), True),
}
"""Whether a word by a clock time means its second half of the day."""
_SINCE: Final = re.compile(r"\b(?:since|from|after)\s{1,3}(?:the\s|at\s)?$")
_UNTIL: Final = re.compile(r"\b(?:until|till|before|to)\s{1,3}(?:the\s|at\s)?$")
_SINCE_KO: Final = re.compile(r"\s?(?:에?서?부터|이후|이래)")
_UNTIL_KO: Final = re.compile(r"\s?(?:까지|이전|전)")
_ISO: Final = re.compile(
    r"(?<![\d-])\d{4}-\d\d-\d\d(?P<clock>[t ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:z|[+-]\d\d:\d\d)?)?(?![\d:-])"
)
_LAST: Final = re.compile(rf"\b(?:last|past|previous|recent)\s{{1,3}}(?:{_N}\s{{0,3}})?{_UNIT}")
_LAST_KO: Final = re.compile(
    rf"(?:지난|최근)\s{{0,3}}(?:(?P<word>하루|이틀|사흘|일주일)|{_N}\s{{0,3}}{_UNIT_KO}|(?P<one>시간|주(?!말)|달))"
)
_FOR_KO: Final = re.compile(rf"{_N}\s{{0,2}}{_UNIT_KO}\s?(?:동안|사이|간)")
_AGO: Final = re.compile(rf"{_N}\s{{0,3}}{_UNIT}\s{{1,3}}ago\b")
_AGO_KO: Final = re.compile(rf"{_N}\s{{0,3}}{_UNIT_KO}\s?전")
_THIS: Final = re.compile(
    r"\bthis\s{1,3}(?P<what>hour|week|month)\b|(?:이번\s?|(?<![가-힣])이(?=달))(?P<ko>주|달)(?!말)"
)
_DAY_WORD: Final = re.compile("|".join(sorted(_DAYS, key=len, reverse=True)))
_WEEKDAY: Final = re.compile(rf"\b(?P<en>{'|'.join(_WEEKDAYS)})s?\b|(?P<ko>[{_WEEKDAYS_KO}])요일")
_DATE: Final = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}|{_MONTH.replace('month', 'month2')}\s"
    rf"(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?)(?![\w:])(?:,?\s(?P<year>\d{{4}})(?![\d:]))?"
)
_DATE_KO: Final = re.compile(r"(?:(?P<year>\d{4})년\s?)?(?P<month>\d{1,2})월\s?(?P<day>\d{1,2})일")
_CLOCK: Final = re.compile(
    r"(?:(?P<half>오전|오후|새벽|아침|저녁|밤|낮|점심)\s{0,2}|(?<![\w:.\-/]))"
    r"(?:(?P<hour>\d{1,3}):(?P<minute>\d\d)(?::\d\d)?(?![\d:])|(?P<bare>\d{1,2})(?=\s?[ap]\.?m\b|h\b|h\d\d\b|\so'clock|\s?시(?!간))"
    r"|(?P<word>한|두|세|네|다섯|여섯|일곱|여덟|아홉|열두|열한|열)(?=\s?시(?!간)))"
    r"(?:\s?(?P<m>[ap])\.?m\b\.?|h(?P<past>\d\d)?\b|\so'clock|\s?시(?:\s?(?P<minutes>\d{1,2})분|\s?(?P<thirty>반))?)?"
    rf"(?:\sin\sthe\s(?P<day>morning|afternoon|evening))?{_ZONE}"
)
_AT_HOUR: Final = re.compile(
    r"(?<=\bat )(?P<hour>\d{1,2})(?P<minute>)(?P<bare>)(?P<word>)(?P<half>)(?P<m>)(?P<past>)(?P<minutes>)"
    r"(?P<thirty>)(?P<day>)"
    rf"{_ZONE}(?=\s{{0,3}}(?:$|[?!,.](?!\d)))"
)
_NAMED_CLOCK: Final[Mapping[str, str]] = {"noon": "12:00", "midnight": "00:00", "정오": "12:00", "자정": "00:00"}
_NAMED_CLOCKS: Final = re.compile(r"\b(?:noon|midnight)\b|정오|자정")
_PART: Final = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)))
_LOOKS: Final = re.compile(
    r"(?:(?:오전|오후|새벽|아침|저녁|밤)\s?)?(?<!\d)\d{1,4}(?::\d{1,4}){1,3}|(?:(?:오전|오후|밤)\s?)?\d{1,4}\s?시(?!간)(?:\s?\d{1,3}분)?"
    r"|\b\d{1,4}h\b|\b\d{1,3}\s?[ap]m\b|\b\d{4}-\d{1,3}-\d{1,3}\S{0,20}|\d{1,4}년(?:\s?\d{1,3}월)?|\d{1,3}월(?:\s?\d{1,3}일)?"
    r"|\b\d{1,12}\s?(?:minute|hour|day|week|month|year|decade)s?\b|\d{1,12}\s?(?:분|시간|일|주|개월|년)(?=\s|$|간|동안|에|전)"
    r"|\b(?:(?:last|next|this|past|previous)\s)?(?:tomorrow|weekend|quarter|year|decade|century|spring|summer|autumn|winter)\b"
    r"|\bnext\s(?:hour|day|week|month)\b|내일|모레|(?:지난\s?|이번\s?|다음\s?)?(?:주말|분기|학기)|작년|재작년|올해|내년|지난해|다음\s?(?:주|달)"
)


@dataclass(frozen=True)
class Told:
    """What a question says of time.

    Attributes:
        span: None where it names no time that was understood.
        unread: what looks like a time and was not understood.
        left: the text without its times.
    """

    span: Span | None
    unread: tuple[str, ...]
    left: str


@dataclass(frozen=True)
class _Point:
    """A time that a text has, at a place.

    Attributes:
        width: how long it is by itself.
        kind: a `clock` and a `part` are of a day that is not known yet.
        late: of a clock: said to be of the second half of the day, of the first, or of neither.
    """

    at: datetime
    width: timedelta
    role: Role
    place: int
    kind: Literal["stretch", "point", "day", "part", "clock"]
    late: bool | None = None


@dataclass
class _Page:
    text: str
    now: datetime
    points: list[_Point] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def read(self, pattern: re.Pattern[str], make: Callable[[re.Match[str], datetime], _Point]) -> None:
        """Take all that fits out of the text; what makes no time is unread."""
        for match in list(pattern.finditer(self.text)):
            try:
                point = make(match, self.now)
            except (ValueError, OverflowError):
                self.unread.append(match[0].strip())
            else:
                self.points.append(replace(point, place=match.start(), role=self._role(match)))
            self.text = f"{self.text[: match.start()]}{' ' * len(match[0])}{self.text[match.end() :]}"

    def _role(self, match: re.Match[str]) -> Role:
        ahead, behind = self.text[max(0, match.start() - 20) : match.start()], self.text[match.end() :]
        if _SINCE.search(ahead) or _SINCE_KO.match(behind):
            return "since"
        return "until" if _UNTIL.search(ahead) or _UNTIL_KO.match(behind) else ""


def read(text: str, now: datetime) -> Told:
    """Return what a text, lower case, says of time.

    >>> now = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
    >>> read("errors in the last 2 hours", now).span.start.isoformat()
    '2026-05-01T13:00:00+00:00'
    >>> read("errors at 25:99", now).unread
    ('25:99',)
    """
    text = _NAMED_CLOCKS.sub(lambda match: _NAMED_CLOCK[match[0]], text)
    page = _Page(text, now)
    for pattern, make in _READERS:
        page.read(pattern, make)
    try:
        span = _span(page.points, now)
    except (ValueError, OverflowError):
        span = None
    if page.points and span is None:
        page.unread += [said for said in _taken(text, page.text) if said not in page.unread]
    looks = [match[0].strip() for match in _LOOKS.finditer(page.text)]
    left = _LOOKS.sub(lambda match: " " * len(match[0]), page.text)
    return Told(span, tuple(dict.fromkeys([*page.unread, *looks]))[:_MOST_UNREAD], left)


def _taken(text: str, left: str) -> Iterator[str]:
    """Yield what was taken out of a text."""
    for match in re.finditer(r"\x01+", "".join("\x01" if a != b else " " for a, b in zip(text, left, strict=True))):
        yield text[match.start() : match.end()]


def _span(points: list[_Point], now: datetime) -> Span | None:
    """Return the stretch that points make together, up to now; None where there is none of it."""
    fixed = _dated(points, now)
    if not fixed:
        return None
    stretch = next((one for one in fixed if one.kind == "stretch"), None)
    if stretch is not None:
        return Span(stretch.at, stretch.at + stretch.width)
    first = fixed[0]
    if len(fixed) > 1:
        start, end = sorted(fixed[:2], key=lambda one: one.at) if fixed[1].kind != "clock" else _in_turn(*fixed[:2])
        return _until(start.at, end.at + (end.width if end.kind == "day" else timedelta()), now)
    if first.role == "since":
        return _until(first.at, now, now)
    if first.role == "until":
        return _until(first.at.replace(hour=0, minute=0, second=0, microsecond=0), first.at, now)
    if first.kind in {"day", "part"}:
        return _until(first.at, first.at + first.width, now)
    return _until(first.at - _AROUND, first.at + _AROUND, now)


def _in_turn(first: _Point, second: _Point) -> tuple[_Point, _Point]:
    """Return two points of which the second is later: `3 pm to 5` is until 5 pm, `22:00 to 2:00` until the next day."""
    noon = timedelta(hours=12)
    if first.late and second.late is None and second.at <= first.at < second.at + noon:
        return first, replace(second, at=second.at + noon)
    return first, second if second.at > first.at else replace(second, at=second.at + _DAY)


def _until(start: datetime, end: datetime, now: datetime) -> Span | None:
    return Span(start, min(end, now)) if start < min(end, now) else None


def _dated(points: list[_Point], now: datetime) -> list[_Point]:
    """Return the points in the order of their places, times and parts of a day on the day named before them."""
    ordered = sorted(points, key=lambda one: one.place)
    days = [one for one in ordered if one.kind == "day"]
    used: list[_Point] = []
    fixed = []
    today = next((one.at for one in ordered if one.kind in {"clock", "part"}), now) <= now
    for one in ordered:
        if one.kind not in {"clock", "part"} or (one.kind == "part" and one.at.date() != now.date()):
            fixed.append(one)
            continue
        day = next((day for day in reversed(days) if day.place < one.place), days[0] if days else None)
        used += [day] if day is not None else []
        at = one.at if day is None else datetime.combine(day.at.date(), one.at.timetz()) + _beyond(one.at, now)
        if day is None and not today:
            at -= _DAY
        fixed.append(replace(one, at=at, role=one.role or (day.role if day else "")))
    clocks = [one for one in fixed if one.kind == "clock"]
    return [one for one in fixed if one not in used and not (one.kind == "part" and clocks)]


def _beyond(at: datetime, now: datetime) -> timedelta:
    """Return by how many days a zone moved a time of today off today."""
    return timedelta(days=(at.date() - now.date()).days)


def _iso(match: re.Match[str], now: datetime) -> _Point:
    at = datetime.fromisoformat(match[0].upper())
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return _Point(at, _DAY, "", 0, "point" if match["clock"] else "day")


def _count(word: str | None) -> int:
    return int(word) if word and word.isdigit() else _NUMBERS.get(word or "", 1)


def _last(match: re.Match[str], now: datetime) -> _Point:
    groups = match.groupdict()
    word = groups.get("word")
    unit = groups.get("one") or groups["unit"]
    length = _DAY * _NUMBERS[word] if word else _count(groups["n"]) * _UNITS[unit]
    if not length:
        raise ValueError("no time at all")
    return _Point(now - length, length, "", 0, "stretch")


def _ago(match: re.Match[str], now: datetime) -> _Point:
    length = _count(match["n"]) * _UNITS[match["unit"]]
    at = now - length
    if length < _DAY:
        return _Point(at, _AROUND, "", 0, "point")
    return _Point(at.replace(hour=0, minute=0, second=0, microsecond=0), _DAY, "", 0, "day")


def _this(match: re.Match[str], now: datetime) -> _Point:
    what = match["what"] or {"주": "week", "달": "month"}[match["ko"]]
    start = now.replace(minute=0, second=0, microsecond=0)
    start = start if what == "hour" else start.replace(hour=0)
    start = {"hour": start, "week": start - timedelta(days=now.weekday()), "month": start.replace(day=1)}[what]
    return _Point(start, now - start, "", 0, "stretch")


def _month_by(
    find: Callable[[re.Match[str], datetime], tuple[datetime, timedelta]],
) -> Callable[[re.Match[str], datetime], _Point]:
    def make(match: re.Match[str], now: datetime) -> _Point:
        return _Point(*find(match, now), "", 0, "day")

    return make


def _day_at(day: date) -> _Point:
    return _Point(datetime(day.year, day.month, day.day, tzinfo=UTC), _DAY, "", 0, "day")


def _day_word(match: re.Match[str], now: datetime) -> _Point:
    return _day_at(now.date() - _DAY * _DAYS[match[0]])


def _weekday(match: re.Match[str], now: datetime) -> _Point:
    wanted = _WEEKDAYS.index(match["en"]) if match["en"] else _WEEKDAYS_KO.index(match["ko"])
    return _day_at(now.date() - _DAY * ((now.weekday() - wanted) % 7))


def _date(match: re.Match[str], now: datetime) -> _Point:
    groups = match.groupdict()
    said = groups["month"] or groups.get("month2") or ""
    month = int(said) if said.isdigit() else _MONTHS.index(said) + 1
    day = int(groups["day"] or groups.get("day2") or 0)
    year = int(groups["year"] or now.year)
    found = date(year, month, day)
    return _day_at(found if found <= now.date() or groups["year"] else date(year - 1, month, day))


def _clock(match: re.Match[str], now: datetime) -> _Point:
    groups = match.groupdict()
    hour = _count(groups["hour"] or groups["bare"] or groups["word"])
    minute = 30 if groups["thirty"] else int(groups["minute"] or groups["minutes"] or groups["past"] or 0)
    half = groups["m"] or groups["half"] or groups["day"]
    if half:
        if not 0 <= hour <= (12 if groups["m"] else 24):
            raise ValueError("no such hour")
        night = groups["half"] == "밤" and (hour == 12 or hour < 6)
        hour = hour if hour > 12 else hour % 12 + (12 if _HALVES[half] and not night else 0)
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if groups["zone"]:
        at = at.replace(tzinfo=timezone(timedelta(hours=ZONES[groups["zone"].upper()]))).astimezone(UTC)
    return _Point(at, _AROUND, "", 0, "clock", _HALVES[half] if half else None)


def _part(match: re.Match[str], now: datetime) -> _Point:
    back, since, until = _PARTS[match[0]]
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) - _DAY * back
    return _Point(day + timedelta(hours=since), timedelta(hours=until - since), "", 0, "part")


_READERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], _Point]], ...]] = (
    (_ISO, _iso),
    (months.LAST, _month_by(months.last)),
    (months.WRITTEN, _month_by(months.written)),
    (_LAST, _last),
    (_LAST_KO, _last),
    (_FOR_KO, _last),
    (_AGO, _ago),
    (_AGO_KO, _ago),
    (_THIS, _this),
    (_DAY_WORD, _day_word),
    (_WEEKDAY, _weekday),
    (_DATE, _date),
    (_DATE_KO, _date),
    (months.NAMED, _month_by(months.named)),
    (months.NAMED_KO, _month_by(months.named_ko)),
    (_CLOCK, _clock),
    (_AT_HOUR, _clock),
    (_PART, _part),
)
