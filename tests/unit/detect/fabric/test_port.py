"""Port counters of exporters: which port, how much they rose, what that means."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bdp.detect.fabric.counters import COUNTERS, NAMES
from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.detect.fabric.port import increase
from bdp.model.metric import MetricPoint
from tests.unit.detect.fabric.fabric_points import PORT, START, at, counter, downs, feed, maintenance, told

TRAFFIC = re.compile(r"(data|packets|requests|bytes)|uptime|lifespan|connect|roce_|mapping|looping")
"""Counters of what a link carries, of settings, and details that need no rule of their own."""


def fresh() -> FabricDetector:
    return FabricDetector(FabricSettings())


def scrapes(*values: float, every: int = 60) -> list[list[MetricPoint]]:
    return [downs(every * number, value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("old", "new", "rise"),
    [
        (5, 9, 4),
        (5, 5, 0),
        (7, 0, 0),
        (7, 2, 2),
        (2.0**32 - 10, 5, 15),
        (2.0**32 - 1, 2.0**32 - 1, 0),
        (255, 255, 0),
        (65_535, 3, 3),
        (900, 899, None),
    ],
)
def test_rises_resets_wraps_and_counters_that_stand(old: float, new: float, rise: float | None) -> None:
    assert increase(old, new) == rise


def test_one_down_is_medium_and_a_flap_grows() -> None:
    found = feed(fresh(), scrapes(0, 1, 2, 3, 3))
    assert told(found) == [
        ("connection_instability", 45),
        ("connection_instability", 65),
        ("connection_instability", 80),
    ]
    assert {one.related_entity for one in found} == {PORT}
    assert found[-1].explanation == "The port's counter link_downed rose by 3 within 10 minutes."


def test_downs_that_lie_hours_apart_are_single() -> None:
    found = feed(fresh(), scrapes(0, 1, 2, 3, every=3600))
    assert {risk for _, risk in told(found)} == {45}


def test_a_first_value_and_a_high_old_value_say_nothing() -> None:
    assert feed(fresh(), scrapes(200, 200, 200)) == []


def test_a_restart_of_the_host_is_no_flap() -> None:
    assert told(feed(fresh(), scrapes(90, 0, 0))) == []


def test_two_exporters_of_one_port_do_not_make_flaps() -> None:
    detector = fresh()
    assert (
        feed(
            detector, [downs(second, value) for second, value in ((0, 7), (1, 7), (60, 7), (61, 6), (120, 7), (121, 7))]
        )
        == []
    )


def test_a_rise_over_a_long_gap_counts_by_its_share() -> None:
    detector = fresh()
    feed(detector, [downs(0, 0)])
    assert told(detector.observe(downs(6 * 3600, 30))) == [("connection_instability", 45)]


def test_doubled_and_late_scrapes_do_not_count_twice() -> None:
    detector = fresh()
    feed(detector, scrapes(0, 1))
    assert feed(detector, [downs(60, 1), downs(0, 0), downs(60, 1), downs(120, 1)]) == []


def test_rates_count_over_five_minutes() -> None:
    name = "node_infiniband_port_errors_received_total"
    detector = fresh()
    few = [[counter(60 * n, name, 50 * n)] for n in range(10)]
    assert feed(detector, few) == []
    many = [[counter(600 + 60 * n, name, 1000 + 3000 * n)] for n in range(3)]
    assert [kind for kind, _ in told(feed(detector, many))] == ["packet_loss_detected", "packet_loss_detected"]


def test_a_link_down_explains_the_packets_it_lost() -> None:
    detector = fresh()
    loss = "node_infiniband_port_discards_transmitted_total"
    feed(detector, [[*downs(0, 0), counter(0, loss, 0)]])
    assert told(detector.observe([*downs(60, 1), counter(60, loss, 5000)])) == [("connection_instability", 50)]


@pytest.mark.parametrize(
    ("name", "rise", "kind"),
    [
        ("node_infiniband_local_ack_timeout_errors_total", 500, "rdma_timeout"),
        ("node_infiniband_req_cqes_errors_total", 20, "qp_error_rate_high"),
        ("node_infiniband_resp_remote_access_errors_total", 20, "memory_registration_failure"),
        ("rdma_local_ack_timeout_err_total", 500, "rdma_timeout"),
        ("infiniband_switch_port_transmit_wait_total", 4e9, "resource_saturation"),
        ("infiniband_hca_port_symbol_error_total", 800, "performance_degradation"),
    ],
)
def test_every_exporters_name_is_known(name: str, rise: float, kind: str) -> None:
    detector = fresh()
    feed(detector, [[counter(0, name, 3)]])
    assert [found for found, _ in told(detector.observe([counter(60, name, 3 + rise)]))] == [kind]


def test_maintenance_of_the_host_makes_downs_information() -> None:
    detector = fresh()
    feed(detector, scrapes(0))
    detector.observe([], [maintenance(30, service="node7", summary="until 2026-11-16T08:10Z")])
    assert told(feed(detector, [downs(60, 3), downs(120, 6)])) == [("connection_instability", 10)]
    assert told(feed(detector, [downs(700, 7)])) == [("connection_instability", 45)]


def test_a_scrape_that_lacks_a_counter_is_judged_when_time_passes() -> None:
    detector = fresh()
    other = "node_infiniband_link_error_recovery_total"
    feed(detector, [[*downs(0, 0), counter(0, other, 0)]])
    assert detector.observe(downs(60, 1)) == []
    assert told(detector.advance(at(75))) == [("connection_instability", 45)]


# ------------------------------------------------------------------------------------------------- recorded exporters


def points(text: str, second: int, **more: str) -> list[MetricPoint]:
    return [
        MetricPoint(
            ts=START + timedelta(seconds=second),
            name=one.name,
            entity="node7:9100",
            labels=one.labels | more,
            value=one.value,
        )
        for family in text_string_to_metric_families(text)
        for one in family.samples
    ]


def infiniband_lines(data_dir: Path) -> str:
    text = (data_dir / "infiniband-hpc/node_exporter/e2e-output.prom").read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if "node_infiniband" in line)


def test_every_error_counter_of_node_exporter_is_mapped(data_dir: Path) -> None:
    names = {one.name for one in points(infiniband_lines(data_dir), 0) if one.name.endswith("_total")}
    assert {name for name in names - NAMES.keys() if not TRAFFIC.search(name)} == set()
    assert len(names & NAMES.keys()) >= 8


def test_a_node_exporters_port_flaps_and_only_that_port(data_dir: Path) -> None:
    text = infiniband_lines(data_dir)
    detector = fresh()
    assert feed(detector, [points(text, 0, instance="a:9100") + points(text, 0, instance="b:9100")]) == []
    assert detector.ports == 4, "two hosts with two ports each"
    flapped = text.replace(
        'link_downed_total{device="mlx4_0",port="2"} 0', 'link_downed_total{device="mlx4_0",port="2"} 3'
    )
    found = feed(detector, [points(flapped, 60, instance="a:9100") + points(text, 60, instance="b:9100")])
    assert [(one.related_entity, *told([one])[0]) for one in found] == [
        ("a:9100/mlx4_0/2", "connection_instability", 80)
    ]


def test_every_error_counter_of_the_infiniband_exporters_is_mapped(data_dir: Path) -> None:
    folder = data_dir / "infiniband-hpc"
    rules = (folder / "infiniband_exporter/examples/infiniband.rules").read_text(encoding="utf-8")
    names = set(re.findall(r"infiniband_(?:switch|hca)_\w+_total", rules))
    text = (folder / "sckyzo/docs/metrics.md").read_text(encoding="utf-8")
    bases = set(re.findall(r"`(port_\w+_total)`", text))
    names |= {f"infiniband_{end}_{base}" for base in bases for end in ("switch", "hca")}
    assert {name for name in names - NAMES.keys() if not TRAFFIC.search(name)} == set()
    assert len(names & NAMES.keys()) > 30


def test_every_error_counter_file_of_sysfs_is_mapped(data_dir: Path) -> None:
    folder = data_dir / "infiniband-hpc/procfs/sysfs/fixtures/sys/class/infiniband"
    files = {path.name for path in folder.glob("*/ports/*/*counters/*")}
    known = {file for one in COUNTERS for file in one.files}
    assert {name for name in files - known if not TRAFFIC.search(name)} == set()
    assert len(files & known) > 20
