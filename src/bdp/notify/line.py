"""A kept connection to one system over HTTP: no redirects, no proxies from the environment, answers up to 64 KiB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from bdp.errors import ChannelUnavailable, NotPossible
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES = 64 * 1024
_COME_AGAIN = frozenset({408, 425, 429})
_SHORTEST_SECRET = 6


class Answer(NamedTuple):
    """What came back: the status, and the start of the body as text."""

    status: int
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """The body's JSON object; empty if it is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Line:
    """Sends requests, and keeps the connection for the next one. Use from any thread.

    Args:
        timeout: seconds for connecting and for each answer.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._clients: dict[bool, httpx.Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, method: str, url: str, *, headers: Mapping[str, str], **body: Any) -> Answer:
        """Send once; `json=`, `data=` or `content=` as in httpx.

        Raises:
            ChannelUnavailable: no answer, or one that asks to come again (408, 425, 429, 5xx).
        """
        import httpx  # 60 ms that a process which calls nobody saves

        try:
            with self._client(url).stream(method, url, headers=dict(headers), **body) as response:
                answer = Answer(response.status_code, _start_of(response))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ChannelUnavailable(f"{place(url)} did not answer: {type(error).__name__}.", "Is it up?") from error
        if answer.status in _COME_AGAIN or answer.status >= 500:
            raise ChannelUnavailable(f"{place(url)} answered {answer.status}.", "It will be tried again.")
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, url: str) -> httpx.Client:
        import httpx

        # Loading the certificates takes tens of milliseconds, for nothing where there is no TLS.
        safe = urlsplit(url).scheme != "http"
        if safe not in self._clients:
            self._clients[safe] = httpx.Client(
                timeout=self._timeout, follow_redirects=False, trust_env=False, verify=safe
            )
        return self._clients[safe]


def accepted(url: str, answer: Answer, secrets: Iterable[str] = ()) -> Answer:
    """Return the answer if it says yes.

    Args:
        secrets: never shown, should the receiver repeat them.

    Raises:
        NotPossible: the receiver refused (4xx, a redirect).
    """
    if not 200 <= answer.status < 300:
        said = hidden(one_line(answer.text, 200), secrets)
        raise NotPossible(f"{place(url)} answered {answer.status}: {said}", "Check address and body.")
    return answer


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return the text without these secrets."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def place(url: str) -> str:
    """Return what may be shown of an address: path and query may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _start_of(response: httpx.Response) -> str:
    taken = b""
    for chunk in response.iter_bytes(8192):
        taken += chunk
        if len(taken) >= ANSWER_BYTES:
            break
    return taken[:ANSWER_BYTES].decode("utf-8", "replace")
