"""Names of ports: readable, stable, and never one for two ports."""

from __future__ import annotations

from itertools import combinations

import pytest

from bdp.detect.fabric.place import called, port_of

GUID = "0x7cfe9003009ce5b0"


@pytest.mark.parametrize(
    ("labels", "entity"),
    [
        ({"instance": "node7:9100", "job": "node", "device": "mlx5_0", "port": "1"}, "node7:9100/mlx5_0/1"),
        ({"guid": GUID, "port": "2", "instance": "exporter:9315"}, f"{GUID}/2"),
        ({"guid": GUID, "port": "2", "switch": "leaf-1"}, f"leaf-1/{GUID}/2"),
        ({"guid": GUID, "port": "1", "hca": "node7 HCA-1", "switch": "leaf-1"}, f"node7 HCA-1/{GUID}/1"),
        ({"device": "mlx5_0", "port": "1"}, "fallback/mlx5_0/1"),
        ({"cluster": "a", "host": "n1", "device": "mlx5_0", "port": "1"}, "a/n1/mlx5_0/1"),
    ],
)
def test_an_exporters_port_has_a_readable_name(labels: dict[str, str], entity: str) -> None:
    assert port_of("fallback", labels) == entity


def test_the_order_of_labels_and_the_scraper_do_not_matter() -> None:
    labels = {"guid": GUID, "port": "2", "switch": "leaf-1"}
    assert port_of("a", labels) == port_of("b", dict(reversed(labels.items())) | {"instance": "other", "job": "x"})


def test_different_ports_never_share_a_name() -> None:
    ports = [
        {"instance": "a", "device": "mlx5_0", "port": "1"},
        {"instance": "a", "device": "mlx5_0", "port": "2"},
        {"instance": "a", "device": "mlx5_1", "port": "1"},
        {"instance": "b", "device": "mlx5_0", "port": "1"},
        {"instance": "gateway", "node": "a", "device": "mlx5_0", "port": "1"},
        {"instance": "gateway", "node": "b", "device": "mlx5_0", "port": "1"},
        {"instance": "a/mlx5_0", "device": "x", "port": "1"},
        {"instance": "a", "device": "mlx5_0/x", "port": "1"},
        {"instance": "a%2Fmlx5_0", "device": "x", "port": "1"},
        {"cluster": "c", "instance": "a", "device": "mlx5_0", "port": "1"},
        {"instance": "a", "device": "m" * 150 + "1", "port": "1"},
        {"instance": "a", "device": "m" * 150 + "2", "port": "1"},
        {"instance": "a", "lane": "1"},
        {"instance": "a", "lane": "2"},
    ]
    assert all(port_of("e", one) != port_of("e", other) for one, other in combinations(ports, 2))


def test_people_may_call_it_by_host_switch_or_fabric() -> None:
    names = called("ib-07", {"instance": "Node7:9100", "switch": "leaf-1", "fabric": "hpc-a", "port": "1"})
    assert {"ib-07", "node7:9100", "node7", "leaf-1", "hpc-a"} == set(names)
    assert len(called("x", {name: f"{name}{'y' * 500}" for name in ("instance", "switch", "guid")})[1]) <= 100
