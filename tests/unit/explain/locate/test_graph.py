"""Who calls whom, cycles included, and spans whose parent is in the trace before."""

from __future__ import annotations

from bdp.explain.locate.graph import CallGraph, graph_of_spans

CHAIN = CallGraph({("web", "api"): 3.0, ("api", "db"): 2.0, ("api", "cache"): 1.0, ("job", "db"): 1.0})


def test_callers_and_callees() -> None:
    assert CHAIN.callees("api") == {"db", "cache"}
    assert CHAIN.callers("db") == {"api", "job"}
    assert CHAIN.callees("unknown") == frozenset()


def test_reach_is_everyone_upstream() -> None:
    assert CHAIN.reach("db") == {"api", "web", "job"}
    assert CHAIN.reach("web") == frozenset()
    assert CHAIN.below("web") == {"api", "db", "cache"}


def test_depth_counts_the_fewest_calls_from_an_entry() -> None:
    assert [CHAIN.depth(node) for node in ("web", "api", "cache", "db")] == [0, 1, 2, 1]


def test_a_cycle_ends() -> None:
    ring = CallGraph({("a", "b"): 1.0, ("b", "c"): 1.0, ("c", "a"): 1.0, ("c", "c"): 1.0})
    assert ring.reach("a") == {"b", "c"}
    assert ring.callees("c") == {"a"}
    assert ring.depth("a") == 0


def test_calls_between_services_are_counted() -> None:
    spans = [
        ("t1", "1", "", "web"),
        ("t1", "2", "1", "web"),
        ("t1", "3", "2", "api"),
        ("t1", "4", "2", "api"),
        ("t1", "5", "4", "db"),
    ]
    assert dict(graph_of_spans(spans).calls) == {("web", "api"): 2.0, ("api", "db"): 1.0}


def test_a_child_may_come_before_its_parent() -> None:
    assert dict(graph_of_spans([("t", "2", "1", "api"), ("t", "1", "", "web")]).calls) == {("web", "api"): 1.0}


def test_a_parent_in_the_trace_just_before() -> None:
    spans = [("t1", "1", "", "web"), ("t2", "2", "1", "worker"), ("t3", "3", "1", "late")]
    assert dict(graph_of_spans(spans).calls) == {("web", "worker"): 1.0}
