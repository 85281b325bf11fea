"""What every `bdp.ports.Books` must do. Each implementation is one entry of `BOOKS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.errors import NotFound
from bdp.model.batch import (
    Batch,
    Cause,
    DeadLetter,
    Drop,
    DropReason,
    Ledger,
    LetterStatus,
    Priority,
    RecordKind,
)
from bdp.ports import Books
from bdp.stream.journal.journal import Journal, JournalSettings
from bdp.stream.shared.books import Passed, SqlBooks
from bdp.stream.shared.books_settings import BooksSettings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MOST_LETTERS = 5


@dataclass
class Rig:
    """Books, with how a batch gets into them and how its records reach an end."""

    books: Books
    take: Callable[[Sequence[Batch]], object]
    finish: Callable[[dict[str, int], Sequence[DeadLetter]], None]
    keep: Callable[[dict[str, bytes | None]], None]
    close: Callable[[], None]


def journal(folder: Path, _: pytest.FixtureRequest) -> Rig:
    opened = Journal(folder / "journal.db", JournalSettings(most_letters=MOST_LETTERS))

    def finish(stored: dict[str, int], dead: Sequence[DeadLetter]) -> None:
        waiting = opened.read(opened.committed(), 1 << 30, 1 << 40)
        opened.commit(waiting[-1].offset if waiting else opened.committed(), stored, dead, {})

    def keep(rows: dict[str, bytes | None]) -> None:
        opened.commit(opened.committed(), {}, (), rows)

    return Rig(opened, opened.append, finish, keep, opened.close)


class Pass:
    """Takes batches as a lane does that goes over their messages, without a broker."""

    def __init__(self, books: SqlBooks) -> None:
        self._books = books
        self._place = books.enter("lane")
        self._upto = self._place.committed

    def take(self, batches: Sequence[Batch]) -> None:
        passed = []
        known = self._books.taken("lane", [batch.batch_id for batch in batches])
        for batch in batches:
            self._upto += 1
            again = batch.batch_id in known
            passed.append(
                Passed(offset=self._upto, producer_id="p", batch=batch, accepted=batch.accepted, repeated=again)
            )
        self._books.commit("lane", self._place, self._upto, passed, {}, (), {})
        self._place = msgspec.structs.replace(self._place, committed=self._upto)

    def finish(self, stored: dict[str, int], dead: Sequence[DeadLetter]) -> None:
        self._books.commit("lane", self._place, self._upto, [], stored, dead, {})

    def keep(self, rows: dict[str, bytes | None]) -> None:
        self._books.commit("lane", self._place, self._upto, [], {}, (), rows)


def sql_books(url: str) -> Rig:
    books = SqlBooks(url, ManualClock(NOW), BooksSettings(most_letters=MOST_LETTERS))
    passing = Pass(books)
    return Rig(books, passing.take, passing.finish, passing.keep, books.close)


BOOKS: dict[str, Callable[[Path, pytest.FixtureRequest], Rig]] = {
    "journal": journal,
    "sqlite": lambda folder, _: sql_books(f"sqlite:///{folder / 'books.db'}"),
    "postgresql": lambda _, request: sql_books(request.getfixturevalue("new_postgresql")),
}


@pytest.fixture(params=BOOKS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Rig]:
    return lambda: BOOKS[request.param](tmp_path, request)


@pytest.fixture
def rig(reopen: Callable[[], Rig]) -> Iterator[Rig]:
    opened = reopen()
    yield opened
    opened.close()


def batch(name: str, count: int = 2, source: str = "http", **more: object) -> Batch:
    payload = b"\n".join(b'{"n":"%s","i":%d}' % (name.encode(), index) for index in range(count))
    plain = Batch(batch_id=name, source=source, kind=RecordKind.EVENTS, count=count, payload=payload)
    return msgspec.structs.replace(plain, **more)


def letter(reason: str, source: str = "http", cause: Cause = Cause.SCHEMA, **more: object) -> DeadLetter:
    plain = DeadLetter(source=source, cause=cause, reason=reason, payload=b"\x00raw\xff", index=3, first_seen=NOW)
    return msgspec.structs.replace(plain, **more)


def entry(rig: Rig, source: str = "http") -> dict[str, int]:
    return rig.books.ledger().get(source, Ledger()).as_dict()


def figures(accepted: int = 0, stored: int = 0, dead: int = 0, dropped: int = 0) -> dict[str, int]:
    return Ledger(accepted=accepted, stored=stored, dead_lettered=dead, dropped=dropped).as_dict()


def test_a_record_counts_from_custody_to_its_end(rig: Rig) -> None:
    gone = Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=7)
    rig.take([batch("a", 8, refused=(letter("x"), letter("y")), drops=(gone,)), batch("b", 1, source="file")])
    assert entry(rig) == figures(accepted=17, dead=2, dropped=7)
    rig.finish({"http": 7, "file": 1}, [letter("poison", cause=Cause.POISON)])
    assert entry(rig) == figures(accepted=17, stored=7, dead=3, dropped=7)
    assert entry(rig, "file") == figures(accepted=1, stored=1)
    assert rig.books.drops() == {"http": [gone]}


def test_a_repeated_batch_counts_once_with_all_it_carries(rig: Rig) -> None:
    gone = Drop(reason=DropReason.SAMPLED, priority=Priority.WARN, count=1)
    rig.take([batch("a", 2, refused=(letter("x"),), drops=(gone,))])
    rig.take([batch("a", 2, refused=(letter("x"),), drops=(gone,))])
    assert entry(rig) == figures(accepted=4, dead=1, dropped=1)
    assert rig.books.drops() == {"http": [gone]}


def test_letters_come_back_whole_newest_first_by_page_and_filter(rig: Rig) -> None:
    full = letter("whole 한국어", cause=Cause.SINK_REFUSED, attempts=4, cut=True, kind=RecordKind.COSTS)
    full = msgspec.structs.replace(
        full, last_seen=NOW + timedelta(microseconds=1), last_reason="again", status=LetterStatus.RETRYING,
        next_attempt=NOW + timedelta(hours=1),
    )  # fmt: skip
    rig.take([batch("a", 0, refused=(letter("one"), letter("two", "file"))), batch("b", 0, refused=(full,))])
    newest, *others = rig.books.dead_letters()
    assert msgspec.structs.replace(newest, letter_id="") == full
    assert [found.reason for found in others] == ["two", "one"]
    assert [found.reason for found in rig.books.dead_letters(before=newest.letter_id)] == ["two", "one"]
    assert [found.reason for found in rig.books.dead_letters(1, before=newest.letter_id)] == ["two"]
    assert [found.reason for found in rig.books.dead_letters(source="http", cause=Cause.SCHEMA)] == ["one"]
    assert rig.books.dead_letter(newest.letter_id) == newest
    assert rig.books.letter_counts() == {
        ("http", Cause.SCHEMA): 1, ("file", Cause.SCHEMA): 1, ("http", Cause.SINK_REFUSED): 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "nobody", "-1", "99999", "٣", "9" * 40, "1 OR 1=1"])
def test_an_unknown_letter_is_not_found(rig: Rig, name: str) -> None:
    rig.take([batch("a", 0, refused=(letter("x"),))])
    with pytest.raises(NotFound):
        rig.books.dead_letter(name)
    assert rig.books.discard([name]) == 0


def test_transient_letters_fall_due_and_can_be_put_off(rig: Rig) -> None:
    later = letter("later", cause=Cause.TIMEOUT, next_attempt=NOW + timedelta(minutes=5))
    rig.take([batch("a", 0, refused=(letter("for people"), letter("soon", cause=Cause.TIMEOUT), later))])
    (soon,) = rig.books.due(NOW, 10)
    assert soon.reason == "soon"
    rig.books.reschedule(soon.letter_id, NOW, "still no", NOW + timedelta(minutes=9))
    assert rig.books.due(NOW, 10) == []
    found = rig.books.dead_letter(soon.letter_id)
    assert (found.attempts, found.last_reason, found.last_seen) == (2, "still no", NOW)
    assert [found.reason for found in rig.books.due(NOW + timedelta(hours=1), 10)] == ["later", "soon"]
    assert [found.reason for found in rig.books.due(NOW + timedelta(hours=1), 1)] == ["later"]
    rig.books.reschedule(soon.letter_id, NOW, "given up", None)
    assert [found.reason for found in rig.books.due(NOW + timedelta(hours=1), 10)] == ["later"]


def test_redelivered_letters_go_and_nothing_is_accepted_again(rig: Rig) -> None:
    rig.take([batch("a", 1, refused=(letter("one"), letter("two")))])
    rig.finish({"http": 1}, [])
    ids = tuple(found.letter_id for found in rig.books.dead_letters())
    rig.take([batch("again", 2, redelivers=ids)])
    assert entry(rig) == figures(accepted=3, stored=1)
    assert rig.books.dead_letters() == []
    rig.finish({"http": 1}, [letter("worse", attempts=2)])
    assert entry(rig) == figures(accepted=3, stored=2, dead=1)
    rig.take([batch("again", 2, redelivers=ids)])
    assert entry(rig) == figures(accepted=3, stored=2, dead=1)


@pytest.mark.parametrize("by", ["a person", "the bound"])
def test_a_letter_let_go_while_its_record_is_on_its_way_counts_as_both(rig: Rig, by: str) -> None:
    rig.take([batch("a", 0, refused=(letter("one"), letter("kept")))])
    kept, one = rig.books.dead_letters()
    if by == "a person":
        rig.books.discard([one.letter_id])
        others = 0
    else:
        others = MOST_LETTERS - 1
        rig.take([batch("full", 0, refused=tuple(letter("more") for _ in range(others)))])
    assert entry(rig) == figures(accepted=2 + others, dead=1 + others, dropped=1)
    rig.take([batch("again", 1, redelivers=(one.letter_id,))])
    assert entry(rig) == figures(accepted=3 + others, dead=1 + others, dropped=1)
    rig.finish({"http": 1}, [])
    assert entry(rig) == figures(accepted=3 + others, stored=1, dead=1 + others, dropped=1)
    rig.take([batch("again", 1, redelivers=(one.letter_id,)), batch("kept", 1, redelivers=(kept.letter_id,))])
    rig.finish({"http": 1}, [])
    assert entry(rig) == figures(accepted=3 + others, stored=2, dead=others, dropped=1)


def test_a_redelivery_of_a_letter_that_is_there_and_one_that_is_not_counts_the_one(rig: Rig) -> None:
    rig.take([batch("a", 0, refused=(letter("one"), letter("two")))])
    two, one = rig.books.dead_letters()
    rig.books.discard([one.letter_id])
    rig.take([batch("again", 2, redelivers=(one.letter_id, two.letter_id))])
    rig.finish({"http": 2}, [])
    assert entry(rig) == figures(accepted=3, stored=2, dropped=1)


def test_discarded_letters_are_counted_drops_of_their_class(rig: Rig) -> None:
    fatal = letter("x", payload=b'{"level":"FATAL"}')
    rig.take([batch("a", 0, refused=(fatal, letter("y")))])
    rig.take([batch("b", 0, source="file", refused=(letter("kept", "file"),))])
    ids = [found.letter_id for found in rig.books.dead_letters(source="http")]
    assert rig.books.discard([*ids, ids[0], "12345"]) == 2
    assert rig.books.discard(ids) == 0
    assert entry(rig) == figures(accepted=2, dropped=2)
    assert rig.books.drops() == {
        "http": [
            Drop(reason=DropReason.DISCARDED, priority=Priority.FATAL, count=1),
            Drop(reason=DropReason.DISCARDED, priority=Priority.NORMAL, count=1),
        ]
    }
    assert [found.reason for found in rig.books.dead_letters()] == ["kept"]


def test_over_the_bound_the_oldest_letters_become_counted_drops(rig: Rig) -> None:
    rig.take([batch(f"b{index}", 0, refused=(letter(f"r{index}"),)) for index in range(MOST_LETTERS + 3)])
    assert [found.reason for found in rig.books.dead_letters()] == [f"r{index}" for index in range(7, 2, -1)]
    assert entry(rig) == figures(accepted=8, dead=5, dropped=3)
    assert rig.books.drops()["http"] == [
        Drop(reason=DropReason.LETTERS_FULL, priority=Priority.NORMAL, count=3),
    ]


def test_hostile_text_neither_breaks_nor_changes_the_rest(rig: Rig) -> None:
    hostile = letter("it's\x00 '); DROP TABLE letters; --\u2028", source="http", payload=bytes(range(256)))
    rig.take([batch("a'); --\n\x00", 1, refused=(hostile,))])
    (found,) = rig.books.dead_letters()
    assert found.payload == bytes(range(256))
    assert entry(rig) == figures(accepted=2, dead=1)


def test_everything_is_still_there_after_a_restart(reopen: Callable[[], Rig], request: pytest.FixtureRequest) -> None:
    if "postgresql" in request.node.name:
        url = request.getfixturevalue("new_postgresql")
        reopen = lambda: sql_books(url)  # noqa: E731
    first = reopen()
    first.take([batch("a", 3, refused=(letter("kept"),))])
    first.finish({"http": 2}, [letter("poison")])
    before = first.books.ledger(), first.books.dead_letters()
    first.close()
    second = reopen()
    assert (second.books.ledger(), second.books.dead_letters()) == before
    second.take([batch("a", 3, refused=(letter("kept"),))])
    assert second.books.ledger() == before[0]
    second.close()


def test_rows_of_detectors_are_found_by_how_their_keys_begin(rig: Rig) -> None:
    rows: dict[str, bytes | None] = {"a/1": b"1", "a/2": b"\0", "a_3": b"3", "b/a/4": b"4", "A/5": b"5", "a": b"6"}
    rig.keep(rows)
    assert sorted((key, row) for _, key, row in rig.books.detector_rows_under("a/")) == [("a/1", b"1"), ("a/2", b"\0")]
    assert [key for _, key, _ in rig.books.detector_rows_under("a_")] == ["a_3"]
    assert rig.books.detector_rows_under("c/") == []
