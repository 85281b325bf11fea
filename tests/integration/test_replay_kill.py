"""Dead letters and replay on a real server: refused, mended, let go, killed in the middle; the account always holds."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving import BDP, Served

QUICK = {"BDP_PIPELINE__LINGER_SECONDS": "0"}
Serve = Callable[..., Served]
RECORDS = 6_000
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server on a home of the test's folder; what still runs at the end is ended."""
    lives: list[Served] = []

    def start(home: str = "home", **settings: str) -> Served:
        folder = tmp_path / home
        folder.mkdir(exist_ok=True)
        lives.append(Served(folder, QUICK | settings))
        assert lives[-1].ready(), lives[-1].told()
        return lives[-1]

    yield start
    for life in lives:
        if life.process.poll() is None:
            life.stop()


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Records over an hour, with one burst; every fifth has no id."""
    path = tmp_path / "dump.ndjson"
    with path.open("w") as file:
        for number in range(RECORDS):
            record: dict[str, Any] = {"service": "shop", "message": f"order {number}"}
            record["ts"] = (START + timedelta(seconds=number * 0.25)).isoformat()
            if number % 5:
                record["event_id"] = f"e{number}"
            if 4_800 < number < 5_000:
                record |= {"level": "ERROR", "error_code": "E1", "message": "it timed out"}
            file.write(json.dumps(record) + "\n")
    return path


def begin(home: Path, *words: object) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BDP_")}
    command = [*BDP, *map(str, words), "--home", str(home)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def bdp(home: Path, *words: object) -> Any:
    process = begin(home, *words, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def ledger(life: Served) -> dict[str, int]:
    total: dict[str, int] = life.get("/v1/ledger")["total"]
    assert total["accepted"] == sum(total[name] for name in ("stored", "dead_lettered", "dropped", "in_flight"))
    return {name: count for name, count in total.items() if count}


def at_rest(life: Served) -> dict[str, int]:
    limit = time.monotonic() + 60
    while "in_flight" in (found := ledger(life)):
        assert time.monotonic() < limit, found
        time.sleep(0.05)
    return found


def content(life: Served) -> list[dict[str, Any]]:
    return life.query(
        "SELECT count() AS n, uniqExact(event_id) AS ids, uniqExact(message) AS messages,"
        " sum(cityHash64(event_id, ts, service, level, error_code, message, toString(attributes))) AS content"
        " FROM events"
    )


@pytest.mark.timeout(600)
def test_the_life_of_dead_letters(serve: Serve) -> None:
    life = serve()
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    life.post("/v1/events", content=f'{{"ts":"{ahead}","message":"ahead"}}\nbad\n{{"message":"good"}}'.encode())
    assert at_rest(life) == {"accepted": 3, "stored": 1, "dead_lettered": 2}
    assert bdp(life.home, "dlq", "retry", "--all")["failed"] == 2
    assert at_rest(life) == {"accepted": 3, "stored": 1, "dead_lettered": 2}
    life.kill()
    # The mend: a limit that lets the record in. Letters have outlived the kill, with their history.
    life = serve(BDP_INTAKE__MAX_AHEAD_HOURS="100")
    assert [row["attempts"] for row in life.get("/v1/dead-letters")] == [2, 2]
    told = bdp(life.home, "replay", "--dead-letters", "--cause", "clock")["letters"]
    assert (told["asked"], told["delivered"]) == (1, 1)
    assert at_rest(life) == {"accepted": 3, "stored": 2, "dead_lettered": 1}
    assert bdp(life.home, "dlq", "discard", "--cause", "schema", "--yes") == {"discarded": 1}
    assert at_rest(life) == {"accepted": 3, "stored": 2, "dropped": 1}
    assert life.query("SELECT message FROM events ORDER BY message") == [{"message": "ahead"}, {"message": "good"}]


def kill_when(life: Served, process: subprocess.Popen[str], reached: Callable[[dict[str, int]], bool]) -> bool:
    """Kill the server as soon as its ledger says so; return whether the verb was cut off by it."""
    while process.poll() is None and not reached(ledger(life)):
        time.sleep(0.005)
    life.kill()
    process.communicate(timeout=120)
    return process.returncode == 5


@pytest.mark.timeout(600)
def test_letters_are_retried_once_however_the_server_is_killed(serve: Serve) -> None:
    life = serve()
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    life.post("/v1/events", content="\n".join(f'{{"ts":"{ahead}","message":"m{i}"}}' for i in range(3000)).encode())
    assert ledger(life) == {"accepted": 3000, "dead_lettered": 3000}
    life.kill()
    for left in (2800, 1500):
        life = serve(BDP_INTAKE__MAX_AHEAD_HOURS="100")
        process = begin(life.home, "dlq", "retry", "--all", "--yes", "--json")
        assert kill_when(life, process, lambda found: found.get("dead_lettered", 0) <= left)  # noqa: B023 used here
    life = serve(BDP_INTAKE__MAX_AHEAD_HOURS="100")
    bdp(life.home, "dlq", "retry", "--all", "--yes")
    assert at_rest(life) == {"accepted": 3000, "stored": 3000}
    assert content(life)[0]["n"] == content(life)[0]["messages"] == 3000


@pytest.mark.timeout(600)
def test_a_killed_replay_is_finished_by_the_next(serve: Serve, dump: Path) -> None:
    kill_and_replay(serve, dump, kills=2, seed=5)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_replay_killed_many_times(serve: Serve, dump: Path) -> None:
    kill_and_replay(serve, dump, kills=20, seed=6)


def kill_and_replay(serve: Serve, dump: Path, kills: int, seed: int) -> None:
    """Kill replays of one dump in a home; at the end it holds what a home holds that was left alone."""
    life = serve("whole")
    bdp(life.home, "replay", dump)
    assert at_rest(life) == {"accepted": RECORDS, "stored": RECORDS}
    whole, incidents = content(life), life.get("/v1/incidents")
    assert (whole[0]["n"], whole[0]["ids"], len(incidents)) == (RECORDS, RECORDS, 1)
    life.stop()

    for share in sorted(random.Random(seed).uniform(0.05, 0.95) for _ in range(kills)):
        life = serve("killed")
        process = begin(life.home, "replay", dump, "--rate", "8000")
        kill_when(life, process, lambda found: found.get("accepted", 0) >= share * RECORDS)  # noqa: B023 used here
    life = serve("killed")
    bdp(life.home, "replay", dump)
    assert at_rest(life) == {"accepted": RECORDS, "stored": RECORDS}
    told = bdp(life.home, "replay", dump)
    assert (told["records"]["new"], told["records"]["known"]) == (0, RECORDS)
    assert content(life) == whole
    found = life.get("/v1/incidents")
    assert [(incident["incident_id"], incident["sightings"]) for incident in found] == [
        (incident["incident_id"], 1) for incident in incidents
    ]


@pytest.mark.timeout(600)
def test_a_range_raises_the_incident_that_the_live_stream_would_have(serve: Serve, dump: Path) -> None:
    life = serve("seeing")
    bdp(life.home, "replay", dump)
    at_rest(life)
    [expected] = life.get("/v1/incidents")
    life.stop()
    life = serve("blind", BDP_DETECT__THRESHOLD="100000")
    bdp(life.home, "replay", dump)
    assert at_rest(life) == {"accepted": RECORDS, "stored": RECORDS}
    assert life.get("/v1/incidents") == []
    life.stop()
    life = serve("blind")
    words = ("replay", "--from", "2026-05-01T12:00:00Z", "--to", "2026-05-01T13:00:00Z")
    assert bdp(life.home, *words)["range"]["opened"] == 1
    assert bdp(life.home, *words)["range"]["opened"] == 0
    [raised] = life.get("/v1/incidents")
    same = ("incident_id", "title", "severity", "signature", "start_time", "sightings")
    assert {name: raised[name] for name in same} == {name: expected[name] for name in same}
    assert at_rest(life) == {"accepted": RECORDS, "stored": RECORDS}
