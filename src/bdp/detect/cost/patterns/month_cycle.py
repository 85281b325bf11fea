"""Month cycle: the first five days of a month and its 26th to 31st."""

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.window import Window

ALLOWANCE: Final = 0.15
_LEAST_DAYS: Final = 30
_NEAR: Final = (0.7, 1.3)
_LAST_OF_FIRST: Final = 5


def allowance(window: Window) -> Floats:
    """Return 0.15 where the day costs about what the same part of earlier months did, else 0; shape (series,)."""
    calendar = window.calendar
    kind = int(calendar.by_date[window.place])
    nothing = np.zeros(len(window.today))
    if not kind:
        return nothing
    kinds = calendar.by_date[window.past]
    same = ((kinds > 0) & (kinds <= _LAST_OF_FIRST)) if kind <= _LAST_OF_FIRST else kinds > _LAST_OF_FIRST
    same = same & ~_of_this_turn(window, same)
    if not same.any():
        return nothing
    costs = window.billed[:, same]
    count = np.count_nonzero(~np.isnan(costs), axis=1)
    mean = np.nansum(costs, axis=1) / np.maximum(count, 1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = np.where(mean > 0, window.today / mean, np.nan)
    holds = (window.known >= _LEAST_DAYS) & (share >= _NEAR[0]) & (share <= _NEAR[1])
    found: Floats = np.where(holds, ALLOWANCE, 0.0)
    return found


def _of_this_turn(
    window: Window, same: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which of the days belong to the turn that the day itself is in."""
    found = np.zeros(len(same), np.bool_)
    for place in range(len(same) - 1, -1, -1):
        if not same[place]:
            break
        found[place] = True
    return found
