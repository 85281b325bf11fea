"""Where a lane stands, in the books on each database: marks beside offsets, the end of a lane, and older tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import create_engine, text

from bdp.clock import ManualClock
from bdp.errors import StreamUnavailable
from bdp.model.batch import Batch, Cause, DeadLetter, Ledger, RecordKind
from bdp.stream.shared.book_lanes import Place, Reader
from bdp.stream.shared.books import Passed, SqlBooks
from bdp.stream.shared.parts import split

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MARK = "49590338271490256608559692538361571095921575989136588898"


@pytest.fixture
def books(lasting_url: str) -> Iterator[SqlBooks]:
    opened = SqlBooks(lasting_url, ManualClock(NOW))
    yield opened
    opened.close()


def passed(name: str, offset: int, mark: str) -> Passed:
    batch = Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=1, payload=b"{}")
    return Passed(offset=offset, producer_id="p", batch=batch, accepted=1, repeated=False, mark=mark)


def move(books: SqlBooks, lane: str, name: str, mark: str) -> Place:
    """Store one batch of one record as the lane's next."""
    at = books.enter(lane)
    upto = at.committed + 1
    books.begin(lane, at, upto, mark)
    books.commit(lane, at, upto, [passed(name, upto, mark)], {"http": 1}, (), {"k": b"row"}, mark)
    return books.place(lane)


def test_marks_are_kept_with_the_offsets_they_stand_for(books: SqlBooks) -> None:
    assert books.enter("l") == Place(epoch=1, committed=0, plan=0)
    assert move(books, "l", "a", MARK) == Place(epoch=2, committed=1, plan=1, mark=MARK, plan_mark=MARK)
    books.begin("l", books.place("l"), 5, MARK + "5")
    assert books.enter("l") == Place(epoch=3, committed=1, plan=5, mark=MARK, plan_mark=MARK + "5")
    assert move(books, "without", "b", "") == Place(epoch=1, committed=1, plan=1)


def test_who_lost_the_lane_can_set_no_mark_and_no_end(books: SqlBooks) -> None:
    before = books.enter("l")
    now = books.enter("l")
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        books.begin("l", before, 1, MARK)
    with pytest.raises(StreamUnavailable, match="lost the lane"):
        books.end("l", before)
    assert (books.place("l"), books.ended("l")) == (now, {})


def test_ended_lanes_are_found_by_how_their_names_begin(books: SqlBooks) -> None:
    for lane in ("kinesis:a_b/0", "kinesis:a_b/1", "kinesis:aXb/0"):
        books.end(lane, books.enter(lane))
    books.enter("kinesis:a_b/2")
    assert books.ended("kinesis:a_b/") == {"kinesis:a_b/0": NOW, "kinesis:a_b/1": NOW}
    assert books.place("kinesis:a_b/0").ended
    assert not books.place("kinesis:a_b/2").ended


def test_an_id_that_came_out_of_another_lane_is_known_where_that_is_asked_for(books: SqlBooks) -> None:
    move(books, "parent", "a", MARK)
    assert books.taken("child", ["a", "b"]) == set()
    assert books.taken("child", ["a", "b"], ["parent"]) == {"a"}


def test_a_retired_lane_is_forgotten_but_what_it_counted(books: SqlBooks) -> None:
    books.end("l", move(books, "l", "a", MARK))
    move(books, "other", "b", MARK)
    books.acknowledge("p", {"http": 2}, waiting=True, closed=False)
    books.retire("l")
    assert books.taken("l", ["a"]) == {"a"}, "batches wait that may be in it"
    books.acknowledge("p", {"http": 2}, waiting=False, closed=False)
    books.retire("l")
    assert (books.taken("l", ["a"]), books.ended("l"), books.detector_rows("l")) == (set(), {}, {})
    assert books.taken("other", ["b"]) == {"b"}
    assert books.ledger() == {"http": Ledger(accepted=2, stored=2)}


def test_redelivered_records_in_several_messages_count_anew_where_their_letter_was_let_go(books: SqlBooks) -> None:
    refused = tuple(
        DeadLetter(source="http", cause=Cause.CLOCK, reason="early", payload=b"{}", index=index, first_seen=NOW)
        for index in range(8)
    )
    first = msgspec.structs.replace(passed("a", 1, "").batch, count=0, payload=b"", refused=refused)
    books.commit(
        "l", books.enter("l"), 1, [Passed(offset=1, producer_id="p", batch=first, accepted=8, repeated=False)],
        {}, (), {},
    )  # fmt: skip
    ids = tuple(found.letter_id for found in books.dead_letters())
    books.discard(ids[:3])
    lines = b"\n".join(b'{"service":"s%d"}' % number for number in range(8))
    again = Batch(
        batch_id="b", source="http", kind=RecordKind.EVENTS, count=8, payload=lines, redelivers=ids
    )  # fmt: skip
    parts = split(again, 4, 1 << 20)
    assert len(parts) > 1
    for offset, part in enumerate(parts, 2):
        message = Passed(offset=offset, producer_id="p", batch=part.batch, accepted=part.accepted, repeated=False)
        books.commit("l", books.place("l"), offset, [message], {"http": part.batch.count}, (), {})
    assert books.ledger() == {"http": Ledger(accepted=11, stored=8, dropped=3)}


def test_who_has_which_lane_is_known_while_that_process_lives(lasting_url: str) -> None:
    clock = ManualClock(NOW)
    one, two = (SqlBooks(lasting_url, clock, reader=name) for name in ("one:1", "two:2"))
    for number in (10, 9, 2):
        one.enter(f"bdp/records/{number}")
    one.enter("bdp/other/1")
    clock.advance(timedelta(minutes=1))
    at = two.enter("bdp/records/9")
    two.begin("bdp/records/9", at, 7)
    one.tidy()
    assert [(found.lane, found.reader) for found in one.readers("bdp/records/")] == [
        ("bdp/records/2", "one:1"),
        ("bdp/records/9", "two:2"),
        ("bdp/records/10", "one:1"),
    ]
    later = NOW + timedelta(minutes=1)
    assert one.readers("bdp/records/9") == [
        Reader(lane="bdp/records/9", reader="two:2", since=later, seen_at=later, readers=2, committed=0, planned=7)
    ]
    assert {(found.since, found.seen_at) for found in one.readers("bdp/records/1")} == {(NOW, later)}
    one.close()
    assert [found.reader for found in two.readers("bdp/records/")] == ["", "two:2", ""]
    two.close()


def test_tables_of_an_earlier_version_are_filled_up(books: SqlBooks, lasting_url: str) -> None:
    move(books, "l", "a", "")
    engine = create_engine(lasting_url)
    with engine.begin() as connection:
        for table in ("stream_marks", "stream_leases", "stream_members", "stream_readers"):
            connection.execute(text(f"DROP TABLE {table}"))
    engine.dispose()
    again = SqlBooks(lasting_url, ManualClock(NOW))
    assert again.place("l") == Place(epoch=1, committed=1, plan=1)
    assert move(again, "l", "b", MARK).mark == MARK
    again.close()
