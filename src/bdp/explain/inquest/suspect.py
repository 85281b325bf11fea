"""Changes as suspects: what speaks for and against each is weighed against the others, and against none.

What is weighed (`weighing.py`): how well what it does fits a failure that shows itself, how much of what runs it
alters, where it runs, how soon the failure came, whether a signal stepped just then, and what the failure names of it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from bdp.explain.bilingual import Bilingual, in_both
from bdp.explain.changes.altered import altered, places
from bdp.explain.changes.diff import files, hunks, is_code, is_config, is_dependencies
from bdp.explain.changes.effect import Effect, effects
from bdp.explain.changes.setting import words_of
from bdp.explain.inquest.fault import Fault, Showing
from bdp.explain.inquest.scene import Scene
from bdp.explain.inquest.shipped import Change, changes_of
from bdp.explain.inquest.step import Floats, stepped
from bdp.explain.inquest.weighing import Traits, chances, weight
from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.sense import is_bad
from bdp.explain.sentences import say
from bdp.explain.wording import name

_LEAST_MEASURED: Final = 2.0
_NEAR: Final = 0.2
_SOON: Final = 600.0
SLACK_SECONDS: Final = 120.0
_UNSHOWN: Final = 0.25
"""How far an effect counts that fits a kind of failure which does not show itself."""
_LARGE: Final = math.log(4)
_LEAST_SIZE: Final = 0.15
_UNRELATED: Final = 0.15
_FULL_TOUCH: Final = 3.0
_FULL_ECHO: Final = 2.0
_CLEAR: Final = 50.0
_SHORTEST: Final = 4
_TERM: Final = re.compile(r"[A-Za-z]\w*")
_WORD: Final = re.compile(r"[A-Za-z_][\w.-]{3,60}")


@dataclass(frozen=True)
class Suspect:
    """One change and how it fared.

    Attributes:
        at: when it took effect.
        services: where it did.
        score: 0 to 1, how likely it is to blame among the others and none.
        weight: in log-odds, before it is compared.
        flag: by which it took effect, if by one.
        harmless: its diff is known and alters nothing that runs.
        settings_only: all that it alters are settings, none of the program.
        reasons: what speaks for it, in words.
        refutations: what speaks against it, in words; empty if nothing does.
    """

    ref: str
    kind: str
    at: datetime
    services: tuple[str, ...]
    summary: str
    effects: tuple[Effect, ...]
    score: float
    fault: Fault | None
    reasons: tuple[Bilingual, ...]
    refutations: tuple[Bilingual, ...]
    weight: float = 0.0
    flag: str = ""
    settings_only: bool = False
    harmless: bool = False
    traits: Traits | None = None


@dataclass(frozen=True)
class Failure:
    """What failed: the first service, since when, all that degraded, and what they named.

    Attributes:
        onset: epoch seconds.
        named: names in messages, spans, metrics and the alert of what degraded, whole and by their words.
        phrases: three words in a row of messages that are new.
        clear: epoch seconds of the first clear sign of any service.
    """

    first: str
    onset: float
    hit: frozenset[str]
    named: frozenset[str]
    phrases: frozenset[str]
    clear: float


def suspects(scene: Scene, shown: Sequence[Showing], first: str, onset: float, hit: frozenset[str]) -> list[Suspect]:
    """Return every change of the scene as a suspect, likeliest first; their scores and that of none add up to 1.

    Args:
        shown: kinds of failure with how clearly they show.
        first: the service that failed first.
        onset: epoch seconds when it began to.
        hit: all services that degraded.
    """
    known = changes_of(scene)
    failure = Failure(
        first, onset, hit, frozenset(_named(scene)), frozenset(_phrases_heard(scene)), _clear(scene, onset)
    )
    rare = _rarity(known)
    tested = [_tested(one, scene, shown, failure, rare) for one in known]
    outer = max((one.score for one in shown if one.fault.operational), default=0.0)
    scored = chances([one.weight for one in tested], outer)
    told = [replace(one, score=round(score, 4)) for one, score in zip(tested, scored, strict=True)]
    return sorted(told, key=lambda one: (-one.score, -one.at.timestamp(), one.ref))


def _tested(
    change: Change, scene: Scene, shown: Sequence[Showing], failure: Failure, rare: Mapping[str, float]
) -> Suspect:
    graph, first = scene.graph, failure.first
    near = [frozenset({first}), graph.callers(first), graph.below(first), failure.hit]
    at, flag = change.since(near, failure.onset + SLACK_SECONDS)
    does = _effects_of(change)
    fit, fault, told = _fit(does, change, shown)
    relation, place = _relation(change, graph, first, failure.hit)
    lead = failure.onset - at.timestamp()
    traits = Traits(
        fit=fit,
        alters=_altered(change.diff) if change.diff else 0.0,
        relation=relation,
        minutes=max(0.0, lead / 60),
        late=lead < -SLACK_SECONDS,
        step=stepped(_series(scene, change), at.timestamp(), failure.onset),
        touch=_touch(change, failure.named, rare),
        placed=bool(_places(change.diff) & failure.named),
        echo=min(1.0, len(_phrases(change.diff) & failure.phrases) / _FULL_ECHO),
        after=at.timestamp() >= failure.clear + SLACK_SECONDS / 2,
        measured=_measured(scene, change, does, at.timestamp()),
        shipped=change.deployed or bool(change.ships) or change.kind != "commit",
        flag=change.kind == "flag",
        gated=bool(flag),
    )
    return Suspect(
        change.ref, change.kind, at, change.services, change.summary[:200], tuple(does), 0.0, fault,
        tuple(_reasons(traits, told, place, flag)), tuple(_against(change, traits, does, fault)),
        weight(traits), flag, _settings_only(change.diff), bool(change.diff) and traits.alters <= 0, traits,
    )  # fmt: skip


def _reasons(traits: Traits, told: Bilingual, place: Bilingual, flag: str) -> list[Bilingual]:
    return [
        *([told] if told else []),
        *([place] if place and traits.relation > _UNRELATED else []),
        *([say("since_flag", flag=name(flag))] if flag else []),
        *([say("failure_names")] if traits.placed else []),
        *([say("diff_names")] if traits.touch >= 0.5 else []),
        *([say("signal_stepped")] if traits.step >= 0.5 else []),
        *([say("metric_stepped")] if traits.measured else []),
    ]


def _against(change: Change, traits: Traits, does: Sequence[Effect], fault: Fault | None) -> list[Bilingual]:
    against = []
    if traits.late:
        against.append(say("too_late"))
    if traits.relation <= _UNRELATED:
        against.append(say("runs_elsewhere"))
    if not does and (change.kind == "commit" or change.diff):
        against.append(_harmless(change))
    elif fault is None:
        against.append(say("cannot_cause"))
    return against


@lru_cache(maxsize=1024)
def _read(diff: str) -> tuple[Effect, ...]:
    return tuple(effects(diff))


@lru_cache(maxsize=1024)
def _altered(diff: str) -> float:
    return altered(diff)


@lru_cache(maxsize=1024)
def _places(diff: str) -> frozenset[str]:
    return places(diff)


def _effects_of(change: Change) -> list[Effect]:
    return list(_read(change.diff)) if change.diff and _altered(change.diff) else []


def _fit(does: Sequence[Effect], change: Change, shown: Sequence[Showing]) -> tuple[float, Fault | None, Bilingual]:
    """Return how well what a change does explains a kind of failure that shows itself; which, and in words."""
    best: tuple[float, Fault | None, Bilingual] = (0.0, None, Bilingual())
    for showing in shown:
        for effect in does:
            power = showing.fault.effects.get(effect.kind, 0.0)
            value = power * effect.weight * _size(effect) * (_UNSHOWN + (1 - _UNSHOWN) * showing.score)
            if value > best[0]:
                what, brings = in_both(effect, "title"), in_both(showing.fault, "title")
                told = say("brings_about", effect=what, line=name(effect.lines[0]), fault=brings)
                best = (value, showing.fault, told)
        if showing.fault.by_flag and change.kind == "flag" and best[0] < 0.3:
            best = (0.3, showing.fault, say("flag_switched", ref=name(change.ref), way=name(change.summary)))
    return best


def _size(effect: Effect) -> float:
    """Return how much an altered number counts: a quarter or four times of it in full."""
    if effect.setting is None or effect.setting.ratio == 1.0:
        return 1.0
    ratio = effect.setting.ratio
    return 1.0 if ratio <= 0 else _LEAST_SIZE + (1 - _LEAST_SIZE) * min(1.0, abs(math.log(ratio)) / _LARGE)


def _relation(change: Change, graph: CallGraph, first: str, hit: frozenset[str]) -> tuple[float, Bilingual]:
    where = set(change.services)
    if change.shared and not change.ships:
        return 0.4, say("in_shared_code")
    if first in where and change.shared and not change.deployed:
        return 0.7, say("may_run_in_first", first=name(first))
    if first in where:
        return 1.0, say("runs_in_first", first=name(first))
    if where & graph.callers(first):
        return 0.95, say("runs_in_caller", service=name(min(where & graph.callers(first))), first=name(first))
    if where & graph.below(first):
        return 0.85, say("runs_in_callee", service=name(min(where & graph.below(first))), first=name(first))
    if where & hit:
        return 0.7, say("runs_in_hit", service=name(min(where & hit)))
    if not where:
        return 0.3, Bilingual()
    return _UNRELATED, Bilingual()


def _harmless(change: Change) -> Bilingual:
    if not change.diff:
        return say("not_known")
    if not any(is_code(file) for file in files(change.diff)):
        return say("no_code")
    if not hunks(change.diff):
        return say("not_known")
    return say("alters_nothing")


def _settings_only(diff: str) -> bool:
    code = [file for file in files(diff) if is_code(file) and not is_dependencies(file)]
    return bool(code) and all(is_config(file) for file in code)


def _series(scene: Scene, change: Change) -> list[tuple[Floats, Floats]]:
    return [one for service in change.services for one in scene.series.get(service, ())]


def _measured(scene: Scene, change: Change, does: Sequence[Effect], at: float) -> bool:
    """Return whether a metric of its services went from an altered setting's old value to its new one, just then."""
    altered = [one.setting for one in does if one.setting is not None and one.setting.old.amount >= _LEAST_MEASURED]
    return any(
        _near(one.onset.before, setting.old.amount) and _near(one.onset.after, setting.new.amount)
        for one in scene.symptoms
        if one.node in change.services and at - SLACK_SECONDS <= one.onset.at <= at + _SOON
        for setting in altered
    )


