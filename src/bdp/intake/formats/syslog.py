"""Syslog lines: RFC 3164 as daemons write it to files, the same with an RFC 3339 time (rsyslog), and RFC 5424."""

from __future__ import annotations

import re
from datetime import datetime

from bdp.intake.aliases import LEVEL_WORDS, SYSLOG_LEVELS
from bdp.intake.event import EventRecord
from bdp.intake.formats import openssh
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.stamp import MONTHS, latest_year
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import read_time

_HEAD = re.compile(
    r"(?:<(\d{1,3})>)?(?:([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)"
    r"|(\d{4}-\d\d-\d\dT[0-9:.,]{5,18}(?:Z|[+-]\d\d:?\d\d))) (\S{1,255}) +(?:-- )?(.*)",
    re.DOTALL,
)
_TAG = re.compile(r"([A-Za-z0-9_./@\\-]{1,80})(\([^()\s]{0,40}\))?(?: [\d.]{1,20})?(?:\[(\d{1,10})\])?: ?")
_NEW = re.compile(r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (.*)", re.DOTALL)
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})((?: [^\s=\]\"]{1,64}=\"(?:[^\"\\\]]|\\.)*\")*)\]")
_PARAMETER = re.compile(r" ([^\s=\]\"]{1,64})=\"((?:[^\"\\\]]|\\.)*)\"")
_HOST = re.compile(r"[\w.:%-]+")
_LEVELS = frozenset(LEVEL_WORDS) - {"LOG", "CONFIG"}
_WORDS = (("emerg", "FATAL"), ("panic", "FATAL"), ("fatal:", "FATAL"), ("crit", "FATAL"), ("error:", "ERROR"),
          ("err:", "ERROR"), ("warning:", "WARN"), ("warn:", "WARN"), ("debug:", "DEBUG"))  # fmt: skip


class SyslogReader(LineReader):
    """Reads syslog; what sshd says about authentication is recognised."""

    def __init__(self, context: LineContext) -> None:
        self._context = context

    def start(self, line: str) -> EventRecord | None:
        head = _HEAD.fullmatch(line)
        if head is None:
            return self._new_style(line)
        priority, month, day, clock, stamp, host, rest = head.groups()
        if stamp and not _is_host(host):
            return None
        ts = _rfc3339(stamp) if stamp else latest_year(self._context.now, MONTHS.get(month, 0), int(day), clock)
        if ts is None:
            return None
        tag = _TAG.match(rest)
        program, sub, pid = tag.groups() if tag else (None, None, None)
        event = EventRecord(ts=ts, message=rest[tag.end() :] if tag else rest, attributes={"host.name": host})
        event.service = self._context.named(program or "syslog")
        event.level = _level(priority, event.message)
        if pid:
            event.attributes["process.pid"] = pid
        _enrich(event, program or "", sub or "")
        return event

    def _new_style(self, line: str) -> EventRecord | None:
        match = _NEW.fullmatch(line)
        ts = _rfc3339(match[2]) if match else None
        if match is None or (ts is None and match[2] != "-"):
            return None
        priority, _, host, program, pid, message_id, rest = match.groups()
        found = {"host.name": host, "process.pid": pid, "syslog.msgid": message_id}
        attributes = {name: value for name, value in found.items() if value != "-"}
        message = _structured(rest, attributes)
        edge = self._context.edge
        event = EventRecord(ts=ts or edge.undated or edge.now, message=message, attributes=attributes)
        event.service = self._context.named("" if program == "-" else program)
        event.level = _level(priority, message)
        _enrich(event, program, "")
        return event


class OpensshReader(SyslogReader):
    """Reads the syslog lines of sshd and no other program's."""

    def start(self, line: str) -> EventRecord | None:
        return super().start(line) if "sshd" in line[:200] else None


def _is_host(token: str) -> bool:
    """Behind an ISO time, a level or what no host is called tells an application's line (the format timestamped)."""
    return _HOST.fullmatch(token) is not None and token.rstrip(":").upper() not in _LEVELS


def _enrich(event: EventRecord, program: str, sub: str) -> None:
    if program not in openssh.PROGRAMS:
        return
    if sub:
        openssh.recognise_pam(event)
    else:
        openssh.recognise(event)


def _level(priority: str | None, message: str) -> str:
    """The priority says it; files without one often begin the text with the level."""
    if priority is not None:
        return SYSLOG_LEVELS[int(priority) & 7]
    start = message[:10].lower()
    return next((level for word, level in _WORDS if start.startswith(word)), "INFO")


def _rfc3339(text: str) -> datetime | None:
    try:
        return read_time(text)
    except RefusedRecord:
        return None


def _structured(rest: str, attributes: dict[str, str]) -> str:
    """Take the structured data off the front; return the message behind them."""
    if rest == "-" or rest.startswith("- "):
        return rest[2:].removeprefix("\ufeff")
    position = 0
    while element := _ELEMENT.match(rest, position):
        for name, value in _PARAMETER.findall(element[2]):
            attributes[f"{element[1]}.{name}"] = re.sub(r'\\(["\\\]])', r"\1", value)
        position = element.end()
    return rest[position:].removeprefix(" ").removeprefix("\ufeff")
