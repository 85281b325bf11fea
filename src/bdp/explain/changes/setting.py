"""Settings that a diff alters: the same place with another value, and which way it went.

    DefaultTTL: 15 * time.Minute  ->  DefaultTTL: 15 * time.Second      ("default ttl", 900 s -> 15 s)

Lines are paired by their words; what differs between them and can be read as a number with a unit, a switch or a text
is the value, and the words before it are its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

_ALIKE = 0.5
_MOST_LINES = 200
_NAME_WORDS = 4
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_VALUE = re.compile(
    r"(?P<call>(?:Duration\.of|TimeUnit\.|timedelta\()\s*(?P<of>[A-Za-z]+)\s*[=(]\s*(?P<inner>\d+(?:\.\d+)?)\)?)"
    r"|(?P<heap>-X(?P<heapof>mx|ms|mn|ss)(?P<heapsize>\d+[kKmMgG]?))"
    r"|(?P<number>(?<![\w.])-?\d[\d_]*(?:\.\d+)?)(?:\s*\*\s*(?:time\.|chrono\.)?|\s*)(?P<unit>[A-Za-z%]+\b)?"
    r"|(?P<string>\"[^\"]{0,200}\"|'[^']{0,200}'|`[^`]{0,200}`)"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<other>\S)"
)
_FLAG = re.compile(r"--?([A-Za-z][\w-]*)[= ](\d+(?:\.\d+)?)([A-Za-z%]*)")
_ENTRY = re.compile(
    r"^\s*(?:-\s+|export\s+|ENV\s+|\+)?[\"']?([A-Za-z_][\w.\-/]{0,80})[\"']?(?:\s*[:=]\s*|\s+)(\S.{0,300}?)[;,]?\s*$"
)
_NAMES = re.compile(r"\w+")
_SHORT = 3
_SECONDS: Final = {
    "ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "nanos": 1e-9, "us": 1e-6, "microsecond": 1e-6,
    "microseconds": 1e-6, "micros": 1e-6, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "millis": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "m": 60.0, "min": 60.0,
    "mins": 60.0,
    "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0,
    "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_BYTES: Final = {
    "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
    "ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40, "k": 1e3, "g": 2.0**30,
}  # fmt: skip
_ON: Final = frozenset({"true", "on", "yes", "enabled", "enable"})
_OFF: Final = frozenset({"false", "off", "no", "disabled", "disable", "none", "null", "nil"})
_CPU: Final = frozenset({"cpu", "cpus", "cores"})
_MEMORY: Final = frozenset({
    "memory", "mem", "heap", "ram", "xmx", "xms", "rss", "gomemlimit", "size", "body", "buffer", "payload", "upload",
    "storage", "maxmemory",
})  # fmt: skip


@dataclass(frozen=True)
class Value:
    """One value.

    Attributes:
        text: as it stands there.
        kind: `number`, `seconds`, `bytes`, `percent`, `switch`, `text`.
        amount: of a number in the kind's unit; 1 or 0 of a switch.
    """

    text: str
    kind: str
    amount: float = 0.0


@dataclass(frozen=True)
class Setting:
    """One setting that was altered.

    Attributes:
        words: of its name, lower case, such as `("default", "ttl")`; the nearest last.
    """

    words: tuple[str, ...]
    old: Value
    new: Value
    line: str

    @property
    def name(self) -> str:
        """Its name in words."""
        return " ".join(self.words)

    @property
    def ratio(self) -> float:
        """The new value as a multiple of the old; 1 where that says nothing."""
        if self.old.kind != self.new.kind or self.old.kind in {"text", "switch"} or self.old.amount <= 0:
            return 1.0
        return max(0.0, self.new.amount) / self.old.amount

    @property
    def lowered(self) -> bool:
        """It is less than before."""
        return self._ordered and self.new.amount < self.old.amount

    @property
    def raised(self) -> bool:
        """It is more than before."""
        return self._ordered and self.new.amount > self.old.amount

    @property
    def _ordered(self) -> bool:
        return self.old.kind == self.new.kind and self.old.kind != "text"


@dataclass(frozen=True)
class _Token:
    text: str
    value: Value | None
    words: tuple[str, ...] = ()


def settings(removed: Sequence[str], added: Sequence[str], *, plain: bool = False) -> list[Setting]:
    """Return what is altered between lines that are gone and lines that are new; order of the added lines.

    Args:
        plain: values are words without quotes as well, as in YAML, properties or environment files.
    """
    old = [(line, list(_tokens(line))) for line in removed[:_MOST_LINES]]
    new = [(line, list(_tokens(line))) for line in added[:_MOST_LINES]]
    found: list[Setting] = []
    alone = []
    for line, tokens in new:
        best = max(old, key=lambda one: _likeness(one[1], tokens), default=None)
        if best is not None and _likeness(best[1], tokens) >= _ALIKE:
            old.remove(best)
            found += _altered(best[1], tokens, line.strip())
        else:
            alone.append((line, tokens))
    found += _moved([tokens for _, tokens in old], alone)
    return [*found, *_plain(removed, added, {one.line for one in found})] if plain else found


def _plain(removed: Sequence[str], added: Sequence[str], told: set[str]) -> Iterator[Setting]:
    """Yield entries with the same key and another value, of lines that are not told of already."""
    before: dict[str, list[str]] = {}
    for line in removed[:_MOST_LINES]:
        if entry := _ENTRY.match(line):
            before.setdefault(entry[1], []).append(entry[2].strip())
    for line in added[:_MOST_LINES]:
        entry = _ENTRY.match(line)
        old = before.get(entry[1], []) if entry and line.strip() not in told else []
        if entry and old and old[0] != entry[2].strip():
            yield Setting(
                words_of(entry[1])[-_NAME_WORDS:],
                Value(old.pop(0), "text"),
                Value(entry[2].strip(), "text"),
                line.strip(),
            )


def _moved(old: Sequence[Sequence[_Token]], new: Sequence[tuple[str, Sequence[_Token]]]) -> list[Setting]:
    """Return settings that stand elsewhere now, under a name that ends with the same word, with another value."""
    before: dict[str, list[Value]] = {}
    for tokens in old:
        for words, value in _placed(tokens):
            if words and value.kind not in {"text", "switch"}:
                before.setdefault(words[-1], []).append(value)
    found = []
    for line, tokens in new:
        for words, value in _placed(tokens):
            known = before.get(words[-1], []) if words and len(words[-1]) > _SHORT else []
            if len(known) == 1 and known[0].kind == value.kind and known[0].amount != value.amount:
                found.append(Setting(words, known[0], value, line.strip()))
    return found


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a name in camel, snake or kebab case, lower case."""
    return tuple(word.lower() for word in _WORD.findall(text))


