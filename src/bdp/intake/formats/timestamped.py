"""The layout that most application logs share: time, level, text, with a thread or a logger in between at will.

2026-01-01 10:00:00,123 INFO [main] com.example.Shop - started
[2026-01-01T10:00:00.5+09:00] [worker-1] ERROR: no such table
2026-01-01T10:00:00Z level=error msg="no such table"
"""

from __future__ import annotations

import re

from bdp.intake.aliases import LEVEL_WORDS, LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.times import read_time

_WORD = rf"(?i:{'|'.join(LEVEL_WORDS)})"
_LINE = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?[ \t]{1,8}"
    rf"(?:- )?(?:\[(?!{_WORD}\])([^\]]{{1,100}})\] )?(?:(?:level|lvl|severity)=)?[\[\"(]?({_WORD})[\])\"]?:?"
    r"(?:[ \t]{1,8}(?:- )?(.*))?",
    re.DOTALL,
)
_LOGGER = re.compile(r"(?:\[([^\]]{1,100})\] )?([\w.$]{1,200})(?: -|:) ")


class TimestampedReader(LineReader):
    """Reads application logs; indented lines and stack traces belong to the line before."""

    def __init__(self, context: LineContext) -> None:
        self._service = context.named("")

    def start(self, line: str) -> EventRecord | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        level, message = LEVELS[match[3].upper()], match[4] or ""
        event = EventRecord(ts=read_time(match[1]), service=self._service, level=level, message=message, attributes={})
        logger = _LOGGER.match(event.message)
        thread = match[2] or (logger[1] if logger else "")
        if thread:
            event.attributes["process.thread.name"] = thread
        if logger and "." in logger[2]:
            event.attributes["log.logger"] = logger[2]
        return event
