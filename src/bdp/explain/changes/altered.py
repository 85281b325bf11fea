"""How much of what runs a change alters, and what it names: for changes whose effect no rule knows.

    altered   0 to 1: nothing for documents, tests, comments, wording, names, imports, labels, moved lines
    places    files by their stem, and what they define: what a stack trace or a logger's name tells

Lines are compared as words, so that a rename or another wording of the same line counts for nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from bdp.explain.changes.diff import Hunk, files, hunks, is_code, is_config, is_dependencies
from bdp.explain.changes.setting import words_of
from bdp.explain.changes.shape import SHAPES

NOT_KNOWN: Final = 0.15
_ADDED_ONLY: Final = 0.7
_LIBRARIES: Final = 0.25
_MOVING: Final = ("call_in_lock", "call_in_loop", "order_changed")
"""Shapes that lines take on by only moving."""

_MOST_LINES: Final = 400
_LEAST_NAME: Final = 5
_IDLE = re.compile(
    r"(?i)^\s*(?:(?:import|from|using|use|require|require_relative|include|package|namespace|module|export\s*[{*])\b.*"
    r"|[\s{}()\[\];,]*|end|pass|@override|'use strict';?|\"\"\".*|'''.*"
    r"|[\w.\"'/-]*(?:description|annotations?|labels?|title|summary|dashboard|runbook|team|owner|cost_?cent(?:er|re)|"
    r"maintainer|copyright|licen[sc]e|comment|display_?name|tooltip|caption|hint)[\w./\"'-]*\s*[:=].*"
    r"|(?:LABEL|ARG|MAINTAINER)\s.*|[\w.]+/[\w.-]+\s*:\s.*)$"
)
_LOGS = re.compile(
    r"(?i)^\s*(?:[\w.]*\blog(?:ger|ging|rus)?\b[\w.]*\s*[.(]|console\.|slog\.|(?:fmt\.)?print(?:ln|f)?\b|puts\b|"
    r"(?:tracing::)?(?:info|debug|warn|error|trace)!\s*\(|_?logger\.|Rails\.logger|metrics?\.|span\.set|"
    r"[\w.]*\.(?:inc|observe|record|setattribute|set_attribute)\()"
)
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_SPOKEN = re.compile(r"[^\W\d_]{2,}[,.;:!?]?\s+[^\W\d_]{2,}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS: Final = frozenset({
    "if", "else", "elif", "for", "while", "do", "switch", "case", "match", "when", "return", "await", "async",
    "yield", "throw", "raise", "try", "catch", "except", "finally", "with", "defer", "go", "new", "not", "and",
    "or", "in", "is", "null", "nil", "none", "undefined", "true", "false", "self", "this", "break", "continue",
    "lock", "select",
})  # fmt: skip
_DEFINES = re.compile(
    r"(?:\b(?:func|def|class|interface|struct|fn|fun|trait|object|record|enum|type|function|module|impl|resource)\s+"
    r"(?:\([^)]{0,80}\)\s*)?|\b(?:public|private|protected|internal|static|const|export)\s+(?:[\w<>\[\], ?]{1,60}\s)?)"
    r"[\"']?([A-Za-z_]\w{4,60})"
)
_COMMON: Final = frozenset({
    "index", "main", "config", "server", "client", "service", "handler", "handlers", "utils", "values", "routes",
    "models", "views", "settings", "default", "common", "helper", "helpers", "types", "const", "consts", "schema",
    "schemas", "store", "deployment", "database", "application", "production", "static", "export",
    "public", "class", "return", "string", "final", "async", "value", "error", "errors", "factory", "context",
    "package", "module",
})  # fmt: skip


def altered(diff: str) -> float:
    """Return how much of what runs a diff alters, 0 to 1; `NOT_KNOWN` where the diff does not say."""
    found = hunks(diff)
    if not found:
        return NOT_KNOWN if not files(diff) or any(is_code(file) for file in files(diff)) else 0.0
    code = [hunk for hunk in found if is_code(hunk.file) and not is_dependencies(hunk.file)]
    if any(any(SHAPES[name](code)) for name in _MOVING):
        return 1.0
    gone, new = _moved_away(_lines(code, "removed"), _lines(code, "added"))
    if not gone and not new:
        return _LIBRARIES if any(is_dependencies(hunk.file) for hunk in found) else 0.0
    if gone and new and not any(is_config(hunk.file) for hunk in code) and _same(gone, new):
        return 0.0
    return 1.0 if gone else _ADDED_ONLY


def places(diff: str) -> frozenset[str]:
    """Return stems of the files of a diff and names that its lines define, lower case; common ones left out."""
    stems = {_stem(file) for file in files(diff) if is_code(file)}
    code = [hunk for hunk in hunks(diff) if is_code(hunk.file)]
    texts = [hunk.scope for hunk in code] + [text for hunk in code for _, text in hunk.lines[:_MOST_LINES]]
    named = {name for text in texts for name in _DEFINES.findall(text)}
    return frozenset(name.lower() for name in stems | named if len(name) >= _LEAST_NAME and name.lower() not in _COMMON)


def _stem(file: str) -> str:
    return file.rsplit("/", 1)[-1].split(".", 1)[0]


def _lines(code: Sequence[Hunk], side: str) -> list[str]:
    sides = ((hunk, line) for hunk in code for line in (hunk.removed if side == "removed" else hunk.added))
    lines = (line for hunk, line in sides if is_config(hunk.file) or not _LOGS.match(line))
    return [line for line in lines if not _IDLE.match(line)][:_MOST_LINES]


def _moved_away(gone: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines of both sides without those that only moved, also to another file."""
    old, fresh = (Counter(_bare(line) for line in lines) for lines in (gone, new))
    return [line for line in gone if _bare(line) not in fresh], [line for line in new if _bare(line) not in old]