def _near(level: float, amount: float) -> bool:
    return abs(level - amount) <= _NEAR * abs(amount)


def _named(scene: Scene) -> set[str]:
    """Return names and words of what failed."""
    texts = [f"{one.text} {one.attributes}" for one in scene.said] + scene.spoken + [scene.alert]
    whole = {word.strip(".-").lower() for text in texts for word in _WORD.findall(text)}
    parts = [one.metric for one in scene.symptoms] + [word for text in texts for word in _WORD.findall(text)]
    stems = {piece.lower() for word in whole for piece in word.replace("-", ".").split(".")}
    return whole | stems | {word for text in parts for word in words_of(text) if len(word) >= _SHORTEST}


def _clear(scene: Scene, onset: float) -> float:
    bad = (one for one in scene.symptoms if is_bad(one.sense, one.onset.up) and one.weight > 0.5)
    return min([onset, *(one.onset.at for one in bad if one.onset.strength >= _CLEAR)])


def _phrases_heard(scene: Scene) -> set[str]:
    """Return what was said in messages that were not there before, as three words in a row."""
    return {phrase for one in scene.said if one.count > 3 * one.before for phrase in _triples(one.text)}


@lru_cache(maxsize=1024)
def _phrases(diff: str) -> frozenset[str]:
    code = (hunk for hunk in hunks(diff) if is_code(hunk.file))
    return frozenset(phrase for hunk in code for sign, text in hunk.lines if sign != " " for phrase in _triples(text))


