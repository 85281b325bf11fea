"""Whether records may come here, in words, in full, and in numbers."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.errors import StreamUnavailable
from bdp.intake.feeds.feed import Feeds
from bdp.model.batch import Batch, RecordKind


class Stuck:
    """A feed that fetches nothing."""

    name = "orders"

    def __init__(self) -> None:
        self.trouble = "Kinesis: no such stream."

    def run(self, stop: threading.Event) -> None:
        """Fetch nothing."""


def fail(*given: object, **named: object) -> Any:
    raise StreamUnavailable("The disk is gone.", "Check it.")


def test_records_behind_an_absent_first_sink_are_safe_and_it_is_told(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.chain.primary.sink, "append", fail)
    for _ in range(3):
        assert client.post("/v1/events", content=b'{"message": "x"}').status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 200
    reason = "The sink journal is away, and records wait for it: The disk is gone."
    assert answer.json() == {"status": "degraded", "reason": reason}


def test_a_pipeline_that_stands_still_is_not_ready(app: App, client: TestClient) -> None:
    app.pipeline.trouble = "a defect"  # type: ignore[misc]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["what"] == "Records wait: a defect"


def test_a_store_that_hangs_is_told_and_waited_for_in_vain_for_three_seconds_only(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    query = app.store.query
    monkeypatch.setattr(app.store, "query", lambda sql: answers.wait(60) and query(sql))
    begun = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - begun < 15
    assert answer.status_code == 503
    assert "The store has not answered for 3 seconds" in answer.json()["error"]["what"]
    assert client.get("/v1/health").json()["status"] == "stuck"
    answers.set()
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() - begun < 30


def test_a_feed_in_trouble_is_seen_everywhere(app: App, client: TestClient) -> None:
    feed = Stuck()
    app.feeds = Feeds([feed])
    reason = "The feed orders does not fetch everything: Kinesis: no such stream."
    assert client.get("/readyz").json() == {"status": "degraded", "reason": reason}
    full = client.get("/v1/health").json()
    assert (full["status"], full["absences"], full["stuck"]) == ("degraded", [reason], [])
    assert full["feeds"] == {"orders": "Kinesis: no such stream."}
    assert [sink["name"] for sink in full["sinks"]] == [one["sink"] for one in full["tried"]]
    assert 'bdp_feed_interrupted{feed="orders"} 1.0' in client.get("/metrics").text
    feed.trouble = ""
    assert client.get("/readyz").json() == {"status": "ready"}
    assert 'bdp_feed_interrupted{feed="orders"} 0.0' in client.get("/metrics").text


def test_a_home_with_all_records_to_itself_shares_no_lanes(client: TestClient) -> None:
    assert client.get("/v1/lanes").json() == []


def test_a_second_sink_that_cannot_be_asked_degrades_and_stops_no_answer(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, table = app.chain.behind[0]
    table.append([Batch(batch_id="a", source="http", kind=RecordKind.EVENTS, count=2, payload=b"{}\n{}")])
    assert client.get("/v1/ledger").json()["total"]["in_flight"] == 2
    monkeypatch.setattr(table, "waiting", fail)
    monkeypatch.setattr(table, "oldest", fail)
    told = client.get("/v1/ledger").json()
    assert told["total"]["in_flight"] == 2
    assert [sink["waiting"] for sink in told["sinks"]] == [0, None, 0]
    assert 'bdp_ledger_records{source="http",state="in_flight"} 2.0' in client.get("/metrics").text
    assert client.post("/v1/events", content=b'{"ts": "2026-05-01T12:00:00Z"}').status_code == 200
    app.pipeline.drain()
    assert client.get("/v1/briefing").status_code == 200
    reason = "What waits in the sink table is unknown: The disk is gone."
    assert client.get("/readyz").json() == {"status": "degraded", "reason": reason}
    assert client.get("/v1/health").json()["tried"][1] == {"sink": "table", "reason": "The disk is gone."}
    monkeypatch.undo()
    app.custody.recovery.step()
    assert client.get("/readyz").json() == {"status": "ready"}
    assert [sink["waiting"] for sink in client.get("/v1/ledger").json()["sinks"]] == [0, 0, 0]
