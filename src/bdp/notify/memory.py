"""Messages in memory: for tests, the demo and embedding programs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bdp.model.action import Message
from bdp.notify.route import RouteSettings


class MemorySettings(RouteSettings):
    """Messages kept in memory."""

    kind: Literal["memory"] = "memory"
    name: str = Field(default="memory", min_length=1, description="name in the settings and in actions")
    most: int = Field(default=1000, ge=1, description="older messages are let go")


class MemoryChannel:
    """Keeps the latest messages, one per key."""

    def __init__(self, settings: MemorySettings) -> None:
        self.name = settings.name
        self._most = settings.most
        self._by_key: dict[str, Message] = {}

    @property
    def messages(self) -> list[Message]:
        """The kept messages, oldest first."""
        return list(self._by_key.values())

    def send(self, message: Message) -> None:
        """Keep the message; see `bdp.ports.Channel`."""
        self._by_key.setdefault(message.key, message)
        if len(self._by_key) > self._most:
            del self._by_key[next(iter(self._by_key))]
