"""A real Prometheus scrapes a served home's own metrics and writes them back to it; then both must hold the same."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.prometheus_server import Prometheus, find_prometheus, key
from tests.integration.serving import Served

CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: bdp
    authorization: {{credentials: "{token}"}}
    static_configs: [{{targets: ["{target}"]}}]
remote_write:
  - url: "{url}/api/v1/write"
    authorization: {{credentials: "{token}"}}
    queue_config: {{batch_send_deadline: 200ms}}
    metadata_config: {{send: true, send_interval: 1s}}
"""
SCRAPES = 5
Samples = dict[str, dict[int, float]]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Served]:
    home = tmp_path / "home"
    home.mkdir()
    served = Served(home, {"BDP_PIPELINE__LINGER_SECONDS": "0.05"})
    assert served.ready(), served.told()
    yield served
    served.stop()


@pytest.fixture
def prometheus(life: Served, tmp_path: Path) -> Iterator[Prometheus]:
    program = find_prometheus(tmp_path)
    url = str(life.client.base_url).rstrip("/")
    token = str(life.client.headers["Authorization"]).removeprefix("Bearer ")
    text = CONFIGURATION.format(url=url, target=url.removeprefix("http://"), token=token)
    server = Prometheus(program, tmp_path / "prometheus", text)
    yield server
    server.stop()


def test_what_prometheus_writes_is_what_it_holds(life: Served, prometheus: Prometheus) -> None:
    assert prometheus.ready(), prometheus.log.read_text()
    life.post("/v1/events", json=[{"service": "shop", "message": "hello"}])

    wait_for_scrapes(life)
    expected = held_by(prometheus)
    stored = wait_for(life, expected)

    assert len(expected) > 20
    assert any(name.startswith("__name__=bdp_ledger_records,") for name in expected)
    assert all(stored[name][at] == value for name, samples in expected.items() for at, value in samples.items())
    assert "Failed to send" not in prometheus.log.read_text()
    ledger = life.get("/v1/ledger")["sources"]["prometheus"]
    assert (ledger["dead_lettered"], ledger["dropped"]) == (0, 0)
    entities = life.query("SELECT DISTINCT entity FROM metrics")
    assert entities == [{"entity": str(life.client.base_url).removeprefix("http://").rstrip("/")}]


def wait_for_scrapes(life: Served) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        (row,) = life.query("SELECT count() AS n FROM metrics WHERE name = 'up' AND value = 1")
        if row["n"] >= SCRAPES:
            return
        time.sleep(0.2)
    pytest.fail("Prometheus wrote nothing")


def held_by(prometheus: Prometheus) -> Samples:
    """What Prometheus holds, but for NaN, which is not kept."""
    found = prometheus.series('{job="bdp"}[1m]')
    return {
        name: {round(at * 1000): value for at, value in samples if not math.isnan(value)}
        for name, samples in found.items()
    }


def wait_for(life: Served, expected: Samples) -> Samples:
    """Return the store's samples as soon as all that is expected is among them."""
    limit = time.monotonic() + 30
    while True:
        stored: Samples = defaultdict(dict)
        sql = "SELECT name, labels, toUnixTimestamp64Milli(ts) AS at, value FROM metrics LIMIT 100000"
        for row in life.query(sql):
            stored[key({"__name__": row["name"], **row["labels"]})][row["at"]] = row["value"]
        if all(samples.keys() <= stored[name].keys() for name, samples in expected.items()):
            return stored
        assert time.monotonic() < limit, "samples are missing in the store"
        time.sleep(0.2)
