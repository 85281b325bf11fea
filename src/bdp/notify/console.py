"""The console: messages as plain text on standard error."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import ChannelUnavailable
from bdp.model.action import Message
from bdp.notify.plain import one_line, plain

REMEMBERED = 1000
"""Keys kept in memory. After a restart a message that was claimed and not finished may be printed again."""


class ConsoleSettings(BaseModel):
    """Messages on standard error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["console"] = "console"
    name: str = Field(default="console", min_length=1, description="name in the settings and in actions")


class ConsoleChannel:
    """Writes each message once as a few lines of text."""

    def __init__(self, settings: ConsoleSettings, out: TextIO | None = None) -> None:
        self.name = settings.name
        self._out = out
        self._seen: OrderedDict[str, None] = OrderedDict()

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
        self._seen[message.key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _text(message: Message) -> str:
    head = f"[{message.severity}] {one_line(message.title)}"
    body = "\n".join("    " + line for line in plain(message.body).splitlines())
    return f"{head}\n{body}" if body else head
