"""The figures that an answer about one sample may quote, and whether it quotes others.

A figure is a measure's value, its baseline, value / baseline, the change from the baseline in percent, or a number of
its reference. Each is taken with four significant digits, as the prompt tells it. A number in a text is right if it is
one of them within the rounding of the digits that were written, after conversion of units. Written with a unit, it must
be of that kind; without one it may be any, in the figure's own unit. The sign of a change is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import floor, isfinite, log10
from typing import Final, NamedTuple

from bdp.explain.grounding.unit import UNITS
from bdp.model.inquiry import Inquiry, Measure

DIGITS: Final = 4
BASELINE_MINUTES: Final = 15
_BITS: Final = {"gbit/s": 1e9, "gbps": 1e9, "gbit": 1e9, "mbit/s": 1e6, "mbps": 1e6, "tbit/s": 1e12, "tbps": 1e12}
_KOREAN: Final = {
    "퍼센트": ("%", 1.0), "배": ("x", 1.0), "마이크로초": ("s", 1e-6), "밀리초": ("s", 1e-3), "초": ("s", 1.0),
    "분": ("s", 60.0), "시간": ("s", 3600.0), "일": ("s", 86_400.0), "기가비트": ("bit/s", 1e9),
}  # fmt: skip
KINDS: Final[dict[str, tuple[str, float]]] = (
    {unit: (kind, float(scale)) for unit, (kind, scale) in UNITS.items()}
    | {unit: ("bit/s", scale) for unit, scale in _BITS.items()}
    | {"gb/s": ("B/s", 1e9), "gbyte/s": ("B/s", 1e9)}
    | _KOREAN
)
"""Unit as written, in lower case -> what it is of, and how much of that."""
_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(KINDS, key=len, reverse=True))
_NUMERAL: Final = re.compile(
    r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[-+]?\d{1,2}(?![a-z0-9_]))?)"
    rf"(?:[ -]?({_UNIT})(?![a-z0-9_]))?",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z_][A-Za-z0-9_./:@-]*")
_CLOCK: Final = re.compile(r"\d{1,2}:\d\d(?::\d\d)?|\d{4}-\d\d-\d\d")
_SPELLED: Final[dict[str, float]] = {
    "doubled": 2, "double": 2, "twice": 2, "two times": 2, "twofold": 2, "tripled": 3, "triple": 3, "thrice": 3,
    "three times": 3, "threefold": 3, "four times": 4, "fourfold": 4, "five times": 5, "fivefold": 5, "six times": 6,
    "seven times": 7, "eight times": 8, "nine times": 9, "ten times": 10, "tenfold": 10, "halved": 0.5, "half": 0.5,
    "두 배": 2, "두배": 2, "세 배": 3, "세배": 3, "네 배": 4, "네배": 4, "다섯 배": 5, "절반": 0.5,
}  # fmt: skip
_WORDS: Final = re.compile("|".join(rf"(?<![a-z]){word}(?![a-z])" for word in _SPELLED), re.IGNORECASE)
_BEFORE: Final = re.compile(
    r"(?:over|above|under|below|exceed\w*|exceeding|at least|at most|more than|less than|up to|nearly|almost|about|"
    r"around|roughly|approximately|some|beyond|[~≈<>≤≥]|약|거의|최대|최소)\s*$",
    re.IGNORECASE,
)
_BEHIND: Final = re.compile(r"\s*(?:이상|이하|초과|미만|넘|가까이|정도|or more|or less)")
_PERCENTILES: Final = frozenset({"p50", "p90", "p95", "p99"})
_AGO: Final = re.compile(r"_(\d+)min(?:_ago)?$")
_NOT_NAMED: Final = re.compile(r"\bago\b|\bearlier\b|\bbefore\b|전")


class Figure(NamedTuple):
    """One figure.

    Attributes:
        key: which of the sample: `latency_p99.value`.
        value: in its own unit.
        kind, scale: what its unit is of, and how much of that.
        fixed: it is the same for every sample with this measure.
    """

    key: str
    value: float
    kind: str
    scale: float
    fixed: bool = False


class Numeral(NamedTuple):
    """A number in a text.

    Attributes:
        start, end: of its digits, without the unit.
        kind: of its unit; empty: none is written.
        step: one of the last digit written.
        hedged: written as a bound or roughly: "over 4 times".
        spelled: in words.
    """

    start: int
    end: int
    shown: str
    value: float
    kind: str
    scale: float
    step: float
    hedged: bool = False
    spelled: bool = False


def told(value: float) -> float:
    """Return a figure as the prompt tells it: four significant digits.

    >>> told(93.44617), told(0.0123456), told(123456.7)
    (93.45, 0.01235, 123500.0)
    """
    if not value or not isfinite(value):
        return 0.0
    return round(value, DIGITS - 1 - floor(log10(abs(value))))


def ratio(measure: Measure) -> float | None:
    """Return value / baseline, as told; None where it says nothing."""
    return told(measure.value / measure.baseline) if measure.baseline else None


def change(measure: Measure) -> float | None:
    """Return the change from the baseline in percent, as told; None where it says nothing."""
    return told(100 * (measure.value / measure.baseline - 1)) if measure.baseline else None


def figures(inquiry: Inquiry) -> list[Figure]:
    """Return what an answer about this sample may quote."""
    found = [Figure("minutes", BASELINE_MINUTES, "s", 60.0, True)]
    for measure in inquiry.measures:
        found += _of(measure)
    return found


def _of(measure: Measure) -> Iterable[Figure]:
    kind, scale = KINDS.get(measure.unit.lower(), ("", 1.0))
    yield Figure(f"{measure.name}.value", told(measure.value), kind, scale)
    if measure.baseline is not None:
        yield Figure(f"{measure.name}.baseline", told(measure.baseline), kind, scale)
    for name, value, unit in (("ratio", ratio(measure), "x"), ("change", change(measure), "%")):
        if value is not None:
            yield Figure(f"{measure.name}.{name}", abs(value), unit, 1.0)
    for match in _NUMERAL.finditer(measure.reference):
        yield Figure(f"{measure.name}.reference", float(match[1].replace(",", "")), kind, scale, True)
    if minutes := _AGO.search(measure.name):
        yield Figure("minutes", float(minutes[1]), "s", 60.0, True)


def numerals(text: str, names: Sequence[str] = ()) -> tuple[list[Numeral], list[str]]:
    """Return the numbers of a text, and its times and the names with digits in them that are none of `names`.

    Args:
        names: such as the stream's; what is part of one is no number.
    """
    rest = text
    for name in sorted({name for name in names if name}, key=len, reverse=True):
        rest = _blanked(rest, name)
    strange = [match[0] for match in _CLOCK.finditer(rest)]
    rest = _CLOCK.sub(lambda match: "\x00" * len(match[0]), rest)
    for match in list(_TOKEN.finditer(rest)):
        token = match[0].rstrip(".-/:@")
        if any(character.isdigit() for character in token):
            if token.lower() not in _PERCENTILES:
                strange.append(token)
            rest = rest[: match.start()] + "\x00" * len(match[0]) + rest[match.end() :]
    return [*_written(rest), *_spelled(rest)], strange


def fitting(number: Numeral, known: Iterable[Figure], text: str) -> list[Figure]:
    """Return the figures that a number may be."""
    found = [figure for figure in known if _fits(number, figure)]
    if not _NOT_NAMED.search(text):
        # What was some minutes ago is not meant where nothing is said of that, if it can be something else.
        found = [one for one in found if "_ago." not in one.key] or found
    return found


def strangers(text: str, inquiry: Inquiry) -> list[str]:
    """Return the numbers and names of a text that are none of this sample's, as written."""
    known = figures(inquiry)
    numbers, strange = numerals(text, names_of(inquiry))
    return strange + [number.shown for number in numbers if not fitting(number, known, text)]


