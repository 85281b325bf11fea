"""Who calls whom: a graph of named nodes, by hand or from spans.

A span's parent is looked for in its own trace and, where it isn't there, in the trace that came just before it: some
tracers break a trace at a queue or a thread. Of spans four words each are kept until all have been read; the caller
bounds how many it hands over.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

Span = tuple[str, str, str, str]
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CallGraph:
    """Calls between nodes; may have cycles.

    Attributes:
        calls: (caller, callee) -> weight, such as how many calls were seen; a call of a node to itself counts for
            nothing.
    """

    calls: Mapping[tuple[str, str], float]

    def callees(self, node: str) -> frozenset[str]:
        """Return whom a node calls."""
        return self._down.get(node, _NOBODY)

    def callers(self, node: str) -> frozenset[str]:
        """Return who calls a node."""
        return self._up.get(node, _NOBODY)

    def reach(self, node: str) -> frozenset[str]:
        """Return all that call a node, straight or through others; without itself."""
        return frozenset(self._walk(node, self._up)) - {node}

    def below(self, node: str) -> frozenset[str]:
        """Return all that a node calls, straight or through others; without itself."""
        return frozenset(self._walk(node, self._down)) - {node}

    def steps(self, node: str) -> dict[str, int]:
        """Return by how few calls each node is reached from this one; itself by 0."""
        return self._walk(node, self._down)

    def depth(self, node: str) -> int:
        """Return by how few calls a node is reached from one that nobody calls; 0 where there is none such."""
        return self._depths.get(node, 0)

    @cached_property
    def nodes(self) -> frozenset[str]:
        """All nodes that call or are called."""
        return frozenset(node for pair in self.calls for node in pair)

    @cached_property
    def _down(self) -> dict[str, frozenset[str]]:
        return _sides((caller, callee) for caller, callee in self.calls)

    @cached_property
    def _up(self) -> dict[str, frozenset[str]]:
        return _sides((callee, caller) for caller, callee in self.calls)

    @cached_property
    def _depths(self) -> dict[str, int]:
        return _steps_from([node for node in self.nodes if not self.callers(node)], self._down)

    @staticmethod
    def _walk(node: str, sides: Mapping[str, frozenset[str]]) -> dict[str, int]:
        return _steps_from([node], sides)


def graph_of_spans(spans: Iterable[Span]) -> CallGraph:
    """Return the calls between services.

    Args:
        spans: (trace id, span id, parent's span id, service), in the order of the file.
    """
    kept = list(spans)
    owner = {(trace, span): service for trace, span, _, service in kept}
    calls: Counter[tuple[str, str]] = Counter()
    for (_, _, parent, service), home in zip(kept, home_traces(kept), strict=True):
        caller = owner.get((home, parent)) if parent else None
        if caller is not None and caller != service:
            calls[caller, service] += 1
    return CallGraph({pair: float(count) for pair, count in calls.items()})


def home_traces(spans: Iterable[Span]) -> list[str]:
    """Return for each span the trace its parent is in: its own, or the one just before it in the file."""
    kept = list(spans)
    known = {(trace, span) for trace, span, _, _ in kept}
    homes, last, before = [], "", ""
    for trace, _, parent, _ in kept:
        if trace != last:
            before, last = last, trace
        strayed = bool(parent) and (trace, parent) not in known and (before, parent) in known
        homes.append(before if strayed else trace)
    return homes


def _sides(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one, other in pairs:
        if one != other:
            found.setdefault(one, set()).add(other)
    return {one: frozenset(others) for one, others in found.items()}


def _steps_from(starts: Iterable[str], sides: Mapping[str, frozenset[str]]) -> dict[str, int]:
    steps = dict.fromkeys(starts, 0)
    waiting = deque(steps)
    while waiting:
        node = waiting.popleft()
        for other in sides.get(node, _NOBODY):
            if other not in steps:
                steps[other] = steps[node] + 1
                waiting.append(other)
    return steps
