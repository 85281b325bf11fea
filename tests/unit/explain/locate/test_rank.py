"""Which node failed first, and who suffers from it."""

from __future__ import annotations

from bdp.explain.locate.graph import CallGraph
from bdp.explain.locate.onset import Onset
from bdp.explain.locate.rank import Symptom, blast_radius, rank
from bdp.explain.locate.sense import Sense

CALLS = CallGraph({("web", "api"): 1.0, ("api", "db"): 1.0, ("api", "cache"): 1.0, ("web", "ads"): 1.0})


def shift(at: float, before: float, after: float, strength: float = 30.0) -> Onset:
    return Onset(at, after > before, before, after, strength, at + 600.0)


def slow(node: str, at: float, before: float, after: float, strength: float = 30.0) -> Symptom:
    return Symptom(node, Sense.LATENCY, shift(at, before, after, strength), "latency")


def failing(node: str, at: float, metric: str = "errors") -> Symptom:
    return Symptom(node, Sense.ERRORS, shift(at, 0.0, 5.0), metric)


def order(symptoms: list[Symptom], target: str = "web", graph: CallGraph = CALLS) -> list[str]:
    return [suspect.node for suspect in rank(graph, symptoms, target)]


def test_a_slow_leaf_explains_its_callers() -> None:
    symptoms = [slow("web", 1000, 0.2, 1.2), slow("api", 1000, 0.1, 1.1), slow("db", 1000, 0.01, 1.0)]
    assert order(symptoms)[0] == "db"


def test_a_callee_that_slows_a_little_does_not_explain_much() -> None:
    symptoms = [slow("web", 1000, 0.2, 2.2), slow("api", 1000, 0.1, 2.1), slow("db", 1000, 0.01, 0.02)]
    assert order(symptoms)[0] == "api"


def test_the_target_itself_can_be_the_origin() -> None:
    assert order([slow("web", 1000, 0.2, 3.0), slow("ads", 1000, 0.1, 0.12, 5.0)])[0] == "web"


def test_a_callee_that_fails_much_later_explains_less() -> None:
    symptoms = [failing("api", 1000), failing("db", 3000), failing("web", 1000)]
    assert order(symptoms)[0] == "api"


def test_the_earliest_onset_breaks_a_tie() -> None:
    graph = CallGraph({("web", "a"): 1.0, ("web", "b"): 1.0})
    symptoms = [failing("web", 2000), failing("a", 2000), failing("b", 1000)]
    assert order(symptoms, graph=graph)[0] == "b"


def test_nodes_the_target_does_not_reach_come_behind() -> None:
    symptoms = [failing("web", 1000), failing("db", 1000), failing("elsewhere", 900)]
    ranked = order(symptoms)
    assert ranked.index("db") < ranked.index("elsewhere")


def test_callees_without_a_symptom_are_looked_through() -> None:
    assert order([slow("web", 1000, 0.2, 1.2), slow("db", 1000, 0.01, 1.0)])[0] == "db"


def test_a_node_s_own_trouble_is_not_explained_by_its_callee() -> None:
    cpu = Symptom("api", Sense.SATURATION, shift(1000, 10.0, 90.0, 100.0), "cpu_usage")
    ranked = rank(CALLS, [cpu, slow("api", 1000, 0.1, 1.1), slow("db", 1000, 0.01, 0.015, 5.0)], "web")
    assert ranked[0].node == "api"


def test_two_that_call_each_other_are_told_apart_by_time() -> None:
    ring = CallGraph({("a", "b"): 1.0, ("b", "a"): 1.0})
    assert order([failing("a", 2000), failing("b", 1000)], "", ring)[0] == "b"


def test_without_a_target_the_origin_has_the_degraded_upstream() -> None:
    graph = CallGraph({("web", "api"): 1.0, ("api", "db"): 1.0, ("x", "y"): 1.0})
    symptoms = [failing("web", 1000), failing("api", 1000), failing("db", 1000), failing("y", 1000)]
    assert order(symptoms, "", graph)[0] == "db"


