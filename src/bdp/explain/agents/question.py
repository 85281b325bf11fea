"""What a question is about, by its words, English or Korean: time, names that are known, topics, an incident."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bdp.explain.agents.bench import Span
from bdp.explain.insight.examples import Language

LONGEST: Final = 2_000
"""Characters of a question."""
_HANGUL: Final = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_INCIDENT: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-HJKMNP-TV-Z]{26}(?![0-9A-Za-z])")
_UNITS: Final[Mapping[str, timedelta]] = {
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m", "분"), timedelta(minutes=1)),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h", "시간"), timedelta(hours=1)),
    **dict.fromkeys(("day", "days", "d", "일"), timedelta(days=1)),
    **dict.fromkeys(("week", "weeks", "w", "주"), timedelta(weeks=1)),
}
_LAST: Final = re.compile(
    r"\b(?:last|past|previous|recent)\s{1,3}(?:(\d{1,4})\s{0,3})?"
    r"(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)\b",
    re.IGNORECASE,
)
_LAST_KO: Final = re.compile(r"(?:지난|최근)\s{0,3}(\d{1,4})\s{0,3}(분|시간|일|주)")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?")
_SINCE: Final = re.compile(r"\b(?:since|from|after)\s{1,3}(\d{1,2}):(\d\d)\b", re.IGNORECASE)
_SINCE_KO: Final = re.compile(r"(오전|오후)?\s{0,3}(\d{1,2})(?::(\d\d)|시(?:\s{0,3}(\d{1,2})분)?)\s{0,3}(?:부터|이후)")
_DAYS: Final = {"today": 0, "오늘": 0, "yesterday": 1, "어제": 1}
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "errors": (
        *("error", "fail", "exception", "outage", "down", "crash", "broke", "timeout"),
        *("오류", "에러", "실패", "장애", "예외", "타임아웃", "다운"),
    ),
    "slow": ("slow", "latency", "response time", "duration", "p95", "p99", "느려", "느린", "지연", "응답 시간", "속도"),
    "cost": (
        "cost",
        "spend",
        "money",
        "bill",
        "expens",
        "budget",
        "saving",
        "비용",
        "요금",
        "지출",
        "청구",
        "비싸",
        "비싼",
    ),
    "logins": (
        *("login", "log-in", "logon", "sign-in", "brute", "credential", "password", "attack", "stuffing"),
        *("로그인", "공격", "비밀번호", "인증", "탈취"),
    ),
    "changes": ("change", "deploy", "commit", "release", "rollout", "변경", "배포", "커밋", "릴리스"),
    "metrics": ("metric", "cpu", "memory", "trend", "gauge", "메트릭", "지표", "추세", "메모리"),
    "incidents": ("incident", "alert", "인시던트", "알림", "경보"),
}


@dataclass(frozen=True)
class Question:
    """A question with what its words tell.

    Attributes:
        span: that it names; None where it names none.
        names: services and entities that it names, as they are stored.
    """

    text: str
    language: Language
    span: Span | None
    names: tuple[str, ...]
    topics: tuple[str, ...]
    incident_id: str


def understood(text: str, now: datetime, known: Iterable[str] = ()) -> Question:
    """Return what a question is about.

    Args:
        known: names of services and entities that are stored.
    """
    cut = text[:LONGEST]
    return Question(
        text=cut,
        language="ko" if _HANGUL.search(cut) else "en",
        span=span_of(cut, now),
        names=tuple(_named(cut, known)),
        topics=tuple(topic for topic, words in TOPICS.items() if hits(cut, words)),
        incident_id=found[0] if (found := _INCIDENT.search(cut)) else "",
    )


def hits(text: str, words: Iterable[str]) -> int:
    """Return how many of the words a text has; a word counts where it begins one.

    >>> hits("Why do logins fail?", ["login", "ail", "why"])
    2
    """
    lowered = text.lower()
    return sum(1 for word in words if _begins(lowered, word))


def span_of(text: str, now: datetime) -> Span | None:
    """Return the time that a question names, up to now at most; None where it names none.

    >>> now = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
    >>> span_of("errors in the last 2 hours", now).start.isoformat()
    '2026-05-01T13:00:00+00:00'
    """
    found = next((span for read in _READERS if (span := _safely(read, text, now))), None)
    return found if found and found.start < found.end else None


def _safely(read: Callable[[str, datetime], Span | None], text: str, now: datetime) -> Span | None:
    try:
        return read(text, now)
    except (ValueError, OverflowError):
        return None  # no such time: as if none was named


def _moments(text: str, now: datetime) -> Span | None:
    said = [match[0] for match in _MOMENT.finditer(text)]
    if not said:
        return None
    times = [_time(one) for one in said[:2]]
    if len(times) == 2:
        last = times[1] + timedelta(days=1) if len(said[1]) == 10 else times[1]
        return Span(min(times[0], times[1]), max(times[0], last))
    if len(said[0]) == 10 and not re.search(r"\b(?:since|from|after)\b|부터|이후", text, re.IGNORECASE):
        return Span(times[0], times[0] + timedelta(days=1))
    return Span(times[0], max(now, times[0]))


def _ago(text: str, now: datetime) -> Span | None:
    found = _LAST.search(text) or _LAST_KO.search(text)
    if found is None:
        return None
    return Span(now - int(found[1] or 1) * _UNITS[found[2].lower()], now)


def _since(text: str, now: datetime) -> Span | None:
    if found := _SINCE.search(text):
        hour, minute = int(found[1]), int(found[2])
    elif korean := _SINCE_KO.search(text):
        hour, minute = int(korean[2]), int(korean[3] or korean[4] or 0)
        hour = hour % 12 + 12 if korean[1] == "오후" else hour % 12 if korean[1] == "오전" else hour
    else:
        return None
    start = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return Span(start if start < now else start - timedelta(days=1), now)


def _day(text: str, now: datetime) -> Span | None:
    back = next((days for word, days in _DAYS.items() if _begins(text.lower(), word)), None)
    if back is None:
        return None
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
    return Span(start, min(now, start + timedelta(days=1)))


_READERS: Final = (_moments, _ago, _since, _day)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _named(text: str, known: Iterable[str]) -> list[str]:
    """Return known names that stand in a text as a word; of two, one inside of the other, the longer."""
    lowered = text.lower()
    found = [one for one in dict.fromkeys(known) if len(one) > 1 and _stands(lowered, one.lower())]
    return [one for one in found if not any(one != other and one.lower() in other.lower() for other in found)]


def _stands(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        if not (_joins(text[at - 1 : at]) or _joins(text[at + len(word) : at + len(word) + 1])):
            return True
        at = text.find(word, at + 1)
    return False


def _begins(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        if not (word[0].isascii() and text[at - 1 : at].isascii() and text[at - 1 : at].isalnum()):
            return True
        at = text.find(word, at + 1)
    return False


def _joins(character: Any) -> bool:
    # A Korean particle stands right behind a name.
    return bool(character) and character.isascii() and (character.isalnum() or character in "_-")
