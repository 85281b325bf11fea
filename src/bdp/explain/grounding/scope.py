"""Whose a number is: the service, metric, address or message that a clause names for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bdp.explain.grounding.facts import Facts, Quantity
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.name import holds, plain
from bdp.explain.grounding.number import Number
from bdp.explain.grounding.vocabulary import words

_EACH: Final = re.compile(r"\brespectively\b|각각")
_ITS: Final = re.compile(r"(?:인|의|짜리|을 낸|를 낸|을 기록한|를 기록한|을 차지한|를 차지한)\s|\s(?:that|from)\s")
"""`80건인 …`: of the name behind it."""
_VERSUS: Final = re.compile(r"\s?(?:건|회|명|개)?\s?(?:[A-Za-z]+\s)?(?:against|versus|vs\.?|to|and|:|/|대|,)\s?")
_NO_NAMES: Final = frozenset(
    {
        "subject",
        "change_kind",
        "change_summary",
        "time",
        "first_time",
        "last_time",
        "extreme_time",
        "template",
        "sample",
    }
)
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_WHOSE: Final = frozenset({"metric", "template", "playbook", "ref", "value", "client_ip"})
Owner = tuple[int, str, str]
"""Place, class, text of the evidence."""


def owners(said: Mentions, held: Facts) -> list[Owner]:
    """Return the names of a clause that something of the evidence belongs to, in the order of their places."""
    found: list[Owner] = []
    for name in said.names:
        wanted = plain(name.text)
        for text in held.texts:
            exact = (
                text.text == wanted
                or (_COMMIT.fullmatch(wanted) is not None and text.text.startswith(wanted))
                or (text.key == "template" and " " in wanted and holds(text.text, wanted))
            )
            if exact and (text.named not in _NO_NAMES or text.key == "template"):
                found.append((name.start, text.named, text.text))
    found += _spoken(said, held)
    return sorted(set(found))


def _spoken(said: Mentions, held: Facts) -> Iterable[Owner]:
    """Yield metrics and services that are called in plain words: `cpu utilization` for `cpu_utilization`."""
    lowered = said.clause.lower()
    for text in held.texts:
        if text.named == "metric":
            parts = re.escape(text.text.replace("_", " ").replace(".", " "))
            match = re.search(rf"(?<![a-z0-9_]){parts}(?![a-z0-9_])", lowered)
            if match:
                yield match.start(), "metric", text.text
        elif text.named == "service" and re.fullmatch(r"[a-z][a-z0-9_.-]*", text.text):
            match = re.search(rf"(?<![a-z0-9_.-]){re.escape(text.text)}(?![a-z0-9_-])", lowered)
            if match:
                yield match.start(), "service", text.text


def owned(
    number: Number, at: int, said: Mentions, found: Sequence[Owner], quantities: Sequence[Quantity]
) -> list[Quantity]:
    """Leave out the quantities that belong to something else than what the clause names for this number.

    Args:
        at: which number of the clause it is.
    """
    mine = _mine(number, at, said, found)
    kept = [one for one in quantities if all(_of(one, named, texts) for named, texts in mine.items())]
    for named in _WHOSE & mine.keys():
        if (
            not any(number.label[:1])
            and (named == "metric" or number.unit == "%")
            and any(one.scope.get(named) in mine[named] and one.unit == number.unit for one in kept)
        ):
            kept = [one for one in kept if named in one.scope]
    return _of_row(kept, mine.get("service", set()))


def _of_row(kept: list[Quantity], services: set[str]) -> list[Quantity]:
    """Where a service has a row of a list, what the row counts is not taken from evidence that names no service."""
    rows = [one for one in kept if one.row and one.scope.get("service") in services]
    counted = {one.counted for one in rows} - {""}
    return [one for one in kept if one in rows or one.counted not in counted or "service" in one.scope]


def _of(quantity: Quantity, named: str, texts: set[str]) -> bool:
    return named not in quantity.scope or quantity.scope[named] in texts


def _mine(number: Number, at: int, said: Mentions, found: Sequence[Owner]) -> dict[str, set[str]]:
    """Return by class which names a number is of; where several of one class are named, the one that goes with it."""
    mine: dict[str, set[str]] = {}
    for named in {owner[1] for owner in found}:
        ours = [owner for owner in found if owner[1] == named]
        apart = sorted({owner[0] for owner in ours})
        if len({text for _, _, text in ours}) == 1 or len(apart) == 1:
            mine[named] = {text for _, _, text in ours}
            continue
        place = _place(number, at, said, apart)
        mine[named] = {text for start, _, text in ours if start == place}
    return mine


def _place(number: Number, at: int, said: Mentions, places: Sequence[int]) -> int:
    if len(places) == len(said.numbers) and (_EACH.search(said.clause) or _opposed(said, places)):
        return places[at]
    mine = next((place for place in places if place >= number.end), None)
    if mine is not None and _ITS.fullmatch(said.text[number.end : mine]):
        return mine
    before = [place for place in places if place < number.start]
    after = [place for place in places if place >= number.end]
    named_first = places[0] < said.numbers[0].start
    if named_first and before:
        return before[-1]
    return after[0] if after else before[-1]


def _opposed(said: Mentions, places: Sequence[int]) -> bool:
    """`A trails B: 3 against 5`: both names, then both numbers."""
    first, *_, last = said.numbers
    return (
        len(places) == 2
        and places[1] < first.start
        and _VERSUS.fullmatch(said.text[first.end : last.start]) is not None
    )


def unknown_metric(text: str, held: Facts) -> frozenset[str]:
    """Return the words of a text that are in no key and no metric's name of the evidence."""
    known = frozenset(word for one in held.quantities for word in one.topics)
    return words(text) - known
