"""The first failing node: degraded, and by itself, not because of those it calls.

    severity    of a symptom: how clear (strength), large (ratio), lasting, telling (sense; weight). A node's is that of
                its clearest sense, the others count less and less
    explained   a caller's symptom is explained by a symptom of a callee that can cause it, began no later and is large
                enough: of the same metric the share of the caller's change that the callee's change makes up, each
                times the calls it is an average of. Callees without a symptom are looked through. What is a node's own
                (CPU, own time, restarts) no callee explains
    power       how far it explains the worst-hit of its degraded callers in turn
    path        with a target: from it to the node along the calls, each node in between without a symptom costs;
                without one: how much of what is degraded lies upstream of the node
    early       the earliest onset breaks ties
    overrun     who was run over by traffic that another failure sends counts less

Methods: the caller's anomaly is told from the callee's along the graph as in MonitorRank (Kim, Sumbaly, Shah,
SIGMETRICS 2013) and MicroRCA (Wu, Tordsson, Elmroth, Kao, NOMS 2020), but by one explained share for each symptom in
place of a random walk, so that each place in the ranking has a reason a person can check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.onset import Onset
from bdp.explain.locate.sense import Sense, is_bad, is_own, is_victim

SLACK_SECONDS = 120.0
"""Onsets closer than this are taken for simultaneous: series have steps, clocks differ."""

_FULL_STRENGTH = 100.0
_TELLING = {Sense.ERRORS: 1.0, Sense.AVAILABILITY: 1.0, Sense.LATENCY: 0.9, Sense.EXPIRY: 0.8, Sense.SATURATION: 0.7}
_FURTHER_SENSE = 0.4
_OF_POINTS = {1: 0.5, 2: 0.8}
_OTHER_THAN_TARGET = 0.6
_FAILING = frozenset({Sense.ERRORS, Sense.AVAILABILITY})
_CAUSES: dict[tuple[str, str], float] = {
    ("failing", "failing"): 1.0,
    ("failing", "latency"): 0.7,
    ("failing", "saturation"): 0.5,
    ("latency", "latency"): 1.0,
    ("latency", "failing"): 0.8,
    ("latency", "saturation"): 0.8,
    ("saturation", "latency"): 0.8,
    ("saturation", "failing"): 0.7,
    ("saturation", "saturation"): 0.6,
    ("expiry", "failing"): 1.0,
    ("expiry", "latency"): 0.7,
}
"""How far one kind of trouble of a callee can bring about another of its caller."""

_MOST_EXPLAINED = 0.85
_FLOOD = 3.0
"""Times the usual traffic that runs a node over."""
_OVERRUN = 0.4
_LATER = 0.3
_THROUGH_SILENT = 0.75
_SILENT_STEPS = 4
_SILENT_ON_PATH = 0.75
_OFF_PATH = 0.35
_LATE = 0.35
_WITHOUT_POWER = 0.3


@dataclass(frozen=True)
class Symptom:
    """One shift of a node; logs can be symptoms too: the first abnormal one is an onset of ERRORS.

    Attributes:
        metric: its name; two nodes' symptoms of the same metric are compared by size, so it implies the unit.
        weight: how far to trust it, 0 to 1.
        own: no callee can bring it about, such as own time; what `metric` tells is known without it.
        volume: how many calls the metric is an average of, in the same time for all nodes; 1 where that is not known.
    """

    node: str
    sense: Sense
    onset: Onset
    metric: str = ""
    weight: float = 1.0
    own: bool = False
    volume: float = 1.0


@dataclass(frozen=True)
class Suspect:
    """A node by how likely the failure began there.

    Attributes:
        score: 0 and more, comparable within one ranking only.
        reasons: words with values for whoever explains the ranking, such as `own_share 0.85`.
        onset: epoch seconds of its first clear symptom.
    """

    node: str
    score: float
    reasons: tuple[str, ...]
    onset: float


@dataclass(frozen=True)
class _Sign:
    """A bad symptom and its severity."""

    symptom: Symptom
    severity: float

    @property
    def kind(self) -> str:
        return "failing" if self.symptom.sense in _FAILING else self.symptom.sense.value


Signs = Mapping[str, Sequence[_Sign]]


def rank(
    graph: CallGraph,
    symptoms: Sequence[Symptom],
    target: str = "",
    *,
    target_sense: Sense | None = None,
    slack: float = SLACK_SECONDS,
) -> list[Suspect]:
    """Return the degraded nodes, likeliest origin first.

    Args:
        graph: who calls whom.
        symptoms: the shifts of all nodes; those that are no bad sign are passed over.
        target: node whose trouble is to be explained; nodes it does not reach count less.
        target_sense: what is wrong with it; symptoms of another kind count less.
        slack: seconds within which two onsets count as one time.
    """
    signs = _signs_of(symptoms, target_sense)
    onsets = {node: _onset_of(some) for node, some in signs.items()}
    overrun = _overrun(symptoms, onsets, slack)
    paths = _paths(graph, signs, target)
    suspects = [_suspect(graph, signs, node, target, paths[node], onsets, slack) for node in signs]
    suspects = [replace(one, score=one.score * _OVERRUN) if one.node in overrun else one for one in suspects]
    return sorted(suspects, key=lambda suspect: (-round(suspect.score, 9), suspect.onset))


def _overrun(symptoms: Iterable[Symptom], onsets: Mapping[str, float], slack: float) -> set[str]:
    """Return the nodes that several times their traffic reached before they degraded, where another degraded no later.

    Retries, renewed log-ins and missed caches send it: who is run over is a victim of what failed before.
    """
    flooded = {
        one.node
        for one in symptoms
        if one.sense is Sense.TRAFFIC and one.onset.up and one.onset.ratio >= _FLOOD
        and one.node in onsets and one.onset.at <= onsets[one.node] + slack
    }  # fmt: skip
    others = [at for node, at in onsets.items() if node not in flooded]
    return {node for node in flooded if any(at <= onsets[node] + slack for at in others)}


def blast_radius(
    graph: CallGraph, symptoms: Sequence[Symptom], first: str, *, slack: float = SLACK_SECONDS
) -> list[str]:
    """Return the other nodes that degrade no earlier than `first`: its callers by distance, then the rest by onset."""
    signs = _signs_of(symptoms, None)
    began = _onset_of(signs[first]) - slack if first in signs else -math.inf
    late = {node: max(sign.symptom.onset.at for sign in some) for node, some in signs.items() if node != first}
    struck = [node for node, at in late.items() if at >= began]
    upward = {node: graph.steps(node).get(first, 0) for node in graph.reach(first)}
    return sorted(struck, key=lambda node: (node not in upward, upward.get(node, 0), _onset_of(signs[node])))


def severity(symptom: Symptom) -> float:
    """Return how much one symptom says, 0 to 1; 0 for what is no bad sign of the node's own."""
    onset = symptom.onset
    if not is_bad(symptom.sense, onset.up) or is_victim(symptom.metric):
        return 0.0
    clear = math.log1p(min(max(onset.strength, 0.0), _FULL_STRENGTH)) / math.log1p(_FULL_STRENGTH)
    return max(symptom.weight, 0.0) * _TELLING.get(symptom.sense, 0.0) * clear * _size(symptom) * _lasting(onset)


