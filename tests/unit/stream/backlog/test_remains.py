"""Batches that the disk damaged while they waited: no record leaves the accounts, and none is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bdp.breaker import Breaker
from bdp.clock import ManualClock
from bdp.model.batch import Batch, Cause, DeadLetter, Drop, DropReason, Ledger, Priority, RecordKind
from bdp.stream.backlog.files import Files, FilesSettings
from bdp.stream.backlog.marks import write_synced
from bdp.stream.delivery.chain import Chain, Link
from bdp.stream.delivery.drops import DropFile
from bdp.stream.delivery.recovery import Recovery
from tests.unit.stream.chain_bench import NO_WAIT, Primary

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LETTER = DeadLetter(source="http", cause=Cause.SCHEMA, reason="no", payload=b"\xff\n", index=0, first_seen=NOW)
SAMPLED = Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=4)


def batch(name: str, count: int = 3, kind: RecordKind = RecordKind.EVENTS) -> Batch:
    lines = [b'{"event_id":"%s-%d","message":"%s"}' % (name.encode(), index, b"x" * 20) for index in range(count)]
    return Batch(batch_id=name, source="http", kind=kind, count=count, payload=b"\n".join(lines))


def rich(name: str) -> Batch:
    return msgspec.structs.replace(batch(name), refused=(LETTER,), drops=(SAMPLED,))


@contextmanager
def opened(folder: Path) -> Iterator[Files]:
    with closing(Files(FilesSettings(folder=str(folder)), Path("unused"))) as files:
        yield files


def written(folder: Path, *sent: Batch) -> tuple[Path, list[int]]:
    """Write batches; return their file, and where each begins and the last ends."""
    starts = [0]
    with opened(folder) as files:
        for one in sent:
            files.append([one])
            path = folder / "00000001.ndjson"
            starts.append(path.stat().st_size)
    return path, starts


def spoil(path: Path, at: int, text: bytes = b"?") -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(text)


def given(files: Files) -> dict[str, Batch]:
    return {waiting.batch.batch_id: waiting.batch for waiting in files.oldest(1_000_000, 1 << 30)}


def left(found: Batch) -> list[bytes]:
    """The lines of a damaged batch that became letters."""
    assert (found.count, found.payload, found.redelivers) == (0, b"", ())
    letters = [letter for letter in found.refused if letter.cause is Cause.ENCODING]
    assert [letter.index for letter in letters] == list(range(len(letters)))
    assert all(letter.source == found.source and letter.kind is found.kind for letter in letters)
    return [letter.payload for letter in letters]


def missing(found: Batch) -> int:
    return sum(drop.count for drop in found.drops if drop.reason is DropReason.DAMAGED)


@pytest.mark.parametrize("newest", [True, False], ids=["newest", "older"])
def test_each_line_of_a_damaged_batch_becomes_a_letter_and_stays_one_after_restarts(
    tmp_path: Path, newest: bool
) -> None:
    path, starts = written(tmp_path, batch("a"), rich("b"), batch("c"))
    if not newest:
        with opened(tmp_path) as files:
            files.append([batch("d")])
    content = path.read_bytes()
    at = content.index(b"xxx", starts[1])
    spoil(path, at)
    answers = []
    for _ in range(3):
        with opened(tmp_path) as files:
            found = given(files)
            answers.append(found["b"])
            assert (found["a"], found["c"]) == (batch("a"), batch("c"))
            assert files.append([rich("b")]) == [False]
            assert files.waiting() == {"http": 14 if newest else 17}
    assert answers[0] == answers[1] == answers[2]
    lost = answers[0]
    assert lost.accepted == rich("b").accepted == 8
    assert left(lost) == rich("b").payload.replace(b"xxx", b"?xx", 1).split(b"\n")
    assert (lost.refused[0], lost.drops) == (LETTER, (SAMPLED,))
    assert lost.refused[1].reason == f"damaged on disk while it waited (00000001.ndjson, byte {starts[1]})"
    torn = list(tmp_path.glob("*.torn"))
    assert [one.read_bytes() for one in torn] == [path.read_bytes()[starts[1] : starts[2]]]
    with opened(tmp_path) as files:
        files.remove([waiting.place for waiting in files.oldest(100, 1 << 30) if waiting.batch.batch_id == "b"])
        assert "b" not in given(files)
    with opened(tmp_path) as files:
        assert "b" not in given(files)
        assert files.append([rich("b")]) == [False]
        assert files.waiting() == {"http": 6 if newest else 9}
    assert len(list(tmp_path.glob("*.torn"))) == 1


def test_of_an_acknowledged_batch_that_is_cut_anywhere_every_record_is_accounted_for(tmp_path: Path) -> None:
    path, starts = written(tmp_path / "whole", batch("a"), rich("b"))
    content = path.read_bytes()
    body = content.index(b"\n", starts[1]) + 1
    for size in range(body, len(content), 5):
        folder = tmp_path / f"cut-{size}"
        folder.mkdir()
        (folder / path.name).write_bytes(content[:size])
        (folder / "00000001.synced").write_bytes(path.with_suffix(".synced").read_bytes())
        for _ in range(2):
            with opened(folder) as files:
                found = given(files)
                assert (found["a"], found["b"].accepted) == (batch("a"), 8)
                here = content[body:size][: len(batch("b").payload)]
                assert left(found["b"]) == [line for line in here.split(b"\n") if line]
                assert missing(found["b"]) == 8 - len(left(found["b"]))
                assert files.waiting() == {"http": 11}
                assert files.append([rich("b")]) == [False]


def test_a_batch_that_was_never_acknowledged_leaves_no_trace_and_comes_again_whole(tmp_path: Path) -> None:
    path, starts = written(tmp_path, batch("a"), batch("b"), batch("c"))
    write_synced(tmp_path / "00000001.synced", starts[1], 1)
    spoil(path, path.read_bytes().index(b"xxx", starts[1]), b"\0" * 10)
    with path.open("r+b") as file:
        file.truncate(starts[3] - 10)
    with opened(tmp_path) as files:
        assert given(files) == {"a": batch("a")}
        assert files.append([batch("b"), batch("c"), batch("a")]) == [True, True, False]
        assert given(files) == {name: batch(name) for name in "abc"}


@pytest.mark.parametrize("newest", [True, False], ids=["newest", "older"])
@pytest.mark.parametrize("kept", [0, 10, 60])
def test_bytes_that_are_missing_cost_no_neighbour(tmp_path: Path, kept: int, newest: bool) -> None:
    path, starts = written(tmp_path, batch("a"), rich("b"), batch("c"))
    if not newest:
        with opened(tmp_path) as files:
            files.append([batch("d")])
    content = path.read_bytes()
    body = content.index(b"\n", starts[1]) + 1
    behind = body + len(rich("b").payload)  # the extras stand there
    path.write_bytes(content[: body + kept] + content[behind:])
    with opened(tmp_path) as files:
        found = given(files)
        assert (found["a"], found["c"]) == (batch("a"), batch("c"))
        assert left(found["b"]) == [line for line in content[body : body + kept].split(b"\n") if line]
        assert (found["b"].refused[0], found["b"].drops[0]) == (LETTER, SAMPLED)
        assert (found["b"].accepted, missing(found["b"])) == (8, 3 - len(left(found["b"])))
        while portion := files.oldest(1, 1):
            files.remove([waiting.place for waiting in portion])
        assert files.waiting() == {}
        assert list(tmp_path.glob("*.ndjson")) == []


def test_extras_that_cannot_be_read_are_counted_as_damaged(tmp_path: Path) -> None:
    path, starts = written(tmp_path, rich("a"))
    spoil(path, path.read_bytes().index(b'{"refused"'), b"\0" * 30)
    with opened(tmp_path) as files:
        found = given(files)["a"]
    assert left(found) == rich("a").payload.split(b"\n")
    assert (found.accepted, missing(found), len(found.refused)) == (8, 5, 3)
    assert starts[1] == path.stat().st_size


def test_a_count_in_the_extras_that_the_head_denies_is_not_believed(tmp_path: Path) -> None:
    path, _ = written(tmp_path, rich("a"))
    spoil(path, path.read_bytes().index(b'"count":4') + 8, b"9")
    with opened(tmp_path) as files:
        assert (given(files)["a"].accepted, missing(given(files)["a"])) == (8, 5)


@pytest.mark.parametrize(("kind", "priority"), [("events", "normal"), ("costs", "error"), ("changes", "error")])
def test_a_payload_of_zeros_is_a_counted_drop_of_its_class(tmp_path: Path, kind: str, priority: str) -> None:
    sent = batch("a", 100, RecordKind(kind))
    path, _ = written(tmp_path, sent)
    spoil(path, path.read_bytes().index(b"\n") + 1, b"\0" * len(sent.payload))
    with opened(tmp_path) as files:
        found = given(files)["a"]
    assert found.refused == ()
    assert found.drops == (Drop(reason=DropReason.DAMAGED, priority=Priority(priority), count=100),)


def test_line_feeds_that_damage_made_are_no_records(tmp_path: Path) -> None:
    path, _ = written(tmp_path, batch("a", 2))
    spoil(path, path.read_bytes().index(b"xxxx"), b"\n\nx\n")
    with opened(tmp_path) as files:
        found = given(files)["a"]
    assert (len(left(found)), missing(found), found.accepted) == (2, 0, 2)
    assert b"\n".join(left(found)).endswith(b'"}')


@pytest.mark.parametrize("newest", [True, False], ids=["newest", "older"])
def test_a_letter_on_its_second_way_stays_in_the_books_and_may_come_again(tmp_path: Path, newest: bool) -> None:
    again = msgspec.structs.replace(batch("letter:17", 1), redelivers=("17",), attempts=2)
    path, _ = written(tmp_path, again, batch("b"))
    if not newest:
        with opened(tmp_path) as files:
            files.append([batch("d")])
    spoil(path, path.read_bytes().index(b"xxx"))
    for _ in range(2):
        with opened(tmp_path) as files:
            assert "letter:17" not in given(files)
            assert files.waiting() == {"http": 3 if newest else 6}
    with opened(tmp_path) as files:
        given(files)
        assert files.append([again]) == [True]
        assert given(files)["letter:17"] == again


class Delivery:
    """The chain with a journal in front and the files behind it."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock(NOW)
        self.primary = Primary(folder / "journal.db")
        self.files = Files(FilesSettings(folder=str(folder / "spill")), folder, clock)
        drops = DropFile(folder / "drops")
        behind = [(Link(self.files, Breaker(clock)), self.files)]
        self.chain = Chain(Link(self.primary, Breaker(clock)), behind, drops, self.primary, clock, NO_WAIT)
        self.recovery = Recovery(self.chain, clock)

    def drain(self) -> None:
        while self.recovery.step():
            pass

    def close(self) -> None:
        self.files.close()
        self.primary.close()


