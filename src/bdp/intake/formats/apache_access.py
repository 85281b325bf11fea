"""Access logs in the common and combined formats (Apache, nginx)."""

from __future__ import annotations

import re

from bdp.intake.event import EventRecord
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.formats.stamp import MONTHS, instant
from bdp.intake.routes import template

_QUOTED = r"\"([^\"\\]*(?:\\.[^\"\\]*)*)\""
_LINE = re.compile(
    r"(?:([\w.-]{1,255}(?::\d{1,5})?) )?(\S{1,255}) (\S{1,255}) ([^\[\"]{1,255}) "
    r"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\] "
    rf"{_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)(?: {_QUOTED} {_QUOTED})?(.*)",
    re.DOTALL,
)
_REQUEST = re.compile(r"([A-Za-z]{1,20}) (\S+)(?: HTTP/(\d(?:\.\d)?))?")


class ApacheAccessReader(LineReader):
    """Reads access logs; a 5xx answer is an error, with its status as the error code (OpenTelemetry's `error.type`)."""

    def __init__(self, context: LineContext) -> None:
        self._context = context

    def start(self, line: str) -> EventRecord | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        virtual, address, _, user, day, month, year, clock, zone, request, status, size, referer, agent, rest = (
            match.groups()
        )
        ts = instant(int(year), MONTHS.get(month, 0), int(day), clock, zone)
        if ts is None:
            return None
        event = EventRecord(
            ts=ts, service=self._context.named(""), message=f'"{request}" {status} {size}', attributes={}
        )
        event.status = int(status) if status != "-" else 0
        event.client_ip = address
        event.user_id = "" if user == "-" else user
        found = {
            "server.address": virtual, "http.response.body.bytes": size, "http.request.header.referer": referer,
            "user_agent.original": agent, "log.rest": rest.strip(),
        }  # fmt: skip
        event.attributes.update({name: value for name, value in found.items() if value and value != "-"})
        if event.status >= 500:
            event.level, event.error_code = "ERROR", status
        _read_request(event, request)
        return event


def _read_request(event: EventRecord, request: str) -> None:
    match = _REQUEST.fullmatch(request)
    if match is None:
        event.attributes["http.request.line"] = request
        return
    method, target, version = match.groups()
    path, _, query = target.partition("?")
    event.route = path if method == "CONNECT" else template(path)
    event.attributes["http.request.method"] = method
    event.attributes["url.path"] = path
    if query:
        event.attributes["url.query"] = query
    if version:
        event.attributes["network.protocol.version"] = version
