"""Every kind of channel, and how the set of the settings is opened and used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.clock import Clock, SystemClock
from bdp.errors import BdpError
from bdp.model.action import Message
from bdp.model.anomaly import Severity
from bdp.model.noun import Noun
from bdp.notify.apprise import AppriseChannel, AppriseSettings
from bdp.notify.aws import EventBridgeChannel, EventBridgeSettings, SnsChannel, SnsSettings
from bdp.notify.console import ConsoleChannel, ConsoleSettings
from bdp.notify.effect import once, patiently
from bdp.notify.endpoint import Secrets, no_secrets
from bdp.notify.file import FileChannel, FileSettings
from bdp.notify.kakaotalk import KakaoTalkChannel, KakaoTalkSettings
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.notify.route import RoutedChannel
from bdp.notify.slack import Buttons, SlackChannel, SlackSettings, no_buttons
from bdp.notify.webhook import WebhookChannel, WebhookChannelSettings
from bdp.ports import Channel, Effects, Threads

AnyChannelSettings = Annotated[
    ConsoleSettings
    | FileSettings
    | WebhookChannelSettings
    | MemorySettings
    | AppriseSettings
    | SlackSettings
    | KakaoTalkSettings
    | SnsSettings
    | EventBridgeSettings,
    Field(discriminator="kind"),
]


PAUSE_SECONDS = 0.2


class EscalationStep(BaseModel):
    """Who is told again when nobody acknowledges or answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after_minutes: float = Field(gt=0, le=7 * 1440, description="from when people were told first")
    channels: tuple[str, ...] = Field(default=(), description="names of the channels that are told; empty: all")


class EscalationSettings(BaseModel):
    """What happens after silence: a severe incident, or a question, is told again to further channels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[EscalationStep, ...] = Field(default=(), description="one after the other; empty: nobody is reminded")
    least_severity: Severity = Field(default=Severity.HIGH, description="less severe incidents are not told again")

    @model_validator(mode="after")
    def _one_after_the_other(self) -> EscalationSettings:
        minutes = [step.after_minutes for step in self.steps]
        if minutes != sorted(set(minutes)):
            raise ValueError("steps: each needs a later time than the one before")
        return self


class NotifySettings(BaseModel):
    """Which ways to people are open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[AnyChannelSettings, ...] = Field(
        default=(ConsoleSettings(), FileSettings()), description="each gets the messages that its settings let through"
    )
    escalation: EscalationSettings = EscalationSettings()

    @model_validator(mode="after")
    def _names_differ(self) -> NotifySettings:
        names = [channel.name for channel in self.channels]
        if len(set(names)) < len(names):
            raise ValueError("each channel needs a name of its own")
        unknown = {name for step in self.escalation.steps for name in step.channels} - set(names)
        if unknown:
            raise ValueError(f"escalation: there is no channel {sorted(unknown)[0]!r}")
        return self


class Delivery(Noun):
    """Where a message went: channel names, and for those that failed the reason."""

    delivered: tuple[str, ...]
    failed: dict[str, str]


class NoThreads:
    """Where no threads are kept: each message stands alone."""

    def thread(self, channel: str, incident_id: str) -> str:
        """Return no thread."""
        return ""

    def keep_thread(self, channel: str, incident_id: str, reference: str, now: datetime) -> None:
        """Forget it."""


@dataclass(frozen=True)
class ChannelParts:
    """What channels are given.

    Attributes:
        home: folder for files.
        buttons: see `bdp.notify.slack.Buttons`.
    """

    home: Path
    secrets: Secrets = no_secrets
    threads: Threads = field(default_factory=NoThreads)
    clock: Clock = field(default_factory=SystemClock)
    buttons: Buttons = no_buttons


Opener = Callable[[Any, ChannelParts], Channel]

CHANNELS: dict[str, Opener] = {
    "console": lambda settings, parts: ConsoleChannel(settings),
    "file": lambda settings, parts: FileChannel(settings, parts.home),
    "webhook": lambda settings, parts: WebhookChannel(settings, parts.secrets),
    "memory": lambda settings, parts: MemoryChannel(settings),
    "apprise": lambda settings, parts: AppriseChannel(settings, parts.secrets),
    "slack": lambda settings, parts: SlackChannel(settings, parts.secrets, parts.threads, parts.clock, parts.buttons),
    "kakaotalk": lambda settings, parts: KakaoTalkChannel(settings, parts.secrets, parts.home),
    "sns": lambda settings, parts: SnsChannel(settings),
    "eventbridge": lambda settings, parts: EventBridgeChannel(settings),
}


def open_channels(settings: NotifySettings, home: Path, secrets: Secrets = no_secrets) -> tuple[Channel, ...]:
    """Return the channels of the settings, ready to send, without threads and buttons."""
    return open_channels_at(settings, ChannelParts(home, secrets))


def open_channels_at(settings: NotifySettings, parts: ChannelParts) -> tuple[RoutedChannel, ...]:
    """Return the channels of the settings, ready to send."""
    return tuple(RoutedChannel(CHANNELS[channel.kind](channel, parts), channel) for channel in settings.channels)


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
