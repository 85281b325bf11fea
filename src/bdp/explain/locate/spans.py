"""Where the time of calls goes: in the node itself, or on the way to it.

    own time    a span's duration without that of its children, summed over one visit to a node: a slow callee does
                not lengthen it
    lost time   a call as its caller saw it without the call as the callee saw it: network, queues, connection pools

Both depend on the operation, so each is divided by what is usual for its operation (for lost time: for its pair of
caller and callee): 1 is usual, 10 is ten times as long. What is usual is the median of the calls before a given time.
The idea of own time is that of critical-path and self-time profilers (Dapper: Sigelman and others, 2010).

Of n calls a few floats each are kept; the caller bounds n.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdp.explain.locate.graph import CallGraph, Span, graph_of_spans, home_traces
from bdp.explain.locate.onset import Onset, onset
from bdp.explain.locate.rank import Symptom
from bdp.explain.locate.sense import Sense

Floats = NDArray[np.float64]
Timed = tuple[Floats, Floats]
"""Epoch seconds and values, both of shape (n,), by time."""

Pair = tuple[str, str]
Point = tuple[float, float]

_SMALLEST_SECONDS = 0.001
_LEAST_USUAL = 3
_LEAST_STRUCK = 3
OWN_TIME, LOST_IN, LOST_OUT = "own time", "lost time in", "lost time out"
_SLOW = 3.0
_NEARLY_ALL = 0.7
_DOUBT = 0.3


@dataclass(frozen=True, slots=True)
class Call:
    """One span; `start` and `end` in epoch seconds, `parent` empty for a root."""

    trace: str
    span: str
    parent: str
    node: str
    operation: str
    start: float
    end: float

    @property
    def words(self) -> Span:
        """What a call graph is made of."""
        return self.trace, self.span, self.parent, self.node

    @property
    def seconds(self) -> float:
        """How long it took, 0 and more."""
        return max(0.0, self.end - self.start)


def graph_of_calls(calls: Iterable[Call]) -> CallGraph:
    """Return who calls whom."""
    return graph_of_spans(call.words for call in calls)


def own_times(calls: Sequence[Call], since: float) -> dict[str, Timed]:
    """Return by node the own time of each visit to it over what was usual for its first operation before `since`.

    A visit is a span with all spans of the same node below it that no other node's span parts from it. A caller's span
    for one call of another node has no own time: what the callee did not take was lost.
    """
    parents = {id(child): parent for child, parent in _parents(calls)}
    own = {id(call): call.seconds for call in calls}
    for call in calls:
        parent = parents.get(id(call))
        if parent is not None:
            own[id(parent)] -= max(0.0, min(call.end, parent.end) - max(call.start, parent.start))
    own |= dict.fromkeys((id(parent) for _, parent in _handed_over(calls)), 0.0)
    entries = _entries(calls, parents)
    visits: defaultdict[int, float] = defaultdict(float)
    for call in calls:
        visits[id(entries[id(call)])] += max(0.0, own[id(call)])
    points: defaultdict[Pair, list[Point]] = defaultdict(list)
    for call in calls:
        if entries[id(call)] is call:
            points[call.node, call.operation].append((call.end, visits[id(call)]))
    return _together(_over_usual(points, since), side=0)


def _entries(calls: Sequence[Call], parents: Mapping[int, Call]) -> dict[int, Call]:
    """Return for each call, by its id(), the first call of its visit; a ring of parents has its first call in it."""
    found: dict[int, Call] = {}
    for call in calls:
        way, at = {id(call): call}, call
        while id(at) not in found:
            above = parents.get(id(at))
            if above is None or above.node != at.node or id(above) in way:
                break
            way[id(above)] = at = above
        entry = found.get(id(at), at)
        found |= dict.fromkeys(way, entry)
    return found


def lost_times(calls: Sequence[Call], since: float) -> dict[Pair, Timed]:
    """Return by caller and callee the lost time of calls over what was usual for the two before `since`."""
    points: defaultdict[Pair, list[Point]] = defaultdict(list)
    for child, parent in _handed_over(calls):
        points[parent.node, child.node].append((parent.end, max(0.0, parent.seconds - child.seconds)))
    return {pair: _by_time(some) for pair, some in _over_usual(points, since).items()}


def symptoms_of_calls(calls: Sequence[Call], since: float, *, least_before: int = 8) -> list[Symptom]:
    """Return where own or lost time shifts from `since` on, weighed by the share of the later calls that it strikes.

    A pause that strikes a call or two is no symptom. Time that is lost on the way to a callee is the callee's doing (or
    of the network before it), whoever calls; a caller that loses time on the way to nearly all it calls is itself at a
    loss, such as for CPU, and its calls say nothing about its callees.
    """
    lost = lost_times(calls, since)
    starved = _starved(lost, since)
    doubtful = {callee for _, callee in lost} - {callee for caller, callee in lost if caller not in starved}
    told = {pair: timed for pair, timed in lost.items() if pair[0] not in starved or pair[1] in doubtful}
    kinds = {OWN_TIME: own_times(calls, since), LOST_IN: _together(told, 1), LOST_OUT: _together(lost, 0)}
    found = []
    for name, series in kinds.items():
        for node, (times, values) in series.items():
            shift = onset(times, values, since=since, least_before=least_before)
            weight = _struck(times, values, shift) if shift is not None and shift.up else 0.0
            weight *= _DOUBT if name == LOST_IN and node in doubtful else 1.0
            if shift is not None and weight > 0:
                found.append(Symptom(node, Sense.LATENCY, shift, name, weight, own=name != LOST_OUT or node in starved))
    return found


def _starved(lost: Mapping[Pair, Timed], since: float) -> set[str]:
    """Return the callers that lose time on the way to nearly all they call, two at least."""
    slow: defaultdict[str, list[bool]] = defaultdict(list)
    for (caller, _), (times, values) in lost.items():
        later = values[times >= since]
        if len(later) >= _LEAST_STRUCK:
            slow[caller].append(float(np.median(later)) > _SLOW)
    return {caller for caller, some in slow.items() if len(some) >= 2 and float(np.mean(some)) > _NEARLY_ALL}


def _struck(times: Floats, values: Floats, shift: Onset) -> float:
    """Return the share of the calls from the onset on that lie beyond half of the shift, 0 if they are few."""
    halfway = (shift.before + shift.after) / 2
    beyond = values[times >= shift.at] > halfway
    usual = float(np.mean(values[times < shift.at] > halfway))
    return max(0.0, float(np.mean(beyond)) - usual) if int(np.sum(beyond)) >= _LEAST_STRUCK else 0.0


def _parents(calls: Sequence[Call]) -> Iterable[tuple[Call, Call]]:
    """Yield each call that has a parent, with it."""
    by_id = {(call.trace, call.span): call for call in calls}
    for call, home in zip(calls, home_traces(call.words for call in calls), strict=True):
        parent = by_id.get((home, call.parent)) if call.parent else None
        if parent is not None and parent is not call:
            yield call, parent


def _handed_over(calls: Sequence[Call]) -> list[tuple[Call, Call]]:
    """Return the calls of another node, with the caller's span where that has no other child."""
    pairs = list(_parents(calls))
    children = Counter(id(parent) for _, parent in pairs)
    return [(child, parent) for child, parent in pairs if child.node != parent.node and children[id(parent)] == 1]


def _over_usual(points: Mapping[Pair, list[Point]], since: float) -> dict[Pair, list[Point]]:
    """Return the values over the usual one of their pair; pairs that were not seen often enough are left out."""
    found = {}
    for pair, some in points.items():
        before = [value for at, value in some if at < since]
        if len(before) >= _LEAST_USUAL:
            usual = float(np.median(before)) + _SMALLEST_SECONDS
            found[pair] = [(at, (value + _SMALLEST_SECONDS) / usual) for at, value in some]
    return found


def _together(points: Mapping[Pair, list[Point] | Timed], side: int) -> dict[str, Timed]:
    """Return the points of all pairs that share one side."""
    found: defaultdict[str, list[Point]] = defaultdict(list)
    for pair, some in points.items():
        found[pair[side]] += zip(*some, strict=True) if isinstance(some, tuple) else some
    return {node: _by_time(some) for node, some in found.items()}


def _by_time(points: list[Point]) -> Timed:
    table = np.array(sorted(points), dtype=np.float64)
    return table[:, 0], table[:, 1]
