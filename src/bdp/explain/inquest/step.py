"""Whether a signal shifts just when a change takes effect: near it, and before the failure where that came later.

    short   the five minutes after it against the twenty before it
    long    from it to the failure, at most twenty minutes, where the failure came later than that

A step counts by how far it exceeds the usual wobble, and by its size: a quarter of the level is a full one. What shifts
a good while after the change does not count for it: others may have come between.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Series = tuple[Floats, Floats]
_BEFORE: Final = 1_200.0
_SHORT: Final = 300.0
_LONG: Final = 1_200.0
_LEAST: Final = 3
_CLEAR: Final = 10.0
_LARGE: Final = 0.25


def stepped(series: Iterable[Series], at: float, onset: float) -> float:
    """Return how clearly any of some series shifts at a time, 0 to 1.

    Args:
        at: epoch seconds when a change took effect.
        onset: epoch seconds when the failure began.
    """
    ends = [at + _SHORT] if onset < at + 2 * _SHORT else [at + _SHORT, min(at + _LONG, onset - 60.0)]
    return max((_step(one, at, end) for one in series for end in ends), default=0.0)


def _step(series: Series, at: float, end: float) -> float:
    times, levels = series
    before = levels[(times >= at - _BEFORE) & (times < at)]
    after = levels[(times > at) & (times <= end + 30.0)]
    if len(before) < _LEAST or len(after) < _LEAST:
        return 0.0
    old, new = float(np.median(before)), float(np.median(after))
    wobble = 1.4826 * float(np.median(np.abs(before - old)))
    scale = max(abs(old), abs(new))
    if scale <= 0:
        return 0.0
    clear = abs(new - old) / max(wobble, 0.01 * scale, 1e-12)
    return min(1.0, max(0.0, clear - 2.0) / _CLEAR) * min(1.0, abs(new - old) / (_LARGE * scale))
