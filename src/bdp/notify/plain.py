"""Text that came from telemetry, made harmless for a terminal or a chat."""

from __future__ import annotations

import re
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


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_CALLS = re.compile(r"@(?=[\w<])")


def unmarked(text: str) -> str:
    r"""Return markdown, in which telemetry is escaped, for a reader that knows no markdown: without the backslashes.

    >>> unmarked(r"rate \*high\* on host\_1")
    'rate *high* on host_1'
    """
    return _ESCAPED.sub(r"\1", text)


def calling_nobody(text: str) -> str:
    """Return `text` in which no `@name` makes a chat program call people: an invisible sign parts it."""
    return _CALLS.sub("@\u200b", text)
