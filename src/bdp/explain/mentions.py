"""What a claim says that code can check: numbers with units, names, times, and which is first.

Extraction only; see `grounding.py` for the comparison. A claim is cut at 2,000 characters, and every pattern here takes
time linear in that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

LONGEST_CLAIM = 2000

_SECOND, _MINUTE, _HOUR, _DAY = ("s", 1.0), ("s", 60.0), ("s", 3600.0), ("s", 86400.0)
UNITS: dict[str, tuple[str, float]] = {
    "%": ("%", 1), "percent": ("%", 1), "x": ("x", 1), "×": ("x", 1), "times": ("x", 1), "fold": ("x", 1),
    "ns": ("s", 1e-9), "us": ("s", 1e-6), "µs": ("s", 1e-6), "ms": ("s", 1e-3),
    "s": _SECOND, "sec": _SECOND, "second": _SECOND, "seconds": _SECOND, "min": _MINUTE, "minute": _MINUTE,
    "minutes": _MINUTE, "h": _HOUR, "hour": _HOUR, "hours": _HOUR, "d": _DAY, "day": _DAY, "days": _DAY,
    "kb": ("B", 1e3), "mb": ("B", 1e6), "gb": ("B", 1e9), "tb": ("B", 1e12), "kib": ("B", 1024), "mib": ("B", 1 << 20),
    "gib": ("B", 1 << 30), "k": ("", 1e3), "million": ("", 1e6),
}  # fmt: skip
"""Unit as written -> its kind and how much of the kind's base (seconds, percent, multiples, bytes, count) it is."""

_SPELLED_OUT = ("zero", "-", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {word: value for value, word in enumerate(_SPELLED_OUT)}
_STOP = frozenset(
    {
        *("of", "in", "on", "at", "from", "to", "with", "by", "for", "against", "within", "since", "until", "between"),
        *("and", "or", "but", "then", "while", "when", "that", "which", "than", "as", "not", "no", "during", "out"),
        *("are", "is", "was", "were", "be", "had", "has", "have", "show", "shows", "read", "reads", "over", "under"),
        *("the", "a", "an", "it", "its", "this", "these"),
    }
)
_HEDGE = re.compile(
    r"(?:about|around|roughly|approximately|nearly|almost|some|over|at least|more than|~|≈)\s*$", re.IGNORECASE
)
_PLAIN = frozenset({"e.g", "i.e", "p50", "p90", "p95", "p99", "ipv4", "ipv6", "utf8"})

_QUOTED = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|“([^”\n]+)”|(?<![\w'])'([^'\n]+)'(?!\w)")
_REFERENCE = re.compile(r"\bE\d+\b")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?\b")
_CLOCK = re.compile(r"(?<![\d:.])\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,6})?)?(?![\d:])")
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,9}(?:\.\d{1,9}){2,}(?::\d{1,5}|/\d{1,2})?(?!\w)|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])"
)
_HEX = re.compile(r"\b(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,64}\b")
_TOKEN = re.compile(r"(?<![\w])/?[A-Za-z_][\w.$@/-]*")
_SERVICE = re.compile(
    r"-(?:service|svc|api|db|database|gateway|worker|broker|server|proxy|cache|queue|frontend|backend|\d+)$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2,}[a-z]{2,}")
_NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?:\s?(%|×|[a-zA-Zµ]+))?(?![\d])")
_MINUS = re.compile(r"(?:^|[\s(])[-\u2212]\Z")
_SPELLED = re.compile(rf"\b({'|'.join(word for word in _WORDS if word != '-')})\b", re.IGNORECASE)
_FOLLOWING = re.compile(r"[\s(]*([A-Za-z]+)")


@dataclass(frozen=True)
class Number:
    """A number as written.

    Attributes:
        value: in the base of its kind of unit (seconds, percent, multiples, bytes, or a plain count).
        rounding: half of the last digit shown, in the same base.
        hedged: "about" or the like stands before it.
        label: words that follow it, singular, up to three: what is counted.
    """

    shown: str
    value: float
    unit: str
    rounding: float
    hedged: bool
    label: frozenset[str]
    start: int
    end: int
    spelled: bool = False

    @property
    def whole(self) -> bool:
        """A plain count, shown to the last digit."""
        return self.unit == "" and self.rounding == 0.5


@dataclass(frozen=True)
class Name:
    """A name, a code, an address or a quoted fragment."""

    text: str
    start: int


@dataclass(frozen=True)
class Time:
    """A time as written: digits to compare at their own precision.

    Attributes:
        at: parsed; its date does not count when `dated` is False.
        precision: `day`, `minute`, `second` or `fraction`.
    """

    shown: str
    at: datetime
    dated: bool
    precision: str


