"""Ratio: the day's cost as a multiple of what was expected.

It counts from 1.5 times on; of series that vary much from day to day only from where somewhat more than two standard
deviations reach, which is more.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook

_LEAST: Final = 0.5
_SPREADS: Final = 2.35
MOST: Final = 1000.0
"""The ratio of a cost to none."""


def judge(outlook: Outlook, strictness: float) -> Judged:
    """Return the ratio and its threshold; `strictness` is 1 at the default sensitivity, less where it is higher."""
    expected = outlook.expected
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(expected > 0, outlook.today / expected, np.where(outlook.today > 0, MOST, 1.0))
    threshold = 1 + strictness * np.maximum(_LEAST, np.expm1(_SPREADS * outlook.spread))
    return held(np.minimum(ratio, MOST), threshold, rest=1.0)
