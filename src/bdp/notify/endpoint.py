"""Calls to other systems over HTTP, with little room for mischief.

An address may come from a playbook or a model, so nothing is called that the operator did not list: the URL must start
with a listed prefix (same scheme, host and port; path below the prefix's), use https (http only to this machine, unless
allowed), and hold no user name, no fragment, no backslash and no `..`. Redirects are not followed, proxies from the
environment are not used, an answer is read up to 64 KiB. Secrets are named, `env:NAME`, and resolved only in the call.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from bdp.errors import BadSetting, NotAllowed
from bdp.notify.line import Line, accepted
from bdp.notify.plain import one_line

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
    return {
        name: secret_of(value, secrets) if value.startswith(REFERENCE) else value for name, value in headers.items()
    }


def call(
    method: str,
    url: str,
    body: Any,
    *,
    key: str,
    headers: Mapping[str, str],
    timeout: float,
    line: Line | None = None,
) -> dict[str, Any]:
    """Send JSON once and return `status` and the start of the answer.

    Args:
        line: a kept connection to use; its own timeout holds.

    Raises:
        ChannelUnavailable: no answer, or one that asks to come again (408, 425, 429, 5xx).
        NotPossible: the receiver refused (other 4xx, a redirect).
    """
    sent = {**headers, "Idempotency-Key": _in_a_header(key)}
    with nullcontext(line) if line else Line(timeout) as used:
        answer = accepted(url, used.send(method, url, headers=sent, json=body), headers.values())
    return {"status": answer.status, "answer": one_line(answer.text)}


def secret_of(reference: str, secrets: Secrets) -> str:
    """Return the secret that `env:NAME` names.

    Raises:
        BadSetting: there is no such secret.
    """
    value = secrets(reference.removeprefix(REFERENCE))
    if not value:
        raise BadSetting(f"The secret {reference} is not set.", "Set that environment variable.")
    return value


def _in_a_header(key: str) -> str:
    # A header takes printable ASCII; what is none is written as a URL would.
    return quote(key, safe="!#$%&'()*+,/:;=?@[]~ ") if not (key.isascii() and key.isprintable()) else key


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
