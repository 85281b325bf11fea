"""True claims made of evidence by the patterns of `_sentences.py`, and what makes each of them false.

A corruption changes one mark of a claim: a number (another size, some off, or another value of the same evidence that
is not that measure's), a unit, a name (of another service, metric, address, message), a time, an order, a direction.
It is left out where the changed claim would be true too.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bdp.model.evidence import Evidence
from benchmarks._recorded import Recorded
from benchmarks._scenes import Scene, scenes
from benchmarks._sentences import MORE, PATTERNS
from benchmarks._sentences_fourth import FOURTH
from benchmarks._sentences_kept import KEPT, LATER
from benchmarks._sentences_odd import ODD
from benchmarks._slots import Slot, written

KINDS: Final = ("number", "unit", "service", "time", "order", "direction")
_MARK: Final = re.compile(r"\{([<>]?)([^{}:|]+)(?:[:|]([^{}|]*)\|([^{}]*))?\}")
_APART: Final = 0.06


@dataclass(frozen=True)
class Truth:
    """A claim that is true, and the same claim made false.

    Attributes:
        cited: ids of the evidence it rests on.
        wrong: kind of corruption -> text.
    """

    text: str
    language: str
    pattern: str
    kept: bool
    evidence: tuple[Evidence, ...]
    cited: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]


def truths(incidents: Sequence[Recorded], *, most: int = 3) -> Iterator[Truth]:
    """Yield the true claims of all incidents: `most` patterns a fact and language, chosen by the incident's name."""
    services = sorted({str(name) for one in incidents for name in _owners(one.evidence)})
    for one in incidents:
        for number, scene in enumerate(scenes(one, services)):
            for language in ("en", "ko"):
                mine = _patterns(scene.pattern, language, kept=one.kept)
                chance = random.Random(zlib.crc32(f"{one.name} {number} {language}".encode()))
                fitting = [text for text in mine if _fits(text, scene)]
                for text in chance.sample(fitting, min(most, len(fitting))):
                    yield _truth(text, language, scene, one, chance)


def _patterns(name: str, language: str, *, kept: bool) -> list[str]:
    lists = (KEPT,) if kept else (PATTERNS, MORE, LATER, FOURTH, ODD)
    return [text for patterns in lists for text in patterns.get(name, {}).get(language, ())]


def _owners(evidence: Sequence[Evidence]) -> Iterator[str]:
    for one in evidence:
        yield from (str(one.value[key]) for key in ("service", "entity", "first_service") if one.value.get(key))


def _fits(text: str, scene: Scene) -> bool:
    names = [match[2] for match in _MARK.finditer(text)]
    if any(name not in scene.slots for name in names if name not in {"dir", "ord"}):
        return False
    if "dir" in names and scene.rise is None:
        return False
    directed = {"pct": None, "ratio": True}
    if any(name in names and want is not None and scene.rise is not want for name, want in directed.items()):
        return False
    bounds = [scene.slots[match[2]].value for match in _MARK.finditer(text) if match[1]]
    return all(value > 2 for value in bounds)


def _truth(text: str, language: str, scene: Scene, one: Recorded, chance: random.Random) -> Truth:
    marks = list(_MARK.finditer(text))
    said = [_say(mark, scene, language, chance) for mark in marks]
    wrong: list[tuple[str, str]] = []
    for at, mark in enumerate(marks):
        for kind, other in _wrongs(mark, said[at], scene, language, chance):
            pieces = [other if i == at else piece for i, piece in enumerate(said)]
            if mark[2] in {"ip", "ip2"} and "{ip2}" in text:
                pieces = [said[_place(marks, "ip2" if m[2] == "ip" else "ip")] if m[2] in {"ip", "ip2"} else p
                          for m, p in zip(marks, said, strict=True)]  # fmt: skip
            wrong.append((kind, _filled(text, pieces)))
    cited = [e.id for e in scene.evidence]
    alike = set(scene.evidence[0].value)
    # A second change, cited too, could make true what is meant to be false.
    others = [e.id for e in one.evidence if e.id not in cited and not ("ref" in alike and "ref" in e.value)]
    if others and chance.random() < 0.3:
        cited.append(chance.choice(others))
    return Truth(_filled(text, said), language, scene.pattern, one.kept, one.evidence, tuple(cited), tuple(wrong))


