"""What every `bdp.ports.Sink` and every `bdp.ports.Backlog` must do. Each implementation is one entry of a dict."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from bdp.errors import BadRecord, StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, LetterStatus, Priority, RecordKind
from bdp.ports import Backlog, Sink
from bdp.stream.backlog.files import Files, FilesSettings
from bdp.stream.backlog.table import Table
from bdp.stream.backlog.table_settings import TableSettings
from bdp.stream.journal.journal import Journal
from tests.contract.kafka_rig import topic_in
from tests.contract.kinesis_rig import stream_in

Open = Callable[[], Sink]
OpenBacklog = Callable[[], Backlog]
NOW = datetime(2026, 5, 1, 12, 30, 1, 123456, tzinfo=UTC)


def open_journal(folder: Path, _: pytest.FixtureRequest) -> Journal:
    return Journal(folder / "journal.db")


def open_table(folder: Path, _: pytest.FixtureRequest) -> Table:
    return Table(TableSettings(), folder)


def open_table_on_postgresql(folder: Path, request: pytest.FixtureRequest) -> Table:
    return Table(TableSettings(url=SecretStr(request.getfixturevalue("new_postgresql"))), folder)


def open_files(folder: Path, _: pytest.FixtureRequest) -> Files:
    return Files(FilesSettings(), folder)


def open_kafka(folder: Path, request: pytest.FixtureRequest) -> Sink:
    topic = topic_in(folder, partitions=3)
    request.addfinalizer(topic.books.close)
    return topic.sink


def open_kinesis(folder: Path, request: pytest.FixtureRequest) -> Sink:
    stream = stream_in(folder, shards=3)
    request.addfinalizer(stream.books.close)
    return stream.sink


BACKLOGS: dict[str, Callable[[Path, pytest.FixtureRequest], Backlog]] = {
    "table-sqlite": open_table,
    "table-postgresql": open_table_on_postgresql,
    "files": open_files,
}
SINKS: dict[str, Callable[[Path, pytest.FixtureRequest], Sink]] = {
    "journal": open_journal,
    "kafka": open_kafka,
    "kinesis": open_kinesis,
    **BACKLOGS,
}


@pytest.fixture(params=SINKS)
def reopen_sink(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: SINKS[request.param](tmp_path, request)


@pytest.fixture
def sink(reopen_sink: Open) -> Iterator[Sink]:
    opened = reopen_sink()
    yield opened
    opened.close()


@pytest.fixture(params=BACKLOGS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> OpenBacklog:
    return lambda: BACKLOGS[request.param](tmp_path, request)


@pytest.fixture
def backlog(reopen: OpenBacklog) -> Iterator[Backlog]:
    opened = reopen()
    yield opened
    opened.close()


def batch(name: str, count: int = 2, refused: int = 0, source: str = "http") -> Batch:
    letters = tuple(letter(source, f"no good {index}") for index in range(refused))
    payload = b"\n".join(b'{"n":"%s","i":%d}' % (name.encode(), index) for index in range(count))
    return Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=count, payload=payload, refused=letters)


def letter(source: str, reason: str) -> DeadLetter:
    return DeadLetter(
        source=source,
        cause=Cause.SINK_REFUSED,
        reason=reason,
        payload=bytes(range(256)) + b"\n\xff\xfe",
        index=3,
        first_seen=NOW,
        kind=RecordKind.COSTS,
        attempts=4,
        letter_id="17",
        cut=True,
        last_seen=NOW + timedelta(microseconds=1),
        last_reason="한국어 \x00 \u2028",
        status=LetterStatus.RETRYING,
        next_attempt=NOW + timedelta(hours=1),
    )


def drop(count: int) -> Drop:
    return Drop(reason=DropReason.SAMPLED, priority=Priority.WARN, count=count)


def held(backlog: Backlog) -> list[Batch]:
    """All that waits, in order, and through `remove`."""
    found: list[Batch] = []
    while portion := backlog.oldest(1000, 1 << 20):
        found.extend(waiting.batch for waiting in portion)
        backlog.remove([waiting.place for waiting in portion])
    return found


def together(work: Callable[[int], None], threads: int) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not errors, errors


# Every sink.


def test_a_batch_is_new_once(sink: Sink) -> None:
    assert sink.append([batch("a"), batch("b")]) == [True, True]
    assert sink.append([batch("b"), batch("c"), batch("a")]) == [False, True, False]


def test_the_same_id_twice_in_one_request_is_new_once(sink: Sink) -> None:
    assert sink.append([batch("a"), batch("b"), batch("a")]) == [True, True, False]


def test_nothing_to_take_is_no_error(sink: Sink) -> None:
    assert sink.append([]) == []


# A broker remembers no ids; those who read it do, see test_stream.py.
@pytest.mark.parametrize("reopen_sink", [name for name in SINKS if name not in ("kafka", "kinesis")], indirect=True)
def test_ids_are_known_after_a_restart(reopen_sink: Open) -> None:
    first = reopen_sink()
    assert first.append([batch("a")]) == [True]
    first.close()
    second = reopen_sink()
    assert second.append([batch("a"), batch("b")]) == [False, True]
    second.close()


def test_of_many_senders_one_is_the_first(sink: Sink) -> None:
    new: list[bool] = []

    def send(sender: int) -> None:
        for index in range(25):
            answer = sink.append([batch(f"{sender}-{index}", 1), batch(f"shared-{index}", 1)])
            assert answer[0]
            new.append(answer[1])

    together(send, 6)
    assert (len(new), sum(new)) == (150, 25)


def test_a_closed_sink_says_so(reopen_sink: Open) -> None:
    opened = reopen_sink()
    opened.close()
    opened.close()
    with pytest.raises(StreamUnavailable, match="closed"):
        opened.append([batch("a")])


# Every backlog.


def test_what_waits_comes_back_in_order_and_whole(backlog: Backlog) -> None:
    kinds = list(RecordKind)
    sent = [msgspec.structs.replace(batch(f"b{index}", index), kind=kinds[index % 4]) for index in range(10)]
    backlog.append(sent[:4])
    backlog.append(sent[4:])
    assert [waiting.batch for waiting in backlog.oldest(1000, 1 << 20)] == sent


@pytest.mark.parametrize(
    "sent",
    [
        Batch(batch_id="empty", source="http", kind=RecordKind.EVENTS, count=0, payload=b""),
        Batch(batch_id="한국어 \n\"'\\ \x01\u2028", source="s\n\u202e", kind=RecordKind.COSTS, count=1, payload=b"{}"),
        Batch(batch_id="bytes", source="http", kind=RecordKind.EVENTS, count=3, payload=bytes(range(256)) * 9),
        Batch(batch_id="feeds", source="http", kind=RecordKind.EVENTS, count=3, payload=b"\n\n{}\n\n"),
        Batch(batch_id="large", source="http", kind=RecordKind.EVENTS, count=1, payload=b"x" * (5 << 20)),
        batch("letters", 2, refused=3),
        batch("letters only", 0, refused=3),
        msgspec.structs.replace(batch("drops"), drops=(drop(3), drop(4))),
        msgspec.structs.replace(batch("again"), redelivers=("17", "18"), attempts=3),
    ],
    ids=lambda sent: sent.batch_id[:3],
)
def test_every_field_comes_back_after_a_restart(reopen: OpenBacklog, sent: Batch) -> None:
    first = reopen()
    first.append([batch("before"), sent, batch("behind")])
    first.close()
    second = reopen()
    assert second.waiting() == {"http": 4} | ({sent.source: sent.accepted + 4 * (sent.source == "http")})
    assert held(second) == [batch("before"), sent, batch("behind")]
    second.close()


def test_a_portion_stops_at_its_limits_but_is_never_empty(backlog: Backlog) -> None:
    backlog.append([batch("a", 10), batch("b", 10), batch("c", 5, refused=5), batch("d", 10)])
    names = [[waiting.batch.batch_id for waiting in backlog.oldest(most, 1 << 20)] for most in (1, 19, 20, 29, 30, 99)]
    assert names == [["a"], ["a"], ["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]
    assert len(backlog.oldest(1000, 1)) == 1
    assert len(backlog.oldest(1000, 2 * len(batch("a", 10).payload) + 20)) == 2


def test_nothing_waits_at_first(backlog: Backlog) -> None:
    assert backlog.waiting() == {}
    assert backlog.oldest(1000, 1 << 20) == []


def test_what_was_removed_does_not_come_back(reopen: OpenBacklog) -> None:
    first = reopen()
    first.append([batch(name) for name in "abcde"])
    places = [waiting.place for waiting in first.oldest(1000, 1 << 20)]
    first.remove([places[1], places[3], places[1]])
    first.remove([places[3]])
    assert [waiting.batch.batch_id for waiting in first.oldest(1000, 1 << 20)] == ["a", "c", "e"]
    assert first.waiting() == {"http": 6}
    first.close()
    second = reopen()
    assert second.waiting() == {"http": 6}
    assert [waiting.batch.batch_id for waiting in second.oldest(1000, 1 << 20)] == ["a", "c", "e"]
    second.close()


def test_unknown_places_are_ignored(backlog: Backlog) -> None:
    backlog.append([batch("a")])
    place = backlog.oldest(1, 1)[0].place
    backlog.remove(["", "x", "-1", "1:1", "999999", "1:999999", "9" * 50, "²", place + "0", f"{place} ", f"{place}:1"])
    assert backlog.waiting() == {"http": 2}
    backlog.remove([])
    assert len(backlog.oldest(1000, 1 << 20)) == 1


def test_a_removed_id_is_still_taken(reopen: OpenBacklog) -> None:
    first = reopen()
    first.append([batch("a"), batch("b")])
    assert len(held(first)) == 2
    assert first.append([batch("a"), batch("c")]) == [False, True]
    assert [waiting.batch.batch_id for waiting in first.oldest(1000, 1 << 20)] == ["c"]
    first.close()
    second = reopen()
    assert second.append([batch("a"), batch("b"), batch("c")]) == [False, False, False]
    assert held(second) == [batch("c")]
    second.close()


def test_what_waits_is_counted_by_source_as_the_ledger_counts_it(backlog: Backlog) -> None:
    backlog.append([batch("a", 8, refused=2), msgspec.structs.replace(batch("b", 3, source="file"), drops=(drop(7),))])
    assert backlog.waiting() == {"http": 10, "file": 10}
    backlog.append([msgspec.structs.replace(batch("c", 2, source="retry"), redelivers=("1", "2"))])
    assert backlog.waiting() == {"http": 10, "file": 10, "retry": 0}
    first = backlog.oldest(1, 1)[0]
    backlog.remove([first.place])
    assert backlog.waiting() == {"file": 10, "retry": 0}
    assert len(held(backlog)) == 2
    assert backlog.waiting() == {}


def test_senders_and_a_drain_at_once_lose_and_double_nothing(backlog: Backlog) -> None:
    found: list[str] = []

    def work(number: int) -> None:
        while number == 0 and len(found) < 4 * 80:
            found.extend(waiting.batch_id for waiting in held(backlog))
        for index in range(40 if number else 0):
            assert backlog.append([batch(f"{number}-{index}", 1), batch(f"{number}-{index}+", 1)]) == [True, True]

    together(work, 5)
    assert backlog.waiting() == {}
    assert len(found) == len(set(found)) == 4 * 80
    for number in range(1, 5):
        mine = [name for name in found if name.startswith(f"{number}-") and not name.endswith("+")]
        assert mine == [f"{number}-{index}" for index in range(40)]


def test_a_batch_that_can_never_be_kept_is_refused_and_its_neighbours_are_not(backlog: Backlog) -> None:
    with pytest.raises(BadRecord):
        backlog.append([batch("a"), msgspec.structs.replace(batch("b"), batch_id="\ud800")])
    assert backlog.waiting() == {}
    assert backlog.append([batch("a")]) == [True]


def test_a_closed_backlog_cannot_be_read(reopen: OpenBacklog) -> None:
    opened = reopen()
    opened.append([batch("a")])
    opened.close()
    for call in (lambda: opened.oldest(1, 1), opened.waiting, lambda: opened.remove(["1", "1:0"])):
        with pytest.raises(StreamUnavailable, match="closed"):
            call()