@dataclass(frozen=True)
class Mentions:
    """Everything checkable in one text."""

    numbers: tuple[Number, ...]
    names: tuple[Name, ...]
    times: tuple[Time, ...]


def mentions(text: str) -> Mentions:
    """Return what a text says that can be checked."""
    rest = text[:LONGEST_CLAIM]
    names: list[Name] = []
    rest = _take(_QUOTED, rest, lambda m: names.append(Name(next(g for g in m.groups() if g), m.start())))
    rest = _take(_REFERENCE, rest, lambda m: None)
    times: list[Time] = []
    for pattern in (_ISO, _CLOCK):
        rest = _take(pattern, rest, lambda m: times.extend(_time(m[0])))
    for pattern in (_ADDRESS, _HEX):
        rest = _take(pattern, rest, lambda m: names.append(Name(m[0], m.start())))
    rest = _take_codes(rest, names)
    return Mentions((*_numbers(rest), *_spelled(rest)), tuple(names), tuple(times))


def words(text: str) -> frozenset[str]:
    """Return the words of a key or a label, lower case and singular."""
    return frozenset(_singular(word) for word in re.findall(r"[a-z]+", text.lower()))


def _take(pattern: re.Pattern[str], text: str, keep: Callable[[re.Match[str]], object]) -> str:
    """Hand every match to `keep` and blank it out, so that its digits are not read again as numbers."""

    def blank(match: re.Match[str]) -> str:
        keep(match)
        return "\x00" * len(match[0])

    return pattern.sub(blank, text)


def _take_codes(text: str, names: list[Name]) -> str:
    kept = list(text)
    for match in _TOKEN.finditer(text):
        token = match[0].rstrip(".-/@$")
        if _code_like(token):
            names.append(Name(token, match.start()))
            kept[match.start() : match.start() + len(token)] = "\x00" * len(token)
    return "".join(kept)


def _code_like(token: str) -> bool:
    if token.lower() in _PLAIN or len(token) < 3:
        return False
    inner = "_" in token or "@" in token or "$" in token or re.search(r"[A-Za-z]{2,}\.\w", token) is not None
    mixed = any(c.isdigit() for c in token) and "-" not in token and token.lower() not in UNITS
    return inner or mixed or token.startswith("/") or bool(_HUMP.search(token)) or bool(_SERVICE.search(token))


def _numbers(text: str) -> list[Number]:
    found = []
    for match in _NUMBER.finditer(text):
        unit = (match[3] or "").lower()
        known = unit in UNITS and (unit != "d" or match[3] == "d")
        kind, scale = UNITS[unit] if known else ("", 1.0)
        if match[3] and not known and match[3][0] != " " and text[match.start(3) - 1] != " ":
            continue  # 3rd, 5xx: a word, not a quantity
        end = match.end() if known or not match[3] else match.start(3)
        places = len(match[2]) - 1 if match[2] else 0
        value = float(match[1].replace(",", "") + (match[2] or "")) * scale
        if _MINUS.search(text[max(0, match.start() - 2) : match.start()]):
            value = -value
        hedged = _HEDGE.search(text[max(0, match.start() - 16) : match.start()]) is not None
        label = _label(text, end)
        found.append(
            Number(
                text[match.start() : end].strip(),
                value,
                kind,
                0.5 * 10**-places * scale,
                hedged,
                label,
                match.start(),
                end,
            )
        )
    return found


def _spelled(text: str) -> list[Number]:
    return [
        Number(
            m[0], float(_WORDS[m[0].lower()]), "", 0.5, False, _label(text, m.end()), m.start(), m.end(), spelled=True
        )
        for m in _SPELLED.finditer(text)
    ]


def _label(text: str, position: int) -> frozenset[str]:
    found: list[str] = []
    while len(found) < 3:
        match = _FOLLOWING.match(text, position)
        if not match or match[1].lower() in _STOP:
            break
        found.append(match[1])
        position = match.end()
    return words(" ".join(found))


def _singular(word: str) -> str:
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _time(shown: str) -> list[Time]:
    iso = shown.replace(",", ".")
    dated = "-" in shown[:5]
    text = (
        iso if dated else f"2000-01-01T{iso.zfill(8) if iso.count(':') == 2 and iso[1] == ':' else iso.rjust(5, '0')}"
    )
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return []
    precision = (
        "day"
        if dated and ":" not in shown
        else "fraction"
        if "." in iso
        else "second"
        if iso.count(":") >= 2
        else "minute"
    )
    return [Time(shown, at, dated, precision)]
