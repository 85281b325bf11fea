"""Everything that AWS services send, told apart by its shape: one table, and messages inside messages.

A log line may come in a subscription, gzipped, in a Kinesis record, in a Lambda event; an alarm in an SNS notification
in an SQS message. Each reader opens one layer; what it finds is opened in turn, up to `MAX_LAYERS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bdp.errors import BadRequest
from bdp.intake.line_level import first_level
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import cloudwatch, cloudwatch_logs, cloudwatch_metrics, eventbridge, kinesis, sns
from bdp.intake.protocols.aws_carried import GZIP, Carried, Fields, Opening, Reader
from bdp.intake.protocols.document import read_document
from bdp.intake.refusal import RefusedRecord, shown
from bdp.model.batch import Cause

MAX_LAYERS = 12
_AGGREGATED = b"\xf3\x89\x9a\xc2"
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def _read_list(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    records = message["Records"]
    if not isinstance(records, list):
        raise RefusedRecord("`Records` is not an array")
    return [carried.inner(record) for record in records]


def _read_other_record(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """A record of another service is an event if it says when and what."""
    source = message["eventSource"]
    if "eventTime" not in message or "eventName" not in message:
        raise RefusedRecord(f"records of {shown(source)} are not read")
    told = {"message": message["eventName"], "service": source if isinstance(source, str) else ""}
    opening.event(carried.inner(message, told), {**message, "event": None})
    return ()


def _read_metric(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    raise RefusedRecord("a metric among events; send a metric stream by a Firehose delivery of its own")


SHAPES: Final[tuple[tuple[frozenset[str], Reader], ...]] = (
    (frozenset({"awslogs"}), cloudwatch_logs.read_packed),
    (frozenset({"messageType", "logEvents"}), cloudwatch_logs.read_lines),
    (frozenset({"detail-type", "source"}), eventbridge.read_event),
    (frozenset({"alarmData"}), cloudwatch.read_action),
    (frozenset({"AlarmName"}), cloudwatch.read_notice),
    (frozenset({"TopicArn", "MessageId"}), sns.read_envelope),
    (frozenset({"Sns"}), sns.read_record),
    (frozenset({"kinesis", "eventSource"}), kinesis.read_stream_record),
    (frozenset({"body", "messageId", "eventSource"}), kinesis.read_queued),
    (frozenset({"records", "bootstrapServers"}), kinesis.read_topics),
    (frozenset({"records", "deliveryStreamArn"}), kinesis.read_delivery),
    (frozenset({"records", "applicationArn"}), kinesis.read_delivery),
    (frozenset({"records", "requestId"}), kinesis.read_delivery),
    (frozenset({"Records"}), _read_list),
    (frozenset({"eventSource", "eventVersion"}), _read_other_record),
    (frozenset({"EventSource", "EventVersion"}), sns.read_record),
    (frozenset({cloudwatch_metrics.MARK, "metric_name"}), _read_metric),
)
"""Names that a message of a shape has -> its reader; the first one that fits."""

OUTER_SHAPES: Final[tuple[tuple[frozenset[str], Reader], ...]] = (
    *SHAPES,
    (frozenset({"Message"}), sns.read_envelope),
    (frozenset({"records"}), kinesis.read_delivery),
)
"""Of what stands outermost: there a name alone is telling."""


def read(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read one request or one event of a Lambda function.

    Raises:
        BadRequest: it is no JSON, or nothing that AWS sends.
    """
    document = read_document(body)
    opening = Opening(parcel)
    for message in document if isinstance(document, list) else [document]:
        reader = _reader(message, OUTER_SHAPES)
        if reader is None:
            raise BadRequest(
                "The body is not a message of an AWS service that BDP reads.",
                "Send SNS, EventBridge, CloudWatch alarms or logs, Kinesis, Firehose, SQS or MSK as AWS hands it over.",
            )
        _open_with(reader, message, Carried(message), opening, 1)


def read_data(data: bytes, around: Fields, attributes: dict[str, str], parcel: Parcel) -> None:
    """Read what one record of a stream holds: JSON, lines or text, a log subscription, or any message of AWS.

    Args:
        around: fields for events that do not bring them, such as `ts`.
        attributes: attributes for each event.
    """
    _open(Carried(data, around, attributes), Opening(parcel), 1)


def _reader(message: Any, shapes: tuple[tuple[frozenset[str], Reader], ...]) -> Reader | None:
    if not isinstance(message, dict):
        return None
    return next((reader for names, reader in shapes if names <= message.keys()), None)


def _open(carried: Carried, opening: Opening, layer: int) -> None:
    """Add the events of one message, whatever it is."""
    try:
        if layer > MAX_LAYERS:
            raise RefusedRecord(f"more than {MAX_LAYERS} messages lie inside each other")
        found = _decoded(carried.content, opening)
    except RefusedRecord as error:
        opening.parcel.refuse(error, carried.raw)
        return
    if isinstance(found, list):
        for item in found:
            _open(carried.inner(item), opening, layer + 1)
    elif isinstance(found, dict):
        reader = _reader(found, SHAPES) or _read_plain
        _open_with(reader, found, carried, opening, layer)
    elif isinstance(found, str):
        level = first_level(found)
        opening.event(carried, {"message": found, "level": level} if level else {"message": found})
    elif found is not None:
        opening.refuse(carried, f"expected a JSON object or text, got {shown(found)}")


def _open_with(reader: Reader, message: dict[str, Any], carried: Carried, opening: Opening, layer: int) -> None:
    try:
        inner = reader(message, carried, opening)
    except RefusedRecord as error:
        opening.parcel.refuse(error, carried.raw)
        return
    for one in inner:
        _open(one, opening, layer + 1)


def _read_plain(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    opening.event(carried, message)
    return ()


def _decoded(content: Any, opening: Opening) -> Any:
    """Return what a message holds: an object, a list of messages, or text; None if it holds nothing.

    Raises:
        RefusedRecord: it is not text, or text that begins as JSON and is none.
    """
    if isinstance(content, bytes):
        return _of_bytes(opening.inflate(content) if content.startswith(GZIP) else content)
    if isinstance(content, str):
        text = content.strip()
        return _json(text) if text[:1] == "{" else text or None
    return content


def _of_bytes(data: bytes) -> Any:
    if data.startswith(_AGGREGATED):
        raise RefusedRecord("the record is aggregated by the Kinesis Producer Library; switch aggregation off")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError as error:
        raise RefusedRecord(f"the record is not UTF-8 (byte {error.start})", Cause.ENCODING) from None
    if text[:1] in ("{", "["):
        try:
            return _value(text)
        except (ValueError, RecursionError):
            pass  # lines, each with its own reason
    lines = [line for line in text.split("\n") if line.strip()]
    return lines if len(lines) != 1 else _decoded_line(lines[0])


def _decoded_line(line: str) -> Any:
    return _json(line) if line[:1] == "{" else line


def _json(text: str) -> Any:
    """JSON that its sender broke off is refused; text in braces that never was JSON is a message."""
    try:
        return _value(text)
    except (ValueError, RecursionError) as error:
        if text[1:].lstrip()[:1] not in ('"', "}"):
            return text
        raise RefusedRecord(f"not valid JSON: {error}") from None


def _value(text: str) -> Any:
    """NaN becomes text; half of a surrogate pair in one text must not cost its neighbours."""
    try:
        return _ANY.decode(text)
    except (ValueError, RecursionError) as error:
        try:
            return json.loads(text, parse_constant=str)
        except (ValueError, RecursionError):
            raise error from None
