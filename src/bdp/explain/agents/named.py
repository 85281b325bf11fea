"""Names in a question: those that are stored, however their parts are joined, and words that look like others.

A stored name stands in a text if its parts stand there in order, upper or lower case, joined by a blank, `-`, `_`, `.`,
`/`, `:` or nothing, and no letter or digit of the same script goes on at either end. Behind it may stand what Korean
puts behind a noun: particles, a word for a service. Time: linear in the text and in the stored names; a pattern is made
only of a name whose letters are in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bdp.explain.agents.lexicon import BEFORE, GENERIC, MARKS, ORDINARY, PARTICLES

_JOIN: Final = r"[\s\-_./:]{0,3}"
_SEPARATORS: Final = re.compile(r"[\s\-_./:]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HANGUL: Final = re.compile(r"[가-힣]")
_ENDINGS: Final = "|".join(map(re.escape, sorted((*PARTICLES, *GENERIC), key=len, reverse=True)))
_BEHIND_HANGUL: Final = rf"(?=(?:{_JOIN}(?:{_ENDINGS})){{0,4}}(?![가-힣\w]))"
_BEHIND_LATIN: Final = r"(?![a-z0-9]|[-_][a-z0-9])"
_AHEAD_LATIN: Final = r"(?<![a-z0-9])(?<![a-z0-9][-_])"
_AHEAD_HANGUL: Final = r"(?<![가-힣\w])"
_WORD: Final = re.compile(r"`([^`]{1,120})`|\"([^\"]{1,120})\"|([\w][\w.\-/:]{0,119})")
_LIKE_A_NAME: Final = re.compile(r".*(?:[^\W\d].*\d|\d.*[^\W\d]|[A-Za-z0-9][._/:][A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2})")
_NOUN: Final = re.compile(rf"\s{{1,3}}(?:{'|'.join(map(re.escape, sorted(GENERIC, key=len, reverse=True)))})")
VENDOR: Final = re.compile(r"^(?:amazon|aws|azure|google cloud|oracle)[\s_-]*", re.IGNORECASE)
_SHORT: Final = 3
"""Letters of a name that is never said in the plural: `go` is not `gos`."""
_MEASURE: Final = re.compile(r"\d+[a-z%]{0,3}$")
_PLAIN_SIGNS: Final = re.compile(r"[.\-/:]+$")
_TAIL: Final = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(PARTICLES, key=len, reverse=True)))})$")
_MARKED: Final = re.compile(rf"(?:{'|'.join(sorted(MARKS, key=len, reverse=True))})$")


@dataclass(frozen=True)
class Said:
    """A stored name where a text has it."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Strange:
    """A word that is neither ordinary nor stored.

    Attributes:
        sure: it is quoted, or written as names are.
        placed: it stands where a question says what it is about.
    """

    word: str
    sure: bool
    placed: bool


def formed(text: str) -> str:
    """Return a text in one form of its letters.

    >>> formed("Ｃheckout"), len(formed("\u1100\u1167"))
    ('Checkout', 1)
    """
    return unicodedata.normalize("NFKC", text)


def lowered(text: str) -> str:
    """Return a text in lower case, as long as it was: places in one are places in the other.

    >>> lowered("Checkout İ")
    'checkout İ'
    """
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def stored(text: str, known: Iterable[str]) -> list[Said]:
    """Return the stored names in a text in lower case, in the order of their places; of two at one place the longer.

    A name that ends in a word such as `service`, or begins with who sells it, may be said without that, where no whole
    name is said.
    """
    every = [one for one in dict.fromkeys(known) if len(one) > 1]
    squeezed = _squeezed(text)
    whole = [said for one in every for said in _at(text, squeezed, one, _parts(one))]
    found = longest(whole)
    less = ((one, parts) for one in every for parts in (_short(one), _without_vendor(one)) if parts)
    shorter = [said for one, parts in less for said in _at(text, squeezed, one, parts)]
    return sorted(longest([*found, *(one for one in shorter if not _over(one, found))]), key=lambda one: one.start)


def whole(text: str, known: Iterable[str]) -> list[Said]:
    """Return the stored names that a text in lower case has as they are, none of them inside of another."""
    squeezed = _squeezed(text)
    every = [one for one in dict.fromkeys(known) if len(one) > 1]
    return longest([said for one in every for said in _at(text, squeezed, one, _parts(one))])