def _triples(text: str) -> set[str]:
    words = [word.lower() for word in _TERM.findall(text)]
    return {" ".join(words[place : place + 3]) for place in range(len(words) - 2)}


def _rarity(known: Sequence[Change]) -> dict[str, float]:
    """Return how little common each word is among the changes: 1 for a word of one, 0 for a word of all."""
    counts = Counter(word for change in known for word in _words(change))
    whole = math.log(max(2, len(known)))
    return {word: math.log(max(2, len(known)) / count) / whole for word, count in counts.items()}


def _words(change: Change) -> frozenset[str]:
    return _words_of(change.diff, change.summary)


@lru_cache(maxsize=1024)
def _words_of(diff: str, summary: str) -> frozenset[str]:
    texts = [summary] + [text for hunk in hunks(diff) for sign, text in hunk.lines if sign != " "]
    texts += [hunk.scope for hunk in hunks(diff)]
    whole = [word for text in texts for word in _WORD.findall(text)]
    parts = {part for word in whole for part in words_of(word) if len(part) >= _SHORTEST}
    return frozenset({word.strip(".-").lower() for word in whole} | parts)


def _touch(change: Change, named: frozenset[str], rare: Mapping[str, float]) -> float:
    """Return how far a change names what the failure names, 0 to 1; words of many changes say little."""
    own = {word for service in change.services for word in (service.lower(), *words_of(service))}
    return min(1.0, sum(rare.get(word, 0.0) ** 2 for word in (_words(change) & named) - own) / _FULL_TOUCH)
