"""Whether something rose or fell: what a clause says of it against the usual and the later value of the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bdp.explain.grounding.facts import Facts, Quantity
from bdp.explain.grounding.figure import Read
from bdp.explain.grounding.mentions import Mentions
from bdp.explain.grounding.reason import reason
from bdp.explain.grounding.scope import Owner

_STILL: Final = re.compile(
    r"\b(?:did not|didn't|does not|has not|hasn't|never) (?:change|move|budge)d?\b|\bunchanged\b|\bsteady\b|"
    r"\bflat\b|\bwithin (?:its|the) (?:usual|normal) range\b|"
    r"변화(?:가|는)? ?없|변하지 않|움직이지 않|평소 범위 안|그대로",
    re.IGNORECASE,
)


def directions(said: Mentions, held: Facts, reads: Sequence[Read], found: Sequence[Owner]) -> tuple[list[str], int]:
    """Return what is wrong with the ways that things are said to have gone, and how many were compared."""
    wrong: list[str] = []
    compared = 0
    if not said.moves:
        return _still(said, held, found)
    pair, every = _pair(reads), _ways(held, reads, found)
    for start, end, up, negated in said.moves:
        ways = _own(start, held, reads, found) or every
        word = said.text[start:end].strip()
        if pair and not negated and (pair[1] == pair[0] or (pair[1] > pair[0]) is not up):
            wrong.append(reason("self", korean=said.korean, base=f"{pair[0]:g}", now=f"{pair[1]:g}", word=word))
            compared += 1
            continue
        if not ways:
            continue
        compared += 1
        if all((way > 0) is not (up is not negated) for way in ways):
            wrong.append(reason("other_way", korean=said.korean, said="", word=word, has=f"{ways[0]:+.4g}").strip())
    still, count = _still(said, held, found)
    return wrong + still, compared + count


def _own(at: int, held: Facts, reads: Sequence[Read], found: Sequence[Owner]) -> list[float]:
    """Return the changes of the metric that stands next before a word, where several are named."""
    metrics = sorted({(place, text) for place, named, text in found if named == "metric"})
    before = [text for place, text in metrics if place < at]
    if len({text for _, text in metrics}) < 2 or not before:
        return []
    mine = [quantity for one in reads for quantity in one.fitting if quantity.scope.get("metric") == before[-1]]
    return [way for quantity in mine for way in [change(quantity, held)] if way]


def _pair(reads: Sequence[Read]) -> tuple[float, float] | None:
    """Return the values of `from A to B`."""
    bases = [one for one in reads if one.role in {"base", "from"}]
    nows = [one for one in reads if one.role == "now"]
    if len(bases) == len(nows) == 1 and bases[0].number.unit == nows[0].number.unit:
        return bases[0].number.value, nows[0].number.value
    return None


def _ways(held: Facts, reads: Sequence[Read], found: Sequence[Owner]) -> list[float]:
    """Return the changes that may be meant: of the values that the numbers are, else of what the clause names."""
    fitting = [way for one in reads for quantity in one.fitting for way in [change(quantity, held)] if way]
    if fitting:
        return fitting
    named = {text for _, name, text in found if name == "metric"}
    quantities = [one for one in held.quantities if not named or one.scope.get("metric") in named]
    ways = [
        way
        for one in quantities
        if "far" in one.roles or one.counted
        for way in [change(one, held)]
        if way and "base" not in one.roles
    ]
    return ways if ways and (all(way > 0 for way in ways) or all(way < 0 for way in ways)) else []


def change(quantity: Quantity, held: Facts) -> float:
    """Return by how much a value is off its base, of a base how far the farthest value went; 0.0 for none."""
    if "delta" in quantity.roles:
        return quantity.value
    if "ratio" in quantity.roles:
        return quantity.value - 1
    family = [
        one
        for one in held.quantities
        if one.family == quantity.family and not one.derived and one.unit == quantity.unit
    ]
    bases = [
        one for one in family if "base" in one.roles and not one.roles & {"high", "low"} and one.key == quantity.key
    ]
    if quantity.derived in {"unit", "share"} or not bases:
        return 0.0
    if "base" not in quantity.roles:
        return 0.0 if quantity.roles & {"aside"} else quantity.value - bases[0].value
    far = [one for one in family if "far" in one.roles] or [
        one for one in family if one.key == quantity.key and "base" not in one.roles
    ]
    return far[0].value - bases[0].value if far else 0.0


def _still(said: Mentions, held: Facts, found: Sequence[Owner]) -> tuple[list[str], int]:
    if not _STILL.search(said.text):
        return [], 0
    moved = list(_moved(held, found))
    if moved and all(moved):
        return [reason("moved", korean=said.korean)], 1
    return [], int(bool(moved))


def _moved(held: Facts, found: Sequence[Owner]) -> Iterable[bool]:
    named = {text for _, name, text in found if name == "metric"}
    families = {one.family for one in held.texts if one.named == "metric" and (not named or one.text in named)}
    return (value for key, family, value in held.flags if key == "moved" and family in families)
