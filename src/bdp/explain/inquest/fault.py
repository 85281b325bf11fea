"""Kinds of failure held against the scene: how clearly each shows itself, by what is said, measured and traced."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bdp.explain.bilingual import Bilingual, in_both
from bdp.explain.inquest.scene import Scene
from bdp.explain.playbook import says
from bdp.explain.sentences import say
from bdp.explain.wording import name
from bdp.model.analysis import Remedy

_TABLE: Final = Path(__file__).with_name("faults.toml")
_BY_WORDS = 0.85
_BY_ALERT = 0.35
_ELSEWHERE = 0.6
_SPOKEN = 0.5
_FOLLOWED = 0.5


class MetricTrait(BaseModel):
    """What a metric does in a failure of this kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...]
    way: Literal["up", "down", "any"]
    weight: float = Field(gt=0, le=1)


class Fault(BaseModel):
    """One row of `faults.toml`; see there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    title_ko: str
    signs: tuple[str, ...] = ()
    metrics: tuple[MetricTrait, ...] = ()
    spans: dict[str, float] = {}
    scene: dict[str, float] = {}
    effects: dict[str, float] = {}
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    operational: bool = False
    by_flag: bool = False
    playbook: str = ""
    remedy: Remedy
    remedy_alone: Remedy


@dataclass(frozen=True)
class Showing:
    """How clearly a kind of failure shows itself, 0 to 1, and by what.

    Attributes:
        lacks: what would show it and is not there.
        since: epoch seconds of the first message that shows it; None where none does.
    """

    fault: Fault
    score: float
    reasons: tuple[Bilingual, ...] = ()
    lacks: tuple[Bilingual, ...] = ()
    since: float | None = None


@lru_cache(maxsize=1)
def faults() -> tuple[Fault, ...]:
    """Return the table."""
    return tuple(Fault.model_validate(row) for row in tomllib.loads(_TABLE.read_text("utf-8"))["fault"])


def showings(scene: Scene, near: Iterable[str]) -> list[Showing]:
    """Return every kind of failure with how clearly it shows itself, clearest first.

    Args:
        near: services where the failure may have begun; what others say counts less.
    """
    close = frozenset(near)
    found = _by_course([_showing(fault, scene, close) for fault in faults()])
    return sorted(found, key=lambda one: -one.score)


def _by_course(found: list[Showing]) -> list[Showing]:
    """Let what was told first stand for what followed from it: instances that end where the disk is full do so by it.

    What shows the later one is what the earlier one does, so that one shows as clearly, and the later is no cause.
    """
    known = {one.fault.name: one for one in found}
    for later in found:
        for earlier in (known[one] for one in later.fault.follows):
            if later.score >= earlier.score > 0 and _first(earlier, later):
                came = say("came_first", later=in_both(later.fault, "title"))
                reasons = (*earlier.reasons, came)
                known[earlier.fault.name] = replace(earlier, score=later.score, reasons=reasons)
                follows = say("follows_from", earlier=in_both(earlier.fault, "title"))
                lacks = (follows, *later.lacks)
                known[later.fault.name] = replace(later, score=round(later.score * _FOLLOWED, 4), lacks=lacks)
    return list(known.values())


def _first(earlier: Showing, later: Showing) -> bool:
    return earlier.since is not None and later.since is not None and earlier.since <= later.since


def _showing(fault: Fault, scene: Scene, near: frozenset[str]) -> Showing:
    words, metrics = _by_words(fault, scene, near), _by_metrics(fault, scene, near)
    structure = _by_structure(fault, scene)
    parts = [*words, *metrics, *structure]
    doubt = 1.0
    for weight, _ in parts:
        doubt *= 1.0 - min(0.98, weight)
    missing = [need for need in fault.needs if need not in scene.oddities]
    score = (1.0 - doubt) * (0.2 if missing else 1.0)
    lacks = {
        "need_absent": missing,
        "no_words": fault.signs and not words,
        "no_metric": fault.metrics and not metrics,
        "no_structure": fault.spans and not structure,
    }
    told = tuple(say(key) for key, lack in lacks.items() if lack)
    return Showing(fault, round(score, 4), tuple(reason for _, reason in parts), told, _since(fault, scene))


def _since(fault: Fault, scene: Scene) -> float | None:
    new = (one for one in scene.said if one.count > 2 * one.before)
    return min((one.seconds for one in new if _shows(fault.signs, f"{one.text} {one.reasons}")), default=None)


def _by_words(fault: Fault, scene: Scene, near: frozenset[str]) -> list[tuple[float, Bilingual]]:
    found: list[tuple[float, Bilingual]] = []
    for close in (True, False):
        heard = [one for one in scene.said if (one.service in near) == close and one.count > 2 * one.before]
        total = sum(one.count for one in heard)
        hits = [one for one in heard if _shows(fault.signs, f"{one.text} {one.reasons}")]
        share = sum(one.count for one in hits) / total if total else 0.0
        if hits and share >= 0.02:
            # A few lines that name the cause among many that complain are as good as many.
            weight = _BY_WORDS * (0.5 + 0.5 * min(1.0, 2 * share)) * (1.0 if close else _ELSEWHERE)
            found.append((weight, say("says", service=name(hits[0].service), text=name(hits[0].text))))
    if _shows(fault.signs, scene.alert):
        found.append((_BY_ALERT, say("alert_says" if scene.alerted else "title_says")))
    if any(_shows(fault.signs, text) for text in scene.spoken):
        found.append((_SPOKEN, say("spans_say")))
    return found


def _by_metrics(fault: Fault, scene: Scene, near: frozenset[str]) -> list[tuple[float, Bilingual]]:
    found = []
    for trait in fault.metrics:
        for one in scene.symptoms:
            fits = trait.way == "any" or one.onset.up == (trait.way == "up")
            if fits and any(says(name, one.metric.replace("_", " ").replace(".", " ")) for name in trait.names):
                weight = trait.weight * (1.0 if one.node in near else 0.8)
                moved = say("rose" if one.onset.up else "fell", metric=name(one.metric), entity=name(one.node))
                found.append((weight, moved))
                break
    return found


def _by_structure(fault: Fault, scene: Scene) -> list[tuple[float, Bilingual]]:
    wanted = {**fault.spans, **fault.scene}
    return [
        (weight * scene.oddities[name].strength, scene.oddities[name].said)
        for name, weight in wanted.items()
        if name in scene.oddities
    ]


def _shows(signs: Iterable[str], text: str) -> bool:
    return any(says(sign, text) for sign in signs)
