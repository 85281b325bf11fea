"""Which came first: a change and the onset, two things with times, and who fails first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bdp.explain.grounding.facts import Facts
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.name import contains, plain
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.scope import Owner

_CONNECTIVE: Final = re.compile(
    r"(?<![A-Za-z])(?:(?P<before>before|prior to|ahead of|preced(?:ed|es|ing)|leading up to|(?:was|were) "
    r"followed by|earlier than|sooner than)"
    r"|(?P<after>after|following|followed|follows|later than|subsequent to|in the wake of))(?![A-Za-z])"
    r"|(?<=[\s초분간일\x00])(?:(?P<kbefore>이전|직전|전)|(?P<kafter>이후|직후|후|뒤|다음))(?=에|이다|이었|입|였|의|[\s,.]|$)"
    r"|보다\s(?:\S+\s){0,3}?(?:(?P<kfirst>먼저|앞서|일찍|빨리)|(?P<klast>나중|늦게|뒤늦게))",
    re.IGNORECASE,
)
_CHANGE: Final = re.compile(
    r"deploy\w*|releas\w*|roll(?:ed|ing)? ?out\w*|chang\w*|commit\w*|went live|config\w*|maintenance|merg\w*|"
    r"upgrad\w*|\bgot\b|shipp\w*|배포|릴리스|커밋|변경|롤아웃|점검|반영",
    re.IGNORECASE,
)
_ONSET: Final = re.compile(
    r"onset|incident|outage|errors?\b|fail\w*|trouble|symptom\w*|problem\w*|burst|spike|crash\w*|alarm|alert|장애|"
    r"오류|에러|사고|실패|문제|증상",
    re.IGNORECASE,
)
_FIRST: Final = re.compile(r"\bfirst\b|\bearliest\b|먼저|처음|최초", re.IGNORECASE)
_LAST: Final = re.compile(r"\blast\b|\blatest\b|나중|마지막", re.IGNORECASE)


def orders(said: Mentions, held: Facts, found: Sequence[Owner]) -> tuple[list[str], int]:
    """Return what is wrong with the orders that a clause tells, and how many were compared."""
    wrong: list[str] = []
    compared = 0
    for check in (_changes, _moments, _first):
        told = check(said, held, found)
        if told is not None:
            wrong += [told] if told else []
            compared += 1
    return wrong, compared


def _connective(said: Mentions) -> tuple[re.Match[str], bool, bool] | None:
    """Return the word that tells the order, whether it says before, and whether it stands behind its second operand."""
    for match in _CONNECTIVE.finditer(said.text):
        kind = str(match.lastgroup)
        return match, kind in {"before", "kbefore", "kfirst"}, kind.startswith("k")
    return None


def _changes(said: Mentions, held: Facts, found: Sequence[Owner]) -> str | None:
    """A change that is evidence came before the onset: `seconds_before` is not negative."""
    before = {one.value >= 0 for one in held.quantities if one.name == "seconds_before"}
    told = _connective(said)
    if len(before) != 1 or told is None:
        return None
    match, says_before, korean = told
    refs = [
        name.start
        for name in said.names
        if any(plain(name.text) in text.text for text in held.texts if text.named == "ref")
    ]
    changes = sorted([*refs, *(one.start() for one in _CHANGE.finditer(said.text))])
    onsets = [one.start() for one in _ONSET.finditer(said.text) if one.start() not in changes]
    if not changes:
        return None
    change_first = _second_is_onset(said.text, match, changes, onsets, korean=korean)
    if change_first is None:
        return None
    says = change_first is says_before
    if says is next(iter(before)):
        return ""
    first, second = ("the change", "the onset") if next(iter(before)) else ("the onset", "the change")
    return reason("order", korean=said.korean, first=first, second=second)


def _second_is_onset(
    text: str, match: re.Match[str], changes: list[int], onsets: list[int], *, korean: bool
) -> bool | None:
    """Return whether the order is told as `change … onset`, not as `onset … change`."""
    at = match.start()
    left_change, left_onset = [c for c in changes if c < at], [o for o in onsets if o < at]
    if korean:  # its second operand stands right before it
        if not left_change and not left_onset:
            return None
        return max(left_onset, default=-1) > max(left_change, default=-1)
    if left_change or left_onset:
        if left_change and left_onset:
            return min(left_change) < min(left_onset)
        return bool(left_change)
    comma = text.find(",", at)
    if comma < 0:
        return None
    return any(at < onset < comma for onset in onsets) or not any(at < change < comma for change in changes)


def _moments(said: Mentions, held: Facts, found: Sequence[Owner]) -> str | None:
    """Two metrics: the times of their extremes."""
    told = _connective(said)
    times = {
        text.text: at for text in held.texts if text.named == "metric" for at in [_extreme(held, text.family)] if at
    }
    places = {text: place for place, kind, text in reversed(found) if kind == "metric" and text in times}
    named = sorted((place, text) for text, place in places.items())
    if told is None or len(named) < 2:
        return None
    match, says_before, korean = told
    left = [text for place, text in named if place < match.start()]
    right = [text for place, text in named if place >= match.start()]
    if korean and len(left) >= 2:
        first, second = left[-2], left[-1]
    elif left and right:
        first, second = left[-1], right[0]
    elif len(right) >= 2:
        first, second = right[1], right[0]
    else:
        return None
    if times[first] == times[second]:
        return None
    if (times[first] < times[second]) is says_before:
        return ""
    earlier, later = (first, second) if times[first] < times[second] else (second, first)
    return reason("order", korean=said.korean, first=earlier, second=later)


def _extreme(held: Facts, family: str) -> datetime | None:
    return next((one.at for one in held.moments if one.family == family and one.key == "extreme_time"), None)


def _first(said: Mentions, held: Facts, found: Sequence[Owner]) -> str | None:
    """Check who is said to be first or last, where the evidence knows who is first."""
    firsts = {text.text for text in held.texts if text.key.startswith("first_") and not text.text[:4].isdigit()}
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