def _lasting(onset: Onset) -> float:
    """A single point is soon a matter of chance; three are not."""
    return _OF_POINTS.get(onset.points, 1.0)


def _size(symptom: Symptom) -> float:
    """A doubling is large; of availability a twentieth lost is. Time that is left runs down anyway, until none is."""
    onset = symptom.onset
    if symptom.sense is Sense.EXPIRY:
        return float(onset.after <= 0)
    if symptom.sense is Sense.AVAILABILITY:
        lost = abs(onset.after - onset.before) / max(abs(onset.before), 1e-12)
        return 0.5 + 0.5 * min(1.0, 20.0 * lost)
    return 0.3 + 0.7 * min(1.0, math.log2(max(onset.ratio, 1.0)))


def _signs_of(symptoms: Iterable[Symptom], target_sense: Sense | None) -> dict[str, list[_Sign]]:
    signs: dict[str, list[_Sign]] = {}
    for symptom in symptoms:
        severe = severity(symptom) * (1.0 if _alike(symptom.sense, target_sense) else _OTHER_THAN_TARGET)
        if severe > 0:
            signs.setdefault(symptom.node, []).append(_Sign(symptom, severe))
    return signs


def _alike(sense: Sense, target_sense: Sense | None) -> bool:
    return target_sense is None or sense is target_sense or {sense, target_sense} <= _FAILING


def _onset_of(signs: Sequence[_Sign]) -> float:
    """The first onset among the symptoms that are at least half as severe as the most severe one."""
    bar = max(sign.severity for sign in signs) / 2
    return min(sign.symptom.onset.at for sign in signs if sign.severity >= bar)


def _suspect(
    graph: CallGraph, signs: Signs, node: str, target: str, path: float, onsets: Mapping[str, float], slack: float
) -> Suspect:
    callees = _degraded_callees(graph, signs, node)
    kept = [(sign, 1.0 - _MOST_EXPLAINED * _explained(sign, signs, callees, slack)) for sign in signs[node]]
    own = _by_sense((sign, sign.severity * share) for sign, share in kept)
    whole = _by_sense((sign, sign.severity) for sign in signs[node])
    power = 1.0 if node == target else _power(graph, signs, node, target, slack)
    score = own * path * power * (1.0 - _LATE * _lateness(onsets, node, slack))
    reasons = _reasons(signs[node], own / whole, path, bool(callees), onsets[node] <= min(onsets.values()) + slack)
    return Suspect(node, score, reasons, onsets[node])


def _by_sense(parts: Iterable[tuple[_Sign, float]]) -> float:
    """Return the sum over the senses of the most severe sign of each, the first whole, each further one less."""
    most: dict[str, float] = {}
    for sign, value in parts:
        most[sign.kind] = max(most.get(sign.kind, 0.0), value)
    return sum(value * _FURTHER_SENSE**place for place, value in enumerate(sorted(most.values(), reverse=True)))


