"""Apache's error log: `[time] [level] text` (2.2) and `[time] [module:level] [pid n:tid n] text` (2.4)."""

from __future__ import annotations

import re

from bdp.intake.aliases import LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.stamp import MONTHS, instant
from bdp.model.event import ABNORMAL_LEVELS

_LINE = re.compile(
    r"\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) (\d{4})\] "
    r"\[(?:([\w-]{0,60}):)?([a-z]{1,12}\d?)\] ?"
    r"(?:\[pid (\d{1,10})(?::tid (\d{1,20}))?\] )?(?:\[(?:client|remote) ([^\]\s]{1,80})\] ?)?(.*)",
    re.DOTALL,
)
_CODE = re.compile(r"(AH\d{5}): ")


class ApacheErrorReader(LineReader):
    """Reads Apache's error log; a message number (`AH00128`) of a warning or worse is its error code."""

    def __init__(self, context: LineContext) -> None:
        self._context = context

    def start(self, line: str) -> EventRecord | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        month, day, clock, year, module, word, pid, thread, client, message = match.groups()
        ts = instant(int(year), MONTHS.get(month, 0), int(day), clock)
        level = LEVELS.get(word.upper(), "DEBUG" if word.startswith("trace") else "")
        if ts is None or not level:
            return None
        found = {"log.logger": module, "process.pid": pid, "process.thread.id": thread}
        attributes = {name: value for name, value in found.items() if value}
        event = EventRecord(ts=ts, level=level, message=message, attributes=attributes)
        event.service = self._context.named("")
        _read_client(event, client or "")
        code = _CODE.match(message)
        if code and level in ABNORMAL_LEVELS:
            event.error_code = code[1]
        return event

    def follows(self, line: str) -> bool:
        return line[:1] in (" ", "\t")


def _read_client(event: EventRecord, client: str) -> None:
    """`address`, or `address:port` since 2.4."""
    address, colon, port = client.rpartition(":")
    if colon and port.isdigit() and ("." in address or address.endswith("]")):
        event.client_ip = address.strip("[]")
        event.attributes["client.port"] = port
    else:
        event.client_ip = client
