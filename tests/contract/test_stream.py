"""What every `bdp.ports.Stream` must do, with the sink and the books beside it. Each is one entry of `STREAMS`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bdp.model.batch import Batch, Cause, DeadLetter, Ledger, RecordKind, Stored
from bdp.ports import Books, Sink, Stream
from bdp.stream.journal.journal import Journal
from tests.contract.kafka_rig import topic_in
from tests.contract.kinesis_rig import stream_in

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Rig:
    """A stream, with what fills it and what accounts for it."""

    sink: Sink
    stream: Stream
    books: Books
    parts: ExitStack = field(default_factory=ExitStack)

    def waiting(self) -> list[Stored]:
        """All that lies behind the committed offset."""
        found: list[Stored] = []
        after = self.stream.committed()
        while self.stream.wait(after, 0.3):
            found += self.stream.read(after, 10_000, 1 << 30)
            after = found[-1].offset
        return found

    def settled(self, expected: dict[str, int], source: str = "http") -> bool:
        """Say whether the ledger comes to what is expected, within the time in which totals are reported."""
        until = time.monotonic() + 5
        while (found := self.books.ledger().get(source, Ledger()).as_dict()) != expected and time.monotonic() < until:
            time.sleep(0.02)
        assert found == expected
        return True

    def close(self) -> None:
        """Close all parts."""
        self.parts.close()


def open_journal(folder: Path) -> Rig:
    journal = Journal(folder / "journal.db")
    rig = Rig(journal, journal, journal)
    rig.parts.callback(journal.close)
    return rig


def open_lane(folder: Path) -> Rig:
    topic = topic_in(folder)
    topic.sink.append([])  # makes the topic
    lane = topic.lane(0)
    rig = Rig(topic.sink, lane, topic.books)
    rig.parts.callback(topic.close)
    rig.parts.callback(lane.close)
    return rig


def open_shard(folder: Path) -> Rig:
    stream = stream_in(folder)
    lane = stream.lane(0)
    rig = Rig(stream.sink, lane, stream.books)
    rig.parts.callback(stream.close)
    rig.parts.callback(lane.close)
    return rig


STREAMS: dict[str, Callable[[Path], Rig]] = {"journal": open_journal, "lane": open_lane, "shard": open_shard}


@pytest.fixture(params=STREAMS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Rig]:
    return lambda: STREAMS[request.param](tmp_path)


@pytest.fixture
def rig(reopen: Callable[[], Rig]) -> Iterator[Rig]:
    opened = reopen()
    yield opened
    opened.close()


def batch(name: str, count: int = 2, refused: int = 0, source: str = "http") -> Batch:
    letters = tuple(letter(source, f"no good {index}") for index in range(refused))
    payload = b"\n".join(b'{"n":"%s","i":%d}' % (name.encode(), index) for index in range(count))
    return Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=count, payload=payload, refused=letters)


def letter(source: str, reason: str) -> DeadLetter:
    return DeadLetter(source=source, cause=Cause.SCHEMA, reason=reason, payload=b"\x00raw", index=3, first_seen=NOW)


def figures(accepted: int = 0, stored: int = 0, dead: int = 0) -> dict[str, int]:
    return Ledger(accepted=accepted, stored=stored, dead_lettered=dead).as_dict()


def ids(found: Sequence[Stored]) -> list[str]:
    return [item.batch.batch_id for item in found]


def store(rig: Rig, upto: int, stored: dict[str, int], dead: Sequence[DeadLetter] = ()) -> None:
    rig.stream.begin(upto)
    rig.stream.commit(upto, stored, dead, {})


def test_what_was_appended_is_read_back_in_order_and_whole(rig: Rig) -> None:
    sent = [batch("a"), batch("b", 5), batch("c")]
    assert rig.sink.append(sent[:2]) == [True, True]
    assert rig.sink.append(sent[2:]) == [True]
    assert [item.batch for item in rig.stream.read(0, 100, 1 << 20)] == sent


def test_a_batch_id_counts_once_even_after_it_was_stored(rig: Rig) -> None:
    rig.sink.append([batch("a")])
    store(rig, rig.waiting()[-1].offset, {"http": 2})
    assert rig.sink.append([batch("a"), batch("b")]) == [False, True]
    found = rig.waiting()
    assert ids(found) == ["b"]
    store(rig, found[-1].offset, {"http": 2})
    assert rig.settled(figures(accepted=4, stored=4))


def test_a_batch_that_comes_again_from_another_process_counts_once(reopen: Callable[[], Rig]) -> None:
    first = reopen()
    first.sink.append([batch("a", refused=1), batch("b")])
    store(first, first.waiting()[0].offset, {"http": 2})
    first.close()
    second = reopen()
    second.sink.append([batch("a", refused=1)])
    second.sink.append([batch("b"), batch("c")])
    found = second.waiting()
    assert ids(found) == ["b", "c"]
    store(second, found[-1].offset, {"http": 4})
    assert not second.waiting()
    assert second.settled(figures(accepted=7, stored=6, dead=1))
    second.close()


def test_a_range_stops_at_its_limits_but_gives_at_least_one_batch(rig: Rig) -> None:
    rig.sink.append([batch("a", 10), batch("b", 10), batch("c", 10)])
    rig.waiting()
    assert ids(rig.stream.read(0, 20, 1 << 20)) == ["a", "b"]
    assert ids(rig.stream.read(0, 1, 1)) == ["a"]


def test_a_planned_range_is_read_again_with_its_bounds(reopen: Callable[[], Rig]) -> None:
    first = reopen()
    first.sink.append([batch("a"), batch("b"), batch("c")])
    planned = first.waiting()[1].offset
    first.stream.begin(planned)
    first.close()
    second = reopen()
    second.sink.append([batch("d")])
    after = second.stream.committed()
    assert second.stream.plan() == planned
    found = [item for item in second.stream.read(after, 1 << 62, 1 << 62) if item.offset <= planned]
    assert ids(found) == ["a", "b"]
    second.stream.commit(planned, {"http": 4}, (), {})
    assert ids(second.waiting()) == ["c", "d"]
    second.close()


def test_the_ledger_balances_through_a_record_s_life(rig: Rig) -> None:
    rig.sink.append([batch("a", 8, refused=2), batch("b", 1, source="file")])
    upto = rig.waiting()[-1].offset
    store(rig, upto, {"http": 7, "file": 1}, [letter("http", "poison")])
    assert rig.settled(figures(accepted=10, stored=7, dead=3))
    assert rig.settled(figures(accepted=1, stored=1), "file")
    found = rig.books.dead_letters()
    assert [item.reason for item in found] == ["poison", "no good 1", "no good 0"]
    assert msgspec.structs.replace(found[0], letter_id="") == letter("http", "poison")


def test_what_is_in_custody_and_not_stored_is_in_flight(rig: Rig) -> None:
    rig.sink.append([batch("a", 8)])
    assert rig.settled(figures(accepted=8))


def test_a_batch_of_refused_records_only_is_kept_and_never_shown(rig: Rig) -> None:
    assert rig.sink.append([batch("a", 0, refused=3)]) == [True]
    assert not rig.stream.wait(rig.stream.committed(), 0.5)
    assert rig.settled(figures(accepted=3, dead=3))
    rig.sink.append([batch("b")])
    assert ids(rig.waiting()) == ["b"]


def test_everything_is_still_there_after_a_restart(reopen: Callable[[], Rig]) -> None:
    first = reopen()
    first.sink.append([batch("a"), batch("b"), batch("c")])
    offsets = [item.offset for item in first.waiting()]
    first.stream.commit(offsets[0], {"http": 2}, (), {"key": b"row", "gone": b"x"})
    first.stream.commit(offsets[0], {}, (), {"gone": None})
    first.stream.begin(offsets[1])
    first.close()
    second = reopen()
    assert (second.stream.committed(), second.stream.plan()) == (offsets[0], offsets[1])
    assert second.stream.detector_rows() == {"key": b"row"}
    assert second.settled(figures(accepted=6, stored=2))
    second.stream.commit(offsets[1], {"http": 2}, (), {})
    assert ids(second.waiting()) == ["c"]
    second.close()


def test_offsets_never_start_again_once_all_was_stored(reopen: Callable[[], Rig]) -> None:
    first = reopen()
    first.sink.append([batch("a")])
    upto = first.waiting()[-1].offset
    store(first, upto, {"http": 2})
    first.close()
    second = reopen()
    second.sink.append([batch("b")])
    assert second.waiting()[0].offset > upto
    second.close()


def test_waiting_ends_when_something_comes(rig: Rig) -> None:
    assert not rig.stream.wait(0, 0.01)
    sender = threading.Timer(0.05, lambda: rig.sink.append([batch("a")]))
    sender.start()
    assert rig.stream.wait(0, 10)
    sender.join()


def test_many_senders_at_once_lose_and_double_nothing(rig: Rig) -> None:
    def send(sender: int) -> None:
        for index in range(50):
            rig.sink.append([batch(f"{sender}-{index}", 1), batch(f"shared-{index}", 1)])

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    waiting = rig.waiting()
    found = ids(waiting)
    assert len(found) == len(set(found)) == 6 * 50 + 50
    store(rig, waiting[-1].offset, {"http": 350})
    assert not rig.waiting()
    assert rig.settled(figures(accepted=350, stored=350))
