"""The server logs of Kafka and of whatever else logs with log4j's `[%d] %p %m (%c)`."""

from __future__ import annotations

import re

from bdp.intake.aliases import LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.stamp import instant
from bdp.model.event import ABNORMAL_LEVELS

_LINE = re.compile(
    r"\[(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d,\d{3})\] (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) (.*)", re.DOTALL
)
_LOGGER = re.compile(r"\(([\w.$-]{1,200})\)\s*$")
_EXCEPTION = re.compile(r"(?<=\.)[A-Z]\w{1,100}(?:Exception|Error)\b")


class KafkaReader(LineReader):
    """Reads server logs with their stack traces; the first exception named is the error code of a warning or worse."""

    def __init__(self, context: LineContext) -> None:
        self._service = context.named("kafka")

    def start(self, line: str) -> EventRecord | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        year, month, day, clock, level, message = match.groups()
        ts = instant(int(year), int(month), int(day), clock)
        if ts is None:
            return None
        return EventRecord(ts=ts, service=self._service, level=LEVELS[level], message=message, attributes={})

    def follows(self, line: str) -> bool:
        return True

    def finish(self, event: EventRecord) -> None:
        """Read the logger, which ends the first line or, where the text has several, the last one."""
        first, _, more = event.message.partition("\n")
        logger = _LOGGER.search(first[-250:]) or _LOGGER.search(more[-250:])
        if logger:
            event.attributes["log.logger"] = logger[1]
            if not more:
                event.message = first[: len(first) - len(logger[0])].rstrip()
        if event.level in ABNORMAL_LEVELS:
            exception = _EXCEPTION.search(event.message)
            event.error_code = exception[0] if exception else ""
