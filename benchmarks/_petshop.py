"""PetShop (Amazon, arXiv:2311.04806): which of 41 components of an application is to blame for a slow or failing front.

Each issue has five points, five minutes apart, of latency, requests and availability of each component, and the time at
which the front was seen to suffer. The normal period was recorded months apart from the issues: where a component's
first point lies outside of all it did then, only the spread of the normal period is used, at the level of that point.
The temporal scenarios come without a normal period; they borrow that of the scenario with low traffic.

A component that a tracer only knows from its callers' side and can't even name a kind for (`…_remote`) weighs half.

All issues that are public have one and the same origin, so that a rule could fit them by chance. Beside them stand
faults put into stretches of the normal period at each component that the front reaches and that usually works: a rise
in latency (a fall in availability) that the front feels by 30 % (3 points), carried up to callers by their share of the
calls times a chance between 0.5 and 1.5.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.onset import onset
from bdp.explain.locate.rank import Suspect, Symptom, rank
from bdp.explain.locate.sense import sense_of
from benchmarks._detectors import Floats

STEP = 300.0
SENSED = ("latency", "availability")
UNITS = {"latency": "s", "availability": "%"}
BORROWED = "low_traffic"
REMOTE_WEIGHT = 0.5
BASE_POINTS = 288
INJECTED_POINTS = 5
SLOWER = 0.3
LOST_PERCENT = 3.0
LEAST_AVAILABLE = 50.0

Series = dict[tuple[str, str], Floats]
"""(component, metric) -> values, shape (n,), NaN where there is none."""


@dataclass(frozen=True)
class Recording:
    """Series of one stretch; `times` of shape (n,)."""

    times: Floats
    series: Series


@dataclass(frozen=True)
class Issue:
    """One case: its series, what came before them, and the truth.

    Attributes:
        metric: what the front suffers in; `at`: when that was seen, epoch seconds.
        root: the component to blame.
    """

    name: str
    scenario: str
    graph: CallGraph
    base: Recording
    seen: Recording
    target: str
    metric: str
    at: float
    root: str


@dataclass
class Tally:
    """Places of the truth in the rankings of a group of cases."""

    places: list[int] = field(default_factory=list)

    def top(self, most: int) -> float:
        """Return the share of cases with the truth among the first `most`."""
        return sum(0 < place <= most for place in self.places) / max(1, len(self.places))


def run(folder: Path, *, quick: bool = False) -> dict[str, Any]:
    """Rank each issue, print a line for it and the totals; return the totals."""
    root = folder / "dataset"
    issues = list(read_issues(root))[:: 3 if quick else 1]
    tallies: dict[str, Tally] = {}
    for issue in issues:
        place, ranked = judge(issue)
        for group in (f"{issue.scenario} {issue.metric}", "all"):
            tallies.setdefault(group, Tally()).places.append(place)
        print(f"petshop  {issue.name:<38}{issue.metric:<14}place {place or '-':<4}{first_names(ranked)}")
    show("petshop", tallies)
    made = made_up(root, quick=quick)
    show("petshop, faults put in", made)
    return {group: [tally.top(1), tally.top(3), len(tally.places)] for group, tally in (tallies | made).items()}


def judge(issue: Issue) -> tuple[int, list[Suspect]]:
    """Return the place of the truth in the ranking, from 1 on, or 0; and the ranking."""
    ranked = rank(issue.graph, symptoms_of(issue), issue.target, target_sense=sense_of(issue.metric), slack=STEP)
    names = [suspect.node for suspect in ranked]
    return (names.index(issue.root) + 1 if issue.root in names else 0), ranked


def symptoms_of(issue: Issue) -> list[Symptom]:
    """Return the shifts of all components that begin no earlier than one step before the trouble was seen."""
    found = []
    for (node, metric), values in issue.seen.series.items():
        if metric not in SENSED:
            continue
        base = fitted(issue.base.series.get((node, metric), np.empty(0)), values)
        times = np.concatenate((issue.seen.times[0] - STEP * np.arange(len(base), 0, -1), issue.seen.times))
        shift = onset(times, np.concatenate((base, values)), since=issue.at - STEP)
        if shift is not None:
            weight = REMOTE_WEIGHT if node.endswith("_remote") else 1.0
            volume = float(np.nanmean(issue.seen.series.get((node, "requests"), np.ones(1))))
            found.append(Symptom(node, sense_of(metric, UNITS[metric]), shift, metric, weight, volume=volume))
    return found


def fitted(base: Floats, values: Floats) -> Floats:
    """Return the normal period's values, moved to the level of the first points where that was never normal."""
    usual = base[np.isfinite(base)]
    now = values[np.isfinite(values)][:1]
    if len(usual) == 0 or len(now) == 0 or usual.min() <= now[0] <= usual.max():
        return base
    middle = float(np.median(usual))
    moved: Floats = base * (now[0] / middle) if middle > 0 else base + now[0]
    return moved


def read_issues(root: Path) -> Iterator[Issue]:
    """Yield the issues of all scenarios in sorted order."""
    for scenario in sorted(path for path in root.iterdir() if path.is_dir()):
        graph, base = read_graph(scenario / "graph.csv"), normal_period(root, scenario.name)
        for case in sorted(scenario.glob("*/issue_*")):
            truth = json.loads((case / "target.json").read_text(encoding="utf-8"))
            seen, target = read_recording(case / "metrics.csv"), truth["target"]
            yield Issue(f"{scenario.name}/{case.name}", scenario.name, graph, base, seen, target["node"],
                        target["metric"], float(target["timestamp"]), truth["root_cause"]["node"])  # fmt: skip


