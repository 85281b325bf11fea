"""What every `bdp.ports.Stream` must do. Each implementation is one entry of `STREAMS`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.ports import Stream
from bdp.stream.journal import Journal

STREAMS: dict[str, Callable[[Path], Stream]] = {"journal": lambda folder: Journal(folder / "journal.db")}
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(params=STREAMS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Stream]:
    return lambda: STREAMS[request.param](tmp_path)


@pytest.fixture
def stream(reopen: Callable[[], Stream]) -> Iterator[Stream]:
    opened = reopen()
    yield opened
    opened.close()


def batch(name: str, count: int = 2, refused: int = 0, source: str = "http") -> Batch:
    letters = tuple(letter(source, f"no good {index}") for index in range(refused))
    payload = b"\n".join(b'{"n":"%s","i":%d}' % (name.encode(), index) for index in range(count))
    return Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=count, payload=payload, refused=letters)


def letter(source: str, reason: str) -> DeadLetter:
    return DeadLetter(source=source, cause=Cause.SCHEMA, reason=reason, payload=b"\x00raw", index=3, first_seen=NOW)


def test_what_was_appended_is_read_back_in_order_and_whole(stream: Stream) -> None:
    sent = [batch("a"), batch("b", 5), batch("c")]
    assert stream.append(sent[:2]) == [True, True]
    assert stream.append(sent[2:]) == [True]
    assert [item.batch for item in stream.read(0, 100, 1 << 20)] == sent


def test_a_batch_id_counts_once_even_after_it_was_stored(stream: Stream) -> None:
    stream.append([batch("a")])
    upto = stream.read(0, 100, 1 << 20)[-1].offset
    stream.begin(upto)
    stream.commit(upto, {"http": 2}, (), {})
    assert stream.append([batch("a"), batch("b")]) == [False, True]
    assert stream.ledger()["http"].accepted == 4


def test_a_range_stops_at_its_limits_but_gives_at_least_one_batch(stream: Stream) -> None:
    stream.append([batch("a", 10), batch("b", 10), batch("c", 10)])
    assert [item.batch.batch_id for item in stream.read(0, 20, 1 << 20)] == ["a", "b"]
    assert [item.batch.batch_id for item in stream.read(0, 1, 1)] == ["a"]


def test_the_ledger_balances_through_a_record_s_life(stream: Stream) -> None:
    stream.append([batch("a", 8, refused=2), batch("b", 1, source="file")])
    assert stream.ledger()["http"].as_dict() == {
        "accepted": 10, "stored": 0, "dead_lettered": 2, "dropped": 0, "in_flight": 8,
    }  # fmt: skip
    upto = stream.read(0, 100, 1 << 20)[-1].offset
    stream.commit(upto, {"http": 7, "file": 1}, [letter("http", "poison")], {})
    ledger = stream.ledger()
    assert ledger["http"].as_dict() == {
        "accepted": 10, "stored": 7, "dead_lettered": 3, "dropped": 0, "in_flight": 0,
    }  # fmt: skip
    assert ledger["file"].in_flight == 0
    assert [found.reason for found in stream.dead_letters()] == ["poison", "no good 1", "no good 0"]
    assert stream.dead_letters(1)[0] == letter("http", "poison")


def test_a_batch_of_refused_records_only_is_kept(stream: Stream) -> None:
    assert stream.append([batch("a", 0, refused=3)]) == [True]
    assert stream.ledger()["http"].in_flight == 0
    assert not stream.read(0, 10, 1 << 20)


def test_everything_is_still_there_after_a_restart(reopen: Callable[[], Stream]) -> None:
    first = reopen()
    first.append([batch("a"), batch("b"), batch("c")])
    offsets = [item.offset for item in first.read(0, 100, 1 << 20)]
    first.commit(offsets[0], {"http": 2}, (), {"key": b"row", "gone": b"x"})
    first.commit(offsets[0], {}, (), {"gone": None})
    first.begin(offsets[1])
    first.close()
    second = reopen()
    assert (second.committed(), second.plan()) == (offsets[0], offsets[1])
    assert second.detector_rows() == {"key": b"row"}
    assert [item.batch.batch_id for item in second.read(second.committed(), 100, 1 << 20)] == ["b", "c"]
    assert second.ledger()["http"].in_flight == 4
    second.close()


def test_offsets_never_start_again_once_all_was_stored(reopen: Callable[[], Stream]) -> None:
    first = reopen()
    first.append([batch("a")])
    upto = first.read(0, 100, 1 << 20)[-1].offset
    first.commit(upto, {"http": 2}, (), {})
    first.close()
    second = reopen()
    second.append([batch("b")])
    assert second.read(upto, 100, 1 << 20)[0].offset > upto
    second.close()


def test_waiting_ends_when_something_comes(stream: Stream) -> None:
    assert not stream.wait(0, 0.01)
    sender = threading.Timer(0.05, lambda: stream.append([batch("a")]))
    sender.start()
    assert stream.wait(0, 10)
    sender.join()


def test_many_senders_at_once_lose_and_double_nothing(stream: Stream) -> None:
    def send(sender: int) -> None:
        for index in range(50):
            stream.append([batch(f"{sender}-{index}", 1), batch(f"shared-{index}", 1)])

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    found = [item.batch.batch_id for item in stream.read(0, 10_000, 1 << 30)]
    assert len(found) == len(set(found)) == 6 * 50 + 50
    assert stream.ledger()["http"].accepted == 350
