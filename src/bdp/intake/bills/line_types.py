"""AWS's kinds of lines as charge categories of FOCUS; CUR and Cost Explorer spell the same kinds differently."""

from __future__ import annotations

import functools
from typing import Final

_NOT_LETTERS: Final = {code: None for code in range(128) if not chr(code).isalpha()}
_CATEGORIES: Final = {"tax": "Tax", "credit": "Credit", "refund": "Adjustment", "recurring": "Purchase",
                      "upfront": "Purchase", "otheroutofcyclecharges": "Purchase"}  # fmt: skip


@functools.lru_cache(maxsize=1024)
def category_of(line_type: str) -> str:
    """Return the charge category: `RIFee`, `Savings Plan Upfront Fee` are purchases; discounts belong to the usage."""
    plain = line_type.translate(_NOT_LETTERS).lower()
    return _CATEGORIES.get(plain) or ("Purchase" if plain.endswith("fee") else "Usage")
