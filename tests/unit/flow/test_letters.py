"""Dead letters tried again: the ledger holds at every point, nothing comes twice, nothing storms."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.errors import BadRecord, NotFound, StreamUnavailable
from bdp.flow.letters import Letters, LetterSettings
from bdp.ids import Ids
from bdp.intake.limits import IntakeSettings
from bdp.intake.records import decode
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.stream.journal.journal import Journal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = LetterSettings(first_retry_seconds=30, factor=2, longest_seconds=100, jitter=0.5, max_attempts=4)


class Sink:
    """A journal in front of which something may stand in the way."""

    name = "sink"

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.refuses: set[str] = set()
        self.away = False
        self.swallows = False

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        if self.away:
            raise StreamUnavailable("away")
        if any(batch.batch_id in self.refuses for batch in batches):
            raise BadRecord("over the broker's limit")
        return [True] * len(batches) if self.swallows else self.journal.append(batches)

    def close(self) -> None:
        pass


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def sink(journal: Journal) -> Sink:
    return Sink(journal)


@pytest.fixture
def letters(journal: Journal, sink: Sink, clock: ManualClock) -> Letters:
    return Letters(journal, sink, clock, IntakeSettings(), SETTINGS, random.Random(1))


def take(journal: Journal, body: bytes, now: datetime = NOW, kind: RecordKind = RecordKind.EVENTS) -> None:
    """Take a request in as the edge does."""
    batch_id = Ids().new(now)
    ids, limits = Ids(), IntakeSettings()
    journal.append([decode(kind, body, source="http", batch_id=batch_id, now=now, ids=ids, settings=limits)])


def bury(journal: Journal, count: int = 1, **fields: Any) -> list[str]:
    """Keep letters as a pipeline makes them."""
    given = {"source": "http", "cause": Cause.TIMEOUT, "reason": "slow", "payload": b'{"ts":"2026-05-01T11:00:00Z"}'}
    made = [DeadLetter(**{"index": i, "first_seen": NOW, **given, **fields}) for i in range(count)]
    journal.append([Batch(batch_id=Ids().new(NOW), source="http", kind=RecordKind.EVENTS, count=0, payload=b"",
                          refused=tuple(made))])  # fmt: skip
    return [letter.letter_id for letter in journal.dead_letters(count)][::-1]


def ids_of(journal: Journal) -> list[str]:
    return [letter.letter_id for letter in journal.dead_letters(1000)]


def books(journal: Journal) -> dict[str, int]:
    entry = journal.ledger()["http"]
    assert entry.accepted == entry.stored + entry.dead_lettered + entry.dropped + entry.in_flight
    return {name: count for name, count in entry.as_dict().items() if count}


def in_flight(journal: Journal) -> list[dict[str, Any]]:
    batches = journal.read(0, 1 << 30, 1 << 30)
    return [msgspec.json.decode(line) for item in batches for line in item.batch.payload.splitlines()]


def test_what_passes_now_is_delivered_and_the_ledger_moves_it(
    journal: Journal, letters: Letters, clock: ManualClock
) -> None:
    take(journal, b'{"ts":"2026-05-03T00:00:00Z","message":"ahead"}\nbad\n{"message":"good"}')
    assert books(journal) == {"accepted": 3, "dead_lettered": 2, "in_flight": 1}
    first = letters.retry(ids_of(journal))
    assert (first.asked, first.delivered, first.failed, first.never) == (2, 0, 2, 0)
    clock.advance(timedelta(days=1))
    told = letters.retry_where()
    assert (told.asked, told.delivered, told.failed) == (2, 1, 1)
    assert books(journal) == {"accepted": 3, "dead_lettered": 1, "in_flight": 2}
    assert [event["message"] for event in in_flight(journal)] == ["good", "ahead"]
    left = journal.dead_letters()[0]
    assert (left.payload, left.attempts, left.last_seen, left.next_attempt) == (b"bad", 3, clock.now(), None)
    assert left.last_reason.startswith("not valid JSON")


def test_however_often_a_letter_is_retried_its_record_comes_once(
    journal: Journal, letters: Letters, sink: Sink
) -> None:
    [letter_id] = bury(journal)
    letter = journal.dead_letter(letter_id)
    assert letters.retry([letter_id, letter_id]).asked == 1
    with pytest.raises(NotFound):
        letters.retry([letter_id])
    # Another process that had read the letter before gives the same batch.
    other = Letters(_Remembering(letter), sink, ManualClock(NOW), IntakeSettings())
    other.retry([letter_id])
    assert len(in_flight(journal)) == 1
    assert books(journal) == {"accepted": 1, "in_flight": 1}


class _Remembering:
    """Books that were read a moment ago."""

    def __init__(self, letter: DeadLetter) -> None:
        self._letter = letter

    def dead_letter(self, letter_id: str) -> DeadLetter:
        return self._letter

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_record_keeps_its_id_and_its_arrival(journal: Journal, letters: Letters, clock: ManualClock) -> None:
    bury(journal, 2, payload=b'{"message":"undated"}', cause=Cause.POISON)
    bury(journal, payload=b'{"event_id":"mine","message":"x"}', cause=Cause.POISON)
    clock.advance(timedelta(days=3))
    letters.retry(ids_of(journal))
    events = in_flight(journal)
    assert {event["ts"] for event in events} == {"2026-05-01T12:00:00Z"}
    assert "mine" in {event["event_id"] for event in events}
    assert len({event["event_id"] for event in events}) == 3


@pytest.mark.parametrize(
    ("payload", "messages"),
    [
        (b'{"message":"a"},{"message":"b"}', []),
        (b'{"message":"a"}\n{"message":"b"}', []),
        (b'[{"message":"a"},{"message":"b"}]', []),
        (b'{\n "message":\n "one"}', ["one"]),
        (b'{"message":"x",\n"level":\n"WARN"}', ["x"]),
        (b"\xff\xfe", []),
        (b"[" * 5000, []),
    ],
)
def test_a_letter_is_one_record_or_none(
    journal: Journal, letters: Letters, payload: bytes, messages: list[str]
) -> None:
    bury(journal, payload=payload, cause=Cause.SCHEMA)
    letters.retry(ids_of(journal))
    assert [event["message"] for event in in_flight(journal)] == messages
    assert len(ids_of(journal)) == 1 - len(messages)
    assert sum(books(journal).values()) == 2


@pytest.mark.parametrize("fields", [{"cut": True}, {"payload": b""}, {"payload": b" \n"}])
def test_what_no_retry_can_deliver_is_said_so_and_costs_no_attempt(
    journal: Journal, letters: Letters, fields: dict[str, Any]
) -> None:
    [letter_id] = bury(journal, cause=Cause.TOO_LARGE, **fields)
    told = letters.retry([letter_id])
    assert (told.failed, told.never, len(told.failures)) == (0, 1, 1)
    assert journal.dead_letter(letter_id).attempts == 1


def test_a_dry_run_changes_nothing(journal: Journal, letters: Letters) -> None:
    bury(journal, 2)
    bury(journal, payload=b"bad", cause=Cause.SCHEMA)
    before = journal.dead_letters()
    told = letters.retry_where(dry_run=True)
    assert (told.delivered, told.failed) == (2, 1)
    assert journal.dead_letters() == before
    assert in_flight(journal) == []


def test_a_filter_goes_through_all_its_letters_once(journal: Journal, letters: Letters) -> None:
    bury(journal, 250)
    bury(journal, 30, payload=b"bad", cause=Cause.SCHEMA)
    before, asked = "", 0
    while (told := letters.retry_where(before=before)).asked:
        before, asked = told.next, asked + told.asked
    assert asked == 280
    assert books(journal) == {"accepted": 280, "dead_lettered": 30, "in_flight": 250}
    assert {letter.attempts for letter in journal.dead_letters()} == {2}


def test_a_sink_that_refuses_one_takes_its_neighbours(journal: Journal, letters: Letters, sink: Sink) -> None:
    chosen = bury(journal, 3)
    sink.refuses = {f"letter:{chosen[1]}"}
    told = letters.retry(chosen)
    assert (told.delivered, told.failed) == (2, 1)
    left = journal.dead_letter(chosen[1])
    assert left.last_reason == "over the broker's limit"
    assert left.next_attempt is not None


def test_while_no_sink_takes_anything_letters_stay(journal: Journal, letters: Letters, sink: Sink) -> None:
    bury(journal, 3)
    sink.away = True
    with pytest.raises(StreamUnavailable):
        letters.retry_where()
    assert {letter.attempts for letter in journal.dead_letters()} == {1}
    assert books(journal) == {"accepted": 3, "dead_lettered": 3}


def test_transient_letters_are_retried_by_themselves_others_never(
    journal: Journal, letters: Letters, clock: ManualClock
) -> None:
    bury(journal, 2)
    bury(journal, cause=Cause.SCHEMA)
    assert letters.tend().asked == 0, "the first wait is not over"
    clock.advance(timedelta(seconds=31))
    told = letters.tend()
    assert (told.asked, told.delivered) == (2, 2)
    assert letters.tend().asked == 0
    assert [letter.cause for letter in journal.dead_letters()] == [Cause.SCHEMA]


def test_waits_grow_to_a_limit_with_jitter_and_end_with_a_person(
    journal: Journal, letters: Letters, clock: ManualClock, sink: Sink
) -> None:
    [letter_id] = bury(journal)
    sink.refuses = {f"letter:{letter_id}"}
    waits = []
    clock.advance(timedelta(seconds=31))
    while letters.tend().asked:
        due = journal.dead_letter(letter_id).next_attempt
        if due is None:
            break
        waits.append((due - clock.now()).total_seconds())
        clock.at = due - timedelta(milliseconds=1)
        assert letters.tend().asked == 0
        clock.at = due
    assert len(waits) == 2
    assert 30 <= waits[0] <= 60
    assert 50 <= waits[1] <= 100
    assert journal.dead_letter(letter_id).attempts == 4
    clock.advance(timedelta(days=30))
    assert letters.tend().asked == 0
    sink.refuses = set()
    assert letters.retry([letter_id]).delivered == 1


def test_a_letter_that_keeps_coming_back_from_the_pipeline_waits_and_then_ends(
    journal: Journal, letters: Letters, clock: ManualClock
) -> None:
    # Each time it is a new letter with one attempt more, due at once in the books.
    bury(journal, attempts=3)
    clock.advance(timedelta(seconds=49))
    assert letters.tend().asked == 0
    clock.advance(timedelta(seconds=60))
    assert letters.tend().asked == 1
    [letter_id] = bury(journal, attempts=4)
    clock.advance(timedelta(days=1))
    assert letters.tend().asked == 0
    assert journal.dead_letter(letter_id).next_attempt is None


def test_one_look_is_bounded(journal: Journal, sink: Sink, clock: ManualClock) -> None:
    letters = Letters(journal, sink, clock, IntakeSettings(), SETTINGS.model_copy(update={"pass_letters": 100}))
    bury(journal, 350)
    clock.advance(timedelta(minutes=5))
    assert [letters.tend().asked for _ in range(5)] == [100, 100, 100, 50, 0]


def test_a_letter_that_waits_behind_the_primary_is_not_given_again(
    journal: Journal, letters: Letters, sink: Sink, clock: ManualClock
) -> None:
    bury(journal, 3)
    sink.swallows = True
    clock.advance(timedelta(minutes=5))
    assert [letters.tend().asked for _ in range(3)] == [3, 0, 0]
    clock.advance(timedelta(hours=2))
    assert letters.tend().asked == 3


def test_discarding_counts_as_dropped(journal: Journal, letters: Letters) -> None:
    bury(journal, 120)
    [kept] = bury(journal, cause=Cause.SCHEMA)
    assert letters.discard_where(cause=Cause.TIMEOUT) == 120
    assert letters.discard([kept, "nonsense", kept]) == 1
    assert books(journal) == {"accepted": 121, "dropped": 121}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (RecordKind.METRICS, b'{"ts":"2026-05-01T11:00:00Z","name":"cpu","value":1}'),
        (RecordKind.CHANGES, b'{"ts":"2026-05-01T11:00:00Z","kind":"deploy","service":"a"}'),
        (
            RecordKind.COSTS,
            b'{"charge_period_start":"2026-05-01T00:00:00Z","charge_period_end":"2026-05-02T00:00:00Z","service_name":"ec2","billed_cost":1}',
        ),
    ],
)
def test_every_kind_can_be_retried(journal: Journal, letters: Letters, kind: RecordKind, payload: bytes) -> None:
    bury(journal, kind=kind, payload=payload)
    assert letters.retry_where().delivered == 1
    [item] = journal.read(0, 10, 1 << 20)
    assert item.batch.kind is kind
