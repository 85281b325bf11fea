"""The protocol of log formats: one line of text at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bdp.intake.event import EventRecord
from bdp.intake.limits import Edge


@dataclass(frozen=True)
class LineContext:
    """What a reader knows besides the lines.

    Attributes:
        edge: the moment and the limits; a time without a year is the latest one before it.
        service: the service that the user named; empty for none.
        file_service: the service that the file's name suggests.
        pattern: the user's regular expression with named groups; for the format `text`.
        time_format: the user's `strptime` format of the group `ts`; empty for RFC 3339 and numbers.
    """

    edge: Edge
    service: str = ""
    file_service: str = "logs"
    pattern: str = ""
    time_format: str = ""

    @property
    def now(self) -> datetime:
        """Return the end of the years that a time without a year may be in."""
        return self.edge.now

    def named(self, by_format: str) -> str:
        """Return the service: the user's word first, then what the format says, then the file's name."""
        return self.service or by_format or self.file_service


class LineReader(Protocol):
    """Reads one file in one format. It holds at most the memory of one line."""

    def start(self, line: str) -> EventRecord | None:
        """Return the event that begins with this line; None if none does.

        Raises:
            RefusedRecord: one begins here, but it cannot pass. Nothing else is raised, whatever the line holds.
        """

    def follows(self, line: str) -> bool:
        """Say whether a line that begins no event belongs to the one before it: here, what is indented."""
        return line[:1] in (" ", "\t") or line.startswith(("Caused by:", "Traceback (most recent call last):"))

    def finish(self, event: EventRecord) -> None:
        """Complete an event whose last line was seen: here, without white space at its end."""
        event.message = event.message.rstrip()
