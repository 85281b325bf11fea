"""`kill -9` at random points of ingest, of recovery and of the incidents' workflows: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.serving import Served

SETTINGS = {
    "BDP_NOTIFY__CHANNELS": '[{"kind": "file"}]',
    "BDP_WORKFLOWS__VERIFY_AFTER_SECONDS": "0",
    "BDP_PIPELINE__LINGER_SECONDS": "0.05",
}
EVENTS = 40
FAILING = 12
PAUSE_SECONDS = 0.02
EARLY_SHARE = 0.25
ENDED = {"resolved", "escalated"}


@dataclass
class Sender:
    """Sends numbered requests; one without an answer is sent again with its key, as a careful client does."""

    number: int = 0
    unanswered: list[int] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)

    def send_until(self, life: Served, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_SECONDS):
            if not self.unanswered:
                self.unanswered.append(self.number)
                self.number += 1
            if not self._send(life, self.unanswered[0]):
                return
            self.acknowledged.add(self.unanswered.pop(0))

    def _send(self, life: Served, number: int) -> bool:
        try:
            told = life.post("/v1/events", content=body(number), headers={"Idempotency-Key": f"request-{number}"})
        except httpx.TransportError:
            return False
        assert told["refused"] == 0
        return True


def body(number: int) -> bytes:
    """Return a request; every tenth holds a burst of a service of its own."""
    at = datetime.now(UTC).isoformat()
    rows: list[dict[str, Any]] = [
        {"event_id": f"{number}-{index}", "ts": at, "service": "shop", "message": f"order {index} of {number}"}
        for index in range(EVENTS)
    ]
    if number % 10 == 0:
        for row in rows[:FAILING]:
            row |= {"service": f"service-{number}", "level": "ERROR", "error_code": "E1", "message": "it timed out"}
    return b"\n".join(json.dumps(row).encode() for row in rows)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    log = folder / "serve.log"
    print(log.read_text()[-2000:] if log.exists() else "no log")


def test_a_few_kills(home: Path) -> None:
    run(home, kills=4, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_kills(home: Path) -> None:
    run(home, kills=100, seed=2)


def run(home: Path, kills: int, seed: int) -> None:
    chance, sender = random.Random(seed), Sender()
    points: Counter[str] = Counter()
    for _ in range(kills):
        points[one_life(home, sender, chance)] += 1
    life = Served(home, SETTINGS)
    assert life.ready()
    send_the_rest(life, sender)
    wait_until_at_rest(life)
    figures = check(life, home, sender)
    assert life.stop() == 0
    print(json.dumps({"kills": kills, **points, **figures}))


def one_life(home: Path, sender: Sender, chance: random.Random) -> str:
    """Start, send, kill; return whether the kill fell into start and recovery or into work."""
    life = Served(home, SETTINGS)
    if chance.random() < EARLY_SHARE:
        time.sleep(chance.uniform(0.2, 2.5))
        life.kill()
        return "killed_in_start"
    assert life.ready(), life.told()
    stop = threading.Event()
    thread = threading.Thread(target=sender.send_until, args=(life, stop))
    thread.start()
    time.sleep(chance.uniform(0.01, 1.5))
    life.process.kill()
    stop.set()
    thread.join()
    life.kill()
    return "killed_at_work"


def send_the_rest(life: Served, sender: Sender) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=sender.send_until, args=(life, stop))
    thread.start()
    time.sleep(0.5)
    stop.set()
    thread.join()
    assert not sender.unanswered


def wait_until_at_rest(life: Served) -> None:
    limit = time.monotonic() + 90
    while time.monotonic() < limit:
        total = life.get("/v1/ledger")["total"]
        incidents = life.get("/v1/incidents", limit=1000)
        if total["in_flight"] == 0 and {found["status"] for found in incidents} <= ENDED:
            return
        time.sleep(0.2)
    pytest.fail(f"not at rest: {total}, {Counter(found['status'] for found in incidents)}")


def check(life: Served, home: Path, sender: Sender) -> dict[str, int]:
    sent = EVENTS * len(sender.acknowledged)
    assert sorted(sender.acknowledged) == list(range(sender.number))
    stored = life.query("SELECT count() AS n, uniqExact(event_id) AS ids FROM events")[0]
    assert stored == {"n": sent, "ids": sent}
    assert life.get("/v1/ledger")["total"] == {
        "accepted": sent, "stored": sent, "dead_lettered": 0, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    incidents = life.get("/v1/incidents", limit=1000)
    bursts = {f"service-{number}" for number in range(0, sender.number, 10)}
    assert Counter(found["subject"]["service"] for found in incidents) == dict.fromkeys(bursts, 1)
    assert all(found["sightings"] == 1 for found in incidents)
    messages = [json.loads(line) for line in (home / "notifications.ndjson").read_text().splitlines()]
    assert all(count == 1 for count in Counter(message["key"] for message in messages).values())
    told = Counter(message["incident_id"] for message in messages if message["event"] == "ESCALATION_REQUIRED")
    escalated = {found["incident_id"] for found in incidents if found["status"] == "escalated"}
    assert told == dict.fromkeys(escalated, 1)
    return {"events": sent, "incidents": len(incidents), "messages": len(messages)}
