"""Structures that a diff shows and no single line: what moved into a loop or a lock, what a pair of lines alters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from bdp.explain.changes.diff import Hunk, is_config
from bdp.explain.changes.setting import likeness, settings, words_of

Found = Iterator[tuple[str, str]]
_ALIKE: Final = 0.5
_MOST_PAIRS: Final = 60
_LOOP = re.compile(
    r"^\s*(?:\}?\s*for\b|while\b|foreach\b|do\b\s*\{)|\.(?:forEach|each|map|flatMap)\(|\bfor\s+\w+(?:,\s*\w+)?\s+in\b"
)
_REMOTE = re.compile(
    r"(?i)(?:[\w)\]]\.|->|\bawait\s+[\w.]*)(?:get|fetch|find|load|query|exec|select|lookup|call|invoke|request|post|put|send|"
    r"read|save|insert|update|publish|list|count|resolve|search|retrieve|download|check|do)\w*\s*\("
)
_FAR = re.compile(
    r"(?i)\bctx\b|\bcontext\b|\bawait\b|\bselect\b.+\bfrom\b|\b\w*(?:db|client|repo|repository|dao|api|rpc|http|redis|session|conn|"
    r"connection|stub|service|svc|gateway|remote|objects|cursor|store)\b\s*[.(]|\.(?:objects|db|client|repo|conn)\.|"
    r"\(\s*(?:\w+\.)+\w*(?:_id|id|sku|key)\s*\)"
)
_TAG = re.compile(
    r"(?:json|xml|yaml|db|bson|avro|protobuf|msgpack|mapstructure|form):\"([^\",]+)|@JsonProperty\(\"([^\"]+)|"
    r"SerializedName\(\"([^\"]+)|rename\s*=\s*\"([^\"]+)|alias\s*=\s*[\"']([^\"']+)|^\s*(?:repeated\s+|optional\s+)?[\w.]+\s+(\w+\s*=\s*\d+)\s*;"
)
_VERSION = re.compile(r"[\"'\s=:@]+[v^~>=]*(\d+)\.(\d+)(?:\.(\d+))?")
_OPERATOR = re.compile(r"<=|>=|==|!=|&&|\|\||[<>+\-*/%!]")
_WORDS = re.compile(r"\w+")
_LOCK = re.compile(
    r"(?i)\.r?lock\(\)|withlock|with_lock|synchronized|\bwith\s+[\w.]*lock|\block\s*\(|\.acquire\(|\.lock\b.*\bdo\b|waitasync\("
)
_UNLOCK = re.compile(r"(?i)^\s*(?!defer)[\w.]*\.(?:r?unlock|release)\(")
_CALLS = re.compile(r"\w\.\w+[!?]?\s*[({]")
_CONDITION = re.compile(
    r"(?i)\b(?:if|elif|elsif|unless|when|while|until|assert|case|guard|filter|where|having)\b|=>.*[<>=!]=?|"
    r"\breturn\b.*(?:[<>]=?|==|!=|&&|\|\||\band\b|\bor\b|\bnot\b|\bin\b)|\?.*:|=\s.*(?:[<>]=?|==|!=|&&|\|\|)"
)
_FAILED = re.compile(r"\berr(?:or)?\b\s*[!=]==?\s*(?:nil|null|None)")
_UNITS: Final = frozenset({
    "ms", "msec", "millis", "milliseconds", "millisecond", "sec", "secs", "second", "seconds", "minute", "minutes",
    "hour", "hours", "ns", "nanos", "nanoseconds", "us", "micros", "microseconds", "bytes", "kb", "mb", "gb", "kib",
    "mib", "gib", "cents", "percent", "pct", "bps", "kilobytes", "megabytes",
})  # fmt: skip
_FACTOR = re.compile(
    r"[*/]\s*(?:1_?000(?:_?000)?|1e3|1e6|60|3_?600|100|1_?024|86_?400)(?:\.0)?[fdL]?\b|<<\s*(?:10|20|30)\b"
)
_READ = re.compile(
    r"(?:getenv\(\s*|environ(?:\.get)?\s*[\[(]\s*|ENV(?:\.fetch)?\s*[\[(]\s*|env::var\(\s*|GetEnvironmentVariable\(\s*|"
    r"process\.env(?:\.|\[)|viper\.Get\w*\(|@Value\(\s*\"\$\{|[Cc]onfig(?:uration)?(?:\.get\w*\(|\[)|\$\{)[\"']?([A-Za-z][\w.:-]{2,60})"
)
_SET = re.compile(
    r"^\s*(?:-\s*name\s*:\s*|export\s+|ENV\s+|-\s*)?[\"']?([A-Z][A-Z0-9]*_[A-Z0-9_]{2,60})[\"']?\s*(?:[:=]|$)"
)
_KEY = re.compile(r"^\s*(?:-\s+)?[\"']?([\w./-]{2,80})[\"']?\s*(?::|=|\{|\s)")


def _loops(hunk: Hunk) -> Iterator[tuple[bool, str, list[tuple[bool, str]]]]:
    """Yield each loop of a hunk after the change: whether its head is new, its head, and the lines inside."""
    after = hunk.after
    for place, (new, line) in enumerate(after):
        if _LOOP.search(line):
            depth = depth_of(line)
            inside = []
            for one in after[place + 1 :]:
                if one[1].strip() and depth_of(one[1]) <= depth:
                    break
                inside.append(one)
            yield new, line, inside


def depth_of(line: str) -> int:
    """Return how far a line is indented."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _call_in_loop(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        before = {name for line in hunk.removed for name in _REMOTE.findall(line)}
        for new_head, head, inside in _loops(hunk):
            lines = [(new_head, head)] if head.rstrip().endswith((")", "]", ");")) else []
            for new, line in [*lines, *inside]:
                if new and _REMOTE.search(line) and _FAR.search(line) and not before & set(_REMOTE.findall(line)):
                    yield hunk.file, line


