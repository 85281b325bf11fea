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


def plain(text: str, longest: int = _LONGEST) -> str:
    """Return one line without control, invisible or direction-changing characters, at most `longest` long."""
    visible = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text[: longest * 4])
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escape(text: str, longest: int = _LONGEST) -> str:
    """Return `text` as one line of markdown that shows it as it is and does nothing."""
    line = _SPECIAL.sub(r"\\\g<0>", plain(text, longest))
    line = _LINK.sub(r"\\", line)
    match = _BEGINS_BLOCK.match(line)
    if match is None:
        return line
    place = 0 if match.group()[0] in "#>+=-" else match.end()
    return f"{line[:place]}\\{line[place:]}"


def code(text: str) -> str:
    """Return `text` as a code span; backticks and bars, which would end it or a cell, become other signs."""
    return f"`{plain(text).replace('`', chr(39)).replace('|', '¦')}`"
