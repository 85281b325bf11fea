"""What a channel gets, and in which language: settings that every channel has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from bdp.model.action import Message, MessageForm
from bdp.model.anomaly import SEVERITIES, Severity
from bdp.model.noun import Language
from bdp.ports import Channel


class RouteSettings(BaseModel):
    """Which messages a channel gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Language = Field(default="en", description="en or ko; what has no Korean comes in English")
    least_severity: Severity = Field(default=Severity.LOW, description="less severe messages do not come here")
    forms: tuple[MessageForm, ...] = Field(
        default=(),
        description="only these forms of messages; empty: all; what names the channel comes anyway",
    )


class RoutedChannel:
    """A channel that gets its messages in one language, and only some of them."""

    def __init__(self, channel: Channel, settings: RouteSettings) -> None:
        self.name = channel.name
        self.channel = channel
        self._settings = settings

    def wants(self, form: MessageForm, message: Message) -> bool:
        """Return whether a message of this form is for this channel."""
        settings = self._settings
        severe = message.severity not in SEVERITIES or (
            SEVERITIES.index(Severity(message.severity)) <= SEVERITIES.index(settings.least_severity)
        )
        return severe and (not settings.forms or form in settings.forms)

    def send(self, message: Message) -> None:
        """Send the message in the channel's language; see `bdp.ports.Channel`."""
        self.channel.send(message if self._settings.language == "en" else in_korean(message))

    def close(self) -> None:
        """Let go of what the channel holds."""
        close(self.channel)


def wants(channel: Channel, form: MessageForm, message: Message) -> bool:
    """Return whether a channel gets a message: one that the message names does, whatever its settings say."""
    if message.channels:
        return channel.name in message.channels
    return not isinstance(channel, RoutedChannel) or channel.wants(form, message)


def close(channel: Channel) -> None:
    """Let go of what a channel holds, if it holds anything."""
    closing = getattr(channel, "close", None)
    if closing is not None:
        closing()


def in_korean(message: Message) -> Message:
    """Return the message with its Korean words in place of the English ones, where it has them."""
    links = tuple(link.model_copy(update={"words": link.worded("words", "ko")}) for link in message.links)
    words = {"title": message.worded("title", "ko"), "body": message.worded("body", "ko")}
    return message.model_copy(update=words | {"links": links})