def _degraded_callees(graph: CallGraph, signs: Signs, node: str) -> dict[str, float]:
    """Return the degraded callees; each callee without symptoms in between costs."""
    found: dict[str, float] = {}
    edge, seen, worth = {node}, {node}, 1.0
    for _ in range(_SILENT_STEPS + 1):
        nearby = {other for one in edge for other in graph.callees(one)} - seen
        found |= {other: worth for other in nearby if other in signs}
        seen |= nearby
        edge = {other for other in nearby if other not in signs}
        worth *= _THROUGH_SILENT
    return found


def _explained(sign: _Sign, signs: Signs, callees: Mapping[str, float], slack: float) -> float:
    """Return how far the callees explain a symptom, 0 to 1."""
    if sign.symptom.own or is_own(sign.symptom.metric):
        return 0.0
    return max((worth * _causes(cause, sign, slack) for node, worth in callees.items() for cause in signs[node]),
               default=0.0)  # fmt: skip


def _power(graph: CallGraph, signs: Signs, node: str, target: str, slack: float) -> float:
    """Return how far a node explains its nearest degraded callers and, by volume, the target; 0.3 to 1."""
    callers = _degraded_callers(graph, signs, node)
    most = _most_caused(signs[node], (sign for caller in callers for sign in signs[caller]), slack)
    if target in signs and target in graph.reach(node):
        measured = [sign for sign in signs[node] if sign.symptom.volume != 1.0]
        most = min(most, _most_caused(measured, signs[target], slack))
    return _WITHOUT_POWER + (1.0 - _WITHOUT_POWER) * most


def _most_caused(causes: Sequence[_Sign], effects: Iterable[_Sign], slack: float) -> float:
    """Return how far any of the causes explains any of the effects; 1 where there is nothing to compare."""
    return max((_causes(cause, effect, slack) for effect in effects for cause in causes), default=1.0)


def _degraded_callers(graph: CallGraph, signs: Signs, node: str) -> set[str]:
    """Return the nearest callers with a symptom; those without one are looked through."""
    found, seen, edge = set[str](), {node}, {node}
    while edge:
        nearby = {other for one in edge for other in graph.callers(one)} - seen
        found |= {other for other in nearby if other in signs}
        seen |= nearby
        edge = {other for other in nearby if other not in signs}
    return found


def _causes(cause: _Sign, effect: _Sign, slack: float) -> float:
    fits = _CAUSES.get((cause.kind, effect.kind), 0.0)
    one, other = cause.symptom, effect.symptom
    in_time = 1.0 if one.onset.at <= other.onset.at + slack else _LATER
    if one.metric and one.metric == other.metric and one.sense is other.sense:
        share = _change(one) / max(_change(other), 1e-300)
    else:
        share = cause.severity / effect.severity
    return fits * in_time * min(1.0, share)


def _change(symptom: Symptom) -> float:
    return abs(symptom.onset.after - symptom.onset.before) * max(symptom.volume, 0.0)


def _lateness(onsets: Mapping[str, float], node: str, slack: float) -> float:
    first, last = min(onsets.values()), max(onsets.values())
    return max(0.0, onsets[node] - first - slack) / max(last - first, 1e-9)


def _paths(graph: CallGraph, signs: Signs, target: str) -> dict[str, float]:
    if target in graph.nodes:
        silent = _silent_between(graph, signs, target)
        return {node: _SILENT_ON_PATH ** silent[node] if node in silent else _OFF_PATH for node in signs}
    sizes = {node: _by_sense((sign, sign.severity) for sign in some) for node, some in signs.items()}
    whole = sum(sizes.values())
    return {node: 0.5 + 0.5 * sum(sizes[one] for one in sizes if one in upstream) / whole
            for node in signs for upstream in [graph.reach(node) | {node}]}  # fmt: skip


def _silent_between(graph: CallGraph, signs: Signs, target: str) -> dict[str, int]:
    """Return for each node below the target how few nodes without a symptom lie between the two."""
    fewest = {target: 0}
    edge = [target]
    while edge:
        further = []
        for node in edge:
            cost = fewest[node] + (node != target and node not in signs)
            better = [other for other in graph.callees(node) if cost < fewest.get(other, len(graph.nodes) + 1)]
            fewest |= dict.fromkeys(better, cost)
            further += better
        edge = further
    return fewest


def _reasons(
    signs: Sequence[_Sign], own_share: float, path: float, has_callees: bool, earliest: bool
) -> tuple[str, ...]:
    worst = max(signs, key=lambda sign: sign.severity).symptom
    return (
        f"symptom {worst.sense.value} {worst.metric}".strip(),
        f"own_share {own_share:.2f}",
        *(() if has_callees else ("no_degraded_callee",)),
        *(("earliest",) if earliest else ()),
        f"path {path:.2f}",
    )
