"""Money, changes and days as people read them."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Final

from bdp.cli.screen import plain
from bdp.model.noun import Language

_LEAST: Final = 1e-12
"""Less than this is what sums of floating-point numbers leave behind."""
_LARGEST: Final = 1e15
_WHOLE: Final = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "PYG", "RWF"})
"""Currencies without a smaller coin, by ISO 4217."""
_TIMES_FROM: Final = 10_000.0


def figure(amount: float, currency: str = "") -> str:
    """Return an amount with thousands and 2 decimals; of less than 1, with as many as two digits need."""
    size = abs(amount)
    if size < _LEAST:
        return "0.00"
    if not size < _LARGEST:  # also what is no number at all
        return f"{amount:.4g}"
    if currency in _WHOLE and size >= 100:
        return f"{amount:,.0f}"
    return f"{amount:,.2f}" if size >= 1 else _small(amount)


def _small(amount: float) -> str:
    places = max(2, 1 - math.floor(math.log10(abs(amount))))
    text = format(Decimal(repr(amount)).quantize(Decimal(1).scaleb(-places)), "f")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def money(amount: float, currency: str) -> str:
    """Return an amount with its currency: `1,234.50 USD`, `0.0000008 USD`, `1,200,000 KRW`."""
    return f"{figure(amount, currency)} {plain(currency)}".rstrip()


def percent(change: float | None) -> str:
    """Return a change with its sign: `+249%`, `-3.5%`; what is huge as a multiple: `×1,200`; a dash for None."""
    if change is None or not math.isfinite(change):
        return "-"
    if change >= _TIMES_FROM:
        times = 1 + change / 100
        return f"×{times:,.0f}" if times < _LARGEST else f"×{times:.2g}"
    return f"{change:+,.1f}%" if abs(change) < 10 else f"{change:+,.0f}%"


def share(part: float, whole: float) -> str:
    """Return a part as whole percents; a dash where the whole is nothing or less."""
    return f"{part / whole:,.0%}" if whole > _LEAST and math.isfinite(part / whole) else "-"


def stretch(first: date, last: date, language: Language) -> str:
    """Return one day, or from which to which."""
    return f"{first}" if first == last else f"{first}{' ~ ' if language == 'ko' else ' to '}{last}"
