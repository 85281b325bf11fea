"""A trial of the channels: sends each a test message and says in plain words what happened."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bdp.clock import Clock
from bdp.errors import BdpError, NotFound
from bdp.ids import Ids
from bdp.model.action import Message
from bdp.model.noun import Noun
from bdp.ports import Channel

log = structlog.get_logger(__name__)


class Tested(Noun):
    """What came of a test message.

    Attributes:
        reached: the channel took it.
        says: what happened, and what to do next if it failed.
        seconds: how long it took.
    """

    channel: str
    reached: bool
    says: str
    seconds: float


def trial_message(key: str) -> Message:
    """Return a test message, in English and Korean."""
    return Message(
        key=key,
        title="Test message of BDP Agent",
        title_ko="BDP Agent 시험 메시지",
        body="If you can read this, this channel works. Nothing is wrong, and nothing needs to be done.",
        body_ko="이 메시지가 보이면 이 채널은 정상입니다. 문제가 없으며, 하실 일도 없습니다.",
        severity="low",
        event="TEST",
    )


def try_channels(channels: Sequence[Channel], clock: Clock, ids: Ids, name: str = "") -> list[Tested]:
    """Send a test message to one channel, or to each, whatever it lets through; say what happened.

    Raises:
        NotFound: there is no channel of this name.
    """
    chosen = [channel for channel in channels if not name or channel.name == name]
    if name and not chosen:
        known = ", ".join(channel.name for channel in channels) or "none"
        raise NotFound(f"There is no channel {name[:100]!r}.", f"Set up: {known}; see notify.channels in the settings.")
    return [_try(channel, clock, trial_message(f"test:{ids.new(clock.now())}")) for channel in chosen]


def _try(channel: Channel, clock: Clock, message: Message) -> Tested:
    began, says = clock.monotonic(), ""
    try:
        channel.send(message)
    except BdpError as error:
        says = str(error)
    except Exception as error:
        log.exception("channel.broken", channel=channel.name)
        says = f"It failed by a defect ({type(error).__name__}); the log of BDP shows where."
    seconds = round(clock.monotonic() - began, 3)
    return Tested(channel=channel.name, reached=not says, says=says or "It took the message.", seconds=seconds)
