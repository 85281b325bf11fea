"""Text that came from telemetry, made harmless for a terminal or a chat."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories: control, format (such as text direction), surrogate, private use, line and paragraph breaks."""


def plain(text: str, limit: int = 4000) -> str:
    """Return `text` without characters that steer a terminal or hide text, cut to `limit` characters.

    >>> plain("disk \\x1b[31mfull\\u202e")
    'disk [31mfull'
    """
    cut = text[:limit]
    clean = "".join(char for char in cut if char in _KEPT or unicodedata.category(char) not in _DROPPED)
    return clean if len(text) <= limit else clean + " […]"


def one_line(text: str, limit: int = 500) -> str:
    """Return `text` as `plain` does, on one line."""
    return " ".join(plain(text, limit).split())
