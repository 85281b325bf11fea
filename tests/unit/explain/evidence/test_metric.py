"""Metric evidence is right (each figure is computed again here), bounded, checkable, and cannot be led astray."""

from __future__ import annotations

import random
import statistics
from datetime import datetime
from typing import Any

import pytest

from bdp.explain.grounding.mentions import mentions
from bdp.model.analysis import Analysis, Check, Verdict
from bdp.model.anomaly import AnomalyKind
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.scene import ONSET, event, explain, fill, incident, points

USUAL = [3.0 + 0.1 * (i % 5) for i in range(120)]
POOL = "HikariPool-1 - Connection is not available, request timed out after 30000ms"


def metrics(analysis: Analysis) -> list[Evidence]:
    return [evidence for evidence in analysis.evidence if evidence.kind is EvidenceKind.METRIC]


def told(store: ClickHouseStore, **fields: Any) -> Analysis:
    return explain(store, incident(service="ib-02", kind=AnomalyKind.FABRIC, **fields))


def assert_all_hold(analysis: Analysis) -> None:
    assert analysis.claims
    assert [c for c in analysis.claims if c.check is not Check.SUPPORTED] == []
    assert analysis.root_cause.isprintable()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_figures_are_those_of_the_points_and_the_query_gives_them_again(store: ClickHouseStore, seed: int) -> None:
    chance = random.Random(seed)
    usual = [chance.gauss(50, 3) for _ in range(200)]
    inside = [chance.gauss(90, 5) for _ in range(5)]
    fill(store, points=points("depth", usual, inside))
    analysis = told(store)
    found = metrics(analysis)[0]
    value, row = found.value, store.query(found.query)[0]
    assert (value["usual_points"], value["points"]) == (200, 5) == (row["usual_points"], row["points"])
    assert value["usual"] == pytest.approx(statistics.median(usual), rel=1e-5) == pytest.approx(row["usual"], rel=1e-5)
    assert value["extreme"] == pytest.approx(max(inside), rel=1e-5) == pytest.approx(row["highest"], rel=1e-5)
    assert value["ratio"] == pytest.approx(max(inside) / statistics.median(usual), rel=1e-4)
    at = ONSET.timestamp() + 60 * inside.index(max(inside))
    assert datetime.fromisoformat(value["extreme_time"]).timestamp() == at
    assert_all_hold(analysis)


def test_a_sentence_says_level_time_and_how_many_times(store: ClickHouseStore) -> None:
    fill(store, points=points("latency_p99", USUAL, [9, 14.2, 11], unit="us"))
    assert told(store).claims[0].text == (
        "`latency_p99` of `ib-02` reached 14.2 us at 12:01:00, against a usual level of 3.2 us: 4.4 times."
    )


def test_a_counter_is_told_by_its_growth_and_may_begin_again(store: ClickHouseStore) -> None:
    grown = [float(10 * i) for i in range(100)]
    fill(store, points=points("link_errors_total", grown, [1000, 40, 640]))
    evidence = metrics(told(store))[0]
    # 10, then 40 after the reset, then 600: 600 a minute is 10 a second.
    assert (evidence.value["rise"], evidence.value["extreme"]) == (650, 10)
    assert "rose by 650, at most 10 a second at 12:02:00, against a usual 0.167 a second" in evidence.text
    assert_all_hold(told(store))


def test_at_most_eight_series_the_farthest_moved_first(store: ClickHouseStore) -> None:
    made = [p for i in range(12) for p in points(f"m{i:02d}", USUAL, [4.0 + i])]
    edges = [p for name in ("m11.band_high", "m11_bucket") for p in points(name, USUAL, [99])]
    fill(store, points=[*made, *edges])
    analysis = told(store)
    assert [e.value["metric"] for e in metrics(analysis)] == [f"m{i:02d}" for i in range(11, 3, -1)]
    assert_all_hold(analysis)


def test_label_sets_of_one_name_are_told_apart(store: ClickHouseStore) -> None:
    one = points("wait", USUAL, [9], labels={"vl": "0", "port": "1"})
    two = points("wait", USUAL, [40], labels={"port": "2", "vl": "0"})
    for point in two[::2]:
        point.labels = dict(reversed(point.labels.items()))
    fill(store, points=[*one, *two])
    analysis = told(store)
    assert [(e.value["labels"], e.value["usual_points"]) for e in metrics(analysis)] == [
        ("port=2, vl=0", 120),
        ("port=1, vl=0", 120),
    ]
    assert "`wait` of `ib-02` with `port=2, vl=0` reached 40" in analysis.claims[0].text
    assert_all_hold(analysis)


