"""What the journal can never hold is refused by itself, not tried again for ever beside what it can."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import msgspec
import pytest

from bdp.errors import BadRecord
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.stream.journal.journal import Journal

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NO_TEXT = "x\udc80"


def batch(name: str) -> Batch:
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=1, payload=b"{}")


def refused(name: str) -> Batch:
    letter = DeadLetter(source="http", cause=Cause.SCHEMA, reason=NO_TEXT, payload=b"", index=0, first_seen=NOW)
    return msgspec.structs.replace(batch(name), refused=(letter,))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "bad",
    [batch(NO_TEXT), msgspec.structs.replace(batch("source"), source=NO_TEXT), refused("letter")],
    ids=["id", "source", "letter"],
)
def test_text_that_is_no_unicode_is_refused_and_its_neighbours_are_taken(journal: Journal, bad: Batch) -> None:
    together = Barrier(9)

    def send(one: Batch) -> list[bool] | BadRecord:
        together.wait()
        try:
            return journal.append([one])
        except BadRecord as error:
            return error

    with ThreadPoolExecutor(9) as pool:
        first, *others = pool.map(send, [bad, *(batch(f"b{number}") for number in range(8))])
    assert isinstance(first, BadRecord)
    assert others == [[True]] * 8
    assert journal.ledger()["http"].accepted == 8
