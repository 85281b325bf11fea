"""The sink and its lanes on a real broker, in the ways that a contract suite does not see."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdp.clock import SystemClock
from bdp.errors import BadRecord, StreamUnavailable
from bdp.ids import Ids
from bdp.model.batch import Batch, Cause, Ledger, RecordKind
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.topic import Topic, open_topic
from bdp.stream.shared.books_settings import BooksSettings
from bdp.stream.shared.installation import Foreign
from bdp.stream.shared.lane import Lane
from tests.faults.servers import Broker, NoServer
from tests.integration.kafka_broker import KafkaBroker, NoBroker

Open = Callable[..., Topic]


@pytest.fixture
def open_more(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Open]:
    opened: list[Topic] = []

    def open_one(address: str = kafka.address, partitions: int = 1, **more: object) -> Topic:
        settings = KafkaSettings(
            bootstrap_servers=address, topic=f"kafka-{tmp_path.name}", partitions=partitions, tally_seconds=0.05
        ).model_copy(update=more)
        clock = SystemClock()
        topic = open_topic(settings, f"sqlite:///{tmp_path / 'books.db'}", clock, Ids().new(clock.now()))
        opened.append(topic)
        return topic

    yield open_one
    for topic in opened:
        topic.close()


def batch(name: str, payload: bytes = b'{"service":"a"}\n{"service":"b"}') -> Batch:
    count = payload.count(b"\n") + 1
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=count, payload=payload)


def drain(lane: Lane) -> list[str]:
    """Store all that waits in a lane, as far as its books go."""
    found = []
    while lane.wait(lane.committed(), 0.5):
        items = lane.read(lane.committed(), 1000, 1 << 20)
        lane.begin(items[-1].offset)
        lane.commit(items[-1].offset, {"http": sum(item.batch.count for item in items)}, (), {})
        found += [item.batch.batch_id for item in items]
    return found


def send(topic: Topic, *names: str, until: float) -> None:
    """Send until it is known to be taken."""
    while True:
        try:
            topic.sink.append([batch(name) for name in names])
            return
        except StreamUnavailable:
            assert time.monotonic() < until


def test_an_earlier_reader_of_a_lane_can_change_nothing(open_more: Open) -> None:
    topic = open_more()
    topic.sink.append([batch("a"), batch("b")])
    earlier = topic.lane(0)
    assert earlier.wait(0, 10)
    later = topic.lane(0)
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        earlier.begin(1)
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        earlier.commit(1, {"http": 2}, (), {"k": b"x"})
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        earlier.committed()
    assert earlier.lost
    assert (later.committed(), later.plan(), later.detector_rows()) == (0, 0, {})
    assert drain(later) == ["a", "b"]
    earlier.close()
    later.close()


def test_a_record_over_the_limit_is_refused_and_leaves_nothing_behind(open_more: Open) -> None:
    topic = open_more(message_bytes=64 << 10)
    noise = os.urandom(100_000).hex().encode()
    with pytest.raises(BadRecord, match="too large"):
        topic.sink.append([batch("good"), batch("bad", b'{"service":"a"}\n{"service":"%s"}' % noise)])
    topic.sink.append([batch("large", b"\n".join([b'{"service":"%s"}' % os.urandom(10_000).hex().encode()] * 30))])
    lane = topic.lane(0)
    assert {name.partition("#")[0] for name in drain(lane)} == {"large"}
    lane.close()
    assert topic.books.ledger()["http"].as_dict()["in_flight"] == 0


def test_a_message_that_is_no_batch_becomes_a_dead_letter_and_the_lane_goes_on(open_more: Open) -> None:
    from confluent_kafka import Producer

    topic = open_more()
    topic.sink.append([batch("a")])
    stranger = Producer({"bootstrap.servers": topic.settings.bootstrap_servers})
    stranger.produce(topic.settings.topic, b"not ours \x00\xff", partition=0)
    assert stranger.flush(10) == 0
    topic.sink.append([batch("b")])
    lane = topic.lane(0)
    assert drain(lane) == ["a", "b"]
    lane.close()
    (letter,) = topic.books.dead_letters()
    assert (letter.source, letter.cause, letter.payload) == ("kafka", Cause.ENCODING, b"not ours \x00\xff")
    assert topic.books.ledger()["kafka"] == Ledger(accepted=1, dead_lettered=1)


def test_a_producer_killed_before_it_reported_leaves_a_balanced_ledger(open_more: Open, tmp_path: Path) -> None:
    topic = open_more()
    topic.sink.append([batch("a")])
    program = (
        "import sys, time\n"
        "from bdp.clock import SystemClock\n"
        "from bdp.stream.kafka.sink import KafkaSettings\n"
        "from bdp.stream.kafka.topic import open_topic\n"
        "from tests.integration.test_kafka import batch\n"
        "settings = KafkaSettings.model_validate_json(sys.argv[1])\n"
        "topic = open_topic(settings, sys.argv[2], SystemClock(), 'killed')\n"
        "topic.sink.append([batch('b'), batch('c')])\n"
        "print('sent', flush=True)\n"
        "time.sleep(60)\n"
    )
    settings = topic.settings.model_copy(update={"tally_seconds": 60.0}).model_dump_json()
    command = [sys.executable, "-c", program, settings, f"sqlite:///{tmp_path / 'books.db'}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"sent\n"
        child.send_signal(signal.SIGKILL)
    lane = topic.lane(0)
    assert drain(lane) == ["a", "b", "c"]
    lane.close()
    assert topic.books.ledger()["http"] == Ledger(accepted=6, stored=6)


def test_what_the_broker_acknowledged_and_lost_stays_in_flight(open_more: Open) -> None:
    topic = open_more()
    topic.books.acknowledge("another", {"http": 5}, waiting=False, closed=True)
    topic.books.tidy()
    assert topic.books.ledger()["http"].in_flight == 5


def test_settled_producers_are_folded_and_the_ledger_stays(open_more: Open) -> None:
    first = open_more(partitions=3)
    first.sink.append([batch("a"), batch("b")])
    first.sink.close()
    second = open_more(partitions=3)
    second.sink.append([batch("a"), batch("c")])
    for number in range(3):
        lane = second.lane(number)
        drain(lane)
        lane.close()
    second.sink.close()
    before = second.books.ledger()
    assert before["http"] == Ledger(accepted=6, stored=6)
    second.books.tidy()
    assert second.books.ledger() == before
    with second.books._read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM stream_producers").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM stream_consumed").scalar() == 0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    try:
        own = KafkaBroker(tmp_path / "broker")
        own.start()
    except NoBroker as error:
        pytest.skip(f"no Kafka broker: {error}")
    yield own
    own.kill()


def test_a_broker_that_was_away_is_used_again(open_more: Open, broker: KafkaBroker) -> None:
    topic = open_more(broker.address, timeout_seconds=1.5)
    begun = time.monotonic()
    send(topic, "a", until=begun + 30)
    lane = topic.lane(0)
    assert drain(lane) == ["a"]
    broker.kill()
    begun = time.monotonic()
    with pytest.raises(StreamUnavailable):
        topic.sink.append([batch("b")])
    assert time.monotonic() - begun < 5
    with pytest.raises(StreamUnavailable):
        lane.wait(lane.committed(), 0.1)
    broker.start()
    send(topic, "b", "c", until=begun + 60)
    found: list[str] = []
    while len(found) < 2 and time.monotonic() - begun < 60:
        try:
            found += drain(lane)
        except StreamUnavailable:
            time.sleep(0.1)
    assert sorted(found) == ["b", "c"]
    lane.close()


def test_a_topic_that_was_made_anew_is_noticed(open_more: Open, kafka: KafkaBroker) -> None:
    from confluent_kafka.admin import AdminClient

    topic = open_more()
    topic.sink.append([batch("a"), batch("b")])
    lane = topic.lane(0)
    assert drain(lane) == ["a", "b"]
    lane.close()
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.delete_topics([topic.settings.topic])[topic.settings.topic].result()
    time.sleep(1)
    fresh = open_more()
    fresh.sink.append([batch("c")])
    again = fresh.lane(0)
    with pytest.raises(StreamUnavailable, match="made anew"):
        drain(again)
    again.close()


@pytest.mark.parametrize(("foreign", "found"), [("stop", ["a"]), ("skip", ["a", "c"]), ("take", ["a", "b", "c"])])
def test_records_of_another_installation_are_not_taken_unasked(
    open_more: Open, tmp_path: Path, foreign: Foreign, found: list[str]
) -> None:
    ours = open_more()
    clock = SystemClock()
    theirs = open_topic(ours.settings, f"sqlite:///{tmp_path / 'theirs.db'}", clock, Ids().new(clock.now()))
    ours.sink.append([batch("a")])
    theirs.sink.append([batch("b")])
    theirs.close()
    ours.sink.append([batch("c")])

    books = BooksSettings(foreign=foreign)
    reading = open_topic(ours.settings, f"sqlite:///{tmp_path / 'books.db'}", clock, Ids().new(clock.now()), books)
    lane = reading.lane(0)
    if foreign == "stop":
        with pytest.raises(StreamUnavailable, match="records of another installation"):
            drain(lane)
        assert lane.committed() == 1
    else:
        assert drain(lane) == found
        ours.close()
        entry = reading.books.ledger()["http"]
        assert (entry.accepted, entry.stored) == (2 * len(found), 2 * len(found))
    lane.close()
    reading.close()


def test_a_broker_slower_than_the_time_out_is_done_in_the_end(tmp_path: Path) -> None:
    """A portion takes several times the time-out: each try must get further, and not send the same again."""
    try:
        broker = Broker()
    except NoServer as error:
        pytest.skip(f"no Kafka broker: {error}")
    clock = SystemClock()
    settings = KafkaSettings(bootstrap_servers=broker.address, topic="slow", partitions=1, timeout_seconds=1)
    topic = open_topic(settings, f"sqlite:///{tmp_path / 'books.db'}", clock, Ids().new(clock.now()))
    noise = random.Random(1)
    lines = [b'{"service":"a","message":"%s"}' % noise.randbytes(60_000).hex().encode() for _ in range(120)]
    portion = [batch(f"batch {number}", line) for number, line in enumerate(lines)]
    try:
        while not taken(topic, [batch("first")]):
            pass
        broker.proxy.mode = "slow"
        tries = 1
        while not taken(topic, portion):
            tries += 1
            assert tries < 20
        broker.proxy.mode = "pass"
        lane = topic.lane(0)
        assert sorted(drain(lane)) == sorted(item.batch_id for item in [batch("first"), *portion])
        lane.close()
        assert tries > 1
        assert topic.books.ledger()["http"].accepted == 122
    finally:
        topic.close()
        broker.close()


def taken(topic: Topic, portion: list[Batch]) -> bool:
    try:
        topic.sink.append(portion)
    except StreamUnavailable:
        return False
    return True
