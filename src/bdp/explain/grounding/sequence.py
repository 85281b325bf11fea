"""Words that say which of two things came first, and what stands on either side of them.

Four kinds: a relation with its second thing behind it (`before the onset`, English) or before it (`배포 후`, Korean); a
verb between two things (`X preceded Y`, `X was followed by Y`, `X가 Y를 앞선다`); and a word about one thing alone
(`later`, `came first`, `먼저`). Things are given as places with labels; a word that binds to none of them says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_EARLY = (
    r"before|prior to|ahead of|in advance of|(?<!the )(?<!a )preceding|leading (?:up )?(?:in)?to|(?:earlier|sooner|faster|quicker)(?:\s\w+){0,3}?\sthan|(?:forerunner|precursor|prelude|harbinger|predecessor) (?:of|to)|"  # noqa: E501
    r"in the run-?up to|previous to|in anticipation of|(?<=first, )then"
)
_LATE = (
    r"after|(?<!the )following|subsequent to|in the wake of|on the heels of|(?:later|slower)(?:\s\w+){0,3}?\sthan|(?:aftermath|successor|sequel|upshot) (?:of|to)|"  # noqa: E501
    r"succeeding|in the aftermath of|"
    r"on the back of|upon"
)
_VERB_EARLY = (
    r"precedes?|preceded|pre-?dat(?:e|es|ed)|led|leads?|led (?:up )?to|beat|antedat(?:e|es|ed)|outran|heralded|triggered|"  # noqa: E501
    r"ushered in|came before|comes before|provoked"
)
_VERB_LATE = (
    r"follow(?:s|ed)?|trail(?:s|ed)?(?: behind)?|lag(?:s|ged)?(?: behind)?|succeed(?:s|ed)?|post-?dat(?:e|es|ed)|"
    r"ensued? (?:from|upon)|ran behind|chased|tailed"
)
_PASSIVE = {
    "early": r"preceded|pre-?dated|led|headed|anticipated",
    "late": r"followed|trailed|succeeded|pursued|chased",
}
_ALONE_EARLY = (
    r"earlier|beforehand|before (?:that|then|this|it|which)(?=[,.\s]|$)|in the lead|the sooner|ahead(?! of)|leads off|led off|in front|"  # noqa: E501
    r"prior(?=[,.;)]|$)|sooner"
)
_ALONE_LATE = (
    r"later|afterwards?|subsequently|thereafter|then|(?:after|since|following|upon) (?:that|which|this|then|it)(?=[,.\s]|$)|ensu(?:ed|es)|in turn|whereupon|"  # noqa: E501
    r"thereupon|from then on|in response|eventually|behind|only then|followed suit|came next|came second|was second"
)
_RANKED = {"early": r"first|firstly", "late": r"second|last|next"}
_SPAN = r"(?:[\d.,]+|s|sec\w*|min\w*|hours?|h|some|about|roughly|later|earlier|afterwards|\w+ly)\s"
_ENGLISH: Final = re.compile(
    rf"(?<![A-Za-z])(?:(?P<alone_early>{_ALONE_EARLY}|(?<=came )first|(?<=comes )first|(?<=was )first|(?<=is )first|(?<=went )first|"  # noqa: E501
    rf"first(?= (?:came|comes|there)\b)|first(?=\s*(?:$|[,.;)]|and\b|then\b|followed\b)))"
    rf"|(?P<alone_late>{_ALONE_LATE}|(?:last|second)(?=\s*(?:$|[,.;)])))(?!(?:\s\w+){{0,3}}?\sthan)"
    rf"|(?:(?:was|were|is|are|been|being|got|get)\s)?(?:\w+ly\s)?(?:(?P<by_early>{_PASSIVE['early']})|(?P<by_late>{_PASSIVE['late']}))"
    rf"\s(?:{_SPAN}){{0,6}}by(?!\s(?:about\s|some\s|roughly\s|around\s)?\d)"
    rf"|(?P<verb_early>{_VERB_EARLY})|(?P<verb_late>{_VERB_LATE})|(?P<early>{_EARLY})|(?P<late>{_LATE}|once))(?![A-Za-z])",
    re.IGNORECASE,
)
_END = r"(?=[에의인,.:\s)(]|이[다었며고]|이에|임|입|$|까지|로|부터)"
_HANGUL: Final = re.compile(
    rf"(?P<early>거슬러|거꾸로|(?:(?<![가-힣])이전|직전)(?!\s?(?:동일|같은|구간|기간|시간대|윈도|대비|\d|\())|(?<![완안충버회발도사오비직이종])전{_END})"
    rf"|(?P<late>지나면|지나서|지나자|흐른|(?<![가-힣])이후|직후|(?<![전오사직이])후{_END}|뒤{_END}|다음(?!과|\s?같){_END}|끝에)"
    r"|(?P<front>앞[서선섰섬질]|앞(?=이[다며고었]|임|입|$|[.,])|선행|앞당)"
    r"|(?P<rear>뒤[따쫓진졌]|뒤지[는고며]|뒤이|뒤처|잇따|잇달|(?<=에 )이어(?=[서\s])|후행|후속|뒤를 (?:이|따|쫓)|따라(?=\s|왔|옴))"  # noqa: E501
    r"|(?P<adverb_early>먼저|일찍|일찌감치|빨리|빠르|빨랐|빨라|빠름|빠른|이르[다게며고]|(?<!에 )이른|일렀|우선)"
    r"|(?P<adverb_late>늦[게은었다으어고춰음]|나중|뒤늦|느리|느렸|곧이어|연이어|이어서|그러자)"
)
_THAN: Final = re.compile(r"보다|에 비해|에 비하면")
_OBJECT: Final = re.compile(r"(?<=[가-힣A-Za-z0-9)\x00])(?:[을를]|에(?![서게]))(?=\s|$)")
_PRONOUN: Final = re.compile(
    r"(?:그로부터|이로부터|그때부터|거기서|(?<![가-힣])그)\s?(?:약\s)?[\d.,]*\s?[가-힣]{0,2}\s?\d*\s?[가-힣a-z]{0,3}\s?$"
)
_SEGMENT: Final = re.compile(r"[,;:—–]|\s-\s|\sand\s|\swhile\s|\sthat\s|\sbut\s|(?<=[가-힣])(?:고|며|으나|지만)[,\s]")
_OVER: Final = re.compile(r"\s*(?:$|[,.;:)])")
_CHOSEN: Final = re.compile(r"[가-힣]{0,2}\s?(?:인\s|한\s|된\s)?(?:것|쪽|건)[은이]\s")
"""`앞선 것은 …`: it is what stands behind."""
_STOPS: Final = re.compile(r"[,;:]")
_FAR: Final = 90


@dataclass(frozen=True)
class Thing:
    """Something that an order can be told of, at [start, end)."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Relation:
    """What a text says: `first` before `second`; an empty label stands for whatever else the text is about.

    Attributes:
        alone: the word is said of one thing (`came first`), nothing at it names the other.
    """

    first: str
    second: str
    word: str
    alone: bool = False


