"""Units as people write them, in English and Korean, and what they are of."""

from __future__ import annotations

import re
from typing import Final

_SECOND, _MINUTE, _HOUR, _DAY = ("s", 1.0), ("s", 60.0), ("s", 3600.0), ("s", 86400.0)
UNITS: Final[dict[str, tuple[str, float]]] = {
    "%": ("%", 1), "percent": ("%", 1), "x": ("x", 1), "×": ("x", 1), "times": ("x", 1), "fold": ("x", 1),
    "ns": ("s", 1e-9), "us": ("s", 1e-6), "µs": ("s", 1e-6), "ms": ("s", 1e-3),
    "s": _SECOND, "sec": _SECOND, "second": _SECOND, "seconds": _SECOND, "min": _MINUTE, "minute": _MINUTE,
    "minutes": _MINUTE, "h": _HOUR, "hour": _HOUR, "hours": _HOUR, "d": _DAY, "day": _DAY, "days": _DAY,
    "kb": ("B", 1e3), "mb": ("B", 1e6), "gb": ("B", 1e9), "tb": ("B", 1e12), "kib": ("B", 1024), "mib": ("B", 1 << 20),
    "gib": ("B", 1 << 30), "k": ("", 1e3), "million": ("", 1e6),
}  # fmt: skip
"""Unit as written -> its kind and how much of the kind's base (seconds, percent, multiples, bytes, count) it is."""

WRITTEN: Final[dict[str, tuple[str, float]]] = UNITS | {
    "pct": ("%", 1), "percentage points": ("%", 1), "percentage point": ("%", 1), "pp": ("%", 1),
    "secs": _SECOND, "mins": _MINUTE, "hr": _HOUR, "hrs": _HOUR, "millisecond": ("s", 1e-3),
    "milliseconds": ("s", 1e-3), "msec": ("s", 1e-3), "microseconds": ("s", 1e-6), "nanoseconds": ("s", 1e-9),
    "week": ("s", 604800.0), "weeks": ("s", 604800.0), "byte": ("B", 1), "bytes": ("B", 1), "tib": ("B", 1 << 40),
    "kilobytes": ("B", 1e3), "megabytes": ("B", 1e6), "gigabytes": ("B", 1e9), "thousand": ("", 1e3),
    "m": ("", 1e6), "bn": ("", 1e9), "billion": ("", 1e9),
    "gbit": ("bit", 1e9), "mbit": ("bit", 1e6), "gbps": ("bit/s", 1e9), "mbps": ("bit/s", 1e6), "usd": ("$", 1),
    "dollars": ("$", 1), "dollar": ("$", 1), "cents": ("$", 0.01), "eur": ("€", 1), "euros": ("€", 1), "krw": ("₩", 1),
    "gbp": ("£", 1), "jpy": ("¥", 1), "cny": ("CN¥", 1), "inr": ("₹", 1), "aud": ("A$", 1), "cad": ("C$", 1),
    "chf": ("CHF", 1), "sgd": ("S$", 1), "brl": ("R$", 1),
    "퍼센트포인트": ("%", 1), "퍼센트": ("%", 1), "프로": ("%", 1), "배": ("x", 1), "나노초": ("s", 1e-9),
    "마이크로초": ("s", 1e-6), "밀리초": ("s", 1e-3), "초": _SECOND, "분": _MINUTE, "시간": _HOUR, "일": _DAY,
    "주": ("s", 604800.0),
    "바이트": ("B", 1), "킬로바이트": ("B", 1e3), "메가바이트": ("B", 1e6), "기가바이트": ("B", 1e9),
    "달러": ("$", 1), "원": ("₩", 1), "유로": ("€", 1),
}  # fmt: skip
"""Those that a claim may use."""

MONEY: Final = frozenset({"$", "€", "₩", "£", "¥", "CN¥", "₹", "A$", "C$", "CHF", "S$", "R$"})
"""Kinds of units that are money."""

COUNTERS: Final = {
    "명": "user", "건": "event", "번": "event", "회": "event", "차례": "event", "줄": "event", "대": "host",
    "개": "", "곳": "", "가지": "", "종": "", "종류": "",
}  # fmt: skip
"""Korean counters, and what they count where no noun says so."""

_ENGLISH = "|".join(
    re.escape(unit) for unit in sorted(WRITTEN, key=len, reverse=True) if unit.isascii() or unit in "×µs"
)
_HANGUL = "|".join(unit for unit in sorted(WRITTEN, key=len, reverse=True) if not (unit.isascii() or unit in "×µs"))
UNIT: Final = (
    rf"(?:(?:{_ENGLISH})(?![A-Za-z])|(?:{_HANGUL}|{'|'.join(sorted(COUNTERS, key=len, reverse=True))})"
    r"(?<!초(?=[과기]))(?<!분(?=[석류포할의배]))(?<!일(?=[부반치어]|\s?때|\s?경우))(?<!주(?=[소요로]))(?<!시간(?=당))(?<!번(?=째))(?<!배(?=포))"
    r"(?<!회(?=선))(?<!대(?=비))(?<!개(?=월)))"
)
"""A unit or counter, behind a number."""

_RATES = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}


def of_text(unit: str) -> tuple[str, float]:
    """Return what a unit of telemetry is of, and how much of it; an unknown one is of nothing.

    >>> of_text("Gbit/s"), of_text("Count"), of_text("ms")
    (('bit/s', 1000000000.0), ('', 1.0), ('s', 0.001))
    """
    whole, slash, pace = unit.strip().lower().partition("/")
    whole = {"by": "byte", "1": "", "count": "", "bits": "bit"}.get(whole, whole)
    kind, scale = ("bit", 1.0) if whole == "bit" else WRITTEN.get(whole, ("", 1.0))
    if slash and pace in _RATES:
        return f"{kind}/s", scale / _RATES[pace]
    return kind, float(scale)
