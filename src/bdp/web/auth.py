"""Who may ask: one bearer token, made with the home and readable by its owner only."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bdp.errors import NotAllowed

_bearer = HTTPBearer(auto_error=False, description="the text in the file `token` of the home; `bdp token` prints it")


def check(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Let the request through if it carries the home's token.

    Raises:
        NotAllowed: no token, or another one.
    """
    token: str = request.app.state.token
    if not token:
        return
    if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
        raise NotAllowed(
            "The request carries no valid token.", "Send 'Authorization: Bearer TOKEN'; 'bdp token' prints it."
        )
