"""The level that a line of text says of itself, where nothing around it says one."""

from __future__ import annotations

from typing import Final

from bdp.intake.aliases import LEVEL_WORDS, LEVELS

_FIRST_WORDS = 6
_HEAD = 200
_AROUND: Final = "[](){}<>|:,\"'"
_DIGITS: Final = "0123456789"
_WORDS: Final = {name: LEVELS[name] for name in LEVEL_WORDS}
_KEYS: Final = frozenset({"level", "lvl", "severity", "loglevel", "log_level", "log.level"})


def first_level(line: str) -> str:
    """Return the level among a line's first words; empty if none of them is one.

    That is a level's name in capitals (`ERROR`, `[WARN]`, `FATAL:`), in brackets in any case (`[error]`,
    `[core:error]`), or under its own key in any case (`level=error`). Other words in small letters are prose.

    >>> first_level('2026-11-21T10:00:00Z level=error msg="payment failed"')
    'ERROR'
    >>> first_level("no error was found")
    ''
    """
    for word in line[:_HEAD].split(None, _FIRST_WORDS)[:_FIRST_WORDS]:
        if word in _WORDS:
            return _WORDS[word]
        # Most words are done here: this runs for every line that comes in.
        if word.isalnum() or word[0] in _DIGITS:
            continue
        found = _WORDS.get(word.strip(_AROUND)) or ("=" in word and _keyed(word)) or (word[0] == "[" and _inside(word))
        if found:
            return found
    return ""


def _keyed(word: str) -> str:
    key, _, value = word.partition("=")
    return LEVELS.get(value.strip(_AROUND).upper(), "") if value and key.strip(_AROUND).lower() in _KEYS else ""


def _inside(word: str) -> str:
    inner, closed, behind = word[1:].partition("]")
    return _WORDS.get(inner.rpartition(":")[2].upper(), "") if closed and not behind.strip(":,-") else ""