def normal_period(root: Path, scenario: str) -> Recording:
    """Return the scenario's normal period, or that of the one it borrows from."""
    own = root / scenario / "noissue/metrics.csv"
    return read_recording(own if own.exists() else root / BORROWED / "noissue/metrics.csv")


def read_graph(path: Path) -> CallGraph:
    """Return the calls of an adjacency matrix: the row calls the column."""
    head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return CallGraph({(row[0], callee): 1.0 for row in rows
                      for callee, mark in zip(head[1:], row[1:], strict=True) if float(mark)})  # fmt: skip


def read_recording(path: Path) -> Recording:
    """Return the mean latency, the requests and the mean availability of each component."""
    nodes, metrics, statistics, _, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    table = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    wanted = {"latency": "Average", "requests": "Sum", "availability": "Average"}
    series = {(node, metric): table[:, place]
              for place, (node, metric, statistic) in enumerate(zip(nodes, metrics, statistics, strict=True))
              if wanted.get(metric) == statistic}  # fmt: skip
    return Recording(table[:, 0], series)


def made_up(root: Path, *, quick: bool) -> dict[str, Tally]:
    """Rank faults put into the normal periods; return tallies by scenario and metric, of leaves, and of all."""
    tallies: dict[str, Tally] = {}
    for scenario in sorted(path for path in root.iterdir() if (path / "noissue").exists()):
        graph, base = read_graph(scenario / "graph.csv"), read_recording(scenario / "noissue/metrics.csv")
        for issue in faults(scenario.name, graph, base, rounds=1 if quick else 5):
            place, _ = judge(issue)
            groups = [f"{scenario.name} {issue.metric}", "all put in"]
            groups += [] if issue.graph.callees(issue.root) else ["leaves"]
            groups += ["unnamed remotes"] if issue.root.endswith("_remote") else []
            for group in groups:
                tallies.setdefault(f"put in: {group}", Tally()).places.append(place)
    return tallies


def faults(
    scenario: str, graph: CallGraph, base: Recording, *, rounds: int, target: str = "PetSite"
) -> Iterator[Issue]:
    """Yield a fault for each component below the target, each metric and each round, at times drawn by chance."""
    chance = np.random.default_rng(6)
    usable = sorted(node for node in graph.below(target) if busy(base, node))
    for round_ in range(rounds):
        for node, metric in itertools.product(usable, SENSED):
            if metric == "latency" or np.nanmedian(base.series[node, metric]) > LEAST_AVAILABLE:
                at = int(chance.integers(BASE_POINTS, len(base.times) - INJECTED_POINTS))
                seen = injected(graph, base, node, metric, at, target, chance)
                before = {key: values[at - BASE_POINTS : at] for key, values in base.series.items()}
                yield Issue(f"{scenario}/{node}/{round_}", scenario, graph, Recording(base.times[:0], before), seen,
                            target, metric, float(seen.times[2]) + 100.0, node)  # fmt: skip


def busy(base: Recording, node: str) -> bool:
    """Whether a component answers at all times: a fault elsewhere would not be seen by anyone."""
    requests = base.series.get((node, "requests"), np.zeros(1))
    latency = base.series.get((node, "latency"), np.full(1, np.nan))
    return bool(np.nanmedian(requests) >= 1 and np.isfinite(latency).mean() > 0.8)


def injected(
    graph: CallGraph, base: Recording, node: str, metric: str, at: int, target: str, chance: np.random.Generator
) -> Recording:
    """Return five points from `at` on with a fault in the third and fourth."""
    cut = slice(at, at + INJECTED_POINTS)
    series = {key: values[cut].copy() for key, values in base.series.items()}
    calls = {key[0]: float(np.nanmedian(values)) for key, values in base.series.items() if key[1] == "requests"}
    felt = SLOWER * float(np.nanmedian(base.series[target, "latency"])) if metric == "latency" else LOST_PERCENT
    height = felt * calls[target] / calls[node]
    height = min(height, 100.0) if metric == "availability" else height
    for struck, size in carried(graph, calls, node, height, target, chance).items():
        values = series.get((struck, metric))
        if values is not None:
            values[2:4] = values[2:4] + size if metric == "latency" else np.maximum(values[2:4] - size, 0.0)
    return Recording(base.times[cut], series)


def carried(
    graph: CallGraph, calls: Mapping[str, float], node: str, height: float, target: str, chance: np.random.Generator
) -> dict[str, float]:
    """Return how much each component between the node and the target feels of a fault of that height."""
    between = (graph.reach(node) & (graph.below(target) | {target})) | {node}
    felt, waiting = {node: height}, [node]
    while waiting:
        callee = waiting.pop(0)
        callers = sorted(graph.callers(callee) & between)
        whole = sum(calls.get(caller, 0.0) for caller in callers)
        for caller in callers:
            if calls.get(caller, 0.0) > 0 and caller not in felt:
                part = calls.get(callee, 0.0) * calls[caller] / whole
                felt[caller] = felt[callee] * min(part / calls[caller], 5.0) * float(chance.uniform(0.5, 1.5))
                waiting.append(caller)
    return felt


def first_names(ranked: list[Suspect]) -> str:
    return ", ".join(f"{suspect.node[:34]} {suspect.score:.2f}" for suspect in ranked[:3])


def show(title: str, tallies: Mapping[str, Tally]) -> None:
    """Print a line a group."""
    print(f"\n{title:<44}{'cases':>6}{'top-1':>8}{'top-3':>8}")
    for group, tally in tallies.items():
        print(f"  {group:<42}{len(tally.places):>6}{tally.top(1):>8.2f}{tally.top(3):>8.2f}")
    print()
