"""Every kind of channel, and how the set of the settings is opened and used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.clock import Clock
from bdp.errors import BdpError
from bdp.model.action import Message
from bdp.model.noun import Noun
from bdp.notify.console import ConsoleChannel, ConsoleSettings
from bdp.notify.effect import once, patiently
from bdp.notify.endpoint import Secrets, no_secrets
from bdp.notify.file import FileChannel, FileSettings
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.notify.webhook import WebhookChannel, WebhookChannelSettings
from bdp.ports import Channel, Effects

AnyChannelSettings = Annotated[
    ConsoleSettings | FileSettings | WebhookChannelSettings | MemorySettings, Field(discriminator="kind")
]


PAUSE_SECONDS = 0.2


class NotifySettings(BaseModel):
    """Which ways to people are open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[AnyChannelSettings, ...] = Field(
        default=(ConsoleSettings(), FileSettings()), description="every message goes to each of them"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> NotifySettings:
        names = [channel.name for channel in self.channels]
        if len(set(names)) < len(names):
            raise ValueError("each channel needs a name of its own")
        return self


class Delivery(Noun):
    """Where a message went: channel names, and for those that failed the reason."""

    delivered: tuple[str, ...]
    failed: dict[str, str]


Opener = Callable[[Any, Path, Secrets], Channel]

CHANNELS: dict[str, Opener] = {
    "console": lambda settings, home, secrets: ConsoleChannel(settings),
    "file": lambda settings, home, secrets: FileChannel(settings, home),
    "webhook": lambda settings, home, secrets: WebhookChannel(settings, secrets),
    "memory": lambda settings, home, secrets: MemoryChannel(settings),
}


def open_channels(settings: NotifySettings, home: Path, secrets: Secrets = no_secrets) -> tuple[Channel, ...]:
    """Return the channels of the settings, ready to send."""
    return tuple(CHANNELS[channel.kind](channel, home, secrets) for channel in settings.channels)


def deliver(channels: Sequence[Channel], message: Message, effects: Effects, clock: Clock, tries: int = 3) -> Delivery:
    """Send the message to each channel, each once by key; one that fails does not keep it from the others.

    Args:
        tries: calls per channel, with a growing pause from 0.2 seconds.
    """
    delivered, failed = [], {}
    for channel in channels:
        try:
            patiently(partial(_send_once, channel, message, effects, clock), tries, PAUSE_SECONDS)
            delivered.append(channel.name)
        except BdpError as error:
            failed[channel.name] = str(error)
    return Delivery(delivered=tuple(delivered), failed=failed)


def _send_once(channel: Channel, message: Message, effects: Effects, clock: Clock) -> None:
    def send() -> dict[str, str]:
        channel.send(message)
        return {"channel": channel.name}

    once(effects, f"{message.key}@{channel.name}", clock, send)
