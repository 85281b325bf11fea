"""What the tests of intake share: short ways to read bytes and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bdp.ids import Ids
from bdp.intake.event import EventRecord
from bdp.intake.files import Wish, read_files
from bdp.intake.formats import LINES
from bdp.intake.formats.line import LineContext
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.records import decode
from bdp.model.batch import Batch, DeadLetter, RecordKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Row = dict[str, Any]


def batch_of(
    body: bytes | str, kind: RecordKind = RecordKind.EVENTS, settings: IntakeSettings | None = None, now: datetime = NOW
) -> Batch:
    raw = body.encode() if isinstance(body, str) else body
    use = settings or IntakeSettings()
    return decode(kind, raw, source="test", batch_id="b1", now=now, ids=Ids.seeded(1), settings=use)


def rows(*batches: Batch) -> list[Row]:
    return [msgspec.json.decode(line) for batch in batches for line in batch.payload.splitlines()]


def one(record: Row | str) -> Row:
    """The canonical form of one record that must pass."""
    batch = batch_of(record if isinstance(record, str) else msgspec.json.encode(record))
    assert batch.refused == ()
    (row,) = rows(batch)
    return row


def reason(record: Row | str) -> str:
    """Why one record is refused."""
    batch = batch_of(record if isinstance(record, str) else msgspec.json.encode(record))
    assert batch.count == 0
    (letter,) = batch.refused
    return letter.reason


def line_of(format: str, text: str, **context: str) -> EventRecord:
    """The event of one line that must be understood."""
    reader = LINES[format](LineContext(Edge(NOW, IntakeSettings()), **context))
    event = reader.start(text)
    assert event is not None
    reader.finish(event)
    return event


def read(
    *paths: Path, wish: Wish | None = None, settings: IntakeSettings | None = None, now: datetime = NOW
) -> tuple[list[Row], list[DeadLetter], list[Batch]]:
    given: Sequence[Path] = paths
    batches = list(read_files(given, wish=wish or Wish(), now=now, settings=settings or IntakeSettings()))
    return rows(*batches), [letter for batch in batches for letter in batch.refused], batches
