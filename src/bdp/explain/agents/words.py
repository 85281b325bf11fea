"""What a model wrote, as people may read it: plain text that gives no orders, runs nothing, and is its own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bdp.explain.insight.plain import commands, orders, plain
from bdp.model.evidence import Evidence

_TICK: Final = "\u02cb"
_QUOTED: Final = re.compile(r"`[^`]*`")
_WORD: Final = re.compile(r"\w+")
_A_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{5,20}Z?")
_RUN: Final = 5
_LEAST_RUN: Final = 3
_LONGEST: Final = 1_000


def spoken(text: str) -> str:
    """Return a sentence without control characters, markup and addresses; names stay in backticks.

    >>> spoken("`cart` fails, see [this](http://x.example)\\x1b[2J")
    '`cart` fails, see this [2J'
    """
    return plain(text.replace(_TICK, " ").replace("`", _TICK)).replace(_TICK, "`")


def is_fit(text: str) -> bool:
    """Return whether a text may be shown: it says something, gives a model no orders, and has no command line."""
    return bool(text) and not orders(text) and not commands(text)


def runs_of(evidence: Iterable[Evidence]) -> frozenset[tuple[str, ...]]:
    """Return the runs of five words in what machines wrote, of shorter texts all of their words if at least three."""
    texts = (text for one in evidence for text in (*one.samples, *_texts(one.value)))
    return frozenset(run for text in texts if not _A_TIME.fullmatch(text) for run in _runs(text))


def repeats(text: str, runs: frozenset[tuple[str, ...]]) -> bool:
    """Return whether a text says, outside backticks and as if it were its own words, what machines wrote.

    A quotation is data and looks so. Telemetry that speaks through a model would carry its own evidence with it.
    """
    words = tuple(_WORD.findall(_QUOTED.sub(" | ", text).casefold()))
    lengths = range(_LEAST_RUN, _RUN + 1)
    return any(words[at : at + length] in runs for length in lengths for at in range(len(words) - length + 1))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = tuple(_WORD.findall(text[:_LONGEST].casefold()))
    if _LEAST_RUN <= len(words) < _RUN:
        yield words
    yield from (words[at : at + _RUN] for at in range(len(words) - _RUN + 1))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
