"""Who may ask: one token, made with the home and readable by its owner only.

People and our own programs send it as a bearer token. Senders of records may not be able to: they may give it as HTTP
Basic's password, which nothing else takes, since a browser would send a password it keeps to any page's request.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bdp.errors import NotAllowed

_bearer = HTTPBearer(auto_error=False, description="the text in the file `token` of the home; `bdp token` prints it")
_Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class BasicAsked(NotAllowed):
    """A sender that may know HTTP Basic only; some send no password before they are asked for one."""


def check(request: Request, given: _Given) -> None:
    """Let the request through if it carries the home's token.

    Raises:
        NotAllowed: no token, or another one.
    """
    if not _is_token(request, given.credentials if given else None):
        raise NotAllowed(
            "The request carries no valid token.", "Send 'Authorization: Bearer TOKEN'; 'bdp token' prints it."
        )


def check_sender(request: Request, given: _Given) -> None:
    """Let a sender of records through: as `check`, or with the token as HTTP Basic's password and any name.

    Raises:
        BasicAsked: no token, or another one.
    """
    token = given.credentials if given else _password(request.headers.get("authorization", ""))
    if not _is_token(request, token):
        raise BasicAsked(
            "The request carries no valid token.",
            "Send 'Authorization: Bearer TOKEN', or HTTP Basic with the token as password; 'bdp token' prints it.",
        )


def check_access_key(request: Request) -> None:
    """Let a Firehose delivery through if its access key is the home's token.

    Raises:
        NotAllowed: no key, or another one.
    """
    if not _is_token(request, request.headers.get("x-amz-firehose-access-key")):
        raise NotAllowed("The delivery carries no valid access key.", "Set it to the token; 'bdp token' prints it.")


def _is_token(request: Request, given: str | None) -> bool:
    """An empty token of our own switches the check off."""
    token: str = request.app.state.token
    return not token or (given is not None and hmac.compare_digest(given.encode(), token.encode()))


def _password(header: str) -> str | None:
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _name, colon, password = base64.b64decode(packed.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None
