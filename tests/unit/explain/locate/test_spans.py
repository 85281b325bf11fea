"""Where the time of calls goes: own time, time lost on the way, and callers that are at a loss themselves."""

from __future__ import annotations

import numpy as np
import pytest

from bdp.explain.locate.rank import rank
from bdp.explain.locate.spans import Call, graph_of_calls, lost_times, own_times, symptoms_of_calls

SINCE = 1_000.0
CALLEES = ("db", "cache", "mail")


def request(
    number: int, *, api: float = 0.01, way: float = 0.002, db: float = 0.005, way_db: float = 0.002
) -> list[Call]:
    """One request a second: web calls api (own time `api`), api calls db, cache and mail; `way` is lost before api."""
    at, trace = SINCE - 30.0 + number, f"t{number}"
    spent = {name: (db if name == "db" else 0.005) + (way_db if name == "db" else 0.002) for name in CALLEES}
    whole = api + sum(spent.values())
    calls = [
        Call(trace, "1", "", "web", "GET /", at, at + whole + way + 0.01),
        Call(trace, "2", "1", "web", "call api", at, at + whole + way),
        Call(trace, "3", "2", "api", "handle", at + way, at + way + whole),
    ]
    begin = at + way + api
    for place, (name, took) in enumerate(spent.items()):
        lost = way_db if name == "db" else 0.002
        calls.append(Call(trace, f"c{place}", "3", "api", f"call {name}", begin, begin + took))
        calls.append(Call(trace, f"s{place}", f"c{place}", name, "serve", begin + lost, begin + took))
        begin += took
    return calls


def traffic(**later: float) -> list[Call]:
    """Thirty requests as usual, thirty with what is wrong."""
    return [call for number in range(60) for call in request(number, **(later if number >= 30 else {}))]


def first(calls: list[Call]) -> str:
    return rank(graph_of_calls(calls), symptoms_of_calls(calls, SINCE))[0].node


def test_own_time_leaves_out_what_children_take() -> None:
    times, values = own_times(traffic(db=0.5), SINCE)["api"]
    assert np.median(values[times >= SINCE]) == pytest.approx(1.0, abs=0.1)
    times, values = own_times(traffic(db=0.5), SINCE)["db"]
    assert np.median(values[times >= SINCE]) == pytest.approx(0.501 / 0.006, rel=0.1)


def test_lost_time_is_the_caller_s_view_without_the_callee_s() -> None:
    times, values = lost_times(traffic(way=0.2), SINCE)["web", "api"]
    assert np.median(values[times < SINCE]) == pytest.approx(1.0)
    assert np.median(values[times >= SINCE]) == pytest.approx(0.201 / 0.003, rel=0.1)


@pytest.mark.parametrize(
    ("wrong", "node"),
    [({"db": 0.5}, "db"), ({"api": 0.5}, "api"), ({"way": 0.5}, "api"), ({"way_db": 0.5}, "db")],
)
def test_the_slow_one_is_first(wrong: dict[str, float], node: str) -> None:
    assert first(traffic(**wrong)) == node


def test_nothing_wrong_has_no_symptom() -> None:
    assert symptoms_of_calls(traffic(), SINCE) == []


def test_a_pause_of_one_call_is_no_symptom() -> None:
    calls = [call for number in range(60) for call in request(number, **({"db": 2.0} if number == 40 else {}))]
    assert symptoms_of_calls(calls, SINCE) == []


def test_a_caller_that_loses_time_towards_all_is_itself_at_a_loss() -> None:
    def starve(call: Call) -> Call:
        late = call.start >= SINCE and call.node == "api" and call.operation.startswith("call")
        return Call(call.trace, call.span, call.parent, call.node, call.operation, call.start, call.end + 0.1 * late)

    assert first([starve(call) for call in traffic()]) == "api"


def test_no_calls_have_no_symptom() -> None:
    assert symptoms_of_calls([], SINCE) == []
    assert symptoms_of_calls([Call("t", "1", "1", "web", "GET", 5.0, 4.0)], SINCE) == []
