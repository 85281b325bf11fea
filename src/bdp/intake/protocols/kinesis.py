"""Records as AWS hands them to a Lambda function: Kinesis, SQS, Kafka (MSK), and what Firehose would have changed.

Source: Lambda Developer Guide, the chapter of each service.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bdp.intake.flatten import text_of
from bdp.intake.protocols.aws_carried import Carried, Opening, last_part, objects, unpacked
from bdp.intake.refusal import RefusedRecord


def read_stream_record(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open one record of a Kinesis stream."""
    record = message.get("kinesis")
    if not isinstance(record, dict):
        raise RefusedRecord("`kinesis` is not an object")
    stream = last_part(message.get("eventSourceARN"))
    attributes = {
        "aws.kinesis.stream": stream,
        "aws.kinesis.sequence_number": text_of(record.get("sequenceNumber") or ""),
    }
    around = {"ts": record.get("approximateArrivalTimestamp"), "service": stream}
    return [carried.inner(unpacked(record.get("data")), around, attributes)]


def read_queued(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open one message of an SQS queue."""
    queue = last_part(message.get("eventSourceARN"))
    given = message.get("attributes")
    sent = given.get("SentTimestamp") if isinstance(given, dict) else None
    attributes = {"aws.sqs.queue": queue, "aws.sqs.message_id": text_of(message.get("messageId") or "")}
    return [carried.inner(message.get("body"), {"ts": sent, "service": queue}, attributes)]


def read_topics(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open the messages of Kafka topics, which lie by topic and partition."""
    by_partition = message.get("records")
    if not isinstance(by_partition, dict):
        raise RefusedRecord("`records` is not an object")
    return [_message(record, carried) for records in by_partition.values() for record in objects(records)]


def read_delivery(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open the records of a Firehose delivery, or of a Lambda function that Firehose asks to change them."""
    source = last_part(message.get("deliveryStreamArn") or message.get("applicationArn"))
    outer = carried.inner(None, {"service": source}, {"aws.delivery_stream": source})
    inner = []
    for record in objects(message.get("records")):
        one = outer.inner(record, {"ts": record.get("approximateArrivalTimestamp") or message.get("timestamp")})
        try:
            if "result" in record:
                raise RefusedRecord("this is the answer of a transformation, not a delivery")
            inner.append(one.inner(unpacked(record.get("data"))))
        except RefusedRecord as error:
            opening.parcel.refuse(error, one.raw)
    return inner


def _message(record: dict[str, Any], carried: Carried) -> Carried:
    topic = text_of(record.get("topic") or "")
    place = {"kafka.topic": topic, "kafka.partition": record.get("partition"), "kafka.offset": record.get("offset")}
    attributes = {name: text_of(value) for name, value in place.items() if value is not None}
    value = record.get("value")
    try:
        content: Any = unpacked(value)
    except RefusedRecord:
        content = value
    return carried.inner(content, {"ts": record.get("timestamp"), "service": topic}, attributes)
