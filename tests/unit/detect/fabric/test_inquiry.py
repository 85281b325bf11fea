"""What a model is to be asked: about which samples, by which ids, with which figures."""

from __future__ import annotations

from typing import Any

import pytest

from bdp.detect.burst.detector import BurstSettings
from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.detect.watch import Watch
from bdp.flow.contrast import Contrast, Side
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import Insight
from tests.unit.detect.fabric.fabric_points import START, at, counter, downs, feed, maintenance, sample

SPIKE = {"latency_p99": 10.5}
ODD = {"utilization": 34.0, "bandwidth_gbps": 64.6}
"""Beyond a trigger, and no rule speaks."""


def warmed(ask: str = "raised", *, inquiring: bool = True, **settings: Any) -> FabricDetector:
    detector = FabricDetector(FabricSettings(ask=ask, **settings), inquiring=inquiring)  # type: ignore[arg-type]
    for second in range(0, 900, 10):
        detector.observe(sample(second))
    detector.inquiries()
    return detector


def measure(inquiry: Inquiry, name: str) -> Measure:
    return next(one for one in inquiry.measures if one.name == name)


def test_a_raised_insight_is_asked_about_with_its_figures() -> None:
    detector = warmed()
    (insight,) = detector.observe(sample(900, **SPIKE))
    (asked,) = detector.inquiries()
    assert (asked.inquiry_id, asked.insight, asked.timestamp) == (insight.entity_id, insight, at(900))
    assert (asked.related_entity, asked.maintenance, asked.deadline) == ("ib-01", "", None)
    assert measure(asked, "latency_p99") == Measure(
        name="latency_p99", value=10.5, unit="µs", baseline=3.0, reference="< 5", stands_out=True
    )
    assert measure(asked, "error_rate") == Measure(
        name="error_rate", value=0.02, unit="%", baseline=0.02, reference="< 0.1"
    )
    assert measure(asked, "bandwidth_gbps").unit == "Gbit/s"
    assert [one.name for one in asked.measures if one.stands_out] == ["latency_p99"]
    assert measure(asked, "latency_p99_5min_ago").value == 3.0
    assert measure(asked, "utilization_10min_ago").value == 55.0
    assert detector.inquiries() == []


@pytest.mark.parametrize(("ask", "count"), [("raised", 0), ("triggered", 1), ("every", 1)])
def test_duplicates_and_samples_without_a_rule_are_asked_about_only_if_wanted(ask: str, count: int) -> None:
    detector = warmed(ask)
    detector.observe(sample(900, **SPIKE))
    (first,) = detector.inquiries()
    assert detector.observe(sample(910, **SPIKE)) == []
    again = detector.inquiries()
    assert [one.inquiry_id for one in again] == [f"ask_ib-01_{at(910).timestamp():.0f}"] * count
    assert detector.observe(sample(920, **ODD)) == []
    assert [one.insight for one in detector.inquiries()] == [None] * count
    assert first.insight is not None


def test_every_sample_of_a_stream_with_a_baseline_if_wanted() -> None:
    assert all(not feed(detector, [sample(900)]) for detector in (warmed("every"), warmed("triggered")))
    every, triggered = warmed("every"), warmed("triggered")
    for detector in (every, triggered):
        detector.observe(sample(900))
    assert [one.insight for one in every.inquiries()] == [None]
    assert triggered.inquiries() == []
    fresh = FabricDetector(FabricSettings(ask="every"), inquiring=True)
    fresh.observe(sample(0))
    assert fresh.inquiries() == []  # nothing is known to hold it against


def test_nothing_is_gathered_where_nobody_asks() -> None:
    detector = warmed("every", inquiring=False)
    assert len(detector.observe(sample(900, **SPIKE))) == 1
    assert detector.inquiries() == []


def test_a_link_that_falls_has_its_falls_and_its_maintenance_is_no_question() -> None:
    broken = {"utilization": 0.0, "bandwidth_gbps": 0.0, "error_rate": 0.4, "qp_errors": 60.0}
    detector = warmed()
    detector.observe(sample(900, **broken))
    detector.observe(sample(910))
    detector.observe(sample(920, **broken))
    asked = detector.inquiries()
    assert measure(asked[-1], "link_falls_10min") == Measure(name="link_falls_10min", value=2, stands_out=True)
    planned = warmed()
    found = planned.observe(sample(900, **broken), [maintenance(890, "ib-01", ref="M-7")])
    assert [one.risk_score for one in found] == [10]
    assert planned.inquiries() == []
    planned.observe(sample(2000, **SPIKE), [maintenance(1990, "ib-01", ref="M-8")])
    for second in range(2010, 2300, 10):
        planned.observe(sample(second))
    planned.observe(sample(2300, **SPIKE))
    assert [one.maintenance for one in planned.inquiries()] == ["M-8"]  # another finding there is one, and says so


def test_a_port_is_asked_about_by_its_counters() -> None:
    detector = FabricDetector(FabricSettings(ask="triggered"), inquiring=True)
    detector.observe([*downs(0, 0), counter(0, "node_infiniband_symbol_error_total", 0)])
    detector.observe([*downs(30, 3), counter(30, "node_infiniband_symbol_error_total", 9000)])
    (asked,) = detector.inquiries()
    assert {one.name: one.value for one in asked.measures} == {"link_downed_10min": 3, "symbol_error_5min": 9000}
    detector.observe(downs(60, 4))
    detector.finish()
    assert [one.insight for one in detector.inquiries()] == [None]  # a duplicate


def test_bandwidth_that_is_missing_is_told() -> None:
    detector = warmed()
    for second in (900, 910):
        detector.observe(sample(second, utilization=78.0, bandwidth_gbps=70.0))
    missing = measure(detector.inquiries()[-1], "bandwidth_missing")
    assert missing.stands_out
    assert 50 < missing.value < 56


def test_restored_it_forgets_what_was_asked_in_a_range_that_runs_again() -> None:
    detector = warmed()
    detector.observe(sample(900, **SPIKE))
    detector.restore({})
    assert detector.inquiries() == []


def test_a_watch_passes_them_on_behind_the_insights_and_others_leave_them_alone() -> None:
    watch, silent = Watch(BurstSettings(), inquiring=True), Watch(BurstSettings())
    points = [point for second in range(0, 900, 10) for point in sample(second)]
    for one in (watch, silent):
        one.observe((), points)
    found = watch.observe((), sample(900, **SPIKE))
    kinds = [type(one) for one in found if isinstance(one, Insight | Inquiry)]
    assert kinds == [Insight, Inquiry]
    assert [one for one in found if not isinstance(one, Inquiry)] == silent.observe((), sample(900, **SPIKE))
    contrast = Contrast("x", START)
    contrast.add(Side.LIVE, [one for one in found if isinstance(one, Inquiry)])
    assert not contrast.waiting
