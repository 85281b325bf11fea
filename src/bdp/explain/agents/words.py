"""What a model wrote, as people may read it: plain text that neither orders a model nor runs anything."""

from __future__ import annotations

from typing import Final

from bdp.explain.insight.plain import commands, orders, plain

_TICK: Final = "\u02cb"


def spoken(text: str) -> str:
    """Return a sentence without control characters, markup and addresses; names stay in backticks.

    >>> spoken("`cart` fails, see [this](http://x.example)\\x1b[2J")
    '`cart` fails, see this[2J'
    """
    return plain(text.replace(_TICK, " ").replace("`", _TICK)).replace(_TICK, "`")


def is_fit(text: str) -> bool:
    """Return whether a text may be shown: it says something, gives a model no orders, and has no command line."""
    return bool(text) and not orders(text) and not commands(text)
