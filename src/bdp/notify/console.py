"""The console: messages as plain text on standard error. After a crash one may be printed again."""

from __future__ import annotations

import sys
from typing import Literal, TextIO

from pydantic import Field

from bdp.errors import ChannelUnavailable
from bdp.model.action import Message
from bdp.notify.plain import one_line, plain, unmarked
from bdp.notify.route import RouteSettings
from bdp.notify.seen import Seen


class ConsoleSettings(RouteSettings):
    """Messages on standard error."""

    kind: Literal["console"] = "console"
    name: str = Field(default="console", min_length=1, description="name in the settings and in actions")


class ConsoleChannel:
    """Writes each message once as a few lines of text."""

    def __init__(self, settings: ConsoleSettings, out: TextIO | None = None) -> None:
        self.name = settings.name
        self._out = out
        self._seen = Seen()

    def send(self, message: Message) -> None:
        """Write the message; see `bdp.ports.Channel`."""
        if message.key in self._seen:
            return
        try:
            out = self._out or sys.stderr
            out.write(_text(message) + "\n")
            out.flush()
        except (OSError, ValueError) as error:
            raise ChannelUnavailable(f"The console cannot be written: {error}.") from error
        self._seen.add(message.key)


def _text(message: Message) -> str:
    head = f"[{message.severity}] {one_line(unmarked(message.title))}"
    body = "\n".join("    " + line for line in plain(unmarked(message.body)).splitlines())
    links = "".join(f"\n    {one_line(link.words)}: {one_line(link.url)}" for link in message.links)
    return f"{head}\n{body}{links}" if body else f"{head}{links}"
