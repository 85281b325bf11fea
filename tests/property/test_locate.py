"""Locating holds for any numbers: no exception, the same shift at any scale, the same ranking under any names."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.onset import Onset, onset
from bdp.explain.locate.rank import Symptom, blast_radius, rank
from bdp.explain.locate.sense import Sense, is_victim, sense_of
from bdp.explain.locate.spans import Call, graph_of_calls, symptoms_of_calls

ANY = arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=True))
NODES = ["a", "b", "c", "d", "e"]


@given(ANY, ANY, st.none() | st.floats(allow_nan=False), st.integers(0, 12))
def test_any_floats_give_a_finite_shift_or_none(
    times: np.ndarray, values: np.ndarray, since: float | None, least: int
) -> None:
    found = onset(times, values, since=since, least_before=least)
    if found is not None:
        assert all(math.isfinite(number) for number in (found.at, found.before, found.after, found.until))
        assert 0 < found.strength <= 100.0001
        assert found.at <= found.until
        assert since is None or found.at >= since


@given(
    st.integers(0, 10_000),
    st.integers(10, 90),
    st.floats(-30, 30),
    st.floats(0.001, 1_000),
    st.floats(-1_000, 1_000),
    st.booleans(),
)
def test_scale_and_offset_change_nothing_but_the_levels(
    seed: int, at: int, height: float, scale: float, offset: float, flip: bool
) -> None:
    times = (np.arange(100) * 60.0).astype(np.float64)
    values = np.round(np.random.default_rng(seed).normal(size=100), 3)
    values[at:] += height
    factor = -scale if flip else scale
    plain, moved = onset(times, values), onset(times, values * factor + offset * scale)
    assert (plain is None) == (moved is None)
    if plain is not None and moved is not None:
        assert (plain.at, plain.until) == (moved.at, moved.until)
        assert plain.up == (moved.up != flip)
        assert math.isclose(plain.strength, moved.strength, rel_tol=1e-3)
        assert math.isclose(moved.before, plain.before * factor + offset * scale, rel_tol=1e-6, abs_tol=1e-6 * scale)


def onsets() -> st.SearchStrategy[Onset]:
    level = st.floats(-1e6, 1e6)
    at = st.floats(0, 1e5)
    return st.builds(Onset, at=at, up=st.booleans(), before=level, after=level, strength=st.floats(0, 100), until=at)


def symptoms() -> st.SearchStrategy[list[Symptom]]:
    metric = st.sampled_from(["", "latency", "errors", "cpu"])
    one = st.builds(Symptom, node=st.sampled_from(NODES), sense=st.sampled_from(Sense), onset=onsets(), metric=metric)
    return st.lists(one, max_size=12)


EDGES = st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)))


@settings(max_examples=200)
@given(EDGES, symptoms(), st.sampled_from(["", *NODES]), st.permutations(["v", "w", "x", "y", "z"]))
def test_renaming_nodes_does_not_change_the_ranking(
    edges: set[tuple[str, str]], some: list[Symptom], target: str, names: list[str]
) -> None:
    new = dict(zip(NODES, names, strict=True)) | {"": ""}
    graph = CallGraph(dict.fromkeys(sorted(edges), 1.0))
    renamed = CallGraph({(new[one], new[other]): 1.0 for one, other in sorted(edges)})
    moved = [Symptom(new[one.node], one.sense, one.onset, one.metric) for one in some]
    before, after = rank(graph, some, target), rank(renamed, moved, new[target])
    assert [new[suspect.node] for suspect in before] == [suspect.node for suspect in after]
    assert all(math.isfinite(suspect.score) and suspect.score >= 0 for suspect in before)
    for suspect in before[:1]:
        radius = blast_radius(graph, some, suspect.node)
        assert suspect.node not in radius
        assert set(radius) <= {other.node for other in before}


SPAN = st.sampled_from(["", "1", "2", "3", "4", "5"])
TIME = st.floats(0, 2_000)
CALLS = st.lists(
    st.builds(Call, st.sampled_from("tu"), SPAN, SPAN, st.sampled_from(NODES), st.sampled_from("xy"), TIME, TIME),
    max_size=40,
)


@given(CALLS)
def test_any_spans_rings_and_doubles_among_them_are_read(calls: list[Call]) -> None:
    graph = graph_of_calls(calls)
    symptoms = symptoms_of_calls(calls, 1_000.0, least_before=3)
    assert {one.node for one in symptoms} <= {call.node for call in calls}
    assert all(0 < one.weight <= 1 for one in symptoms)
    rank(graph, symptoms)


@given(st.text(max_size=600), st.text(max_size=10))
def test_any_name_has_a_sense(name: str, unit: str) -> None:
    assert sense_of(name, unit) in set(Sense)
    assert is_victim(name) in (True, False)
