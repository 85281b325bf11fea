"""Values of evidence as people write them: counts, measures with units, shares, spans, times, names."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

_KST: Final = timedelta(hours=9)


@dataclass(frozen=True)
class Slot:
    """A value to put into a pattern.

    Attributes:
        kind: count, measure, share, ratio, span, time, name or quoted.
        unit: of a measure: ms, s, % or none.
        swaps: values of other measures that would be wrong in this place.
    """

    kind: str
    value: Any
    unit: str = ""
    swaps: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


Slots = dict[str, Slot]


def written(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    """Return a value in one of the ways in which a slot's kind is written."""
    return _SHOWN[slot.kind](slot, value, language, chance)


def _count(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    whole = round(value)
    if language == "ko" and whole >= 10_000 and chance.random() < 0.5:
        rest = whole % 10_000
        return f"{whole // 10_000}만" + (f" {rest:,}" if rest else "")
    return f"{whole:,}" if chance.random() < 0.5 else str(whole)


def _measure(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    unit, value = slot.unit, float(value)
    if unit == "ms" and value >= 1000 and chance.random() < 0.5:
        unit, value = "s", value / 1000
    elif unit == "s" and 0 < abs(value) < 1 and chance.random() < 0.7:
        unit, value = "ms", value * 1000
    words = {("ms", "ko"): ("ms", "밀리초"), ("s", "ko"): ("초", "s"), ("s", "en"): ("s", "seconds"), ("%", "en"): ("%", "percent"),  # noqa: E501
             ("%", "ko"): ("%", "퍼센트")}  # fmt: skip
    unit = chance.choice(words.get((unit, language), (unit,)))
    space = "" if unit == "%" or (language == "ko" and chance.random() < 0.5) else " "
    return _digits(value, chance) + (space + unit if unit else "")


def _digits(value: float, chance: random.Random) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}" if chance.random() < 0.5 else str(int(value))
    text = f"{value:.{chance.choice((3, 4))}g}"
    return f"{float(text):.10f}".rstrip("0").rstrip(".") if "e" in text else text


def _share(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    percent = 100 * float(value)
    text = f"{percent:.0f}" if percent >= 10 and chance.random() < 0.6 else f"{percent:.1f}"
    return text + chance.choice(("%", " %", "퍼센트") if language == "ko" else ("%", " %", " percent"))


def _ratio(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    return f"{float(value):.1f}" if float(value) < 100 else f"{float(value):.0f}"


def _span(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    seconds = abs(float(value))
    units = [(1, ("seconds", "s"), ("초",)), (60, ("minutes", "min"), ("분",)), (3600, ("hours", "h"), ("시간",))]
    size, english, korean = units[0 if seconds < 150 else 1 if seconds < 7200 else 2]
    unit = chance.choice(korean if language == "ko" else english)
    if size == 60 and seconds % 60 and seconds < 3600 and chance.random() < 0.3:
        low = f"{int(seconds % 60)}"
        return f"{int(seconds // 60)}분 {low}초" if language == "ko" else f"{int(seconds // 60)} min {low} s"
    number = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{number}{unit}" if language == "ko" else f"{number} {unit}"


def _time(slot: Slot, at: datetime, language: str, chance: random.Random) -> str:
    styles: tuple[Callable[[], str], ...] = (
        lambda: at.strftime("%H:%M:%S"),
        lambda: at.strftime("%H:%M"),
        lambda: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda: at.strftime("%Y-%m-%d %H:%M:%S"),
        lambda: at.strftime("%H:%M:%S UTC"),
        lambda: (at + _KST).strftime("%H:%M:%S KST"),
    )
    own: tuple[Callable[[], str], ...] = (lambda: at.strftime("%I:%M %p").lstrip("0"),)
    if language == "ko":
        half = "오전" if at.hour < 12 else "오후"
        own = (
            lambda: f"{at.hour}시 {at.minute}분 {at.second}초",
            lambda: f"{half} {(at.hour + 11) % 12 + 1}시 {at.minute}분",
            lambda: f"{at.month}월 {at.day}일 {at.hour}시 {at.minute}분",
        )
    return chance.choice((*styles, *own))()


def _name(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    text = str(value)
    return f"`{text}`" if " " in text or chance.random() < 0.3 else text


def ref(slot: Slot, value: Any, language: str, chance: random.Random) -> str:
    """Return a commit, cut to some length."""
    text = str(value)
    return text[: chance.choice((7, 8, 10, 12, 40))] if re.fullmatch(r"[0-9a-f]{40}", text) else text


_SHOWN: Final[dict[str, Callable[[Slot, Any, str, random.Random], str]]] = {
    "count": _count, "measure": _measure, "share": _share, "ratio": _ratio, "span": _span, "time": _time, "name": _name,
    "quoted": lambda slot, value, language, chance: str(value), "book": lambda slot, value, language, chance: f"`{value}`",  # noqa: E501
    "ref": ref,
}  # fmt: skip