def relations(text: str, things: Sequence[Thing]) -> list[Relation]:
    """Return the orders that a text tells of some things.

    Args:
        things: in the order of their places, not overlapping.
    """
    if not things:
        return []
    bounds = [(0, 0), *(m.span() for m in _SEGMENT.finditer(text)), (len(text), len(text))]
    found = [_english(text, match, things, bounds) for match in _ENGLISH.finditer(text)]
    found += [_korean(text, match, things, bounds) for match in _HANGUL.finditer(text)]
    return [one for one in found if one]


def _told(subject: str, other: str, word: str, *, early: bool, alone: bool = False) -> Relation:
    first, second = (subject, other) if early else (other, subject)
    return Relation(first, second, word, alone)


def _english(
    text: str, match: re.Match[str], things: Sequence[Thing], bounds: Sequence[tuple[int, int]]
) -> Relation | None:
    kind = str(match.lastgroup)
    passive = kind.startswith("by")
    early = kind.endswith("early") is not passive
    before, behind = _split(match, things)
    right = behind[0] if behind and behind[0].start - match.end() <= _FAR else None
    if right and _STOPS.search(text, match.end(), right.start):
        right = None
    if right and not kind.startswith("alone"):
        return _told(_other(right, [*reversed(before), *behind]), right.label, match[0], early=early)
    if kind in {"early", "late"} and not _OVER.match(text, match.end()):
        return None
    if passive or match[0].lower() in {"following", "once", "led", "lead", "leads", "triggered", "upon", "succeeded"}:
        return None
    alone = _alone(match, before, behind, bounds)
    if alone is None:
        return None
    return _told(alone.label, _other(alone, [*reversed(before), *behind]), match[0], early=early, alone=True)


def _split(match: re.Match[str], things: Sequence[Thing]) -> tuple[list[Thing], list[Thing]]:
    return [one for one in things if one.end <= match.start()], [one for one in things if one.start >= match.end()]


def _other(one: Thing, near: Sequence[Thing]) -> str:
    return next((thing.label for thing in near if thing.label != one.label), "")


def _alone(
    match: re.Match[str], before: Sequence[Thing], behind: Sequence[Thing], bounds: Sequence[tuple[int, int]]
) -> Thing | None:
    """Return the thing that a word such as `later` is said of: of its own part of the sentence, else the next one."""
    start = max(end for _, end in bounds[:-1] if end <= match.start())
    end = min(begin for begin, _ in bounds[1:] if begin >= match.end() or begin == bounds[-1][0])
    mine = [one for one in before if one.start >= start][-1:] or [one for one in behind if one.end <= end][:1]
    return next(iter([*mine, *behind[:1], *before[-1:]]), None)


def _korean(
    text: str, match: re.Match[str], things: Sequence[Thing], bounds: Sequence[tuple[int, int]]
) -> Relation | None:
    kind = str(match.lastgroup)
    early = kind in {"early", "front", "adverb_early"}
    before, behind = _split(match, things)
    near = [*reversed(before), *behind]
    marked = _marked(text, match, before, _THAN)
    if not marked and kind in {"front", "rear"}:
        marked = _marked(text, match, before, _OBJECT)
    if (
        not marked
        and kind in {"early", "late"}
        and not _PRONOUN.search(text[max(0, match.start() - 24) : match.start()])
    ):
        marked = before[-1] if before else None
    if marked:
        return _told(_other(marked, near), marked.label, match[0], early=early)
    chosen = behind[0] if behind and _CHOSEN.match(text, match.end()) else None
    alone = chosen or _alone(match, before, behind, bounds)
    return _told(alone.label, _other(alone, near), match[0], early=early, alone=True) if alone else None


def _marked(text: str, match: re.Match[str], before: Sequence[Thing], particle: re.Pattern[str]) -> Thing | None:
    """Return the thing that a particle before a word marks as what it is compared with."""
    if not before:
        return None
    places = [m.start() for m in particle.finditer(text, max(before[0].end, match.start() - _FAR), match.start())]
    return next((one for place in reversed(places) for one in reversed(before) if one.end <= place), None)
