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
    r"^\s*(?:\}?\s*for\b|while\b|foreach\b|do\b\s*\{)|\.(?:forEach|each|map|flatMap|collect|associate\w*)\s*[({]|\bfor\s+\w+(?:,\s*\w+)?\s+in\b"
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
    r"(?:json|xml|yaml|db|bson|avro|protobuf|msgpack|mapstructure|form):\"([^\"]+)|@JsonProperty\(\"([^\"]+)|"
    r"SerializedName\(\"([^\"]+)|rename\s*=\s*\"([^\"]+)|alias\s*=\s*[\"']([^\"']+)|^\s*(?:repeated\s+|optional\s+)?[\w.]+\s+(\w+\s*=\s*\d+)\s*;"
)
_VERSION = re.compile(r"[\"'\s=:@]+[v^~>=]*(\d+)\.(\d+)(?:\.(\d+))?")
_OPERATOR = re.compile(r"<=|>=|==|!=|&&|\|\||[<>+\-*/%!]")
_WORDS = re.compile(r"\w+")
_CALLED = re.compile(r"(\w+)\s*[!]?\(")
_TRIVIAL: Final = frozenset(
    {"append", "push", "add", "for", "if", "len", "range", "map", "forEach", "each", "while", "put"}
)
_SURELY_FAR = re.compile(
    r"(?i)\.\w+\(\s*ctx\b|\bawait\b.*\.\w+\(|\w(?:client|repo|repository|api|dao|gateway)\b\.\w+\("
)
_ORDERED = re.compile(
    r"(?i)\b(?:n?ack|commit|close|unlock|release|publish|flush|save|send|acknowledge|delete_?message|mark\w*)\w*[!]?\("
)
_SUM = re.compile(r"(?<=[\w)\]])\s+[-+*/%]\s+(?=[\w(])|[-+]\s*1\b")
_NEARLY = 0.6
_LOCK = re.compile(
    r"(?i)\.r?lock\(\)|withlock|with_lock|synchronized|\bwith\s+[\w.]*lock|\block\s*\(|\.acquire\(|\.lock\b.*\bdo\b|waitasync\(|\.transaction\b.*\b(?:do|\{|=>)|transaction\.atomic|withtransaction|in_transaction|\.begin\(\)"
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
_OPTION = re.compile(r"(?:[{(,]\s*)([A-Za-z_]\w+)\s*[:=](?![=:])")
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
        before = _looped(hunk)
        for new_head, head, inside in _loops(hunk):
            lines = [(new_head, head)] if head.rstrip().endswith((")", "]", ";", "}", ",")) else []
            for new, line in [*lines, *inside]:
                calls = set(_CALLED.findall(line)) - _TRIVIAL
                if (new or new_head) and calls and _FAR.search(line) and _is_remote(line) and not calls & before:
                    yield hunk.file, line


def _is_remote(line: str) -> bool:
    return _REMOTE.search(line) is not None or _SURELY_FAR.search(line) is not None


def _looped(hunk: Hunk) -> set[str]:
    """Return what was called in loops before the change."""
    old = Hunk(hunk.file, hunk.scope, [(" ", line) for sign, line in hunk.lines if sign != "+"])
    return {name for _, head, inside in _loops(old) for line in (head, *(one for _, one in inside))
            for name in _CALLED.findall(line)}  # fmt: skip


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
        for before, line in _pairs(hunk):
            sums = [_SUM.findall(one) for one in (before, line)]
            if sums[0] != sums[1] and likeness(before, line) >= _NEARLY:
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


def _order_changed(code: Iterable[Hunk]) -> Found:
    """Yield what is confirmed, kept or sent at another place than before."""
    for hunk in code:
        gone = {line.strip() for sign, line in hunk.lines if sign == "-"}
        seen = [(hunk.file, line) for sign, line in hunk.lines if sign == "+" and line.strip() in gone]
        if hunk.removed or hunk.added:
            yield from ((file, line) for file, line in seen if _ORDERED.search(line))


def _call_replaced(code: Iterable[Hunk]) -> Found:
    """Yield lines that call something else with the same arguments, or the same with its arguments changed about."""
    for hunk in code:
        for old, new in _pairs(hunk):
            was, now = _WORDS.findall(old), _WORDS.findall(new)
            differing = [place for place in range(len(was)) if was[place] != now[place]] if len(was) == len(now) else []
            if (
                0 < len(differing) <= 2
                and _CALLED.search(new)
                and (sorted(was) == sorted(now) or any(now[place] in _CALLED.findall(new) for place in differing))
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
        else:
            for old, new in _pairs(hunk):
                if set(_OPTION.findall(old)) - set(_OPTION.findall(new)) and len(old) > len(new):
                    yield hunk.file, old


SHAPES: Final[dict[str, Callable[[Iterable[Hunk]], Found]]] = {
    "call_in_lock": _call_in_lock,
    "condition_changed": _condition_changed,
    "unit_changed": _unit_changed,
    "variable_renamed": _variable_renamed,
    "entry_removed": _entry_removed,
    "order_changed": _order_changed,
    "call_replaced": _call_replaced,
    "call_in_loop": _call_in_loop,
    "loop_nested": _loop_nested,
    "field_renamed": _field_renamed,
    "operator_changed": _operator_changed,
    "library_major": _library(0),
    "library_minor": _library(1),
}
