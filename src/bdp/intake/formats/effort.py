r"""How long a line a regular expression may be given, so that no line is slow to match.

A backtracking matcher tries a repeat at every length. Where what follows can begin inside the repeat (`.* x`), each
length is tried anew for the rest, so such repeats multiply. Where it cannot (`\S+ `, `\w+]`), only the full length goes
on: it costs its length, once for each try of those that multiply before it. A repeat that ends the pattern never fails.
A repeat inside a repeat has no bound at all.

The pattern is read by its parts, not parsed in full: what is not understood counts as multiplying.
"""

from __future__ import annotations

import re
from typing import Final

LENGTHS: Final = (8192, 2048, 512)
"""Characters of a line that are matched: the first of these at which the effort is bounded."""

MAX_STEPS: Final = 2**27
MAX_PARTS: Final = 2000
_PART = re.compile(
    r"(?P<group>\((?:\?(?:P<\w+>|:|<?[=!]|[aiLmsux-]+:?|>)?)?)|(?P<close>\))|(?P<either>\|)"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?)|(?P<one>\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)",
    re.DOTALL,
)
_SAMPLE: Final = "".join(map(chr, range(0x250)))
_ENDS: Final = (r"$", r"\Z")

_FIXED: Final = re.compile(r"\{[1-9]\d{0,3}\}")

Part = tuple[str, str]


def longest_line(pattern: str, flags: int) -> int:
    """Return how many characters of a line the pattern may be given; 0 if even a short line could be slow."""
    parts = [(str(match.lastgroup), match[0]) for match in _PART.finditer(pattern)]
    parts = _unrolled(parts)
    if len(parts) > MAX_PARTS or _nested(parts):
        return 0
    factor, degree, most = 1, 0, 0
    for position, (kind, text) in enumerate(parts):
        if kind != "repeat" or _cannot_fail(parts, position):
            continue
        spread = _spread(text)
        most = max(most, degree + (spread is None))
        if _multiplies(parts, position, flags):
            degree += spread is None
            factor *= spread or 1
    return next((length for length in LENGTHS if factor * length**most <= MAX_STEPS), 0)


def _cannot_fail(parts: list[Part], position: int) -> bool:
    """Say whether a repeat ends the pattern; after a look-around, the end may still be refused."""
    around = any(kind == "group" and text[-1] in "=!" for kind, text in parts)
    return not around and _behind(parts, position) == len(parts)


def _unrolled(parts: list[Part]) -> list[Part]:
    """Write a group with a fixed count, such as the `{3}` of an address, that many times; stop where it is too long."""
    done: list[Part] = []
    opened: list[int] = []
    last = 0
    for kind, text in parts:
        if kind == "repeat" and _FIXED.fullmatch(text) and done and done[-1][0] == "close":
            done += done[last:] * min(int(text[1:-1]) - 1, MAX_PARTS)
        else:
            done.append((kind, text))
        if kind == "group":
            opened.append(len(done) - 1)
        elif kind == "close" and opened:
            last = opened.pop()
        if len(done) > MAX_PARTS:
            break
    return done


def _nested(parts: list[Part]) -> bool:
    """Say whether a group with a repeat or a choice in it is itself repeated."""
    holds = [False]
    closed = False
    for kind, text in parts:
        if kind == "repeat" and closed and _spread(text) != 2:
            return True
        if kind == "close" and len(holds) > 1:
            closed = holds.pop()
            holds[-1] |= closed
            continue
        closed = False
        if kind == "group":
            holds.append(False)
        elif kind in ("repeat", "either"):
            holds[-1] = True
    return False


def _spread(repeat: str) -> int | None:
    """Return how many lengths a repeat has; None if it has no bound."""
    if repeat[0] == "?":
        return 2
    least, comma, most = repeat.rstrip("?+").strip("{}").partition(",")
    if repeat[0] != "{" or (comma and not most):
        return None
    return int(most) - int(least or 0) + 1 if comma else 1


def _multiplies(parts: list[Part], position: int, flags: int) -> bool:
    """Say whether what follows a repeat may begin inside it."""
    kind, one = parts[position - 1]
    at = _behind(parts, position)
    if at == len(parts):
        return True
    if kind == "one" and parts[at][1] in _ENDS:
        return one != "."
    first = _first(parts, at) if kind == "one" else None
    return first is None or _overlap(one, first, flags)


def _behind(parts: list[Part], position: int) -> int:
    """Return the place of the next part after a repeat, out of its groups; that these are optional changes nothing."""
    at = position + 1
    while at < len(parts) and (parts[at][0] == "close" or (parts[at - 1][0] == "close" and parts[at][1] == "?")):
        at += 1
    return at


def _first(parts: list[Part], at: int) -> str | None:
    """Return a pattern of the one character that must stand here; None where it may be skipped or is not known."""
    kind, text = parts[at]
    if kind == "one":
        skipped = at + 1 < len(parts) and parts[at + 1][0] == "repeat" and not _needed(parts[at + 1][1])
        return None if skipped else text
    if kind != "group" or not _holds_text(text):
        return None
    branches = _branches(parts, at)
    firsts = [_first(parts, branch) if branch < len(parts) else None for branch in branches]
    return None if not firsts or None in firsts else f"(?:{'|'.join(filter(None, firsts))})"


def _holds_text(group: str) -> bool:
    return group in ("(", "(?:") or group.startswith("(?P<")


def _needed(repeat: str) -> bool:
    return repeat[0] == "+" or (repeat[0] == "{" and repeat[1] in "123456789")


def _branches(parts: list[Part], start: int) -> list[int]:
    """Return where each choice of a group begins; none if the group may be skipped."""
    depth = 0
    found = [start + 1]
    for at in range(start, len(parts)):
        kind, _ = parts[at]
        depth += (kind == "group") - (kind == "close")
        if kind == "either" and depth == 1:
            found.append(at + 1)
        if depth == 0:
            repeated = at + 1 < len(parts) and parts[at + 1][0] == "repeat" and not _needed(parts[at + 1][1])
            return [] if repeated else found
    return []


def _overlap(one: str, other: str, flags: int) -> bool:
    """Say whether a character fits both; what fits no single character, such as `^`, counts as fitting."""
    try:
        first, second = re.compile(one, flags), re.compile(other, flags)
    except re.error:
        return True
    fits = [character for character in _SAMPLE if second.fullmatch(character)]
    return not fits or any(first.fullmatch(character) for character in fits)
