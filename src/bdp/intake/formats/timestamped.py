"""The layout that most application logs share: time, level, text, with a thread or a logger in between at will.

2026-01-01 10:00:00,123 INFO [main] com.example.Shop - started
[2026-01-01T10:00:00.5+09:00] [worker-1] ERROR: no such table
"""

from __future__ import annotations

import re

from bdp.intake.aliases import LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.times import read_time

_LINE = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]? {1,8}"
    r"(?:- )?(?:\[([^\]]{1,100})\] )?\[?([A-Za-z]{4,9})\]?:? {1,8}(?:- )?(.*)",
    re.DOTALL,
)
_LOGGER = re.compile(r"(?:\[([^\]]{1,100})\] )?([\w.$]{1,200})(?: -|:) ")


class TimestampedReader(LineReader):
    """Reads application logs; indented lines and stack traces belong to the line before."""

    def __init__(self, context: LineContext) -> None:
        self._service = context.named("")

    def start(self, line: str) -> EventRecord | None:
        match = _LINE.fullmatch(line)
        level = LEVELS.get(match[3].upper()) if match else None
        if match is None or level is None:
            return None
        event = EventRecord(ts=read_time(match[1]), service=self._service, level=level, message=match[4], attributes={})
        logger = _LOGGER.match(event.message)
        thread = match[2] or (logger[1] if logger else "")
        if thread:
            event.attributes["process.thread.name"] = thread
        if logger and "." in logger[2]:
            event.attributes["log.logger"] = logger[2]
        return event
