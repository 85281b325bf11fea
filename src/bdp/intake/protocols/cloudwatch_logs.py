"""CloudWatch Logs subscriptions: gzipped JSON of one log stream's events, by Lambda, Kinesis or Firehose.

Source: CloudWatch Logs User Guide, "Log group-level subscription filters".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bdp.errors import Reject
from bdp.ids import derived
from bdp.intake.flatten import text_of
from bdp.intake.protocols.aws_carried import Carried, Opening, last_part, unpacked
from bdp.intake.times import read_time

_CONTROL = "CONTROL_MESSAGE"


def read_packed(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open what a Lambda function gets: base64 of gzip under `awslogs.data`."""
    packed = message["awslogs"]
    data = packed.get("data") if isinstance(packed, dict) else None
    return [carried.inner(opening.inflate(unpacked(data)))]


def read_lines(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Return each log event; a control message, which only tries the way, has none that count."""
    events = message.get("logEvents")
    if message.get("messageType") == _CONTROL:
        return []
    if not isinstance(events, list):
        opening.refuse(carried, "`logEvents` is not an array")
        return []
    group, stream = text_of(message.get("logGroup") or ""), text_of(message.get("logStream") or "")
    attributes = {
        "aws.log.group.name": group,
        "aws.log.stream.name": stream,
        "cloud.account.id": text_of(message.get("owner") or ""),
    }
    outer = carried.inner(None, {"service": last_part(group)}, attributes)
    return [_line(event, outer, f"{group}\x1f{stream}") for event in events]


def _line(event: Any, outer: Carried, place: str) -> Carried:
    """Return one log line as what it carries: JSON is read as such, other text is the message."""
    if not isinstance(event, dict) or not isinstance(event.get("message"), str):
        return outer.inner(event)
    ts, key = event.get("timestamp"), text_of(event.get("id") or "")
    around = {"ts": ts, "event_id": _id(ts, place, key)}
    fields = event.get("extractedFields")
    more = {text_of(name): text_of(value) for name, value in fields.items()} if isinstance(fields, dict) else {}
    return outer.inner(event["message"], around, more)


def _id(ts: Any, place: str, key: str) -> str:
    try:
        return derived(read_time(ts), "cloudwatch-logs", place, key) if key else ""
    except Reject:
        return ""
