"""Makes text from outside harmless inside markdown, a table cell or a terminal, and no longer than it should be."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 300
# Always special; an underscore inside a word is not, and an ampersand only where it begins an entity.
_SPECIAL = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w{1,32};)")
# At the start of a line these would begin a heading, a quotation, a list or a rule.
_BEGINS_BLOCK = re.compile(r"[#>+=-]|\d{1,9}(?=[.)](?:\s|$))")
# What GitHub and chat programs turn into a link without being asked.
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)

_TICKS = re.compile(r"`+")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return one line without control, invisible or direction-changing characters, at most `longest` long."""
    visible = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text[: longest * 4])
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escape(text: str, longest: int = _LONGEST) -> str:
    """Return `text` as one line of markdown that shows it as it is and does nothing."""
    return _beginning(_inline(plain(text, longest)))


def prose(text: str, longest: int = _LONGEST) -> str:
    """Return a sentence as one line of markdown: what it has in backticks as code, the rest as `escape` would.

    A backtick without its partner is text. Not for a table cell, where a bar ends code.
    """
    pieces = _SPAN.split(plain(text, longest))
    shown = (_fenced(piece) if i % 3 == 2 else _inline(piece) for i, piece in enumerate(pieces) if i % 3 != 1)
    return _beginning("".join(shown))


def code(text: str) -> str:
    """Return `text` as a code span; not for a table cell, where a bar would end it."""
    return _fenced(plain(text))


def _fenced(text: str) -> str:
    fence = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    # Markdown takes one space off each end where both have one, but not of code that is nothing but spaces.
    gap = " " if text.strip() and (text[:1] in ("`", " ") or text[-1:] in ("`", " ")) else ""
    return f"{fence}{gap}{text}{gap}{fence}" if text else ""


def _inline(text: str) -> str:
    return _LINK.sub(r"\\", _SPECIAL.sub(r"\\\g<0>", text))


def _beginning(line: str) -> str:
    match = _BEGINS_BLOCK.match(line)
    if match is None:
        return line
    place = 0 if match.group()[0] in "#>+=-" else match.end()
    return f"{line[:place]}\\{line[place:]}"
