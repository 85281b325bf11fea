"""Reading files for the verbs that take paths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdp.cli import screen
from bdp.errors import BadRequest

if TYPE_CHECKING:
    from bdp.intake.bills.files import BillReading
    from bdp.intake.files import Wish
    from bdp.intake.limits import IntakeSettings
    from bdp.model.batch import Batch

FormatOption = Annotated[str, typer.Option(help="log format; by default it is told from the first lines")]
PatternOption = Annotated[
    str, typer.Option(help="regular expression for any text log, with named groups: ts, level, message, service, …")
]
TimeFormatOption = Annotated[str, typer.Option(help="strptime format of the pattern's group ts")]
ServiceOption = Annotated[str, typer.Option(help="service name for records that name none")]


class Files:
    """The files that a user named, with how far they have been read.

    Args:
        bills: reads those that are bills; without it, one is a problem.
    """

    def __init__(
        self, paths: list[str], wish: Wish, now: datetime, settings: IntakeSettings, bills: BillReading | None = None
    ) -> None:
        from bdp.intake.files import scan

        self._paths, self._wish, self._now, self._settings = paths, wish, now, settings
        self._positions: dict[Path, int] = {}
        self._bills = bills
        self.found = scan(paths, wish, now, settings, bills=bills is not None)

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
        """Yield the records of all files, merged by time.

        Raises:
            BadRequest: there is no file at all, or none can be read.
        """
        from bdp.intake.files import read_files

        self._warn()
        if all(info.problem for info in self.found):
            raise BadRequest("None of these paths holds a file that can be read.", "Give text logs, or their folder.")
        return read_files(
            self._paths,
            wish=self._wish,
            now=self._now,
            settings=self._settings,
            progress=self._progress,
            bills=self._bills,
        )

    def _progress(self, path: Path, position: int, records: int) -> None:
        self._positions[path] = position

    def _warn(self) -> None:
        for info in self.found:
            if info.problem:
                screen.err.print(f"skipped: {screen.plain(info.problem)}")
