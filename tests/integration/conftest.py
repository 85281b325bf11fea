"""The outside services that several tests here share: a Kafka broker, a PostgreSQL server, a ClickHouse stand-in."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.conftest import new_postgresql, postgresql
from tests.integration.kafka_broker import KafkaBroker, shared_broker

__all__ = ["new_postgresql", "postgresql"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def kafka() -> KafkaBroker:
    """A Kafka broker that lives as long as the tests do."""
    broker = shared_broker()
    if isinstance(broker, str):
        pytest.skip(f"no Kafka broker: {broker}")
    return broker


@dataclass
class ClickHouseProcess:
    """The process of `clickhouse_http.py`."""

    dsn: str
    process: subprocess.Popen[bytes]


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouseProcess]:
    """ClickHouse's HTTP interface over an empty chDB folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.integration.clickhouse_http", str(tmp_path / "clickhouse"), str(port)]
    with (tmp_path / "clickhouse.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    with process.stdout as output:
        if output.readline().strip() != b"ready":
            process.kill()
            process.wait()
            pytest.skip(f"chDB does not start here: {(tmp_path / 'clickhouse.log').read_text()[-500:]}")
        yield ClickHouseProcess(f"http://127.0.0.1:{port}/", process)
        process.kill()
        process.wait()
