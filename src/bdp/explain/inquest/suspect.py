"""Changes as suspects: each tested against when it took effect, where, what it does, and what failed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from bdp.explain.bilingual import Bilingual, in_both
from bdp.explain.changes.diff import files, hunks, is_code
from bdp.explain.changes.effect import Effect, effects
from bdp.explain.inquest.fault import Fault, Showing
from bdp.explain.inquest.scene import Scene, tokens
from bdp.explain.locate.graph import CallGraph
from bdp.explain.sentences import say
from bdp.ports import Row

SLACK_SECONDS: Final = 120.0
_UNSHOWN: Final = 0.25
"""How far an effect counts that fits a kind of failure which does not show itself."""
_LARGE: Final = math.log(3)
_UNRELATED: Final = 0.15
_GENERIC: Final = frozenset(
    {"service", "services", "svc", "server", "app", "api", "main", "internal", "pkg", "cmd", "src", "lib"}
)


@dataclass(frozen=True)
class Suspect:
    """One change and how it fared.

    Attributes:
        at: when it took effect.
        services: where it did.
        read: its diff is known.
        score: 0 to 1.
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
    read: bool = False


@dataclass(frozen=True)
class _Change:
    ref: str
    kind: str
    at: datetime
    deployed: bool
    services: tuple[str, ...]
    shared: bool
    summary: str
    diff: str
    ships: tuple[tuple[str, datetime], ...] = ()

    def since(self, places: Sequence[frozenset[str]]) -> datetime:
        """Return when it took effect in the first of these places that it reached; else when it did at all."""
        for place in places:
            times = [at for service, at in self.ships if service in place]
            if times:
                return min(times)
        return self.at


def suspects(scene: Scene, shown: Sequence[Showing], first: str, onset: float, hit: frozenset[str]) -> list[Suspect]:
    """Return every change of the scene as a suspect, likeliest first.

    Args:
        shown: kinds of failure with how clearly they show.
        first: the service that failed first.
        onset: epoch seconds when it began to.
        hit: all services that degraded.
    """
    known = _changes(scene)
    rare = _rarity(known)
    heard = tokens([f"{one.text} {one.attributes}" for one in scene.said] + scene.spoken + [scene.alert])
    heard |= tokens([one.metric for one in scene.symptoms])
    tested = [_tested(one, scene.graph, shown, first, onset, hit, heard, rare) for one in known]
    return sorted(tested, key=lambda one: (-one.score, -one.at.timestamp(), one.ref))


def _changes(scene: Scene) -> list[_Change]:
    rows = scene.changes
    live = [row for row in rows if row["kind"] == "deploy"]
    services = {row["service"] for row in live if row["service"]} | scene.internal
    found = [_commit(row, live, services) for row in rows if row["kind"] == "commit"]
    shipped = {row["ref"] for row in rows if row["kind"] == "commit"}
    for row in rows:
        if row["kind"] != "commit" and not (row["kind"] == "deploy" and row["ref"] in shipped):
            where = (row["service"],) if row["service"] else ()
            found.append(_Change(row["ref"], row["kind"], row["ts"], True, where, False, row["summary"], row["patch"]))
    return found


def _commit(row: Row, live: Sequence[Row], services: set[str]) -> _Change:
    """Return a commit with where and when it runs: from the first deploy after it of a service that it touches."""
    touched = files(row["patch"])
    own = {service for service in services for file in touched if _belongs(file, service)}
    if row["service"]:
        own.add(row["service"])
    shared = not own
    mine = [one for one in live if one["ref"] == row["ref"]]
    later = [one for one in live if one["ts"] >= row["ts"] and (shared or one["service"] in own)]
    ships = sorted(mine or later, key=lambda one: one["ts"])
    where = tuple(dict.fromkeys([*(one["service"] for one in ships), *sorted(own)]))
    at = ships[0]["ts"] if ships else row["ts"]
    shipped = tuple((one["service"], one["ts"]) for one in ships)
    return _Change(row["ref"], "commit", at, bool(mine), where, shared, row["summary"], row["patch"], shipped)


def _belongs(file: str, service: str) -> bool:
    """Return whether a path names a service: `services/cart/db.go` that of `cartservice`."""
    plain = re.sub(r"[-_ ]|service|svc|server", "", service.lower())
    parts = [re.sub(r"[-_ ]|service|svc|server", "", part.lower()) for part in file.split("/")[:-1]]
    return any(
        len(part) >= 3 and part not in _GENERIC and (part == plain or (len(part) >= 4 and part in plain))
        for part in parts
    )


