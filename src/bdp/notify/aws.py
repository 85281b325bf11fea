"""Amazon SNS and EventBridge: mail, text messages and queues; rules and other programs. Access is as boto3 finds it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from bdp.errors import BadSetting, ChannelUnavailable, MissingExtra
from bdp.model.action import Message
from bdp.notify.document import document_of
from bdp.notify.plain import one_line, plain, unmarked
from bdp.notify.route import RouteSettings

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_sns.client import SNSClient

_SUBJECT = 100
_SNS_TEXT = 60_000
_DETAIL = 200_000
_GROUP = 128


class AwsSettings(RouteSettings):
    """How AWS is reached."""

    region: str = Field(default="", description="AWS region; empty: as boto3 finds it")
    endpoint_url: str = Field(default="", description="another address than AWS's own")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")


class SnsSettings(AwsSettings):
    """Messages to an SNS topic."""

    kind: Literal["sns"] = "sns"
    name: str = Field(default="sns", min_length=1, description="name in the settings and in actions")
    topic: str = Field(min_length=1, description="ARN of the topic; one that ends in .fifo drops repeats by itself")


class EventBridgeSettings(AwsSettings):
    """Messages as events on an EventBridge bus."""

    kind: Literal["eventbridge"] = "eventbridge"
    name: str = Field(default="eventbridge", min_length=1, description="name in the settings and in actions")
    bus: str = Field(default="default", min_length=1, description="name or ARN of the event bus")
    source: str = Field(default="bdp.agent", min_length=1, max_length=256, description="source of the events")


class SnsChannel:
    """Publishes each message as text, with its key as an attribute and, on a FIFO topic, as its deduplication id."""

    def __init__(self, settings: SnsSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._client: SNSClient | None = None
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Publish the message; see `bdp.ports.Channel`."""
        with self._lock:  # the boto3 session that makes a client is not for two threads
            self._client = self._client or _client("sns", self._settings)
        client, topic = self._client, self._settings.topic
        given: dict[str, Any] = {
            "TopicArn": topic,
            "Subject": subject_of(message),
            "Message": _text(message),
            "MessageAttributes": _attributes(message),
        }
        if topic.endswith(".fifo"):
            given["MessageDeduplicationId"] = hashlib.sha256(message.key.encode()).hexdigest()
            given["MessageGroupId"] = _group(message)
        _asked(lambda: client.publish(**given), "SNS")


class EventBridgeChannel:
    """Puts each message as an event: its detail is the message as JSON, with the key by which a receiver tells."""

    def __init__(self, settings: EventBridgeSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._client: EventBridgeClient | None = None
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Put the event; see `bdp.ports.Channel`."""
        with self._lock:
            self._client = self._client or _client("events", self._settings)
        client, settings = self._client, self._settings
        entry: Any = {
            "Source": settings.source,
            "DetailType": one_line(message.event or "MESSAGE", 128),
            "Detail": _detail(message),
            "EventBusName": settings.bus,
        }
        answer = _asked(lambda: client.put_events(Entries=[entry]), "EventBridge")
        if answer.get("FailedEntryCount"):
            code = one_line(str(answer["Entries"][0].get("ErrorCode", "")), 60)
            raise ChannelUnavailable(f"EventBridge took no event: {code}.", "It will be tried again.")


def subject_of(message: Message) -> str:
    """Return a subject as SNS takes it: printable ASCII, at most 100 characters, not empty."""
    severity = f"[{message.severity}] " if message.severity else ""
    ascii_only = one_line(unmarked(f"{severity}{message.title}")).encode("ascii", "ignore").decode()
    subject = " ".join(ascii_only.split())[:_SUBJECT].strip()
    # A title in Korean leaves little: then what it speaks of is the subject.
    return subject if len(subject) > len(severity) + 3 else f"{severity}{message.event or 'BDP message'}"[:_SUBJECT]


def _text(message: Message) -> str:
    links = (f"{one_line(link.words)}: {link.url}" for link in message.links)
    text = "\n".join((one_line(unmarked(message.title)), "", plain(unmarked(message.body)), *links))
    return text.encode()[:_SNS_TEXT].decode(errors="ignore")


def _detail(message: Message) -> str:
    document = document_of(message)
    return (
        json.dumps(document, ensure_ascii=False)
        if len(str(document)) < _DETAIL
        else json.dumps(document | {"body": "", "body_ko": ""}, ensure_ascii=False)
    )


def _attributes(message: Message) -> dict[str, Any]:
    given = {
        "key": message.key,
        "severity": message.severity,
        "event": message.event,
        "incident_id": message.incident_id,
    }
    return {name: {"DataType": "String", "StringValue": one_line(value, 256)} for name, value in given.items() if value}


def _group(message: Message) -> str:
    """Return what keeps its order on a FIFO topic: the incident."""
    group = message.incident_id or "bdp"
    return group if group.isascii() and group.isalnum() and len(group) <= _GROUP else _digest(group)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _asked(do: Callable[[], Any], service: str) -> Any:
    import botocore.exceptions as exceptions

    try:
        return do()
    except exceptions.ClientError as error:
        code = one_line(str(error.response.get("Error", {}).get("Code", "")), 60)
        raise ChannelUnavailable(f"{service} refused: {code}.", "Check its name and the rights.") from None
    except exceptions.BotoCoreError as error:
        raise ChannelUnavailable(f"{service} was not reached: {type(error).__name__}.", "Check the region.") from None


def _client(service: Any, settings: AwsSettings) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingExtra(
            f"The channel {settings.name} needs a library that is not installed.",  # type: ignore[attr-defined]
            "Install it: pip install 'bdp-agent[aws]'.",
        ) from error
    seconds = settings.timeout_seconds
    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1}
    )
    try:
        return boto3.client(
            service, region_name=settings.region or None, endpoint_url=settings.endpoint_url or None, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise BadSetting(f"AWS cannot be reached: {type(error).__name__}.", "Set the channel's region.") from error
