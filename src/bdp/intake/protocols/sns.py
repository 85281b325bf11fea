"""SNS over HTTP(S), and inside SQS and Lambda: notifications, and the messages that ask for a confirmation.

The address in a SubscriptionConfirmation is never opened by the product: whoever reaches the port could make it call
any address. It is kept as an event that tells a person what to open. Signatures are not checked, which would need
Amazon's certificate from the network; the sender shows the token instead.

Source: SNS Developer Guide, "Parsing Amazon SNS message formats".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bdp.errors import Reject
from bdp.ids import derived
from bdp.intake.flatten import text_of
from bdp.intake.protocols.aws_carried import Carried, Opening, last_part
from bdp.intake.times import read_time

PENDING = "sns.subscription_pending"
ENDED = "sns.subscription_ended"

_ASKED: Final = {
    "SubscriptionConfirmation": (PENDING, "waits to be confirmed. If it is yours, open its SubscribeURL"),
    "UnsubscribeConfirmation": (ENDED, "sends no more. To undo it, open its SubscribeURL"),
}


def read_envelope(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Return what a notification carries; a confirmation becomes an event for a person."""
    topic = text_of(message.get("TopicArn") or "")
    ts, key = message.get("Timestamp"), text_of(message.get("MessageId") or "")
    attributes = {
        "sns.topic.arn": topic,
        "sns.message.id": key,
        "sns.subject": text_of(message.get("Subject") or ""),
        **_attributes(message.get("MessageAttributes")),
    }
    around = {"ts": ts, "service": last_part(topic), "event_id": _id(ts, topic, key)}
    asked = _ASKED.get(text_of(message.get("Type") or "Notification"))
    if asked:
        url = text_of(message.get("SubscribeURL") or "")
        fields = {"level": "WARN", "error_code": asked[0], "message": f"The SNS topic {topic} {asked[1]}: {url}"}
        opening.event(carried.inner(message, around, attributes), fields, {"sns.subscribe_url": url})
        return ()
    content = message.get("Message")
    if content is None:
        opening.refuse(carried, "the SNS notification has no `Message`")
        return ()
    return [carried.inner(content, around, attributes)]


def read_record(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Open the notification that a Lambda function gets."""
    return [carried.inner(message.get("Sns"))]


def _attributes(given: Any) -> dict[str, str]:
    """Return the message's own attributes as `sns.attributes.name`."""
    if not isinstance(given, dict):
        return {}
    pairs = {name: value.get("Value") for name, value in given.items() if isinstance(value, dict)}
    return {f"sns.attributes.{text_of(name)}": text_of(value) for name, value in pairs.items() if value is not None}


def _id(ts: Any, topic: str, key: str) -> str:
    try:
        return derived(read_time(ts), "sns", topic, key) if key else ""
    except Reject:
        return ""
