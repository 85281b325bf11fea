"""`bdp serve` with Kafka as the first sink: what is acknowledged is stored, through an absence of the broker too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdp.app import App
from bdp.errors import NotPossible
from bdp.model.batch import RecordKind
from bdp.settings import load
from tests.integration.kafka_broker import KafkaBroker, NoBroker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker of this test's own, because it is stopped."""
    own = KafkaBroker(tmp_path / "broker")
    try:
        own.start()
    except NoBroker as error:
        pytest.skip(f"no Kafka broker: {error}")
    yield own
    own.stop()


@pytest.fixture
def app(broker: KafkaBroker, tmp_path: Path) -> Iterator[App]:
    settings = {
        "stream": {
            "sinks": ("kafka", "table", "files"),
            "kafka": {
                "bootstrap_servers": broker.address,
                "partitions": 3,
                "session_seconds": 2,
                "timeout_seconds": 2,
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


def lines(name: str, count: int, level: str = "INFO") -> bytes:
    rows = ({"ts": "2026-05-01T12:00:00Z", "service": name, "level": level, "message": f"{n}"} for n in range(count))
    return "\n".join(map(json.dumps, rows)).encode()


def stored(app: App, name: str) -> tuple[int, int]:
    row = app.store.query(f"SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE service = '{name}'")[0]
    return row["n"], row["ids"]


def test_records_go_through_the_topic_and_wait_behind_it_while_the_broker_is_away(
    app: App, broker: KafkaBroker
) -> None:
    batch, new = app.desk.take(RecordKind.EVENTS, lines("before", 500) + b"\nno record", "", "first")
    assert (batch.count, len(batch.refused), new) == (500, 1, True)
    until(lambda: stored(app, "before") == (500, 500))
    assert app.desk.take(RecordKind.EVENTS, lines("before", 500) + b"\nno record", "", "first")[1] is False
    assert [lane.lane for lane in app.lanes()] == [f"bdp/bdp.records/{number}" for number in range(3)]
    assert len({lane.reader for lane in app.lanes()}) == 1
    until(lambda: app.health.look().status == "ready")

    broker.stop()
    until(lambda: app.health.look().status == "degraded")  # nobody has sent a record yet
    assert app.pipeline.away
    time.sleep(3)  # longer than a session: the partitions are lost by then, and nothing of ours is in trouble
    assert app.health.look().status == "degraded"
    assert app.health.examine()[0].reason.startswith("Kafka does not answer")
    for number in range(3):
        assert app.desk.take(RecordKind.EVENTS, lines("away", 200), "", f"away-{number}")[1]
    states = {state.name: state for state in app.chain.states()}
    assert states["table"].waiting == 600
    assert states["kafka"].reason

    broker.start()
    until(lambda: stored(app, "away") == (600, 600))
    until(lambda: app.ledger()[0].in_flight == 0)
    total = app.ledger()[0].as_dict()
    assert total == {"accepted": 1101, "stored": 1100, "dead_lettered": 1, "dropped": 0, "in_flight": 0}
    until(lambda: app.health.look().status == "ready")
    assert app.books.dead_letters(5)[0].payload == b"no record"


def test_a_file_is_not_analysed_in_a_home_whose_records_others_may_have(app: App) -> None:
    with pytest.raises(NotPossible, match="others share"):
        app.load([])
