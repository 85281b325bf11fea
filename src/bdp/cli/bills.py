"""Reading bills for the verbs that take them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bdp.cli import screen
from bdp.errors import BadRequest
from bdp.ids import Ids

if TYPE_CHECKING:
    from bdp.intake.limits import IntakeSettings
    from bdp.model.batch import Batch


class Bills:
    """The bills that a user named, with how far they have been read.

    Args:
        format: of all of them; empty to tell each file's by its columns.
    """

    def __init__(self, paths: list[str], format: str, now: datetime, settings: IntakeSettings) -> None:
        from bdp.intake.bills.files import scan  # type: ignore[import-untyped, unused-ignore]

        self._paths, self._format, self._now, self._settings = paths, format, now, settings
        self._positions: dict[Path, int] = {}
        self.found = scan(paths, settings, format)

    @property
    def size(self) -> int | None:
        """Bytes on disk; None when standard input is among them."""
        sizes = [info.size for info in self.found if not info.problem]
        return None if "-" in self._paths else sum(sizes)

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return sum(self._positions.values())

    def batches(self) -> Iterator[Batch]:
        """Yield the cost lines of all files, as one delivery.

        Raises:
            BadRequest: there is no bill at all.
        """
        from bdp.intake.bills.files import delivery_at, read_bills

        for info in self.found:
            if info.problem:
                screen.err.print(f"skipped: {screen.plain(info.problem)}")
        if all(info.problem for info in self.found):
            raise BadRequest(
                "None of these paths holds a bill that can be read.",
                "Give FOCUS, AWS CUR, Azure or OCI exports, or Cost Explorer answers, or their folder.",
            )
        delivery = delivery_at(self._now, Ids())
        batches: Iterator[Batch] = read_bills(
            self._paths,
            statement=delivery.statement,
            stated_at=delivery.stated_at,
            now=self._now,
            settings=self._settings,
            format=self._format,
            progress=self._progress,
        )
        return batches

    def _progress(self, path: Path, position: int, records: int) -> None:
        self._positions[path] = position
