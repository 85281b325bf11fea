"""Slack: with a bot's token a thread for each incident (chat.postMessage), or an incoming webhook without threads.

Slack knows no keys. The key goes along as metadata, and a key that this process has sent is not sent again; after a
crash between the call and its note, people may see one message twice.

Text is not linked, expanded or searched for names by Slack; `&`, `<` and `>` are escaped, so nobody is called by what
telemetry says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from bdp.clock import Clock
from bdp.errors import BdpError, ChannelUnavailable, NotPossible
from bdp.model.action import Message
from bdp.model.noun import Language
from bdp.notify.endpoint import REFERENCE, Secrets, check_url, secret_of
from bdp.notify.line import Answer, Line, accepted, hidden
from bdp.notify.plain import calling_nobody, one_line, plain, unmarked
from bdp.notify.route import RouteSettings
from bdp.notify.seen import Seen
from bdp.ports import Threads

_SECTION = 2900
"""Slack takes 3,000 characters a section; escaping is counted in."""
_HEAD = 140
_GONE = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
_SIGNS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵"}

Block = Mapping[str, Any]
Buttons = Callable[[Message, Language], Sequence[Block]]
"""Returns the blocks of a question with its buttons, in place of its text; none for what is not answered in Slack."""


def no_buttons(message: Message, language: Language) -> Sequence[Block]:
    """Return no blocks: the message is answered elsewhere."""
    return ()


class SlackSettings(RouteSettings):
    """Messages to one Slack channel."""

    kind: Literal["slack"] = "slack"
    name: str = Field(default="slack", min_length=1, description="name in the settings and in actions")
    token: str = Field(default="", description="env:NAME of a bot's token (xoxb-…) with the right chat:write")
    channel: str = Field(default="", description="id of the channel, such as C0123456789; for a token")
    webhook: str = Field(default="", description="env:NAME of an incoming webhook's address, instead of a token")
    api: str = Field(default="https://slack.com/api", description="address of Slack's API")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")

    @model_validator(mode="after")
    def _one_way(self) -> SlackSettings:
        if bool(self.token) == bool(self.webhook):
            raise ValueError("token: give a token or a webhook, one of them")
        if self.token and not self.channel:
            raise ValueError("channel: a token needs the channel to write to")
        if not (self.token or self.webhook).startswith(REFERENCE):
            raise ValueError("token: name it as env:NAME, so that no secret is in the settings")
        return self


class SlackChannel:
    """Posts each message; those of one incident in one thread, if there is a token.

    Args:
        threads: where the thread of each incident is kept.
        buttons: blocks with which a message can be answered.
    """

    def __init__(
        self, settings: SlackSettings, secrets: Secrets, threads: Threads, clock: Clock, buttons: Buttons = no_buttons
    ) -> None:
        check_url(settings.api)
        self.name = settings.name
        self._settings = settings
        self._secrets = secrets
        self._threads = threads
        self._clock = clock
        self._buttons = buttons
        self._line = Line(settings.timeout_seconds)
        self._seen = Seen()

    def send(self, message: Message) -> None:
        """Post the message; see `bdp.ports.Channel`."""
        if message.key in self._seen:
            return
        try:
            if self._settings.token:
                self._post(message)
            else:
                self._hook(message)
        except NotPossible as error:
            raise ChannelUnavailable(error.what, error.next_step) from error
        self._seen.add(message.key)

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    def _post(self, message: Message) -> None:
        incident = message.incident_id
        thread = self._threads.thread(self.name, incident) if incident else ""
        sent = self._call(message, thread)
        if sent.get("error") in _GONE and thread:  # somebody has deleted it
            sent = self._call(message, "")
        if not sent.get("ok"):
            raise _refused(str(sent.get("error", "")))
        if incident and not thread and sent.get("ts"):
            try:
                self._threads.keep_thread(self.name, incident, str(sent["ts"]), self._clock.now())
            except BdpError:
                return  # people have the message; the next one of this incident begins a thread

    def _call(self, message: Message, thread: str) -> dict[str, Any]:
        token = secret_of(self._settings.token, self._secrets)
        body: dict[str, Any] = {
            "channel": self._settings.channel,
            **self._content(message),
            "metadata": {"event_type": "bdp_message", "event_payload": {"key": message.key}},
        }
        if thread:
            # A question is also for those who do not follow the thread.
            body |= {"thread_ts": thread, "reply_broadcast": bool(message.approval_id)}
        url = f"{self._settings.api}/chat.postMessage"
        headers = {"Authorization": f"Bearer {token}"}
        return accepted(url, self._send(url, body, headers), [token]).document

    def _hook(self, message: Message) -> None:
        url = secret_of(self._settings.webhook, self._secrets)
        try:
            check_url(url)
        except BdpError as error:  # its text would show the address
            raise ChannelUnavailable(
                f"What {self._settings.webhook} holds is no address that may be called.", "Copy it from Slack."
            ) from error
        accepted(url, self._send(url, self._content(message), {}), [url, *url.split("/")[-2:]])

    def _send(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        return self._line.send("POST", url, headers=headers, json=dict(body))

    def _content(self, message: Message) -> dict[str, Any]:
        title = f"{_SIGNS.get(message.severity, '')} {_safe(one_line(unmarked(message.title)), _HEAD)}".strip()
        blocks = [_section(f"*{title}*"), *map(_section, _parts(_safe(plain(unmarked(message.body)), 12_000)))]
        links = " · ".join(f"<{_address(link.url)}|{_safe(one_line(link.words), 75)}>" for link in message.links)
        if links:
            blocks.append(_section(links, verbatim=False))
        question = [dict(block) for block in self._buttons(message, self._settings.language)]
        return {
            "text": title,
            "blocks": question or blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }


def _refused(error: str) -> ChannelUnavailable:
    known = {
        "invalid_auth": "Check the token.",
        "not_in_channel": "Invite the bot to the channel.",
        "channel_not_found": "Check the channel's id.",
        "missing_scope": "Give the bot the right chat:write.",
    }
    name = one_line(hidden(error, ()), 60) or "no reason"
    return ChannelUnavailable(f"Slack refused the message: {name}.", known.get(error, "It will be tried again."))


def _section(text: str, verbatim: bool = True) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": verbatim}}


def _safe(text: str, longest: int) -> str:
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return calling_nobody(cut).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _address(url: str) -> str:
    return url.replace("&", "&amp;").replace("|", "%7C").replace("<", "%3C").replace(">", "%3E")


def _parts(text: str) -> list[str]:
    """Return the text in pieces that a section takes, cut between lines where that is possible."""
    parts, rest = [], text
    while len(rest) > _SECTION:
        cut = rest.rfind("\n", 1, _SECTION)
        cut = cut if cut > 0 else _SECTION
        parts.append(rest[:cut])
        rest = rest[cut:].lstrip("\n")
    return [part for part in (*parts, rest) if part.strip()]
