"""Reading files for the verbs that take paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

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


class Info(Protocol):
    """What is known of a file before it is read."""

    @property
    def size(self) -> int:
        """Bytes on disk."""

    @property
    def label(self) -> str:
        """Its name, as people know it."""

    @property
    def problem(self) -> str:
        """Why it cannot be read; empty if it can."""


class Named:
    """What a user named to be read, with how far it has been.

    Attributes:
        found: what each of the paths is, or its problem.
    """

    found: Sequence[Info]

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths
        self._positions: dict[Path, int] = {}

    @property
    def size(self) -> int | None:
        """Bytes on disk; None when standard input is among them."""
        sizes = [info.size for info in self.found if not info.problem]
        return None if "-" in self._paths else sum(sizes)

    @property
    def done(self) -> int:
        """Bytes read so far."""
        return sum(self._positions.values())

    def _progress(self, path: Path, position: int, records: int) -> None:
        self._positions[path] = position


class Files(Named):
    """The log files that a user named, and bills among them.

    Args:
        bills: reads those that are bills; without it, one is a problem.
    """

    def __init__(
        self, paths: list[str], wish: Wish, now: datetime, settings: IntakeSettings, bills: BillReading | None = None
    ) -> None:
        from bdp.intake.files import scan

        super().__init__(paths)
        self._wish, self._now, self._settings = wish, now, settings
        self._bills = bills
        self.found = scan(paths, wish, now, settings, bills=bills is not None)

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

    def _warn(self) -> None:
        for info in self.found:
            if info.problem:
                screen.err.print(f"skipped: {screen.plain(info.problem)}")
