"""Several `bdp worker` processes share one topic, and are killed: nothing is lost, nothing doubles."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bdp.clock import SystemClock
from bdp.errors import StreamUnavailable
from bdp.ids import Ids
from bdp.model.batch import Batch, RecordKind
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.store.state import open_state
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.topic import Topic, open_topic
from bdp.stream.kinesis.stream import KinesisStream
from tests.integration.conftest import ClickHouseProcess
from tests.integration.kafka_broker import KafkaBroker

Either = Topic | KinesisStream
PARTITIONS = 4
SERVICES = [f"service-{number}" for number in range(12)]
SICK = {"service-3", "service-8"}
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Crew:
    """Worker processes, by number."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BDP_")}
        self._environment = kept | dict(environment)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._began: dict[int, int] = {}

    def start(self, number: int) -> None:
        home = self._folder / f"worker-{number}"
        home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "bdp", "worker", "--home", str(home), "--log-level", "INFO"]
        with (home / "worker.log").open("ab") as log:
            self._began[number] = log.tell()
            self._running[number] = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)

    def kill(self, number: int) -> None:
        process = self._running.pop(number)
        process.kill()
        process.wait()

    def stop(self, number: int) -> int:
        process = self._running.pop(number)
        process.terminate()
        return process.wait(60)

    def numbers(self) -> list[int]:
        return sorted(self._running)

    def wait(self) -> None:
        """Wait until each has a share."""
        limit = time.monotonic() + 60
        while not all("worker.partitions" in self.told(number) for number in self.numbers()):
            assert time.monotonic() < limit, [self.told(number) for number in self.numbers()]
            time.sleep(0.1)

    def told(self, number: int) -> str:
        """Return what it logged in its present life."""
        return (self._folder / f"worker-{number}" / "worker.log").read_bytes()[self._began[number] :].decode()

    def close(self) -> None:
        for number in self.numbers():
            self.kill(number)


@pytest.fixture
def settings(kafka: KafkaBroker, tmp_path: Path) -> KafkaSettings:
    return KafkaSettings(
        bootstrap_servers=kafka.address,
        topic=f"records-{tmp_path.name}",
        group=f"group-{tmp_path.name}",
        partitions=PARTITIONS,
        session_seconds=2,
        tally_seconds=0.2,
    )


@pytest.fixture
def crew(tmp_path: Path, settings: KafkaSettings, new_postgresql: str, clickhouse: ClickHouseProcess) -> Iterator[Crew]:
    environment = {
        "BDP_STREAM__KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "BDP_STREAM__KAFKA__TOPIC": settings.topic,
        "BDP_STREAM__KAFKA__GROUP": settings.group,
        "BDP_STREAM__KAFKA__PARTITIONS": str(PARTITIONS),
        "BDP_STREAM__KAFKA__SESSION_SECONDS": "2",
        "BDP_WORK__LINGER_SECONDS": "0.1",
        "BDP_STORE__DSN": clickhouse.dsn,
        "BDP_STATE__URL": new_postgresql,
    }
    opened = Crew(tmp_path, environment)
    yield opened
    opened.close()


@pytest.fixture
def topic(settings: KafkaSettings, new_postgresql: str) -> Iterator[Topic]:
    opened = open_topic(settings, new_postgresql, SystemClock(), Ids().new(START))
    yield opened
    opened.close()


def events(chance: random.Random, number: int, count: int) -> Batch:
    """One request: a few seconds of all services, where the sick ones fail in the middle of the stream."""
    lines = []
    for index in range(count):
        service = chance.choice(SERVICES)
        fails = service in SICK and chance.random() < 0.8 and number % 100 > 60
        lines.append(
            {
                "event_id": f"{number}-{index}",
                "ts": (START + timedelta(seconds=number + index / count)).isoformat(),
                "service": service,
                "level": "ERROR" if fails else "INFO",
                "error_code": "E42" if fails else "",
                "message": f"{number}-{index} {chance.randbytes(20).hex()} 안녕",
                "attributes": {"n": str(index)},
            }
        )
    payload = b"\n".join(json.dumps(line, ensure_ascii=False).encode() for line in lines)
    return Batch(batch_id=f"batch-{number}", source="http", kind=RecordKind.EVENTS, count=count, payload=payload)


def digest(batches: list[Batch]) -> dict[str, str]:
    """What each event's message must be in the store, by id."""
    lines = (json.loads(line) for batch in batches for line in batch.payload.split(b"\n"))
    return {line["event_id"]: hashlib.md5(line["message"].encode()).hexdigest() for line in lines}


def failures(batches: list[Batch]) -> Counter[str]:
    """How many events of each service are abnormal."""
    lines = (json.loads(line) for batch in batches for line in batch.payload.split(b"\n"))
    return Counter(line["service"] for line in lines if line["level"] == "ERROR")