def _place(marks: Sequence[re.Match[str]], name: str) -> int:
    return next(at for at, mark in enumerate(marks) if mark[2] == name)


def _filled(text: str, pieces: Sequence[str]) -> str:
    rest = iter(pieces)
    return _MARK.sub(lambda _: next(rest), text)


def _say(mark: re.Match[str], scene: Scene, language: str, chance: random.Random) -> str:
    if mark[2] == "dir":
        return mark[3] if scene.rise else mark[4]
    if mark[2] == "ord":
        return mark[3]
    slot = scene.slots[mark[2]]
    value = slot.value
    if mark[1]:
        value = float(value) * (chance.uniform(0.85, 0.97) if mark[1] == ">" else chance.uniform(1.04, 1.2))
        value = (int(value) if mark[1] == ">" else int(value) + 1) if slot.kind == "count" else value
    return written(slot, value, language, chance) + (f" {mark[3]}" if mark[3] else "")


def _wrongs(
    mark: re.Match[str], said: str, scene: Scene, language: str, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield what may stand in place of one mark, with the kind of corruption."""
    if mark[2] in {"dir", "ord"}:
        kind = "direction" if mark[2] == "dir" else "order"
        yield kind, mark[4] if said == mark[3] else mark[3]
        return
    slot = scene.slots[mark[2]]
    noun = f" {mark[3]}" if mark[3] else ""
    if slot.kind in {"name", "quoted"}:
        others = [name for name in slot.names if name != slot.value]
        if others:
            yield "service", written(slot, chance.choice(others), language, chance)
    elif slot.kind == "time":
        yield "time", written(slot, slot.value + chance.choice((-1, 1)) * _away(chance), language, chance)
    else:
        value = _other_number(slot, mark[1], chance)
        if value is not None and (shown := written(slot, value, language, chance) + noun) != said:
            yield "number", shown
        if mark[4]:
            yield "unit", said.removesuffix(noun) + f" {mark[4]}"
        elif (shown := _other_unit(slot, said, language)) and not mark[1]:
            yield "unit", shown


def _away(chance: random.Random) -> timedelta:
    return timedelta(seconds=chance.choice((chance.randint(130, 3000), 3600 * chance.randint(1, 5))))


def _other_number(slot: Slot, bound: str, chance: random.Random) -> float | None:
    value = float(slot.value)
    if bound:
        changed = value * (chance.uniform(1.1, 1.9) if bound == ">" else chance.uniform(0.4, 0.9))
        return round(changed) if slot.kind == "count" else changed
    swaps = [other for other in slot.swaps if abs(other - value) > _APART * max(abs(value), abs(other))]
    if swaps and chance.random() < 0.4:
        return chance.choice(swaps)
    if slot.kind == "count":
        near = chance.choice((1, 2, max(1, round(0.1 * value)), round(0.7 * value) + 1, round(4 * value) + 1))
        return value + near if chance.random() < 0.6 or near >= value else value - near
    if not value:
        return chance.uniform(2, 90)
    changed = value * chance.choice((0.1, 0.4, 0.7, 0.85, 1.15, 1.4, 2.5, 10))
    if slot.kind == "share":
        changed = min(changed, 1.0) if value < 0.9 else value * chance.choice((0.1, 0.4, 0.7, 0.85))
        return changed if abs(changed - value) > max(0.02, _APART * value) else None
    return changed


def _other_unit(slot: Slot, said: str, language: str) -> str:
    number = re.match(r"[\d,.만\-]+", said)
    if number is None or slot.kind in {"count", "ratio"} or not float(slot.value):
        return ""
    current = said[number.end() :].strip()
    swaps = {"ms": "s", "s": "ms", "%": "ms", "": "ms", "min": "h", "minutes": "hours", "seconds": "minutes", "h": "min",  # noqa: E501
             "hours": "minutes", "초": "분", "분": "시간", "시간": "분", "밀리초": "초", "퍼센트": "밀리초", "percent": "ms"}  # fmt: skip  # noqa: E501
    return f"{number[0]} {swaps[current]}" if current in swaps else ""
