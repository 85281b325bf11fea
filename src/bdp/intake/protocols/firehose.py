"""Firehose's deliveries to an HTTP endpoint: events, log subscriptions, or a metric stream; one kind in a request.

Source: Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from bdp.errors import BadRequest
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import aws, cloudwatch_metrics
from bdp.intake.protocols.aws_carried import GZIP, objects, unpacked
from bdp.intake.protocols.document import read_document
from bdp.intake.protocols.wire import json_bytes
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause

EVENTS: Final = "aws_firehose"
METRICS: Final = "aws_metric_stream"

_MARK = cloudwatch_metrics.MARK.encode()
_LOOKED_AT = 10


def protocol_of(body: bytes) -> str:
    """Return the name of the protocol for a delivery: a metric stream if one of its first records looks like one."""
    for record in _records(body)[:_LOOKED_AT]:
        try:
            if _MARK in unpacked(record.get("data"))[:4096]:
                return METRICS
        except RefusedRecord:
            continue
    return EVENTS


def read_events(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read events and log subscriptions.

    Raises:
        BadRequest: it is no delivery.
    """
    _records(body)
    aws.read(body, content_type, parcel)


def read_metrics(body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read a metric stream: each record holds metrics, one a line.

    Raises:
        BadRequest: it is no delivery.
    """
    for record in _records(body):
        try:
            for line in _lines(record.get("data")):
                cloudwatch_metrics.read_line(line, parcel)
        except RefusedRecord as error:
            parcel.refuse(error, partial(json_bytes, record))


def _records(body: bytes) -> list[dict[str, Any]]:
    document = read_document(body)
    if not isinstance(document, dict) or not isinstance(document.get("records"), list):
        raise BadRequest("The body is no Firehose delivery: it has no `records`.", "Send what Firehose sends.")
    return objects(document["records"])


def _lines(data: object) -> list[Any]:
    """Return the metrics of one record; a line that is no JSON stays text, and is refused as such."""
    raw = unpacked(data)
    if raw.startswith(GZIP):
        raise RefusedRecord("a gzipped record among metrics", Cause.ENCODING)
    try:
        lines = [line for line in raw.decode().split("\n") if line.strip()]
    except UnicodeDecodeError:
        raise RefusedRecord("the record is no text; let the metric stream write JSON", Cause.ENCODING) from None
    return [_read(line) for line in lines]


def _read(line: str) -> Any:
    try:
        return read_document(line.encode())
    except BadRequest:
        return line
