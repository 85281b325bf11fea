"""Routes from raw paths: ids give way to `{id}`, so that one route has one name, as OpenTelemetry's `http.route` asks.

A segment is an id if it is a number, a UUID, a ULID, 16 or more hex digits, or has four digits among other characters.
The name of a file (its last segment, with an extension) stays, unless all before the extension is an id:
`logo-2013.png` is a file, `4711.pdf` an invoice; before `.json` and `.xml`, the rule of segments holds. Two words and
their year (`puppetconf-talk-2012`) stay too.

Work: linear in the first 4,096 characters; the result has at most 200 characters and 20 segments.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 200
MAX_SEGMENTS = 20
ID = "{id}"
_MAX_PATH = 4096
_HAS_ID = re.compile(r"[0-9;]")
_WHOLE = re.compile(
    r"[0-9]+|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}"
    r"|(?=[A-Fa-f]{0,64}[0-9])[0-9A-Fa-f]{16,}"
)
_DIGITS = 4
_EXTENSION = re.compile(r"[A-Za-z][0-9A-Za-z]{0,4}")
_YEAR = re.compile(r"(?<![0-9A-Za-z])(?:19|20)[0-9]{2}(?![0-9A-Za-z])")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_WORD = re.compile(r"[A-Za-z]{3,}")


def template(path: str) -> str:
    """Return the route of a path: without query and path parameters (`;jsessionid=…`), with `{id}` for ids."""
    path = path[:_MAX_PATH].partition("?")[0]
    if len(path) <= MAX_CHARACTERS and not _HAS_ID.search(path) and path.count("/") <= MAX_SEGMENTS:
        return path
    scheme, mark, rest = path.partition("://")
    if not mark:
        return _segments(path)[:MAX_CHARACTERS]
    host, slash, behind = rest.partition("/")
    return (scheme + mark + host + _segments(slash + behind))[:MAX_CHARACTERS]


def _segments(path: str) -> str:
    parts = [part.partition(";")[0] for part in path.split("/", MAX_SEGMENTS + 1)]
    cut = parts[MAX_SEGMENTS + 1 :]
    parts = parts[: MAX_SEGMENTS + 1]
    last = -1 if cut else len(parts) - 1
    named = [_file(part) if number == last else _segment(part) for number, part in enumerate(parts)]
    return "/".join(named + (["…"] if cut else []))


def _file(part: str) -> str:
    """A file's name says what it is; only one that is nothing but an id, or an answer's format behind one, does not."""
    stem, dot, extension = part.rpartition(".")
    if not stem or not _EXTENSION.fullmatch(extension):
        return _segment(part)
    if extension in ("json", "xml"):
        return _segment(stem) + dot + extension
    return ID + dot + extension if _WHOLE.fullmatch(stem) else part


def _segment(part: str) -> str:
    if _WHOLE.fullmatch(part):
        return ID
    text = _ESCAPE.sub("-", part)
    if _digits(text) < _DIGITS:
        return part
    titled = len(_WORD.findall(text)) > 1 and _digits(_YEAR.sub("", text)) < _DIGITS
    return part if titled else ID


def _digits(part: str) -> int:
    return sum("0" <= character <= "9" for character in part)