def _tokens(line: str) -> Iterator[_Token]:
    for match in _VALUE.finditer(line):
        text = match[0].strip()
        if match["call"]:
            yield _Token(text, _measured(match["inner"], match["of"], text))
        elif match["heap"]:
            yield _Token("-X" + match["heapof"], None, ("x" + match["heapof"], "heap"))
            size = match["heapsize"]
            yield _Token(
                size,
                _of_memory(_measured(size.rstrip("kKmMgG"), size.lstrip("0123456789"), size) or Value(size, "text")),
            )
        elif match["number"]:
            unit = match["unit"] or ""
            value = _measured(match["number"], unit, text)
            if value is None:  # a number, and a word that is no unit
                yield _Token(match["number"], _measured(match["number"], "", match["number"]))
                yield _Token(unit, None, words_of(unit))
            else:
                yield _Token(text, value)
        elif match["string"]:
            inner = text[1:-1]
            if flag := _FLAG.fullmatch(inner):
                yield _Token(flag[1], None, words_of(flag[1]))
                yield _Token(inner, _measured(flag[2], flag[3] or "", inner))
                continue
            quoted = _VALUE.fullmatch(inner.strip()) if inner.strip() else None
            measured = _measured(quoted["number"], quoted["unit"] or "", inner) if quoted and quoted["number"] else None
            yield _Token(text, measured or _switch(inner) or Value(inner, "text"))
        elif match["word"]:
            yield _Token(text, _switch(text), words_of(text))
        else:
            yield _Token(text, None)


def _measured(number: str, unit: str, text: str) -> Value | None:
    amount, unit = float(number.replace("_", "")), unit.lower()
    if not unit:
        return Value(text, "number", amount)
    if unit == "%":
        return Value(text, "percent", amount)
    if unit in _SECONDS:
        return Value(text, "seconds", amount * _SECONDS[unit])
    if unit in _BYTES:
        return Value(text, "bytes", amount * _BYTES[unit])
    return None


def _switch(text: str) -> Value | None:
    plain = text.lower()
    return Value(text, "switch", float(plain in _ON)) if plain in _ON | _OFF else None


def likeness(one: str, other: str) -> float:
    """Return how much two lines are of the same words, 0 to 1."""
    return SequenceMatcher(None, _NAMES.findall(one), _NAMES.findall(other), autojunk=False).ratio()


def _likeness(one: Sequence[_Token], other: Sequence[_Token]) -> float:
    left, right = ([token.text for token in tokens if token.value is None] for tokens in (one, other))
    if not left or not right:
        return 0.0
    return SequenceMatcher(None, left, right, autojunk=False).ratio()


def _altered(old: Sequence[_Token], new: Sequence[_Token], line: str) -> Iterator[Setting]:
    """Yield values that differ between two lines at the same place among the other words."""
    left, right = list(_placed(old)), list(_placed(new))
    for words, value in right:
        match = next((one for one in left if _same_place(one[0], words)), None)
        if match is None:
            continue
        left.remove(match)
        before, after = (_of_memory(one) if _MEMORY & set(words) else one for one in (match[1], value))
        if _CPU & set(words):
            before, after = _of_cpu(before), _of_cpu(after)
        if before.text != after.text and (before.kind == "text" or _amount(before) != _amount(after)):
            yield Setting(words, before, after, line)


def _amount(value: Value) -> tuple[str, float]:
    return value.kind, value.amount


def _of_memory(value: Value) -> Value:
    """Return a value whose `m` was taken for minutes as what it is beside a name of memory."""
    if value.kind == "seconds" and value.text.strip("\"' ").lower().endswith("m"):
        return Value(value.text, "bytes", value.amount / _SECONDS["m"] * _BYTES["mib"])
    return value


def _of_cpu(value: Value) -> Value:
    """Return a value whose `m` was taken for minutes as thousandths of a core."""
    if value.kind == "seconds" and value.text.strip("\"' ").lower().endswith("m"):
        return Value(value.text, "number", value.amount / _SECONDS["m"] / 1000.0)
    return value


def _placed(tokens: Sequence[_Token]) -> Iterator[tuple[tuple[str, ...], Value]]:
    before: list[str] = []
    for token in tokens:
        if token.value is not None:
            yield tuple(before[-_NAME_WORDS:]), token.value
        before += token.words


def _same_place(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one[-2:] == other[-2:] or (bool(one) and one[-1:] == other[-1:])