def wait_until_stored(topic: Either, records: int, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        ledger = topic.books.ledger().get("http")
        if ledger and ledger.accepted == records and ledger.in_flight == 0:
            return
        time.sleep(0.2)
    raise AssertionError(f"not stored in {seconds} s: {topic.books.ledger()}")


def send(topic: Either, chance: random.Random, batches: list[Batch], seconds: float) -> None:
    """Send everything within about these seconds, and a fifth of it once more."""
    for batch in batches:
        topic.sink.append([batch])
        time.sleep(chance.uniform(0, 2 * seconds / len(batches)))
    # As another process would that does not remember what was sent.
    topic.sink._claims.forget()
    for batch in chance.sample(batches, len(batches) // 5):
        topic.sink.append([batch])


def send_patiently(topic: Topic, chance: random.Random, batches: list[Batch], seconds: float) -> None:
    """Send while the broker may be away: what is not known to be taken is sent again."""

    for batch in batches:
        while not taken(topic, batch):
            time.sleep(0.2)
        time.sleep(chance.uniform(0, 2 * seconds / len(batches)))


def taken(topic: Topic, batch: Batch) -> bool:
    try:
        topic.sink.append([batch])
    except StreamUnavailable:
        return False
    return True


def torment(crew: Crew, chance: random.Random, kills: int, broker: KafkaBroker | None = None) -> None:
    """Kill workers, and now and then the broker, while they work; each comes again."""
    for _ in range(kills):
        time.sleep(chance.uniform(0.5, 2.5))
        if broker and chance.random() < 0.2:
            broker.restart()
            continue
        victim = chance.choice(crew.numbers())
        crew.kill(victim)
        time.sleep(chance.uniform(0, 1.0))
        crew.start(victim)


def verify(topic: Either, clickhouse: ClickHouseProcess, state_url: str, batches: list[Batch], seconds: float) -> None:
    expected = digest(batches)
    topic.sink.close()  # reports its totals
    wait_until_stored(topic, len(expected), seconds)
    store = open_store(StoreSettings(dsn=SecretStr(clickhouse.dsn), query_rows=10_000_000))
    rows = store.query("SELECT event_id, lower(hex(MD5(message))) AS digest, attributes['n'] AS n FROM events")
    store.close()
    ids = Counter(row["event_id"] for row in rows)
    assert not expected.keys() - ids.keys(), f"lost: {sorted(expected.keys() - ids.keys())[:5]}"
    assert len(rows) == len(expected), f"doubled: {[found for found in ids.items() if found[1] > 1][:5]}"
    assert {row["event_id"]: row["digest"] for row in rows} == expected
    assert all(row["event_id"].endswith(f"-{row['n']}") for row in rows)
    ledger = topic.books.ledger()["http"]
    assert ledger.as_dict() == {
        "accepted": len(expected), "stored": len(expected), "dead_lettered": 0, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    state = open_state(state_url)
    incidents = state.incidents.list()
    state.close()
    assert Counter(incident.subject.service for incident in incidents) == dict.fromkeys(SICK, 1)
    # A detector that took over from a killed one counts nothing twice. (How far an anomaly has grown is told in steps.)
    true = failures(batches)
    assert all(0 < incident.events <= true[incident.subject.service] for incident in incidents)
    assert all(incident.sightings == 1 for incident in incidents)


@pytest.mark.timeout(180)
def test_workers_share_the_work_and_a_killed_one_loses_and_doubles_nothing(
    crew: Crew, topic: Topic, clickhouse: ClickHouseProcess, new_postgresql: str
) -> None:
    chance = random.Random(20261121)
    batches = [events(chance, number, 60) for number in range(100)]
    for number in range(3):
        crew.start(number)
    crew.wait()
    sender = threading.Thread(target=send, args=(topic, random.Random(1), batches, 8.0))
    sender.start()
    torment(crew, chance, kills=3)
    sender.join()
    verify(topic, clickhouse, new_postgresql, batches, seconds=60)
    crew.wait()  # a signal to one that has hardly begun ends it as it would any program
    assert [crew.stop(number) for number in crew.numbers()] == [0, 0, 0]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_many_kills_of_workers_and_broker_lose_and_double_nothing(
    kafka: KafkaBroker, crew: Crew, topic: Topic, clickhouse: ClickHouseProcess, new_postgresql: str, seed: int
) -> None:
    chance = random.Random(seed)
    batches = [events(chance, number, 500) for number in range(300)]
    for number in range(3):
        crew.start(number)
    crew.wait()
    sender = threading.Thread(target=send_patiently, args=(topic, random.Random(seed), batches, 45.0))
    sender.start()
    torment(crew, chance, 20, kafka)
    sender.join()
    verify(topic, clickhouse, new_postgresql, batches, seconds=240)
