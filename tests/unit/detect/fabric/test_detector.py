"""What a stream of samples raises, and what it must never raise."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from math import inf, nan

import pytest

from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.model.insight import InsightSource, PredictionType
from bdp.model.metric import MetricPoint
from tests.unit.detect.fabric.fabric_points import START, at, feed, maintenance, sample, told, warmed

DOWN = {"utilization": 0.0, "bandwidth_gbps": 0.0}
BROKEN = DOWN | {"error_rate": 0.4, "qp_errors": 60.0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"utilization": 90.0, "bandwidth_gbps": 171.0}, ("resource_saturation", 65)),
        ({"latency_p99": 9.0}, ("latency_spike", 70)),
        ({"error_rate": 0.1}, ("packet_loss_detected", 75)),
        ({"error_rate": 0.02}, ("packet_loss_detected", 45)),
        ({"qp_errors": 50.0}, ("qp_error_rate_high", 80)),
        ({"utilization": 75.0, "bandwidth_gbps": 57.0}, ("bandwidth_throttling", 75)),
        (BROKEN, ("connection_instability", 55)),
        ({"utilization": 90.0, "bandwidth_gbps": 171.0, "latency_p99": 6.0}, ("resource_saturation", 70)),
        ({"utilization": 82.0, "bandwidth_gbps": 155.8, "latency_p99": 30.0}, ("latency_spike", 100)),
        ({"error_rate": 0.1, "latency_p99": 9.0}, ("packet_loss_detected", 80)),
    ],
)
def test_one_sample_shows_its_fault(values: dict[str, float], expected: tuple[str, int]) -> None:
    assert told(warmed().observe(sample(900, **values))) == [expected]


def test_an_insight_says_what_when_and_what_to_do() -> None:
    (one,) = warmed().observe(sample(900, latency_p99=9.0))

    assert one.entity_id == f"alert_ib-01_{int(at(900).timestamp())}"
    assert one.timestamp == at(900)
    assert one.related_entity == "ib-01"
    assert one.explanation == ("P99 latency is 9 µs, 3 times its 15-minute mean of 3 µs; the reference is under 5 µs.")
    assert (one.source, one.model_used) == (InsightSource.RULES, "rules")
    assert one.ttl == at(900) + timedelta(days=30)
    assert 2 <= len(one.recommendations) <= 4
    assert one.confidence == 0.8


@pytest.mark.parametrize(
    "values",
    [
        {"utilization": 41.0, "bandwidth_gbps": 77.9},
        {"utilization": 69.0, "bandwidth_gbps": 131.1},
        {"latency_p99": 5.9},
        {"error_rate": 0.0099},
        {"latency_p99": 5.9, "utilization": 69.0, "error_rate": 0.009, "bandwidth_gbps": 40.0},
        {"qp_errors": 4.0},
        {"latency_p99": 1.0},
    ],
)
def test_normal_metrics_never_raise_anything(values: dict[str, float]) -> None:
    assert warmed().observe(sample(900, **values)) == []


def test_what_gets_better_raises_nothing() -> None:
    detector = warmed(latency_p99=3.0, utilization=30.0, bandwidth_gbps=57.0)
    spike = feed(
        detector, [sample(900 + s, utilization=30.0, bandwidth_gbps=57.0, latency_p99=15.0) for s in (0, 10, 20)]
    )
    assert told(spike) == [("latency_spike", 85)]
    calm = [sample(930 + s, utilization=30.0, bandwidth_gbps=57.0) for s in range(0, 1200, 10)]
    assert feed(detector, calm) == []


def test_a_mild_excess_must_last() -> None:
    mild = {"utilization": 30.0, "bandwidth_gbps": 57.0, "latency_p99": 5.0}
    detector = warmed(utilization=30.0, bandwidth_gbps=57.0)
    assert detector.observe(sample(900, **mild)) == []
    assert told(detector.observe(sample(910, **mild))) == [("latency_spike", 45)]


def test_single_jumps_of_a_jumpy_stream_are_not_told_but_two_in_a_row_are() -> None:
    detector = FabricDetector(FabricSettings())
    jumps = [sample(s, latency_p99=9.0 if s % 1800 == 1200 else 3.0) for s in range(0, 4 * 3600, 60)]
    assert {one.timestamp.hour for one in feed(detector, jumps)} == {8, 9}
    assert told(feed(detector, [sample(14_400, latency_p99=9.0), sample(14_460, latency_p99=9.0)])) == [
        ("latency_spike", 60)
    ]


def test_load_that_jumps_is_for_information() -> None:
    detector = warmed(utilization=15.0, bandwidth_gbps=28.5)
    found = feed(detector, [sample(900 + s, utilization=35.0, bandwidth_gbps=66.5) for s in (0, 10, 20)])
    assert told(found) == [("anomaly_detected", 30)]


def test_without_history_only_fixed_bounds_count() -> None:
    detector = FabricDetector(FabricSettings())
    assert feed(detector, [sample(0, latency_p99=50.0, utilization=75.0)]) == []
    assert told(detector.observe(sample(10, utilization=100.0))) == [("resource_saturation", 90)]


def test_a_duplicate_within_five_minutes_is_not_raised_but_a_clearly_worse_one_is() -> None:
    detector = warmed()
    assert told(detector.observe(sample(900, error_rate=0.05))) == [("packet_loss_detected", 60)]
    assert detector.observe(sample(910, error_rate=0.1)) == []
    assert told(detector.observe(sample(920, error_rate=0.2))) == [("packet_loss_detected", 85)]
    assert detector.observe(sample(930, error_rate=0.9)) == []
    assert detector.observe(sample(1219, error_rate=0.2)) == []
    assert told(detector.observe(sample(1220, error_rate=0.06))) == [("packet_loss_detected", 63)]


def test_streams_and_types_do_not_silence_each_other() -> None:
    detector = warmed()
    feed(detector, [sample(second, "ib-02") for second in range(0, 900, 10)])
    found = detector.observe([*sample(900, error_rate=0.1), *sample(900, "ib-02", error_rate=0.1)])
    assert {one.related_entity for one in found} == {"ib-01", "ib-02"}
    assert told(detector.observe(sample(910, qp_errors=50.0))) == [("qp_error_rate_high", 80)]


def test_two_types_in_one_second_get_ids_of_their_own() -> None:
    detector = warmed()
    found = detector.observe([*sample(900.0, error_rate=0.1), *sample(900.5, qp_errors=50.0)])
    second = int(at(900).timestamp())
    assert [one.entity_id for one in found] == [f"alert_ib-01_{second}", f"alert_ib-01_{second}_qp_error_rate_high"]


def test_points_of_one_sample_may_come_apart_and_twice() -> None:
    detector = warmed()
    points = sample(900, latency_p99=9.0)
    assert feed(detector, [points[3:], points[3:], points[1:3]]) == []
    assert told(detector.observe(points[:1])) == [("latency_spike", 70)]
    assert feed(detector, [points, points]) == []
    assert detector.dropped == 0


def test_an_incomplete_sample_is_judged_when_a_newer_one_comes_or_time_passes() -> None:
    detector = warmed(qp_errors=nan, until=10)
    feed(detector, [sample(second, qp_errors=nan) for second in range(10, 900, 10)])
    assert detector.observe(sample(900, qp_errors=nan, error_rate=0.1)) == []
    assert told(detector.observe(sample(910, qp_errors=nan))) == [("packet_loss_detected", 75)]
    assert detector.observe(sample(1300, qp_errors=nan, error_rate=0.1)) == []
    assert detector.advance(at(1314)) == []
    assert told(detector.advance(at(1315))) == [("packet_loss_detected", 75)]


def test_a_late_sample_is_still_judged() -> None:
    detector = warmed()
    feed(detector, [sample(910), sample(920)])
    (one,) = detector.observe(sample(900, error_rate=0.1))
    assert one.timestamp == at(900)
    assert detector.observe(sample(300, error_rate=0.1)) == []
    assert detector.dropped == 1


def test_values_that_are_no_measurements_are_left_out() -> None:
    for value in (nan, inf, -1.0):
        assert warmed().observe(sample(900, utilization=value, latency_p99=value)) == []


def test_other_units_are_understood() -> None:
    points = sample(900)
    points[0] = MetricPoint(ts=at(900), name="latency_p99", entity="ib-01", value=0.009, unit="ms")
    assert told(warmed().observe(points)) == [("latency_spike", 70)]


def test_a_host_that_only_sends_its_utilization_is_no_fabric_stream() -> None:
    detector = FabricDetector(FabricSettings())
    host = [MetricPoint(ts=at(s), name="utilization", entity="db-1", value=99.0) for s in range(0, 600, 10)]
    assert detector.observe(host) + detector.finish() == []
    assert detector.observe([MetricPoint(ts=START, name="cpu", entity="x", value=1.0)]) == []
    assert detector.streams == 1


def test_ids_of_any_length_are_cut_and_stay_apart() -> None:
    detector = FabricDetector(FabricSettings())
    detector.observe([*sample(0, "x" * 5000 + "1"), *sample(0, "x" * 5000 + "2")])
    found = detector.observe([*sample(10, "x" * 5000 + "1", None, error_rate=0.5), *sample(10, "x" * 5000 + "2")])
    assert detector.streams == 2
    assert [len(one.related_entity) for one in found] == [109]


def test_one_sample_of_a_wrong_clock_makes_nothing_late() -> None:
    detector = warmed()
    detector.observe(sample(900 + 86_400))
    assert told(detector.observe(sample(900, error_rate=0.1))) == [("packet_loss_detected", 75)]


def test_a_first_sample_of_a_wrong_clock_is_forgotten() -> None:
    detector = FabricDetector(FabricSettings())
    detector.observe(sample(86_400))
    feed(detector, [sample(second) for second in range(0, 900, 10)])
    assert told(detector.observe(sample(900, latency_p99=9.0))) == [("latency_spike", 70)]


def test_a_clock_that_is_set_back_is_believed_after_a_while() -> None:
    detector = warmed(until=86_400 + 900, step=300)
    assert feed(detector, [sample(second) for second in range(0, 1200, 10)]) == []
    assert told(detector.observe(sample(1200, latency_p99=9.0))) == [("latency_spike", 70)]


def test_old_samples_between_live_ones_do_not_disturb_them() -> None:
    detector = warmed(until=10_800)
    for number in range(60):
        detector.observe([*sample(10_800 + 10 * number), *sample(10 * number, latency_p99=99.0)])
    assert told(detector.observe(sample(11_400, latency_p99=9.0))) == [("latency_spike", 70)]


def test_a_stream_goes_on_after_a_long_gap() -> None:
    detector = warmed()
    late = [sample(900 + 7200 + s) for s in range(0, 900, 10)]
    assert feed(detector, late) == []
    assert told(detector.observe(sample(9000, latency_p99=9.0))) == [("latency_spike", 70)]


# ------------------------------------------------------------------------------------------------------------ the link


def flapping(first: int, count: int, values: dict[str, float], every: int = 60) -> list[list[MetricPoint]]:
    return [
        sample(first + every * fall + step, **(values if step < 20 else {}))
        for fall in range(count)
        for step in range(0, every, 10)
    ]


def test_a_link_that_falls_with_errors_is_raised_at_once_and_rises() -> None:
    found = feed(warmed(), flapping(900, 3, BROKEN))
    assert told(found) == [
        ("connection_instability", 55),
        ("connection_instability", 75),
        ("connection_instability", 90),
    ]


def test_a_link_that_falls_without_errors_is_raised_at_the_third_fall() -> None:
    found = feed(warmed(), flapping(900, 3, DOWN))
    assert told(found) == [("connection_instability", 80)]
    assert found[0].timestamp == at(900 + 120)


def test_one_fall_without_errors_is_a_job_that_ended() -> None:
    detector = warmed()
    assert feed(detector, [sample(s, **DOWN) for s in range(900, 1500, 10)]) == []


def test_pauses_that_a_stream_is_used_to_are_no_flaps() -> None:
    detector = FabricDetector(FabricSettings())
    days = [found for hour in range(6) for found in feed(detector, flapping(3600 * hour, 60, DOWN))]
    assert {one.timestamp.hour for one in days} == {8, 9, 10}


def test_a_link_that_stays_down_with_errors_becomes_critical() -> None:
    found = feed(warmed(), [sample(s, **BROKEN) for s in range(900, 1300, 10)])
    assert told(found)[0] == ("connection_instability", 55)
    assert told(found)[-1][1] >= 80
    assert "at zero for" in found[-1].explanation


def test_falls_in_maintenance_are_information_and_do_not_count_later() -> None:
    detector = warmed(labels={"switch": "leaf-1"})
    change = maintenance(890, service="LEAF-1", ref="CHG-12", summary="firmware, for 20 min")
    first = detector.observe([], [change]) + feed(detector, flapping(900, 4, BROKEN))
    assert told(first) == [("connection_instability", 10)]
    assert "CHG-12" in first[0].explanation
    feed(detector, [sample(s) for s in range(1140, 2100, 10)])
    assert told(feed(detector, flapping(2100, 1, BROKEN))) == [("connection_instability", 55)]


def test_maintenance_of_another_switch_changes_nothing() -> None:
    detector = warmed(labels={"switch": "leaf-1"})
    detector.observe([], [maintenance(890, service="leaf-2")])
    assert told(feed(detector, flapping(900, 1, BROKEN))) == [("connection_instability", 55)]


def test_maintenance_does_not_hide_loss_on_a_link_that_is_up() -> None:
    detector = warmed(labels={"switch": "leaf-1"})
    detector.observe([], [maintenance(890, service="leaf-1")])
    assert told(detector.observe(sample(900, error_rate=0.1))) == [("packet_loss_detected", 75)]


# ---------------------------------------------------------------------------------------------------- slow degradation


def test_latency_that_creeps_up_is_seen_although_its_mean_follows() -> None:
    detector = FabricDetector(FabricSettings())
    calm = [sample(s) for s in range(0, 10 * 3600, 60)]
    creeping = [sample(36_000 + s, latency_p99=3.0 * (1 + s / 14_400)) for s in range(0, 6 * 3600, 60)]
    assert feed(detector, calm) == []
    found = feed(detector, creeping)
    assert {kind for kind, _ in told(found)} == {"performance_degradation"}
    assert told(found)[0] == ("performance_degradation", 55)
    gaps = [b.timestamp - a.timestamp for a, b in pairwise(found)]
    assert all(gap >= timedelta(hours=1) for gap, one in zip(gaps, found[1:], strict=True) if one.risk_score < 60)


def test_a_new_level_becomes_usual_after_a_week() -> None:
    detector = FabricDetector(FabricSettings())
    day = range(0, 86_400, 120)
    settings = [(number, 3.0 if number < 4 else 12.0) for number in range(16)]
    last = [
        [one.timestamp for s in day for one in detector.observe(sample(86_400 * n + s, latency_p99=v))]
        for n, v in settings
    ]
    assert all(last[4:7]), "at first it is told"
    assert last[13:] == [[], [], []], "then it is what this stream does"


# ------------------------------------------------------------------------------------------------------ state, language


def test_memory_is_bounded_and_the_least_recently_heard_goes() -> None:
    detector = FabricDetector(FabricSettings(max_streams=10))
    rows: dict[str, bytes | None] = {}
    for number in range(50):
        detector.observe(sample(0, f"ib-{number}"))
        rows |= detector.changed_rows()
    assert detector.streams == 10
    assert detector.evicted == 40
    assert sum(name.startswith("fabric/stream/") and row is not None for name, row in rows.items()) == 10


def test_rows_of_others_are_left_alone_and_calm_input_writes_nothing_new() -> None:
    detector = warmed()
    rows = {name: row for name, row in detector.changed_rows().items() if row is not None}
    assert all(name.startswith("fabric/") for name in rows)
    assert detector.changed_rows() == {}
    other = FabricDetector(FabricSettings())
    other.restore({"burst/meta": b"\xff", **rows})
    assert told(other.observe(sample(900, latency_p99=9.0))) == [("latency_spike", 70)]


def test_a_minute_of_samples_writes_the_past_once() -> None:
    detector = warmed()
    detector.changed_rows()
    names = [name for s in range(900, 960, 10) for name in _written(detector, s)]
    assert sum(name.startswith("fabric/past/") for name in names) == 1
    assert sum(name.startswith("fabric/stream/") for name in names) == 6


def _written(detector: FabricDetector, second: int) -> list[str]:
    detector.observe(sample(second))
    return list(detector.changed_rows())


def test_korean() -> None:
    (one,) = warmed(settings=FabricSettings(language="ko")).observe(sample(900, latency_p99=9.0))
    assert one.explanation == "P99 지연 9µs — 15분 평균 3µs 대비 3배. 기준값 5µs 미만."
    assert one.prediction_type is PredictionType.LATENCY_SPIKE
