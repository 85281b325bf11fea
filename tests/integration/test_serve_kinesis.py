"""`bdp serve` with Kinesis as the first sink: what is acknowledged is stored, through an absence of Kinesis too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from bdp.app import App
from bdp.errors import NotPossible
from bdp.model.batch import RecordKind
from bdp.settings import load
from tests.contract import kinesis_rig


class Server:
    """A server of this test's own, because it is stopped; it keeps its streams."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    own = Server()
    yield own
    own.stop()


@pytest.fixture
def app(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    kinesis_rig.client_of(monkeypatch).create_stream(StreamName="served", ShardCount=3)
    settings = {
        "stream": {
            "sinks": ("kinesis", "table", "files"),
            "kinesis": {
                "stream_name": "served",
                "region": kinesis_rig.REGION,
                "endpoint_url": f"http://127.0.0.1:{server.port}",
                "session_seconds": 2,
                "timeout_seconds": 2,
                "poll_seconds": 0.2,
                "tally_seconds": 0.1,
            },
            "delivery": {"buffer": {"patience_seconds": 0}, "breaker": {"probe_seconds": 0.2}},
        },
        "work": {"linger_seconds": 0.05},
    }
    with App(load(tmp_path / "home", settings)) as opened:
        opened.start()
        yield opened


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not come to that in time"
        time.sleep(0.1)


def lines(name: str, count: int) -> bytes:
    rows = ({"ts": "2026-05-01T12:00:00Z", "service": name, "message": f"{n}"} for n in range(count))
    return "\n".join(map(json.dumps, rows)).encode()


def stored(app: App, name: str) -> tuple[int, int]:
    row = app.store.query(f"SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE service = '{name}'")[0]
    return row["n"], row["ids"]


def test_records_go_through_the_stream_and_wait_behind_it_while_kinesis_is_away(app: App, server: Server) -> None:
    batch, new = app.desk.take(RecordKind.EVENTS, lines("before", 500) + b"\nno record", "", "first")
    assert (batch.count, len(batch.refused), new) == (500, 1, True)
    until(lambda: stored(app, "before") == (500, 500))
    assert app.desk.take(RecordKind.EVENTS, lines("before", 500) + b"\nno record", "", "first")[1] is False

    server.stop()
    for number in range(3):
        assert app.desk.take(RecordKind.EVENTS, lines("away", 200), "", f"away-{number}")[1]
    states = {state.name: state for state in app.chain.states()}
    assert states["table"].waiting == 600
    assert states["kinesis"].reason

    server.start()
    until(lambda: stored(app, "away") == (600, 600))
    until(lambda: app.ledger()[0].in_flight == 0)
    total = app.ledger()[0].as_dict()
    assert total == {"accepted": 1101, "stored": 1100, "dead_lettered": 1, "dropped": 0, "in_flight": 0}
    until(lambda: app.pipeline.trouble == "")
    assert app.books.dead_letters(5)[0].payload == b"no record"
    with pytest.raises(NotPossible, match="others share"):
        app.load([])
