"""KakaoTalk by Kakao's message API: to oneself, or to friends who have agreed; 200 characters and a link.

The access token lives for hours: it is fetched with the refresh token and kept in memory. When Kakao gives a new
refresh token, which it does in the last month of the old one, that is kept in a file of the home that only its owner
can read. Kakao knows no keys: a key that this process has sent is not sent again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from bdp.errors import ChannelUnavailable, NotPossible
from bdp.model.action import Message
from bdp.model.noun import Language
from bdp.notify.endpoint import REFERENCE, Secrets, check_url, secret_of
from bdp.notify.line import Answer, Line, accepted
from bdp.notify.plain import one_line, plain, unmarked
from bdp.notify.route import RouteSettings
from bdp.notify.seen import Seen

LONGEST = 200
"""Characters of a text that Kakao shows."""
_TITLE = 80
_FRIENDS = 5
_EXPIRED = -401
_LABELS = {"en": "Open", "ko": "열기"}
_SEVERITIES = {"critical": "심각", "high": "높음", "medium": "보통", "low": "낮음"}


class KakaoTalkSettings(RouteSettings):
    """Messages to KakaoTalk."""

    kind: Literal["kakaotalk"] = "kakaotalk"
    name: str = Field(default="kakaotalk", min_length=1, description="name in the settings and in actions")
    language: Language = Field(default="ko", description="en or ko; what has no Korean comes in English")
    rest_api_key: str = Field(description="env:NAME of the app's REST API key")
    refresh_token: str = Field(description="env:NAME of the refresh token of who has logged in to the app")
    client_secret: str = Field(default="", description="env:NAME of the app's client secret, where it has one")
    friends: tuple[str, ...] = Field(
        default=(), max_length=_FRIENDS, description="UUIDs of friends to send to, at most 5; empty: to oneself"
    )
    link: str = Field(default="", description="address behind the message; its site must be set in the Kakao app")
    api: str = Field(default="https://kapi.kakao.com", description="address of Kakao's API")
    auth: str = Field(default="https://kauth.kakao.com", description="address of Kakao's log-in")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="for connecting and for each answer")

    @field_validator("rest_api_key", "refresh_token", "client_secret")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if value and not value.startswith(REFERENCE):
            raise ValueError("name it as env:NAME, so that no secret is in the settings")
        return value


class KakaoTalkChannel:
    """Sends each message as a text of at most 200 characters.

    Args:
        home: folder for a new refresh token.
    """

    def __init__(self, settings: KakaoTalkSettings, secrets: Secrets, home: Path) -> None:
        check_url(settings.api)
        check_url(settings.auth)
        self.name = settings.name
        self._settings = settings
        self._secrets = secrets
        self._kept = home / f"kakaotalk-{_file_name(settings.name)}.token"
        self._line = Line(settings.timeout_seconds)
        self._seen = Seen()
        self._access = ""
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send the message; see `bdp.ports.Channel`."""
        with self._lock:
            if message.key in self._seen:
                return
            try:
                self._deliver(message)
            except NotPossible as error:
                raise ChannelUnavailable(error.what, error.next_step) from error
            self._seen.add(message.key)

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    def _deliver(self, message: Message) -> None:
        form = {"template_object": json.dumps(self._template(message), ensure_ascii=False)}
        path = "/v2/api/talk/memo/default/send"
        if self._settings.friends:
            path = "/v1/api/talk/friends/message/default/send"
            form["receiver_uuids"] = json.dumps(self._settings.friends)
        answer = self._call(path, form)
        if answer.status == 401 or answer.document.get("code") == _EXPIRED:
            self._access = ""
            answer = self._call(path, form)
        told = accepted(self._settings.api, answer, [self._access]).document
        missed = told.get("failure_info") or []
        if told.get("result_code", 0) != 0 or (missed and not told.get("successful_receiver_uuids")):
            raise ChannelUnavailable("Kakao did not deliver the message.", "It will be tried again.")

    def _call(self, path: str, form: dict[str, str]) -> Answer:
        self._access = self._access or self._fetch()
        headers = {"Authorization": f"Bearer {self._access}"}
        return self._line.send("POST", f"{self._settings.api}{path}", headers=headers, data=form)

    def _fetch(self) -> str:
        """Return a new access token."""
        names = self._settings
        refresh, key = self._refresh_token(), secret_of(names.rest_api_key, self._secrets)
        form = {"grant_type": "refresh_token", "client_id": key, "refresh_token": refresh}
        if names.client_secret:
            form["client_secret"] = secret_of(names.client_secret, self._secrets)
        url = f"{names.auth}/oauth/token"
        answer = self._line.send("POST", url, headers={}, data=form)
        told = accepted(url, answer, form.values()).document
        if renewed := told.get("refresh_token"):
            self._keep(str(renewed))
        if not told.get("access_token"):
            raise ChannelUnavailable("Kakao gave no access token.", "Log in anew, set the refresh token.")
        return str(told["access_token"])

    def _refresh_token(self) -> str:
        """Return the newest refresh token: the kept one, unless another was set since."""
        given = secret_of(self._settings.refresh_token, self._secrets)
        try:
            kept = json.loads(self._kept.read_text(encoding="utf-8"))
            return str(kept["token"]) if kept["instead_of"] == _digest(given) else given
        except (OSError, ValueError, KeyError, TypeError):
            return given

    def _keep(self, renewed: str) -> None:
        given = secret_of(self._settings.refresh_token, self._secrets)
        text = json.dumps({"token": renewed, "instead_of": _digest(given)})
        new = self._kept.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._kept)
        except OSError:
            return  # the old one holds for some weeks; Kakao gives another next time

    def _template(self, message: Message) -> dict[str, Any]:
        url = next((link.url for link in message.links), self._settings.link)
        link = {"web_url": url, "mobile_web_url": url} if url else {}
        template: dict[str, Any] = {"object_type": "text", "text": self._text(message), "link": link}
        return template | ({"button_title": _LABELS[self._settings.language]} if url else {})

    def _text(self, message: Message) -> str:
        severity = message.severity
        if self._settings.language == "ko":
            severity = _SEVERITIES.get(severity, severity)
        title = _cut(one_line(unmarked(message.title)), _TITLE)
        head = f"[{severity}] {title}" if severity else title
        return _cut(f"{head}\n{plain(unmarked(message.body))}".strip(), LONGEST)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _file_name(name: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
