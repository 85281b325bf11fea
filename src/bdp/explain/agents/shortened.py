"""Short names of what is billed: `RDS` for Amazon Relational Database Service, `S3`, `EC2`, `Compute`.

A word stands for what is billed whose name plainly has it as a word, or whose initials it is, without who sells it. A
run of one letter may be counted, as people do: `S3` for S, S, S. Nothing is keyed to a vendor's list of services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from bdp.explain.agents.lexicon import GENERIC, ORDINARY
from bdp.explain.agents.named import VENDOR, formed

_SOLD_BY: Final = r"(?:(?:amazon|aws|azure|google cloud|oracle)[\s_-]+)?"
_CANDIDATE: Final = re.compile(
    rf"(?<![a-z0-9._/-]){_SOLD_BY}(?P<word>[a-z][a-z0-9]{{1,29}})(?![a-z0-9]|[._/-][a-z0-9])"
)
_TOKEN: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN: Final = re.compile(r"\s+-\s+|[(/:]")
_LITTLE: Final = frozenset({"for", "of", "and", "the", "on", "in", "to"})
_HANGUL: Final = re.compile(r"[가-힣]")
_FEWEST: Final = 2


def shortened(text: str, cased: str, billed: Iterable[str]) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return what is billed that short names in a text may mean, by where they stand.

    Args:
        text: in lower case, without names and times that are known; `cased`: the same as it was written.
    """
    words = {match: match["word"] for match in _CANDIDATE.finditer(text)}
    wanted = {match: word for match, word in words.items() if word not in ORDINARY and word not in GENERIC}
    if not wanted:
        return {}
    forms = [(name, initials(name), tokens(name)) for name in dict.fromkeys(billed)]
    korean = _HANGUL.search(text) is not None
    found = {}
    for match, word in wanted.items():
        names = [name for name, letters, _ in forms if word in letters]
        if not names and (korean or _is_written_as_a_name(cased, match.start("word"), match.end("word"))):
            names = [name for name, _, parts in forms if word in parts]
        if names:
            found[match.span()] = tuple(names)
    return found


def initials(name: str) -> frozenset[str]:
    """Return the initials of a name, lower case, also with runs of a letter counted.

    >>> sorted(initials("Amazon Simple Storage Service")), "ec2" in initials("Amazon Elastic Compute Cloud - Compute")
    (['s3', 'sss'], True)
    """
    bare = VENDOR.sub("", formed(name), count=1)
    heads = (_BETWEEN.split(bare)[0], bare)
    return frozenset(form for head in heads for form in _forms(head) if len(form) >= _FEWEST)


def tokens(name: str) -> frozenset[str]:
    """Return the words of a name, lower case, without who sells it.

    >>> sorted(tokens("AmazonEC2")), sorted(tokens("EC2 - Other"))
    (['ec2'], ['ec2', 'other'])
    """
    bare = VENDOR.sub("", formed(name), count=1)
    return frozenset(one for one in _words(_CAMEL.sub(" ", bare)) if len(one) >= _FEWEST)


def _forms(text: str) -> Iterator[str]:
    letters = "".join(word[0] for word in _words(_CAMEL.sub(" ", text)) if word not in _LITTLE and word[0].isalpha())
    yield letters
    runs = [(letter, len(list(same))) for letter, same in groupby(letters)]
    yield "".join(letter if count == 1 else f"{letter}{count}" for letter, count in runs)


def _words(text: str) -> list[str]:
    return [match[0].lower() for match in _TOKEN.finditer(text)]


def _is_written_as_a_name(cased: str, start: int, end: int) -> bool:
    """Return whether a word has a digit or a capital; the first of a sentence more than its first letter."""
    word = cased[start:end]
    opens = not cased[:start].strip() or cased[:start].rstrip()[-1:] in ".!?"
    return any(one.isdigit() or one.isupper() for one in (word[1:] if opens else word))


def each(found: Mapping[tuple[int, int], tuple[str, ...]], text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each short name as a text in its own letters has it, with what it may mean."""
    for (start, end), names in found.items():
        yield text[start:end].strip(), names
