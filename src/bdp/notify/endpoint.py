"""Calls to other systems over HTTP, with little room for mischief.

An address may come from a playbook or a model, so nothing is called that the operator did not list: the URL must start
with a listed prefix (same scheme, host and port; path below the prefix's), use https (http only to this machine, unless
allowed), and hold no user name, no fragment, no backslash and no `..`. Redirects are not followed, proxies from the
environment are not used, an answer is read up to 64 KiB. Secrets are named, `env:NAME`, and resolved only in the call.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from bdp.errors import BadSetting, ChannelUnavailable, NotAllowed, NotPossible
from bdp.notify.plain import one_line

if TYPE_CHECKING:
    import httpx

ANSWER_BYTES = 64 * 1024
REFERENCE = "env:"

Secrets = Callable[[str], str | None]
"""Returns the value of a named secret, or None. The composition root supplies it."""


def no_secrets(name: str) -> str | None:
    """Know no secret."""
    return None


def check_url(url: str, allow_http: bool = False) -> SplitResult:
    """Return the parts of a URL that may be called at all.

    Raises:
        NotAllowed: it may not; the text says why.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise NotAllowed(f"The address {one_line(url, 200)!r} is not a URL.", "Write https://host/path.") from error
    if any(ord(char) <= 32 or char == "\\" for char in url) or not host:
        raise NotAllowed(f"The address {one_line(url, 200)!r} is not a plain URL.", "Write https://host/path.")
    if parts.username is not None or parts.fragment:
        raise NotAllowed(
            "An address may hold no user name and no fragment.", "Put credentials into a header as env:NAME."
        )
    if ".." in unquote(unquote(parts.path)).split("/"):
        raise NotAllowed("An address may not climb with '..'.", "Write the path out.")
    if parts.scheme != "https" and not (parts.scheme == "http" and (allow_http or _is_loopback(host))):
        raise NotAllowed(
            f"{parts.scheme or 'no scheme'}: only https is called, http on this machine only.", "Use https."
        )
    return parts


def is_listed(url: str, prefixes: tuple[str, ...], allow_http: bool = False) -> bool:
    """Return whether the operator listed a prefix of this URL; an empty list lists nothing."""
    parts = check_url(url, allow_http)
    return any(_below(parts, check_url(prefix, allow_http)) for prefix in prefixes)


def resolve(headers: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """Return the headers with `env:NAME` replaced by the secret.

    Raises:
        BadSetting: there is no such secret.
    """
    return {name: _secret(value, secrets) if value.startswith(REFERENCE) else value for name, value in headers.items()}


def call(method: str, url: str, body: Any, *, key: str, headers: Mapping[str, str], timeout: float) -> dict[str, Any]:
    """Send JSON once and return `status` and the start of the answer.

    Raises:
        ChannelUnavailable: no answer, or one that asks to come again (408, 425, 429, 5xx).
        NotPossible: the receiver refused (other 4xx, a redirect).
    """
    import httpx  # 60 ms that a process which calls nobody saves

    sent = {**headers, "Idempotency-Key": key}
    try:
        with (
            # Loading the certificates takes tens of milliseconds, for nothing where there is no TLS.
            httpx.Client(
                timeout=timeout, follow_redirects=False, trust_env=False, verify=urlsplit(url).scheme != "http"
            ) as client,
            client.stream(method, url, json=body, headers=sent) as response,
        ):
            answer = _start_of(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ChannelUnavailable(f"{_place(url)} did not answer: {type(error).__name__}.", "Is it up?") from error
    if response.status_code in {408, 425, 429} or response.status_code >= 500:
        raise ChannelUnavailable(f"{_place(url)} answered {response.status_code}.", "It will be tried again.")
    if not response.is_success:
        raise NotPossible(f"{_place(url)} answered {response.status_code}: {answer[:200]}", "Check address and body.")
    return {"status": response.status_code, "answer": answer}


def _start_of(response: httpx.Response) -> str:
    taken = b""
    for chunk in response.iter_bytes(8192):
        taken += chunk
        if len(taken) >= ANSWER_BYTES:
            break
    return one_line(taken[:ANSWER_BYTES].decode("utf-8", "replace"))


def _secret(reference: str, secrets: Secrets) -> str:
    value = secrets(reference.removeprefix(REFERENCE))
    if not value:
        raise BadSetting(f"The secret {reference} is not set.", "Set that environment variable.")
    return value


def _below(parts: SplitResult, prefix: SplitResult) -> bool:
    same_place = (parts.scheme, parts.hostname, _port(parts)) == (prefix.scheme, prefix.hostname, _port(prefix))
    root = prefix.path.rstrip("/")
    return same_place and (parts.path == root or parts.path.startswith(root + "/"))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(url: str) -> str:
    # Without path and query: they may hold a secret.
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"