def _loop_nested(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        for _, _, inside in _loops(hunk):
            yield from ((hunk.file, line) for new, line in inside if new and _LOOP.search(line))


def _field_renamed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        gone, new = ({name for line in lines for name in _tags(line)} for lines in (hunk.removed, hunk.added))
        if gone - new:
            yield from ((hunk.file, line) for line in hunk.removed if set(_tags(line)) & (gone - new))


def _tags(line: str) -> list[str]:
    return ["".join(match.groups(default="")) for match in _TAG.finditer(line)]


def _operator_changed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        gone = {tuple(_WORDS.findall(line)): line for line in hunk.removed}
        for line in hunk.added:
            old = gone.get(tuple(_WORDS.findall(line)))
            if old is not None and _OPERATOR.findall(old) != _OPERATOR.findall(line):
                yield hunk.file, line


def _versions(lines: Iterable[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for line in lines:
        if version := _VERSION.search(line):
            found[line[: version.start()].strip(" \t\"',")] = (int(version[1]), int(version[2]))
    return found


def _library(part: int) -> Callable[[Iterable[Hunk]], Found]:
    def shape(libraries: Iterable[Hunk]) -> Found:
        for hunk in libraries:
            old = _versions(hunk.removed)
            for name, version in _versions(hunk.added).items():
                before = old.get(name)
                differs = next((place for place in (0, 1) if before and before[place] != version[place]), None)
                if differs == part:
                    yield hunk.file, name

    return shape


def _call_in_lock(code: Iterable[Hunk]) -> Found:
    """Yield calls that are made under a lock now and were not before, also where they only moved."""
    for hunk in code:
        before = _locked(line for sign, line in hunk.lines if sign != "+")
        now = _locked(line for sign, line in hunk.lines if sign != "-")
        if any(sign != " " for sign, _ in hunk.lines):
            held = {line.strip() for line in before}
            for line in now:
                if line.strip() not in held and _CALLS.search(line) and not _LOCK.search(line):
                    yield hunk.file, line


def _locked(lines: Iterable[str]) -> list[str]:
    """Return the lines that run while a lock is held."""
    kept, held, depth = list[str](), False, 0
    for line in lines:
        if held and line.strip() and (depth_of(line) < depth or _UNLOCK.search(line)):
            held = False
        if held:
            kept.append(line)
        elif _LOCK.search(line) and not _UNLOCK.search(line):
            held, depth = True, depth_of(line) + (1 if line.rstrip().endswith(("{", ":", "do", "->")) else 0)
    return kept


def _pairs(hunk: Hunk) -> Iterator[tuple[str, str]]:
    """Yield lines that are gone with the new line that each most likely became."""
    old = hunk.removed[:_MOST_PAIRS]
    for line in hunk.added[:_MOST_PAIRS]:
        best = max(old, key=lambda one: likeness(one, line), default=None)
        if best is not None and likeness(best, line) >= _ALIKE:
            old.remove(best)
            yield best, line


def _condition_changed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        gone = [line for line in hunk.removed if _decides(line)]
        if gone:
            for line in hunk.added:
                if _decides(line) and not any(_WORDS.findall(line) == _WORDS.findall(one) for one in gone):
                    yield hunk.file, line


def _decides(line: str) -> bool:
    return _CONDITION.search(line) is not None and not _FAILED.search(line)


def _unit_changed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        for old, new in _pairs(hunk):
            was, now = (
                {word.lower() for name in _WORDS.findall(line) for word in (*words_of(name), name)} & _UNITS
                for line in (old, new)
            )
            if (was and now and was != now and not settings([old], [new])) or len(_FACTOR.findall(old)) != len(
                _FACTOR.findall(new)
            ):
                yield hunk.file, new


def _variable_renamed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        gone, new = ({name for line in lines for name in _variables(line)} for lines in (hunk.removed, hunk.added))
        if gone - new:
            yield from ((hunk.file, line) for line in hunk.removed if set(_variables(line)) & (gone - new))


def _variables(line: str) -> list[str]:
    return [*_READ.findall(line), *_SET.findall(line)]


def _entry_removed(code: Iterable[Hunk]) -> Found:
    for hunk in code:
        if is_config(hunk.file):
            kept = {match[1] for line in hunk.added if (match := _KEY.match(line))}
            for line in hunk.removed:
                if (match := _KEY.match(line)) and match[1] not in kept:
                    yield hunk.file, line


SHAPES: Final[dict[str, Callable[[Iterable[Hunk]], Found]]] = {
    "call_in_lock": _call_in_lock,
    "condition_changed": _condition_changed,
    "unit_changed": _unit_changed,
    "variable_renamed": _variable_renamed,
    "entry_removed": _entry_removed,
    "call_in_loop": _call_in_loop,
    "loop_nested": _loop_nested,
    "field_renamed": _field_renamed,
    "operator_changed": _operator_changed,
    "library_major": _library(0),
    "library_minor": _library(1),
}
