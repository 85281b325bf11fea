"""Chat, mail and pagers through Apprise: over a hundred services, each behind one address.

An address holds its secrets, so the settings name it (`env:NAME`). Apprise's log, which may show addresses, is
silenced; nothing is attached; a message is plain text, which Apprise escapes for services that speak HTML or markdown.

The services know no keys: what this process has sent to an address is not sent there again.
"""

from __future__ import annotations

import logging
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from bdp.errors import BadSetting, ChannelUnavailable, MissingExtra
from bdp.model.action import Message
from bdp.notify.endpoint import REFERENCE, Secrets, secret_of
from bdp.notify.plain import calling_nobody, one_line, plain, unmarked
from bdp.notify.route import RouteSettings
from bdp.notify.seen import Seen

if TYPE_CHECKING:
    import apprise

_SILENT = logging.CRITICAL + 10


class AppriseSettings(RouteSettings):
    """Messages through Apprise."""

    kind: Literal["apprise"] = "apprise"
    name: str = Field(default="apprise", min_length=1, description="name in the settings and in actions")
    urls: tuple[str, ...] = Field(min_length=1, description="env:NAME of an Apprise address each")

    @field_validator("urls")
    @classmethod
    def _are_references(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(url.startswith(REFERENCE) for url in urls):
            raise ValueError("name each as env:NAME, so that no secret is in the settings")
        return urls


class AppriseChannel:
    """Sends each message to each address, each once."""

    def __init__(self, settings: AppriseSettings, secrets: Secrets) -> None:
        self.name = settings.name
        self._settings = settings
        self._secrets = secrets
        self._services: dict[str, apprise.Apprise] = {}
        self._seen = Seen()

    def send(self, message: Message) -> None:
        """Send the message; see `bdp.ports.Channel`. Addresses that have it are left out when it is sent again."""
        failed = [url for url in self._settings.urls if not self._reach(url, message)]
        if failed:
            raise ChannelUnavailable(f"Apprise did not reach {', '.join(failed)}.", "Check that address.")

    def _reach(self, reference: str, message: Message) -> bool:
        key = f"{reference} {message.key}"
        if key in self._seen:
            return True
        library, service = _library(), self._service(reference)
        title = f"[{message.severity}] {message.title}" if message.severity else message.title
        links = [f"{one_line(link.words)}: {link.url}" for link in message.links]
        body = "\n".join((calling_nobody(plain(unmarked(message.body))), *links))
        try:
            reached = service.notify(
                body=body or one_line(message.title),
                title=calling_nobody(one_line(unmarked(title))),
                notify_type=_kind(library, message.severity),
                body_format=library.NotifyFormat.TEXT,
                attach=None,
                interpret_escapes=False,
            )
        except Exception as error:
            # Plug-ins of a hundred services: whatever one raises may hold its address.
            raise ChannelUnavailable(f"Apprise failed at {reference}: {type(error).__name__}.") from None
        if reached:
            self._seen.add(key)
        return bool(reached)

    def _service(self, reference: str) -> apprise.Apprise:
        if reference not in self._services:
            library = _library()
            asset = library.AppriseAsset(async_mode=False, secure_logging=True, app_id="BDP", app_desc="BDP Agent")
            service = library.Apprise(asset=asset)
            if not service.add(secret_of(reference, self._secrets)):
                raise BadSetting(f"What {reference} holds is no address that Apprise knows.", "See Apprise's list.")
            self._services[reference] = service
        return self._services[reference]


def _library() -> ModuleType:
    try:
        import apprise
    except ImportError as error:
        raise MissingExtra("Apprise is not installed.", "Install it: pip install 'bdp-agent[chat]'.") from error
    logging.getLogger("apprise").setLevel(_SILENT)
    return apprise


def _kind(library: ModuleType, severity: str) -> Any:
    kinds = library.NotifyType
    return {"critical": kinds.FAILURE, "high": kinds.WARNING, "medium": kinds.WARNING}.get(severity, kinds.INFO)
