"""A topic as a way in, on a real broker: every message comes into custody exactly once, whatever dies in between."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bdp.clock import SystemClock
from bdp.errors import StreamUnavailable
from bdp.ids import Ids
from bdp.intake.feeds.feed import Feeds
from bdp.intake.feeds.kafka import KafkaFeed, KafkaFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch
from bdp.stream.journal.journal import Journal
from tests.integration.kafka_broker import KafkaBroker, NoBroker

ROOT = Path(__file__).resolve().parents[2]
FAST = {"session.timeout.ms": "1000", "heartbeat.interval.ms": "300"}
PATIENCE = 60.0


@pytest.fixture
def topic(kafka: KafkaBroker) -> str:
    return new_topic(kafka, 2)


def new_topic(kafka: KafkaBroker, partitions: int) -> str:
    name = f"orders-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result()
    return name


def produce(kafka: KafkaBroker, topic: str, values: Sequence[bytes | None], partitions: int = 2) -> None:
    producer = Producer({"bootstrap.servers": kafka.address, "linger.ms": 20})
    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % partitions)
        producer.poll(0)
    assert producer.flush(30) == 0


def events(first: int, count: int) -> list[bytes]:
    return [
        json.dumps({"ts": "2026-03-01T11:00:00Z", "service": "shop", "message": f"m{number}"}).encode()
        for number in range(first, first + count)
    ]


def feed_of(
    kafka: KafkaBroker,
    topic: str,
    deliver: Callable[[Batch], object],
    intake: IntakeSettings | None = None,
    **more: Any,
) -> KafkaFeed:
    given = {"group": f"group-{topic}", "options": FAST, "poll_messages": 50, **more}
    settings = KafkaFeedSettings(bootstrap_servers=kafka.address, topics=(topic,), **given)
    reader = FeedReader(settings.name, settings.format, intake or IntakeSettings(), SystemClock(), Ids())
    return KafkaFeed(settings, reader, deliver)


class Running:
    """A feed in a thread."""

    def __init__(self, feed: KafkaFeed) -> None:
        self.feed = feed
        self.feeds = Feeds([feed])

    def __enter__(self) -> Running:
        self.feeds.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.feeds.close()


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.02)


def messages(journal: Journal) -> Counter[str]:
    found: Counter[str] = Counter()
    after = 0
    while stored := journal.read(after, 10_000, 64 << 20):
        after = stored[-1].offset
        for one in stored:
            found.update(json.loads(line)["message"] for line in one.batch.payload.splitlines())
    return found


def records(journal: Journal) -> int:
    return sum(entry.accepted for entry in journal.ledger().values())


def expected(count: int) -> Counter[str]:
    return Counter({f"m{number}": 1 for number in range(count)})


def committed(kafka: KafkaBroker, topic: str) -> list[tuple[int, str]]:
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": f"group-{topic}"})
    found = consumer.committed([Place(topic, 0), Place(topic, 1)], timeout=10)
    consumer.close()
    return [(place.offset, place.metadata or "") for place in found]


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_what_is_in_a_topic_comes_once_and_the_place_is_kept(kafka: KafkaBroker, topic: str, journal: Journal) -> None:
    produce(kafka, topic, events(0, 500))
    with Running(feed_of(kafka, topic, lambda batch: journal.append([batch]))) as first:
        until(lambda: records(journal) == 500)
        assert first.feed.trouble == ""
    assert committed(kafka, topic) == [(250, ""), (250, "")]
    produce(kafka, topic, events(500, 100))
    with Running(feed_of(kafka, topic, lambda batch: journal.append([batch]))):
        until(lambda: records(journal) >= 600)
    assert messages(journal) == expected(600)


def test_a_bad_message_is_a_dead_letter_that_says_where_it_lies(
    kafka: KafkaBroker, topic: str, journal: Journal
) -> None:
    good = events(0, 4)
    values = [good[0], None, b"not json", b"\xff\xfe", good[1], b"[" + good[2] + b',{"ts":"nope"},' + good[3] + b"]"]
    produce(kafka, topic, values, partitions=1)
    with Running(feed_of(kafka, topic, lambda batch: journal.append([batch]))):
        until(lambda: records(journal) == 7)
    assert messages(journal) == expected(4)
    letters = sorted(letter.reason for letter in journal.dead_letters())
    assert [reason.partition(": ")[0] for reason in letters] == [f"{topic}/0@2", f"{topic}/0@3", f"{topic}/0@5"]


def test_any_protocol_may_be_read(kafka: KafkaBroker, topic: str, journal: Journal) -> None:
    alert = {"labels": {"alertname": "High", "service": "shop"}, "startsAt": "2026-03-01T11:00:00Z", "status": "firing"}
    produce(kafka, topic, [json.dumps({"alerts": [alert, alert]}).encode(), b"{}"], partitions=1)
    with Running(feed_of(kafka, topic, lambda batch: journal.append([batch]), format="alerts_alertmanager")):
        until(lambda: records(journal) == 3)
    assert messages(journal) == Counter({"High": 2})


def test_a_run_that_is_too_large_is_several_batches(kafka: KafkaBroker, topic: str, journal: Journal) -> None:
    seen: list[int] = []

    def deliver(batch: Batch) -> None:
        seen.append(batch.count)
        journal.append([batch])

    produce(kafka, topic, events(0, 100), partitions=1)
    with Running(feed_of(kafka, topic, deliver, IntakeSettings(batch_records=30))):
        until(lambda: records(journal) == 100)
    assert max(seen) <= 30
    assert messages(journal) == expected(100)


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("at", [1, 2, 5])
def test_a_crash_around_the_append_neither_loses_nor_doubles(
    kafka: KafkaBroker, topic: str, journal: Journal, taken: bool, at: int
) -> None:
    """`taken`: it died between the append and the commit; else between the plan and the append."""
    calls = 0
    ids: list[str] = []

    def deliver(batch: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls == at and not taken:
            raise Crash
        journal.append([batch])
        if calls == at:
            ids.append(batch.batch_id)
            raise Crash

    produce(kafka, topic, events(0, 400))
    with pytest.raises(Crash):
        feed_of(kafka, topic, deliver).run(threading.Event())
    assert any(metadata.startswith("to=") for _, metadata in committed(kafka, topic))
    # More has come since, and rounds are larger now: the bounds must be the old ones all the same.
    produce(kafka, topic, events(400, 100))
    again: list[str] = []

    def note(batch: Batch) -> None:
        again.append(batch.batch_id)
        journal.append([batch])

    with Running(feed_of(kafka, topic, note, poll_messages=2000)):
        until(lambda: messages(journal).total() >= 500)
    assert messages(journal) == expected(500)
    assert set(ids) <= set(again)


def test_custody_that_is_away_is_waited_for(kafka: KafkaBroker, topic: str, journal: Journal) -> None:
    refusals = iter([StreamUnavailable("The disk is full.")] * 2)
    ids: list[str] = []

    def deliver(batch: Batch) -> None:
        ids.append(batch.batch_id)
        for refusal in refusals:
            raise refusal
        journal.append([batch])

    produce(kafka, topic, events(0, 20), partitions=1)
    with Running(feed_of(kafka, topic, deliver)):
        until(lambda: records(journal) == 20)
    assert ids[0] == ids[1] == ids[2]
    assert messages(journal) == expected(20)


def test_a_stop_while_custody_is_away_leaves_the_range_for_later(
    kafka: KafkaBroker, topic: str, journal: Journal
) -> None:
    tried = threading.Event()

    def deliver(batch: Batch) -> None:
        tried.set()
        raise StreamUnavailable("The disk is full.")

    produce(kafka, topic, events(0, 20))
    with Running(feed_of(kafka, topic, deliver)) as running:
        assert tried.wait(PATIENCE)
        until(lambda: "disk" in running.feed.trouble)
    assert any(metadata.startswith("to=") for _, metadata in committed(kafka, topic))
    with Running(feed_of(kafka, topic, lambda batch: journal.append([batch]))):
        until(lambda: records(journal) == 20)
    assert messages(journal) == expected(20)


def test_two_consumers_share_the_topic_and_take_over(kafka: KafkaBroker, journal: Journal) -> None:
    topic = new_topic(kafka, 4)
    produce(kafka, topic, events(0, 2000), partitions=4)
    takers: Counter[str] = Counter()

    def deliver_as(name: str) -> Callable[[Batch], None]:
        def deliver(batch: Batch) -> None:
            takers[name] += batch.count
            journal.append([batch])

        return deliver

    with Running(feed_of(kafka, topic, deliver_as("one"))):
        until(lambda: takers["one"] > 0)
        with Running(feed_of(kafka, topic, deliver_as("two"))):
            until(lambda: messages(journal).total() >= 2000)
            produce(kafka, topic, events(2000, 1000), partitions=4)
            until(lambda: takers["two"] > 0)
        produce(kafka, topic, events(3000, 400), partitions=4)
        until(lambda: messages(journal).total() >= 3400)
    assert messages(journal) == expected(3400)


def test_killed_again_and_again_nothing_is_lost_or_doubled(kafka: KafkaBroker, topic: str, tmp_path: Path) -> None:
    count, kills, chance = 8000, 6, random.Random(7)
    produce(kafka, topic, events(0, count))
    path = tmp_path / "journal.db"
    Journal(path).close()
    for kill in range(kills + 1):
        # Each life has rounds of another size, so that only the plan can give a range its old bounds.
        command = [sys.executable, "-m", "tests.integration.feed_child", kafka.address, topic, str(path)]
        child = subprocess.Popen([*command, str(chance.randint(20, 90))], cwd=ROOT)
        try:
            before = taken(path)
            if kill < kills:
                until(lambda before=before: taken(path) > before or taken(path) == count)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.15))
            else:
                until(lambda: taken(path) >= count)
        finally:
            child.kill()
            child.wait()
    journal = Journal(path)
    assert messages(journal) == expected(count)
    journal.close()


def taken(path: Path) -> int:
    journal = Journal(path)
    try:
        return records(journal)
    finally:
        journal.close()


def test_a_topic_that_is_not_there_is_a_trouble_that_passes(kafka: KafkaBroker, topic: str, journal: Journal) -> None:
    feed = feed_of(kafka, f"{topic}-not-there", lambda batch: journal.append([batch]))
    with Running(feed):
        until(lambda: feed.trouble != "")
        new = f"{topic}-not-there"
        admin = AdminClient({"bootstrap.servers": kafka.address})
        admin.create_topics([NewTopic(new, 2, 1)])[new].result()
        produce(kafka, new, events(0, 10))
        until(lambda: records(journal) == 10)
        until(lambda: feed.trouble == "")


def test_a_broker_that_was_away_is_a_trouble_that_passes_also_while_the_topic_is_silent(
    tmp_path: Path, journal: Journal
) -> None:
    broker = KafkaBroker(tmp_path / "broker")
    try:
        broker.start()
    except NoBroker as error:
        pytest.skip(f"no Kafka broker: {error}")
    try:
        topic = new_topic(broker, 2)
        produce(broker, topic, events(0, 10))
        # A session that outlives the absence: nothing is given out anew.
        feed = feed_of(broker, topic, lambda batch: journal.append([batch]), options={"session.timeout.ms": "45000"})
        with Running(feed) as running:
            until(lambda: records(journal) == 10)
            broker.stop()
            until(lambda: running.feeds.troubles() != {})
            broker.start()
            until(lambda: running.feeds.troubles() == {})
    finally:
        broker.stop()
