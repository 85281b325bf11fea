"""Values in SQL text. Telemetry is hostile, so every value that comes from it goes through `literal`.

ClickHouse reads C-like escapes inside single quotes. A backslash and a quote get a backslash before them; letters of
any script and harmless signs stay as they are, for people read these statements; everything else is written as `\\xHH`
per UTF-8 byte. Nothing in a value can end the literal, or look like a comment, a placeholder or a second statement.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

_PLAIN = frozenset(string.ascii_letters + string.digits + ' _.:,@=+()[]<>?|!%&~^-/*"#$')
_ESCAPED = {"\\": "\\\\", "'": "\\'"}
_LONGEST = 500
_PAIRS = frozenset({"--", "/*", "*/", "//"})


def literal(value: str | int | float | bool | datetime) -> str:
    """Return one value as ClickHouse SQL.

    Args:
        value: text (any code points; lone surrogates become `?`), a finite number, or an aware time.

    Raises:
        ValueError: a number that is not finite, or a naive time.
    """
    if isinstance(value, str):
        return f"'{_escaped(value)}'"
    if isinstance(value, datetime):
        return f"toDateTime64('{_instant(value)}', 6, 'UTC')"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number in SQL must be finite")
    return repr(int(value)) if isinstance(value, bool) else repr(value)


def equals(column: str, text: str) -> str:
    """Return the condition that a text column holds a text.

    A text of over 500 characters is compared by its beginning and its length: a statement has a limit (256 KiB), and
    nothing that telemetry says may push it over.
    """
    if len(text) <= _LONGEST:
        return f"{column} = {literal(text)}"
    return f"(startsWith({column}, {literal(text[:_LONGEST])}) AND lengthUTF8({column}) = {len(text):d})"


def matches(columns: Mapping[str, str]) -> str:
    """Return the condition that each column holds its text."""
    return " AND ".join(equals(column, text) for column, text in columns.items())


def literals(values: Iterable[str]) -> str:
    """Return texts as a parenthesised list for `IN`; an empty list matches nothing but the empty text."""
    return f"({', '.join(literal(value) for value in values) or literal('')})"


def _escaped(text: str) -> str:
    written = []
    before = ""
    for character in text:
        plain = (character in _PLAIN or character.isalpha()) and before + character not in _PAIRS
        written.append(character if plain else _ESCAPED.get(character) or _bytes(character))
        before = character
    return "".join(written)


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02X}" for byte in character.encode("utf-8", "replace"))


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a time in SQL must be aware")
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def address(host: str | None, port: int | None, database: str | None) -> str:
    """Return where a relational database is, as people say it, without user and password.

    Args:
        host: name, IP address or folder of the server's socket; None for a file.
        database: its name, or the file's path.
    """
    place = host if port is None else f"{host}:{port}"
    return f"{database or 'the default database'} at {place}" if host else database or "in memory"


def away(what: str, where: str, error: BaseException) -> str:
    """Return the sentence that says that a relational database did not do something.

    Args:
        what: as it begins, such as "The state database".
        where: see `address`.
        error: the driver's own. One with an `sqlstate`, or a code of SQLite's, comes from a database that did answer.
    """
    reason = " ".join(str(error).split())
    if getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorcode", None):
        return f"{what} ({where}) could not do this: {reason[:300].rstrip('.')}."
    # libpq says the address again, and asks whether the server runs.
    reason = reason.split(" Is the server ")[0].rpartition("failed: ")[2]
    return f"{what} ({where}) does not answer: {reason[:300].rstrip('.')}."