def _tested(
    change: _Change,
    graph: CallGraph,
    shown: Sequence[Showing],
    first: str,
    onset: float,
    hit: frozenset[str],
    heard: set[str],
    rare: Mapping[str, float],
) -> Suspect:
    does = _effects_of(change)
    fit, fault, told = _fit(does, change, shown)
    relation, place = _relation(change, graph, first, hit)
    against: list[Bilingual] = []
    at = change.since([frozenset({first}), graph.callers(first), graph.below(first), hit])
    late = at.timestamp() > onset + SLACK_SECONDS
    if late:
        against.append(say("too_late"))
    if relation <= _UNRELATED:
        against.append(say("runs_elsewhere"))
    if not does and (change.kind == "commit" or change.diff):
        against.append(_harmless(change))
    elif fault is None:
        against.append(say("cannot_cause"))
    touch = _touch(change, heard, rare)
    # A commit that no deploy names runs only if its service was built again since.
    shipped = 1.0 if change.deployed or change.ships or change.kind != "commit" else 0.6
    score = 0.0 if late else fit * relation * _timing(onset - at.timestamp()) * (0.75 + 0.25 * touch) * shipped
    reasons = [told] if told else []
    reasons += [place] if place and relation > _UNRELATED else []
    reasons += [say("diff_names")] if touch >= 0.5 else []
    return Suspect(
        change.ref, change.kind, at, change.services, change.summary[:200], tuple(does), round(score, 4),
        fault, tuple(reasons), tuple(against), bool(change.diff),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _read(diff: str) -> tuple[Effect, ...]:
    return tuple(effects(diff))


def _effects_of(change: _Change) -> list[Effect]:
    return list(_read(change.diff)) if change.diff else []


def _fit(does: Sequence[Effect], change: _Change, shown: Sequence[Showing]) -> tuple[float, Fault | None, Bilingual]:
    """Return how well what a change does explains a kind of failure that shows itself; which, and in words."""
    best: tuple[float, Fault | None, Bilingual] = (0.0, None, Bilingual())
    for showing in shown:
        for effect in does:
            power = showing.fault.effects.get(effect.kind, 0.0)
            value = power * effect.weight * _size(effect) * (_UNSHOWN + (1 - _UNSHOWN) * showing.score)
            if value > best[0]:
                what, brings = in_both(effect, "title"), in_both(showing.fault, "title")
                told = say("brings_about", effect=what, line=effect.lines[0], fault=brings)
                best = (value, showing.fault, told)
        if showing.fault.by_flag and change.kind == "flag" and best[0] < 0.3:
            best = (0.3, showing.fault, say("flag_switched", ref=change.ref, way=change.summary))
    return best


def _size(effect: Effect) -> float:
    """Return how much an altered number counts: a third or three times of it in full."""
    if effect.setting is None or effect.setting.ratio == 1.0:
        return 1.0
    ratio = effect.setting.ratio
    return 1.0 if ratio <= 0 else 0.4 + 0.6 * min(1.0, abs(math.log(ratio)) / _LARGE)


def _relation(change: _Change, graph: CallGraph, first: str, hit: frozenset[str]) -> tuple[float, Bilingual]:
    where = set(change.services)
    if change.shared and not change.ships:
        return 0.4, say("in_shared_code")
    if first in where:
        return 1.0, say("runs_in_first", first=first)
    if where & graph.callers(first):
        return 0.95, say("runs_in_caller", service=min(where & graph.callers(first)), first=first)
    if where & graph.below(first):
        return 0.85, say("runs_in_callee", service=min(where & graph.below(first)), first=first)
    if where & hit:
        return 0.7, say("runs_in_hit", service=min(where & hit))
    if not where:
        return 0.3, Bilingual()
    return _UNRELATED, Bilingual()


def _timing(seconds: float) -> float:
    """Return how well the time from the change to the failure fits: best within ten minutes, half of it after hours."""
    minutes = max(0.0, seconds / 60)
    return 1.0 if minutes <= 10 else max(0.5, 1.0 - 0.12 * math.log2(minutes / 10))


def _harmless(change: _Change) -> Bilingual:
    if not change.diff:
        return say("not_known")
    if not any(is_code(file) for file in files(change.diff)):
        return say("no_code")
    if not hunks(change.diff):
        return say("not_known")
    return say("alters_nothing")


def _rarity(known: Sequence[_Change]) -> dict[str, float]:
    counts = Counter(word for change in known for word in _words(change))
    return {word: 1.0 / count for word, count in counts.items()}


def _words(change: _Change) -> set[str]:
    names = {part for file in files(change.diff) for part in (file.rsplit("/", 1)[-1].lower(),)}
    return tokens([hunk.about for hunk in hunks(change.diff)] + [change.summary]) | names


def _touch(change: _Change, heard: set[str], rare: Mapping[str, float]) -> float:
    """Return how far a change names what the failure names, 0 to 1; words of many changes say little."""
    return min(1.0, sum(rare.get(word, 0.0) for word in _words(change) & heard) / 3)
