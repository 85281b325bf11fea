"""What the tests of bills share: reading files, and sums of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bdp.intake.bills.files import Took, read_bills
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch
from bdp.model.cost import CostLine

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def batches_of(
    *paths: Path,
    statement: str = "s1",
    at: datetime = NOW,
    settings: IntakeSettings | None = None,
    format: str = "",
    took: Took | None = None,
) -> list[Batch]:
    use = settings or IntakeSettings()
    return list(read_bills(paths, statement=statement, stated_at=at, now=NOW, settings=use, format=format, took=took))


def lines_in(batches: Iterable[Batch]) -> list[CostLine]:
    decoder = msgspec.json.Decoder(CostLine)
    return [line for batch in batches for line in decoder.decode_lines(batch.payload)]


def reasons_in(batches: Iterable[Batch]) -> list[str]:
    return [letter.reason for batch in batches for letter in batch.refused]


def read(path: Path, settings: IntakeSettings | None = None, format: str = "") -> list[CostLine]:
    """The lines of a file in which nothing may be refused."""
    batches = batches_of(path, settings=settings, format=format)
    assert reasons_in(batches) == []
    return lines_in(batches)


def sums(lines: Sequence[CostLine], *names: str) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for line in lines:
        found[tuple(getattr(line, name) for name in names)] += line.billed_cost
    return dict(found)