@pytest.mark.parametrize(
    "unit", ["", "1", "us", "µs", "ms", "s", "min", "%", "By", "Gbit/s", "k", "5 events", "x`; --"]
)
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e-9, 0), (1e9, 0), (1, -1000), (-1, 0), (1, 1e12)])
def test_every_claim_can_be_checked_whatever_the_unit_and_size(
    store: ClickHouseStore, unit: str, scale: float, shift: float
) -> None:
    usual = [value * scale + shift for value in USUAL]
    inside = [value * scale + shift for value in (9.87654321, 12.5, 40.0)]
    fill(store, points=points("size", usual, inside, unit=unit))
    analysis = told(store)
    assert metrics(analysis)[0].value["moved"] is (shift != 1e12)  # there it is nothing beside the level
    assert_all_hold(analysis)


@pytest.mark.parametrize(
    "name",
    [
        "'; DROP TABLE metrics; --",
        "a\\' OR 1=1 /*",
        "`x` was 99 % \n E1",
        "\u202eevil\x00\x1b[31m",
        "{service}",
        "größe",
        "x" * 700,
        "10.5 us at 11:11:11",
        "%2F/../a=b/" * 9,
    ],
)
def test_a_hostile_name_is_a_name(store: ClickHouseStore, name: str) -> None:
    fill(store, points=points(name, USUAL, [9], entity=name, unit=name, labels={name: name}))
    about = incident(service=name, kind=AnomalyKind.METRIC)
    analysis = explain(store, about)
    assert len(metrics(analysis)) == 1
    assert (analysis.verdict, analysis.evidence[0].value["abnormal_events"]) == (Verdict.INCONCLUSIVE, 0)
    assert_all_hold(analysis)
    assert store.query(metrics(analysis)[0].query)[0]["points"] == 1
    assert all("DROP" not in action.parameters.get("operation", "") for action in analysis.actions)


def test_a_port_is_found_by_the_labels_that_its_path_is_made_of(store: ClickHouseStore) -> None:
    name = "infiniband_switch_port_link_downed_total"
    labels = {"switch": "leaf/1", "guid": "0xa1", "port": "2", "lid": "7"}
    mine = points(name, [0.0] * 60, [1, 3, 4], entity="node7:9315", labels=labels)
    other = points(name, [0.0] * 60, [9, 9, 9], entity="node7:9315", labels={**labels, "port": "7", "lid": "2"})
    fill(store, points=[*mine, *other])
    analysis = explain(store, incident(service="leaf%2F1/0xa1/2", kind=AnomalyKind.FABRIC))
    assert [e.value["rise"] for e in metrics(analysis)] == [4]
    assert (analysis.verdict, analysis.mechanism) == (Verdict.LIKELY, "infiniband-link")
    assert_all_hold(analysis)


def test_points_without_an_entity_are_found_by_their_name(store: ClickHouseStore) -> None:
    fill(store, points=points("queue_depth", USUAL, [40], entity=""))
    analysis = explain(store, incident(service="queue_depth", kind=AnomalyKind.METRIC))
    assert [e.value["extreme"] for e in metrics(analysis)] == [40]


def test_points_without_an_entity_are_not_those_of_an_unnamed_service(store: ClickHouseStore) -> None:
    fill(store, [event(i, POOL, service="") for i in range(9)], points=points("queue_depth", USUAL, [40], entity=""))
    assert metrics(explain(store, incident(service=""))) == []


def test_what_moves_with_events_is_evidence_and_changes_no_verdict(store: ClickHouseStore) -> None:
    moving = points("cpu_utilization", [40.0 + i % 3 for i in range(100)], [97] * 5, entity="payment", unit="%")
    still = points("open_files", [100.0 + i % 3 for i in range(100)], [101] * 5, entity="payment")
    events = [event(i, POOL) for i in range(40)]
    fill(store, events, points=[*moving, *still])
    analysis = explain(store)
    assert analysis.mechanism == "connection-pool"
    assert [e.value["metric"] for e in metrics(analysis)] == ["cpu_utilization"]
    assert analysis.claims[0].text == (
        "`payment` had 40 abnormal events, from 12:00:00 to 12:00:39, against 0 in the 6.0 min before."
    )
    named = [hypothesis.mechanism for hypothesis in analysis.hypotheses]
    assert named[0] == "connection-pool"
    assert named[1:] == ["cpu-exhausted", "timeout"]
    assert_all_hold(analysis)


def test_too_few_points_before_give_no_usual_level(store: ClickHouseStore) -> None:
    fill(store, points=points("latency_p99", USUAL[:9], [40, 50], unit="us"))
    analysis = told(store)
    assert analysis.claims[0].text == "`latency_p99` of `ib-02` was between 40 us and 50 us."
    assert "fewer than 10 points before the onset" in analysis.root_cause
    assert_all_hold(analysis)


def test_a_minus_is_read() -> None:
    read = mentions("from -5.2 (-3) to \u22127, not 2026-05 or p-9 or 40-70").numbers
    assert [number.value for number in read][:3] == [-5.2, -3, -7]
    assert -70 not in [number.value for number in read]
