"""What a reader gets for an incident of metrics: a cause where the metrics carry one, else an honest "not known"."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bdp.errors import BadSetting
from bdp.explain.playbook import read_playbook, says
from bdp.model.analysis import ActionType, Analysis, Check, Verdict
from bdp.model.anomaly import AnomalyKind
from bdp.model.change import ChangeKind
from bdp.model.metric import MetricPoint
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.scene import ONSET, change, explain, fill, incident, points

QUIET = {
    "utilization": [52.0 + i % 7 for i in range(120)],
    "latency_p99": [3.0 + 0.1 * (i % 5) for i in range(120)],
    "error_rate": [0.0002 + 0.0001 * (i % 3) for i in range(120)],
    "qp_errors": [float(i % 40 == 0) for i in range(120)],
}
UNITS = {"utilization": "%", "latency_p99": "us", "error_rate": "1", "qp_errors": "1"}
FLAP = {
    "utilization": [0.0, 55, 0, 56, 0],
    "latency_p99": [9.0, 8, 11, 7, 9],
    "error_rate": [0.4, 0.03, 0.5, 0.02, 0.4],
    "qp_errors": [60.0, 5, 70, 8, 44],
}
CONGESTION = {"utilization": [88.0, 93, 95, 96, 95], "latency_p99": [8.0, 12, 15, 16, 14]}
USUAL_END = {name: values[:5] for name, values in QUIET.items()}


def stream(trouble: dict[str, list[float]], labels: dict[str, str] | None = None) -> list[MetricPoint]:
    inside = USUAL_END | trouble
    return [
        point
        for name, usual in QUIET.items()
        for point in points(name, usual, inside[name], unit=UNITS[name], labels=labels)
    ]


def told(store: ClickHouseStore, kind: AnomalyKind | None = AnomalyKind.FABRIC, service: str = "ib-02") -> Analysis:
    analysis = explain(store, incident(service=service, kind=kind))
    assert [claim for claim in analysis.claims if claim.check is not Check.SUPPORTED] == []
    return analysis


def test_a_flapping_link_is_confirmed_and_can_be_drained(store: ClickHouseStore) -> None:
    fill(store, points=stream(FLAP))
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.CONFIRMED, "infiniband-link")
    assert analysis.summary == "`ib-02`: InfiniBand link fails, `error_rate` up to 0.5 (usually 0.0003)"
    said = " ".join(claim.text for claim in analysis.claims)
    assert "`utilization` of `ib-02` fell to 0 % at 12:00:00, against a usual level of 55 %" in said
    assert analysis.confidence.score >= 0.85
    drain = next(action for action in analysis.actions if action.type is ActionType.WEBHOOK)
    assert drain.parameters == {"operation": "drain_link", "service": "ib-02"}


def test_one_sample_confirms_nothing(store: ClickHouseStore) -> None:
    fill(store, points=stream({name: values[:1] for name, values in (USUAL_END | FLAP).items()}))
    assert (told(store).verdict, told(store).mechanism) == (Verdict.LIKELY, "infiniband-link")


@pytest.mark.parametrize(("service", "ref"), [("ib-02", "M1"), ("", "leaf-9, leaf-1"), ("LEAF-1", "M1")])
def test_a_maintenance_of_the_link_speaks_against_a_fault(store: ClickHouseStore, service: str, ref: str) -> None:
    planned = change(600, service=service, ref=ref, kind=ChangeKind.MAINTENANCE)
    fill(store, changes=[planned], points=stream(FLAP, {"switch": "leaf-1"}))
    analysis = told(store)
    assert analysis.verdict is Verdict.LIKELY
    assert "began 10.0 min before the onset" in analysis.hypotheses[0].refutation
    assert "began 10.0 min before the onset" in " ".join(claim.text for claim in analysis.claims)


def test_a_maintenance_elsewhere_does_not(store: ClickHouseStore) -> None:
    fill(store, changes=[change(600, service="leaf-7", kind=ChangeKind.MAINTENANCE)], points=stream(FLAP))
    assert told(store).verdict is Verdict.CONFIRMED


def test_a_full_link_is_likely_saturated(store: ClickHouseStore) -> None:
    fill(store, points=stream(CONGESTION))
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.LIKELY, "saturation")
    assert analysis.summary == "`ib-02`: likely resource saturated, `utilization` up to 96 % (usually 55 %)"
    assert 0.7 <= analysis.confidence.score < 0.85
    assert [action.type for action in analysis.actions] == [ActionType.INVESTIGATE], "its insights tell people"


def test_an_idle_link_is_no_failing_one(store: ClickHouseStore) -> None:
    fill(store, points=stream({"utilization": [0.0] * 5}))
    assert told(store).verdict is Verdict.INCONCLUSIVE


def test_errors_of_a_host_are_no_link(store: ClickHouseStore) -> None:
    fill(store, points=points("error_rate", QUIET["error_rate"], FLAP["error_rate"], entity="web-1", unit="1"))
    analysis = told(store, AnomalyKind.METRIC, "web-1")
    assert (analysis.verdict, analysis.mechanism) == (Verdict.INCONCLUSIVE, "")


@pytest.mark.parametrize("kind", [AnomalyKind.METRIC, None])
def test_a_level_shift_after_a_deploy_is_told_with_the_deploy_and_not_explained_by_it(
    store: ClickHouseStore, kind: AnomalyKind | None
) -> None:
    shifted = points("heap_used", [1e9 + 1e6 * (i % 9) for i in range(120)], [1.5e9] * 5, entity="cart", unit="By")
    fill(store, changes=[change(120, service="cart", ref="cart@7")], points=shifted)
    analysis = told(store, kind, "cart")
    assert (analysis.verdict, analysis.culprit_change) == (Verdict.INCONCLUSIVE, None)
    assert analysis.summary == "`cart`: `heap_used` up to 1.5 GB (usually 1 GB), cause not known"
    assert analysis.root_cause.startswith("The cause of the trouble of `cart` is not known: what its metrics show is")
    said = " ".join(claim.text for claim in analysis.claims)
    assert "Deploy `cart@7` of `cart` took effect" in said
    assert "had 0 abnormal events" not in said
    assert analysis.confidence.replan
    assert analysis.actions[0].parameters["metrics"] == ["heap_used"]


def test_metrics_within_their_range_are_said_to_be(store: ClickHouseStore) -> None:
    fill(store, points=stream({}))
    analysis = told(store)
    assert "no metric of it went clearly beyond its usual range" in analysis.root_cause
    assert analysis.verdict is Verdict.INCONCLUSIVE


def test_nothing_in_the_store_is_said_to_be_nothing(store: ClickHouseStore) -> None:
    analysis = told(store)
    assert "no point of its metrics" in analysis.root_cause
    assert (analysis.verdict, analysis.confidence.replan) == (Verdict.INCONCLUSIVE, True)


def test_a_tried_action_is_not_proposed_again(store: ClickHouseStore) -> None:
    fill(store, points=stream(CONGESTION))
    about = incident(service="ib-02", kind=AnomalyKind.FABRIC)
    first = explain(store, about).actions[0]
    assert first.key not in [action.key for action in explain(store, about, tried=[first.key], attempt=2).actions]


def test_points_long_after_the_stretch_are_not_looked_at(store: ClickHouseStore) -> None:
    late = points("latency_p99", [], [99.0], unit="us")
    late[0].ts = ONSET + timedelta(minutes=40)
    fill(store, points=[*stream(CONGESTION), *late])
    assert "`latency_p99` of `ib-02` reached 16 us" in " ".join(claim.text for claim in told(store).claims)


@pytest.mark.parametrize(
    ("sign", "name", "said"),
    [
        ("link downed*", "infiniband_switch_port_link_downed_total", True),
        ("error rate", "http.error.rate", True),
        ("error rate", "terror_rate", False),
        ("*utilization", "AWS/RDS/CPUUtilization", True),
        ("cpu * percent", "cpu_user_percent", True),
        ("cpu * percent", "percent_cpu", False),
        ("error rate", "error_rated", False),
    ],
)
def test_a_sign_of_a_metric_is_words_in_order(sign: str, name: str, said: bool) -> None:
    assert says(sign, name) is said


def test_a_sign_of_many_gaps_takes_no_time() -> None:
    assert not says(" * ".join(["a"] * 60) + " * b", "a" * 5000)


@pytest.mark.parametrize(
    "metric",
    ['names = ["x"]\nweight = 0.5', 'names = ["x"]\nweight = 0.5\nrises = 2\nfalls = 0.1', 'names = ["x"]\nrises = 2'],
)
def test_a_metric_sign_that_says_nothing_is_refused(tmp_path: Path, metric: str) -> None:
    path = tmp_path / "mine.md"
    head = '+++\nname = "a-b"\ntitle = "t"\nmechanism = "m"\n'
    path.write_text(f'{head}[[metrics]]\n{metric}\n[[actions]]\ntype = "notify"\ndescription = "d"\n+++\n')
    with pytest.raises(BadSetting, match=r"mine\.md: metrics"):
        read_playbook(path)


def test_a_link_that_moves_less_under_more_load_is_not_called_saturated(store: ClickHouseStore) -> None:
    """Busy and yet slow: something holds it back. To move jobs away would not help."""
    busy = stream({"utilization": [88.0, 90, 91, 90, 92], "latency_p99": [7.0, 8, 8, 7, 8]})
    usual = [108.0 + i % 5 for i in range(120)]
    fill(store, points=[*busy, *points("bandwidth_gbps", usual, [50.0] * 5, unit="Gbit/s")])
    analysis = told(store)
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "saturated" not in analysis.summary