def names_of(inquiry: Inquiry) -> list[str]:
    """Return the names that an answer may use."""
    return [inquiry.related_entity, inquiry.maintenance, *(measure.name for measure in inquiry.measures)]


def _fits(number: Numeral, figure: Figure) -> bool:
    counted = number.kind == "x" and not figure.kind and figure.value.is_integer()  # "fell 3 times"
    if number.kind and number.kind != figure.kind and not counted:
        return False
    value = figure.value * figure.scale if number.kind else figure.value
    scale = number.scale
    off = value - number.value * scale
    half = 0.5 * number.step * scale * (1 + 1e-9) + 1e-12 * abs(value)
    # "over 4 times" is also said of 4.7, and "nearly 5" as well.
    return abs(off) <= (2 * half if number.hedged else half)


def occurrences(text: str, name: str) -> list[int]:
    """Return where a name stands in a text, in any letters; not where it is part of a longer word."""
    lowered, wanted = text.lower(), name.lower()
    if len(lowered) != len(text) or len(wanted) != len(name):
        lowered, wanted = text, name
    found = []
    at = lowered.find(wanted) if wanted else -1
    while at >= 0:
        before, behind = lowered[at - 1 : at], lowered[at + len(wanted) : at + len(wanted) + 1]
        if not (_joins(before, wanted[0]) or _joins(wanted[-1], behind)):
            found.append(at)
        at = lowered.find(wanted, at + len(wanted))
    return found


def _blanked(text: str, name: str) -> str:
    for at in occurrences(text, name):
        text = text[:at] + "\x00" * len(name) + text[at + len(name) :]
    return text


def _joins(left: str, right: str) -> bool:
    """Return whether two characters belong to one word; Korean particles follow a name without a space."""
    return bool(left and right) and all(one.isascii() and (one.isalnum() or one == "_") for one in (left, right))


def _written(text: str) -> Iterable[Numeral]:
    for match in _NUMERAL.finditer(text):
        digits = match[1].replace(",", "").lower()
        mantissa, _, power = digits.partition("e")
        places = len(mantissa.partition(".")[2])
        kind, scale = KINDS[match[2].lower()] if match[2] else ("", 1.0)
        if not match[2] and (unit := text[match.end() : match.end() + 1]) == "%":
            kind, scale = KINDS[unit]
        hedged = _BEFORE.search(text[max(0, match.start() - 20) : match.start()]) is not None
        hedged = hedged or _BEHIND.match(text, match.end()) is not None
        step = 10.0 ** (int(power or 0) - places)
        value = float(digits)
        if isfinite(value):
            yield Numeral(match.start(1), match.end(1), match[0], value, kind, scale, step, hedged)


def _spelled(text: str) -> Iterable[Numeral]:
    for match in _WORDS.finditer(text):
        value = _SPELLED[match[0].lower()]
        step = 1.0 if value >= 1 else 0.2
        yield Numeral(match.start(), match.end(), match[0], value, "x", 1.0, step, spelled=True)
