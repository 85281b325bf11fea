"""A real Prometheus and our own scrape of the same exporter: the same series, the same values, the same units."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.intake.body import read_body
from bdp.intake.feeds.target import Fetched, ScrapeTarget
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.prometheus import read_remote_write
from bdp.model.batch import RecordKind
from tests.integration.prometheus_server import Prometheus, find_prometheus
from tests.unit.intake.reading import Row, rows

CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["{target}"], labels: {{site: b}}}}]
remote_write:
  - url: "http://{target}/write"
    queue_config: {{batch_send_deadline: 200ms}}
"""
ODD = b"""odd_seconds_total{job="own",instance="",path="a\\\\b\\"c\\n,}",empty=""} 1e-3
odd { a = "1" , } +5
"""
Series = tuple[str, str, tuple[tuple[str, str], ...], str]


class Both:
    """An exporter of a text, and a receiver of what is written back."""

    def __init__(self, text: bytes) -> None:
        self.written: list[bytes] = []
        both = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def do_POST(self) -> None:
                both.written.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def text(data_dir: Path) -> bytes:
    return (data_dir / "infiniband-hpc/node_exporter/e2e-output.prom").read_bytes() + ODD


@pytest.fixture
def both(text: bytes) -> Iterator[Both]:
    opened = Both(text)
    yield opened
    opened.close()


@pytest.fixture
def prometheus(both: Both, tmp_path: Path) -> Iterator[Prometheus]:
    program = find_prometheus(tmp_path)
    server = Prometheus(program, tmp_path / "prometheus", CONFIGURATION.format(target=both.address))
    yield server
    server.stop()


def parcel() -> Parcel:
    return Parcel(RecordKind.METRICS, Edge(SystemClock().now(), IntakeSettings()), "test")


def series(found: list[Row]) -> dict[Series, float]:
    return {
        (row["name"], row["entity"], tuple(row["labels"].items()), row["unit"]): row["value"]
        for row in found
        if not row["name"].startswith(("scrape_", "bdp_scrape_"))
    }


def received(both: Both) -> dict[Series, float]:
    filled = parcel()
    for raw in list(both.written):
        read_remote_write(read_body(raw, "snappy", IntakeSettings()), "", filled)
    return series(rows(filled.batch("b", Ids())))


def test_a_series_has_one_identity_by_both_ways(both: Both, prometheus: Prometheus, text: bytes) -> None:
    assert prometheus.ready(), prometheus.log.read_text()
    labels = {"job": "node", "instance": both.address, "site": "b"}
    target = ScrapeTarget(f"http://{both.address}/metrics", labels, "test", IntakeSettings(), len(text), honor=False)
    batch = target.batch(Fetched(SystemClock().now(), 0.1, text, "", "text/plain"), Ids())
    assert (target.trouble, batch.refused) == ("", ())
    expected = series(rows(batch))
    limit = time.monotonic() + 30
    while not expected.keys() <= received(both).keys() and time.monotonic() < limit:
        time.sleep(0.3)
    assert received(both) == expected
    assert len(expected) > 3000
