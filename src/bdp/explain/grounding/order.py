"""Which came first: a change and the onset, two things with times, and who fails first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bdp.explain.grounding.facts import Facts
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.name import contains, plain
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.scope import Owner
from bdp.explain.grounding.sequence import Thing, relations

_CHANGE: Final = re.compile(
    r"(?<![A-Za-z])(?:deploy\w*|releas\w*|roll(?:ed|ing|s)? ?-?(?:out|back)\w*|chang\w*|commit\w*|(?:went|goes|going|go|gone) live|"  # noqa: E501
    r"config\w*|maintenance|merg\w*|upgrad\w*|(?:got|gets|received)(?=\s\x00)|shipp?\w*|push(?:ed|es|ing)?|land(?:ed|s|ing)|install\w*|versions?|"
    r"patch\w*|updat\w*|hotfix\w*|builds?|revision|migrat\w*|launch\w*|publish\w*|introduc\w*|cutover|switch\w*|"
    r"promot\w*|applied)(?![A-Za-z])"
    r"|배포|릴리[스즈]|커밋|변경|롤아웃|점검|반영|버전|업데이트|패치|출시|교체|적용|설치|업그레이드|푸시|머지|병합|롤백|도입|빌드",
    re.IGNORECASE,
)
_ONSET: Final = re.compile(
    r"(?<![A-Za-z])(?:onset|incident|outage|err(?:or)?s?|fail\w*|trouble|symptoms?|problems?|burst|spike|crash\w*|alarms?|"
    r"alerts?|disruption|degradation|issues?|breakage|br(?:oke|eaks?)|went wrong|impact|disturbance|faults?|anomal\w*|"
    r"downtime|breakdown)(?![A-Za-z])|장애|오류|에러|사고|실패|문제|증상|이상\s?(?:징후|현상|이벤트)|인시던트|경보|알람|중단|불통",
    re.IGNORECASE,
)
_WEAK: Final = re.compile(
    r"(?<![A-Za-z])(?:start(?:ed)?|beg[aiu]n(?:ning)?)(?![A-Za-z])|발생|시작|개시|발단", re.IGNORECASE
)
"""They are the onset where nothing before them says what began."""
_OTHERS: Final = re.compile(
    r"\b(?:any(?:thing|where|one)? (?:else|other)|(?:the |all |every |no )?others?|the rest|(?:every|no)thing else|"
    r"every(?:where|one) else|elsewhere|somewhere else|remaining|the remainder)\b|다른|나머지|여타|타 서비스|그 외",
    re.IGNORECASE,
)
_FIRST: Final = re.compile(r"\b(?:first|earliest)\b|처음|최초|첫", re.IGNORECASE)
_LAST: Final = re.compile(r"\b(?:last|latest)\b|마지막", re.IGNORECASE)
_REST = "\x01"


def orders(said: Mentions, held: Facts, found: Sequence[Owner], context: str = "") -> tuple[list[str], int]:
    """Return what is wrong with the orders that a clause tells, and how many were compared.

    Args:
        context: the clauses before it, where the other thing may stand.
    """
    told = [*_changes(said, held, context), *_moments(said, held, found)]
    elsewhere = bool(told) or (
        any(one.name == "seconds_before" for one in held.quantities) and _CHANGE.search(said.text) is not None
    )
    others = [Thing(m.start(), m.end(), _REST) for m in _OTHERS.finditer(said.text)]
    told += _failing(said, held, others) if others or not elsewhere else ()
    first = None if elsewhere and not others else _first(said, held)
    told += [first] if first is not None else []
    return [one for one in told if one], len(told)


def _changes(said: Mentions, held: Facts, context: str) -> Iterable[str]:
    """A change that is evidence came before the onset: `seconds_before` is not negative."""
    before = {one.value >= 0 for one in held.quantities if one.name == "seconds_before"}
    if len(before) != 1:
        return
    true = ("the change", "the onset") if next(iter(before)) else ("the onset", "the change")
    things = _things(_parts(said, held))
    known = any(thing.label == "the change" for thing in things)
    for one in relations(said.text, things) if known or context else ():
        if not known and not one.alone:
            continue
        first = one.first or next(label for label in true if label != one.second)
        yield "" if first == true[0] else reason("order", korean=said.korean, first=true[0], second=true[1])


def _parts(said: Mentions, held: Facts) -> Iterable[Thing]:
    """Yield the words for the change and for the onset."""
    changes = [
        Thing(name.start, name.start + len(name.text), "the change")
        for name in said.names
        if any(plain(name.text) in text.text for text in held.texts if text.named == "ref")
    ]
    refs = [text.text for text in held.texts if text.named == "ref"]
    changes += [
        Thing(number.start, number.end, "the change")
        for number in said.numbers
        if len(number.shown) >= 7 and any(ref.startswith(number.shown) for ref in refs)
    ]
    changes += [Thing(m.start(), m.end(), "the change") for m in _CHANGE.finditer(said.text)]
    yield from changes
    onsets = [Thing(m.start(), m.end(), "the onset") for m in _ONSET.finditer(said.text)]
    yield from onsets
    for match in _WEAK.finditer(said.text):
        near = max(changes, key=lambda one: one.end if one.end <= match.start() else -1, default=None)
        if near is None or not 0 <= match.start() - near.end <= 6:
            yield Thing(match.start(), match.end(), "the onset")


def _things(parts: Iterable[Thing]) -> list[Thing]:
    """Put things in order and leave out what overlaps an earlier one."""
    kept: list[Thing] = []
    for one in sorted(parts, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _moments(said: Mentions, held: Facts, found: Sequence[Owner]) -> Iterable[str]:
    """Two metrics: the times of their extremes; two services: those of their first failures."""
    for named, key in (("metric", "extreme_time"), ("service", "first_time")):
        times = {
            text.text: at
            for text in held.texts
            if text.named == named
            for at in [_moment(held, text.family, key)]
            if at
        }
        things = _things(Thing(at, at + len(text), text) for at, kind, text in found if kind == named and text in times)
        if len({one.label for one in things}) < 2:
            continue
        for one in relations(said.text, things):
            if one.first and one.second and times[one.first] != times[one.second]:
                earlier, later = sorted((one.first, one.second), key=lambda name: times[name])
                right = one.first == earlier
                yield "" if right else reason("order", korean=said.korean, first=earlier, second=later)


def _moment(held: Facts, family: str, key: str) -> datetime | None:
    return next((one.at for one in held.moments if one.family == family and one.key == key), None)


def _firsts(held: Facts) -> set[str]:
    return {text.text for text in held.texts if text.key.startswith("first_") and not text.text[:4].isdigit()}


def _failing(said: Mentions, held: Facts, others: Sequence[Thing]) -> Iterable[str]:
    """Check who is said to fail before or after the rest, where the evidence knows who is first."""
    firsts = _firsts(held)
    if not firsts:
        return
    lowered = said.clause.lower()
    known = {text.text for text in held.texts if text.key == "service"} | firsts
    parts = [
        Thing(lowered.find(name), lowered.find(name) + len(name), name)
        for name in known
        if name and contains(lowered, name)
    ]
    for one in relations(said.text, _things([*parts, *others])):
        if not others and not one.alone:
            continue
        if one.first in firsts:
            yield ""
        elif one.second in firsts:
            yield reason("last", korean=said.korean, said=one.second)
        elif one.first not in {"", _REST} and one.second in {"", _REST}:
            yield reason("first", korean=said.korean, said=one.first, has=", ".join(sorted(firsts)))


def _first(said: Mentions, held: Facts) -> str | None:
    """Check who is said to be the very first or last, where the evidence knows who is first."""
    firsts = _firsts(held)
    first, last = _FIRST.search(said.text), _LAST.search(said.text)
    match = first or last
    if not firsts or match is None or said.times:
        return None
    lowered = said.clause.lower()
    known = {text.text for text in held.texts if text.key == "service"} | firsts
    places = [(abs(lowered.find(name) - match.start()), name) for name in known if name and contains(lowered, name)]
    if not places:
        return None
    who = min(places)[1]
    if first:
        return "" if who in firsts else reason("first", korean=said.korean, said=who, has=", ".join(sorted(firsts)))
    return reason("last", korean=said.korean, said=who) if who in firsts and len(known) > 0 else ""
