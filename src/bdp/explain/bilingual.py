"""One text in both languages that people read, and numbers that such texts word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bdp.explain.wording import agree, figure, plural, span

_UNITS: Final = {"s": "초", "min": "분", "h": "시간"}


@dataclass(frozen=True, slots=True)
class Bilingual:
    """A text in English and Korean; it is false where both are empty."""

    en: str = ""
    ko: str = ""

    def __bool__(self) -> bool:
        return bool(self.en or self.ko)

    def __add__(self, more: Bilingual) -> Bilingual:
        return Bilingual(self.en + more.en, self.ko + more.ko)

    @classmethod
    def alike(cls, text: str) -> Bilingual:
        """Return what reads the same in both: a name, a figure, a text that machines wrote."""
        return cls(text, text)


@dataclass(frozen=True, slots=True)
class Count:
    """A number in a sentence: `{n}` is 1,234, `{n:event}` 1 event or 2 events, `{n:shows/show}` the verb that agrees.

    >>> "{n:event} of {all} {n:shows/show} it".format(n=Count(2), all=Count(1234))
    '2 events of 1,234 show it'
    """

    value: float

    def __format__(self, spec: str) -> str:
        one, slash, many = spec.partition("/")
        if slash:
            return agree(self.value, one, many)
        return plural(self.value, spec) if spec else figure(self.value)


def together(parts: Iterable[Bilingual | str], joint: str = " ") -> Bilingual:
    """Return texts joined; a plain one is the same in both languages."""
    said = [Bilingual.alike(part) if isinstance(part, str) else part for part in parts]
    return Bilingual(joint.join(part.en for part in said), joint.join(part.ko for part in said))


def in_both(part: object, field: str) -> Bilingual:
    """Return a text of a playbook or a part of one; English where it has no Korean one."""
    english = str(getattr(part, field))
    return Bilingual(english, str(getattr(part, f"{field}_ko", "") or english))


def lasting(seconds: float) -> Bilingual:
    """Return a duration: `45 s`, `12.5 min`, `3.1 h`, and `45초`, `12.5분`, `3.1시간`."""
    shown = span(seconds)
    digits, _, unit = shown.partition(" ")
    return Bilingual(shown, digits + _UNITS[unit])