def _bare(line: str) -> str:
    """Return a line without spaces and without how it is shown to others."""
    return re.sub(r"\s+|^\s*(?:export|public|private|internal|pub)\s(?:default\s)?", "", line.strip())


def _same(gone: Sequence[str], new: Sequence[str]) -> bool:
    """Return whether both sides say the same in other words: other texts for people, or names renamed one to one."""
    if _flat(gone) == _flat(new):
        return True
    if len(gone) != len(new):
        return False
    names: dict[str, str] = {}
    return all(
        _bare(one) == _bare(other) or _reworded(one, other) or _renamed(one, other, names)
        for one, other in zip(gone, new, strict=True)
    )


def _flat(lines: Sequence[str]) -> str:
    """Return lines as one, without spaces, brackets and what only parts them."""
    return re.sub(r"[\[\](){},;]", "", "".join(map(_bare, lines)))


def _reworded(one: str, other: str) -> bool:
    texts = [text for line in (one, other) for text in _STRING.findall(line)]
    return (
        _bare(_STRING.sub("''", one)) == _bare(_STRING.sub("''", other)) and any(map(_SPOKEN.search, texts))
        and not any(map(_TELLING.search, texts))
    )  # fmt: skip


_TELLING = re.compile(r"(?i)\b(?:select|insert|update|delete|where|from|join|allow|deny|interval|https?)\b|[=<>]|::|--")


def _renamed(one: str, other: str, names: dict[str, str]) -> bool:
    """Return whether two lines differ in names only, each of them always by the same one; they add to `names`."""
    if _bare(_NAME.sub("x", one)) != _bare(_NAME.sub("x", other)) or _STRING.findall(one) != _STRING.findall(other):
        return False
    left, right = _NAME.finditer(one), _NAME.finditer(other)
    for was, now in zip(left, right, strict=True):
        if was[0] != now[0] and not (_may_rename(one, was) and _may_rename(other, now) and _kin(was[0], now[0])):
            return False
        if names.setdefault(was[0], now[0]) != now[0]:
            return False
    return True


def _may_rename(line: str, name: re.Match[str]) -> bool:
    """Return whether a name is the program's own: no keyword, no constant from outside, no part of something else."""
    return (
        name[0] not in _KEYWORDS
        and not name[0].isupper()
        and not line[: name.start()].rstrip().endswith((".", "&", "@"))
    )


def _kin(was: str, now: str) -> bool:
    """Return whether two names are likely of the same thing: they share a word, or one is part of the other."""
    one, other = set(words_of(was)), set(words_of(now))
    return bool(one & other) or was.lower() in now.lower() or now.lower() in was.lower()


def defines(texts: Iterable[str]) -> set[str]:
    """Return the names that lines define."""
    return {name.lower() for text in texts for name in _DEFINES.findall(text)}