@pytest.mark.parametrize("trouble", ["away", "silent"])
def test_the_ledger_balances_over_a_batch_that_was_damaged_and_cut(tmp_path: Path, trouble: str) -> None:
    sent = [rich("a"), batch("b", 100), batch("c", 100)]
    with closing(Delivery(tmp_path)) as delivery:
        delivery.primary.trouble = trouble
        for one in sent:
            assert delivery.chain.append([one]) == [True]
    path = tmp_path / "spill" / "00000001.ndjson"
    spoil(path, path.read_bytes().index(b"xxx", path.read_bytes().index(b'"b"')))
    with path.open("r+b") as file:
        file.truncate(path.read_bytes().index(b'"c-40"') - 12)
    for waits in (208, 3):
        with closing(Delivery(tmp_path)) as delivery:
            if trouble == "away":
                assert delivery.chain.ledger()["http"].in_flight == waits
            delivery.drain()
            ledger, drops = delivery.chain.ledger()["http"], delivery.chain.drops()["http"]
            stored = [(item.batch.batch_id, item.batch.count) for item in delivery.primary.read(0, 1000, 1 << 30)]
            assert delivery.files.waiting() == {}
        if trouble == "away":
            # 1 + 100 + 40 letters; 4 were sampled out, 60 are missing; 3 wait for the store.
            assert stored == [("a", 3)]
            assert ledger == Ledger(accepted=208, dead_lettered=141, dropped=64)
            assert {drop.reason: drop.count for drop in drops} == {DropReason.SAMPLED: 4, DropReason.DAMAGED: 60}
        else:  # the primary had them all, whole: what the files say of them counts for nothing
            assert stored == [("a", 3), ("b", 100), ("c", 100)]
            assert ledger == Ledger(accepted=208, dead_lettered=1, dropped=4)
