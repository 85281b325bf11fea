"""Accounts in a question about money: by their stored names and ids, upper or lower case, with Korean behind them.

In such a question a name of an account is the account, also where a service of events is called the same. What is an
ordinary word, a word for money or a short number besides is an account only right by `account` or `계정`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bdp.explain.agents.lexicon import GENERIC, ORDINARY
from bdp.explain.agents.named import Said, longest, whole

_STAGES: Final = frozenset({"prod", "production"})
"""Ordinary words that mean an account wherever one is called so."""
_SHORT_NUMBER: Final = re.compile(r"\d{1,7}")
_AHEAD: Final = re.compile(r"(?:\baccounts?\s{1,3}(?:id\s|named\s|called\s|number\s)?|계정\s{0,3})[`\"']?$")
_BEHIND: Final = re.compile(r"[`\"']?(?:'s)?\s{0,3}(?:\b(?:cloud\s|aws\s)?accounts?\b|계정)")
_REACH: Final = 24
_KINDS: Final = frozenset(
    (
        *("per", "aws", "azure", "gcp", "google", "oracle", "cloud", "sub", "linked", "member", "payer", "management"),
        *("single", "across", "own", "new", "old", "id", "ids", "name", "names", "breakdown", "owner", "owners"),
        *("manager", "level", "balance"),
    )
)
"""Words right by `account` that say which kind, or what of it."""
_WORD: Final = r"(?P<{}>[a-z0-9][a-z0-9_.-]{{0,119}})"
_ANY: Final = "".join(
    rf"(?<!\b{word} )" for word in ("which", "what", "each", "every", "per", "any", "the", "this", "our")
)
_BESIDE: Final = re.compile(
    rf"{_ANY}\baccount\s{{1,3}}(?:id\s|named\s|called\s|number\s)?[`\"']?{_WORD.format('behind')}"
    rf"|{_WORD.format('ahead')}[`\"']?\s{{1,3}}(?:account\b|계정)"
)


def accounts_in(text: str, known: Iterable[str], is_known: Callable[[str], bool]) -> list[Said]:
    """Return the accounts that a text, lower case, names.

    Args:
        is_known: which words mean something else.
    """
    return [one for one in whole(text, known) if _is_by_account(text, one) or not _says_else(one.name, is_known)]


def apart(said: Sequence[Said], accounts: Sequence[Said], billed: Iterable[str]) -> tuple[list[Said], list[Said]]:
    """Return names and accounts, each place for the longer one; of equal ones the account, unless the other is billed.

    What is billed and an account by the same name is the account only where the text says so.
    """
    held = {one.name for one in said} & set(billed)
    kept = longest([*said, *accounts])
    mine = [one for one in accounts if one in kept]
    places = {(one.start, one.end) for one in mine}
    others = [one for one in said if one in kept and (one.name in held or (one.start, one.end) not in places)]
    taken = {(one.start, one.end) for one in others}
    return others, [one for one in mine if (one.start, one.end) not in taken]


def is_by_account(text: str, said: Sequence[Said]) -> bool:
    """Return whether one of these stands right by a word for accounts."""
    return any(_is_by_account(text, one) for one in said)


def unknown(text: str, is_known: Callable[[str], bool]) -> list[str]:
    """Return the words right by `account` or `계정` in a text, without known names, that would be an account's name."""
    words = (match["behind"] or match["ahead"] for match in _BESIDE.finditer(text))
    bare = (word.rstrip(".-") for word in words)
    return [one for one in bare if one not in _KINDS and not _says_else(one, is_known, numbers=False)]


def _is_by_account(text: str, one: Said) -> bool:
    ahead, behind = text[max(0, one.start - _REACH) : one.start], text[one.end :]
    return _AHEAD.search(ahead) is not None or _BEHIND.match(behind) is not None


def _says_else(name: str, is_known: Callable[[str], bool], *, numbers: bool = True) -> bool:
    word = name.lower()
    if word in _STAGES:
        return False
    return (
        word in ORDINARY
        or word in GENERIC
        or (word.isalnum() and is_known(word))
        or (numbers and _SHORT_NUMBER.fullmatch(word) is not None)
    )
