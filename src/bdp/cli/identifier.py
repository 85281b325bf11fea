"""Ids as people give them. They are pasted from chats, so that they may hold anything, other addresses too."""

from __future__ import annotations

import re

from bdp.errors import NotFound

_ID = re.compile(r"[A-Za-z0-9][\w:.-]{0,199}", re.ASCII)


def piece(given: str, noun: str, verb: str) -> str:
    """Return an id that is one piece of a path and nothing else.

    Args:
        noun: what it is the id of, such as `approval`.
        verb: lists those that there are, such as `bdp approvals`.

    Raises:
        NotFound: no such thing can have this id.
    """
    if not _ID.fullmatch(given):
        raise NotFound(f"There is no {noun} {given[:60]!a}.", f"See those there are: {verb}.")
    return given
