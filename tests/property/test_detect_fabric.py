"""The fabric detector in any cut, in any order inside, and over restarts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.model.insight import Insight
from bdp.model.metric import MetricPoint
from tests.unit.detect.fabric.fabric_points import at, counter, maintenance, sample

# Few wanted samples and a short memory of what was raised, so that short streams reach every rule.
SETTINGS = FabricSettings(baseline_samples=3, duplicate_seconds=60, slow_repeat_seconds=60, flap_seconds=120)
STATES: tuple[dict[str, float], ...] = (
    {},
    {},
    {"latency_p99": 7.0},
    {"latency_p99": 4.8, "utilization": 30.0, "bandwidth_gbps": 57.0},
    {"utilization": 93.0, "bandwidth_gbps": 176.0},
    {"utilization": 78.0, "bandwidth_gbps": 70.0},
    {"error_rate": 0.12, "qp_errors": 30.0},
    {"utilization": 0.0, "bandwidth_gbps": 0.0},
    {"utilization": 0.0, "bandwidth_gbps": 0.0, "error_rate": 0.5},
    {"qp_errors": float("nan"), "error_rate": 0.07},
    {"latency_p99": float("nan"), "utilization": float("nan"), "bandwidth_gbps": float("nan")},
)
STREAMS = ("ib-a", "ib-b")
steps = st.lists(
    st.tuples(st.sampled_from((5, 10, 10, 10, 45, 400)), *[st.integers(0, len(STATES) - 1)] * 2, st.integers(0, 4)),
    min_size=1,
    max_size=40,
)
cuts = st.lists(st.integers(0, 500), max_size=10)
chances = st.integers(0, 1 << 30)


def points_of(plan: Sequence[tuple[int, int, int, int]]) -> list[MetricPoint]:
    """Two streams and one port, in time order."""
    points: list[MetricPoint] = []
    second, downs = 0, 0
    for gap, first, other, rise in plan:
        second += gap
        downs = 0 if rise == 4 else downs + rise // 2
        points += sample(second, STREAMS[0], **STATES[first])
        points += sample(second, STREAMS[1], {"switch": "leaf-1"}, **STATES[other])
        points.append(counter(second, "node_infiniband_link_downed_total", downs))
        points.append(counter(second, "node_infiniband_symbol_error_total", second * 3))
    return points


def chop(points: Sequence[MetricPoint], at_indices: Sequence[int], chance: random.Random) -> list[list[MetricPoint]]:
    """Cut anywhere, also inside of a sample, and shuffle each piece."""
    bounds = sorted({0, len(points), *(i for i in at_indices if i < len(points))})
    pieces = [list(points[a:b]) for a, b in pairwise(bounds)]
    for piece in pieces:
        chance.shuffle(piece)
    return pieces


def run(batches: Sequence[Sequence[MetricPoint]]) -> list[Insight]:
    detector = FabricDetector(SETTINGS)
    found = [one for batch in batches for one in detector.observe(batch)]
    return in_order(found + detector.finish())


def in_order(insights: list[Insight]) -> list[Insight]:
    return sorted(insights, key=lambda one: (one.timestamp, one.entity_id))


@settings(deadline=None, max_examples=150)
@given(steps, cuts, chances)
def test_any_cut_and_any_order_inside_give_the_same(
    plan: list[tuple[int, int, int, int]], indices: list[int], seed: int
) -> None:
    points = points_of(plan)
    instants = [list(group) for _, group in groupby(points, key=lambda point: point.ts)]
    chance = random.Random(seed)
    assert run(chop(points, indices, chance)) == run(instants) == run([points])


@settings(deadline=None, max_examples=100)
@given(steps, cuts, chances)
def test_doubled_points_change_nothing(plan: list[tuple[int, int, int, int]], indices: list[int], seed: int) -> None:
    batches = chop(points_of(plan), indices, random.Random(seed))
    assert run([batch for one in batches for batch in (one, one)]) == run(batches)


@settings(deadline=None, max_examples=80)
@given(steps, cuts, chances, st.integers(0, 600))
def test_restored_at_any_boundary_it_goes_on_identically(
    plan: list[tuple[int, int, int, int]], indices: list[int], seed: int, quiet: int
) -> None:
    detector = FabricDetector(SETTINGS)
    detector.observe([], [maintenance(40, "leaf-1", summary="for 2 min")])
    rows: dict[str, bytes] = {}
    for batch in chop(points_of(plan), indices, random.Random(seed)):
        keep(rows, detector.changed_rows())
        other = FabricDetector(SETTINGS)
        other.restore(rows)
        assert other.observe(batch) == detector.observe(batch)
        assert other.advance(at(quiet)) == detector.advance(at(quiet))
        assert changed(other) == changed(detector, rows)
    assert other.finish() == detector.finish()


def changed(detector: FabricDetector, rows: dict[str, bytes] | None = None) -> dict[str, bytes | None]:
    made = detector.changed_rows()
    if rows is not None:
        keep(rows, made)
    return made


def keep(rows: dict[str, bytes], changed_rows: Mapping[str, bytes | None]) -> None:
    for name, row in changed_rows.items():
        if row is None:
            rows.pop(name)
        else:
            rows[name] = row