def _without_vendor(name: str) -> list[str]:
    """Return the parts of a name of what is billed without who sells it; none where it has no such beginning."""
    bare = VENDOR.sub("", name, count=1)
    return _parts(bare) if bare != name and len(bare) >= _SHORT else []


def without(text: str, names: Sequence[Said]) -> str:
    """Return a text with blanks where names stand."""
    for one in names:
        text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text


def strange(text: str, cased: str, is_known: Callable[[str], bool]) -> list[Strange]:
    """Return the words of a text that are not ordinary, each once.

    Args:
        text: in lower case; `cased`: the same as it was written.
        is_known: which other words mean something.
    """
    found: dict[str, Strange] = {}
    previous = ""
    for match in _WORD.finditer(text):
        quoted = match[1] or match[2]
        word = (quoted or _PLAIN_SIGNS.sub("", match[3])).strip()
        bare = word if quoted else _bare(word)
        placed = bool(previous in {*BEFORE, *GENERIC} or _NOUN.match(text, match.end())) or _is_marked(word)
        if len(bare) > 1 and not _MEASURE.match(bare) and (quoted or not _says_nothing(word, bare, is_known)):
            written = cased[match.start() : match.end()].strip('`"')[: len(bare)]
            sure = bool(quoted) or _LIKE_A_NAME.match(written) is not None
            found.setdefault(bare, Strange(written, sure, placed or sure))
        previous = word
    return list(found.values())


def _is_marked(word: str) -> bool:
    return bool(_HANGUL.search(word) and _MARKED.search(word))


def _says_nothing(word: str, bare: str, is_known: Callable[[str], bool]) -> bool:
    return any(one in ORDINARY or one in GENERIC or is_known(one) for one in (word, bare, *_stems(bare)))


def _stems(word: str) -> Iterator[str]:
    if word.endswith("'s"):
        yield word[:-2]
    if word.isascii() and word.endswith("s"):
        yield word[:-1]


def _bare(word: str) -> str:
    """Return a word without the Korean that stands behind it.

    >>> _bare("checkout에서는"), _bare("결제가"), _bare("날씨")
    ('checkout', '결제', '날씨')
    """
    latin = re.match(r"([a-z0-9][a-z0-9._\-/:]*)[가-힣]+$", word)
    if latin:
        return latin[1]
    for _ in range(3):
        shorter = _TAIL.sub("", word)
        if shorter == word or not shorter or not _HANGUL.search(word):
            return word
        word = shorter
    return word


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _parts(name: str) -> list[str]:
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name))
    return [part for part in _SEPARATORS.split(spaced.lower()) if part]


def _short(name: str) -> list[str]:
    """Return the parts of a name before a word such as `service`; none where it does not end in one."""
    parts = _parts(name)
    if len(parts) > 1 and parts[-1] in GENERIC:
        return parts[:-1] if len("".join(parts[:-1])) > 1 else []
    ending = next((one for one in GENERIC if len(parts) == 1 and len(one) > 1 and parts[0].endswith(one)), "")
    short = parts[0].removesuffix(ending) if ending and not ending.isascii() else ""
    return [short] if len(short) > 1 else []


def _at(text: str, squeezed: str, name: str, parts: Sequence[str]) -> Iterator[Said]:
    if not parts or "".join(parts) not in squeezed:
        return
    ahead = _AHEAD_HANGUL if _HANGUL.match(parts[0][0]) else _AHEAD_LATIN
    behind = _BEHIND_HANGUL if _HANGUL.match(parts[-1][-1]) else _BEHIND_LATIN
    body = _JOIN.join(map(re.escape, parts))
    plural = "(?:'?s)?" if parts[-1][-3:].isascii() and len(parts[-1]) > _SHORT else ""
    for match in re.finditer(f"{ahead}{body}{plural}{behind}", text):
        yield Said(name, match.start(), match.end())


def longest(names: Iterable[Said]) -> list[Said]:
    """Return names none of which stands inside of another; of equal ones all."""
    longest = sorted(names, key=lambda one: one.start - one.end)
    kept: list[Said] = []
    for one in longest:
        if not _over(one, [other for other in kept if (other.start, other.end) != (one.start, one.end)]):
            kept.append(one)
    return kept


def _over(one: Said, others: Sequence[Said]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)