def test_what_is_no_bad_sign_names_no_suspect() -> None:
    traffic = Symptom("api", Sense.TRAFFIC, shift(1000, 10.0, 1.0), "requests")
    better = Symptom("db", Sense.LATENCY, shift(1000, 1.0, 0.1), "latency")
    victim = failing("cache", 1000, "requests_cancelled_by_client")
    assert rank(CALLS, [traffic, better, victim], "web") == []


def test_symptoms_of_the_target_s_kind_count_more() -> None:
    graph = CallGraph({("web", "a"): 1.0, ("web", "b"): 1.0})
    symptoms = [failing("a", 1000), slow("b", 1000, 0.1, 1.0)]
    assert rank(graph, symptoms, "web", target_sense=Sense.LATENCY)[0].node == "b"
    assert rank(graph, symptoms, "web", target_sense=Sense.AVAILABILITY)[0].node == "a"


def test_a_change_counts_by_the_calls_it_is_an_average_of() -> None:
    graph = CallGraph({("web", "busy"): 1.0, ("web", "quiet"): 1.0})
    symptoms = [
        Symptom("web", Sense.LATENCY, shift(1000, 0.1, 0.2), "latency", volume=500),
        Symptom("busy", Sense.LATENCY, shift(1000, 0.01, 0.06), "latency", volume=900),
        Symptom("quiet", Sense.LATENCY, shift(1000, 0.01, 0.11), "latency", volume=20),
    ]
    assert order(symptoms, graph=graph)[0] == "busy"


def test_a_single_point_says_less_than_a_lasting_shift() -> None:
    graph = CallGraph({("web", "a"): 1.0, ("web", "b"): 1.0})
    brief = Symptom("a", Sense.ERRORS, Onset(1000, True, 0.0, 5.0, 30.0, 1000, points=1), "errors")
    lasting = Symptom("b", Sense.ERRORS, Onset(1000, True, 0.0, 5.0, 30.0, 1600, points=10), "errors")
    assert order([brief, lasting], graph=graph) == ["b", "a"]


def test_time_that_is_left_is_a_symptom_once_there_is_none() -> None:
    running = Symptom("api", Sense.EXPIRY, shift(1000, 9e6, 8e6), "cert_seconds_left")
    over = Symptom("db", Sense.EXPIRY, shift(1000, 3000.0, -3000.0), "cert_seconds_left")
    assert order([running, over]) == ["db"]


def test_reasons_say_what_was_seen() -> None:
    first = rank(CALLS, [slow("web", 1000, 0.2, 1.2), slow("db", 1000, 0.01, 1.0)], "web")[0]
    assert "no_degraded_callee" in first.reasons
    assert "symptom latency latency" in first.reasons
    assert first.onset == 1000


def test_the_blast_radius_names_callers_first() -> None:
    symptoms = [
        failing("ads", 1000),
        failing("web", 1060),
        failing("api", 1000),
        failing("db", 1000),
        Symptom("cache", Sense.TRAFFIC, shift(1100, 10.0, 1.0), "requests"),
        failing("job", 1100, "cancelled_by_client"),
    ]
    assert blast_radius(CALLS, symptoms, "db") == ["api", "web", "ads"]


def test_what_failed_long_before_is_not_of_its_blast_radius() -> None:
    assert blast_radius(CALLS, [failing("db", 5000), failing("ads", 1000), failing("api", 5000)], "db") == ["api"]


def flooded(node: str, at: float) -> Symptom:
    return Symptom(node, Sense.TRAFFIC, shift(at, 10.0, 90.0), "requests_per_sec")


def test_who_is_run_over_by_retries_comes_behind_what_failed_before() -> None:
    graph = CallGraph({("web", "login"): 1.0, ("web", "sessions"): 1.0})
    symptoms = [slow("login", 1300, 0.2, 9.0, 90.0), slow("sessions", 1290, 0.2, 0.3), failing("web", 1300)]
    assert order(symptoms, graph=graph)[0] == "login"
    assert order([*symptoms, flooded("login", 1200)], graph=graph)[0] == "sessions"


def test_traffic_from_outside_excuses_nobody() -> None:
    assert order([slow("web", 1300, 0.2, 9.0), flooded("web", 1200)])[0] == "web"
    assert order([slow("web", 1300, 0.2, 9.0), failing("db", 2500), flooded("web", 1200)])[0] == "web"
