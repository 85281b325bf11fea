"""Delivery over several channels, each once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydantic import ValidationError

from bdp.clock import SystemClock
from bdp.errors import ChannelUnavailable
from bdp.model.action import Message
from bdp.notify import NotifySettings, open_channels
from bdp.notify.channels import deliver
from bdp.notify.console import ConsoleChannel, ConsoleSettings
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.store.state import open_state

MESSAGE = Message(key="k", title="disk \x1b[2Jfull", body="one\n\x07two\u202e", severity="high")


class Broken:
    """A channel that reaches nobody at its first tries."""

    name = "broken"

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def send(self, message: Message) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise ChannelUnavailable("Nobody is there.")


def test_a_channel_that_fails_does_not_keep_the_others_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdp.notify.channels.PAUSE_SECONDS", 0.0)
    state, memory, broken = open_state("sqlite://"), MemoryChannel(MemorySettings()), Broken(3)
    try:
        first = deliver((broken, memory), MESSAGE, state.effects, SystemClock())
        assert (first.delivered, list(first.failed)) == (("memory",), ["broken"])
        second = deliver((broken, memory), MESSAGE, state.effects, SystemClock())
        assert second.delivered == ("broken", "memory")
        deliver((broken, memory), MESSAGE, state.effects, SystemClock())
        assert broken.calls == 4
        assert len(memory.messages) == 1
    finally:
        state.close()


def test_console_shows_plain_text_once() -> None:
    out = io.StringIO()
    channel = ConsoleChannel(ConsoleSettings(), out)
    channel.send(MESSAGE)
    channel.send(MESSAGE)
    assert out.getvalue() == "[high] disk [2Jfull\n    one\n    two\n"


def test_the_default_channels_are_console_and_file(tmp_path: Path) -> None:
    assert [channel.name for channel in open_channels(NotifySettings(), tmp_path)] == ["console", "file"]


def test_two_channels_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError):
        NotifySettings.model_validate({"channels": [{"kind": "console"}, {"kind": "file", "name": "console"}]})


def test_memory_keeps_the_latest() -> None:
    channel = MemoryChannel(MemorySettings(most=2))
    for key in "abca":
        channel.send(MESSAGE.model_copy(update={"key": key}))
    assert [message.key for message in channel.messages] == ["c", "a"]
