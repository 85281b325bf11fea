"""A webhook channel: each message as one JSON document to a chat, a pager or a program."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bdp.errors import ChannelUnavailable, NotPossible
from bdp.model.action import Message
from bdp.notify.document import document_of
from bdp.notify.endpoint import Secrets, call, check_url, resolve
from bdp.notify.line import Line
from bdp.notify.route import RouteSettings


class WebhookChannelSettings(RouteSettings):
    """Messages posted as JSON to one address."""

    kind: Literal["webhook"] = "webhook"
    name: str = Field(default="webhook", min_length=1, description="name in the settings and in actions")
    url: str = Field(min_length=1, description="https address; http only on this machine")
    headers: dict[str, str] = Field(default={}, description="sent along; env:NAME takes an environment variable")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")
    allow_http: bool = Field(default=False, description="also call http addresses beyond this machine")


class WebhookChannel:
    """Posts each message with its key as `Idempotency-Key`, so that the receiver can drop a repeat."""

    def __init__(self, settings: WebhookChannelSettings, secrets: Secrets) -> None:
        check_url(settings.url, settings.allow_http)
        self.name = settings.name
        self._settings = settings
        self._secrets = secrets
        self._line = Line(settings.timeout_seconds)

    def send(self, message: Message) -> None:
        """Post the message; see `bdp.ports.Channel`."""
        set_up = self._settings
        headers = resolve(set_up.headers, self._secrets)
        try:
            call(
                "POST",
                set_up.url,
                document_of(message),
                key=message.key,
                headers=headers,
                timeout=set_up.timeout_seconds,
                line=self._line,
            )
        except NotPossible as error:
            raise ChannelUnavailable(error.what, error.next_step) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()
