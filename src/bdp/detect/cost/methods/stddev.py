"""Stddev: the z-score of the day (ddof 1), in units of how far days usually are from what was expected of them.

Of the z-score of the cost and that of its logarithm the smaller one counts: costs that vary by factors would else look
abnormal on many days, costs that vary by sums on others. A run of dear days counts with less weight.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook

THRESHOLD: Final = 3.0
_RUN: Final = 0.6
_CAUTION: Final = 1.4
"""Costs scatter with heavier tails than a normal distribution has: a standard deviation is taken for so much more."""


def judge(outlook: Outlook, strictness: float) -> Judged:
    """Return the z-score; its threshold is 3 minus the sensitivity."""
    z = np.minimum((outlook.miss - outlook.bias) / outlook.spread, np.expm1(outlook.miss) / _linear_spread(outlook))
    return held(np.maximum(z, _RUN * outlook.run) / _CAUTION, THRESHOLD * strictness)


def _linear_spread(outlook: Outlook) -> Floats:
    shares = np.expm1(outlook.misses)
    count = np.count_nonzero(~np.isnan(shares), axis=1)
    mean = np.nansum(shares, axis=1) / np.maximum(count, 1)
    square = np.nansum((shares - mean[:, None]) ** 2, axis=1)
    found: Floats = np.maximum(np.sqrt(square / np.maximum(count - 1, 1)), outlook.spread)
    return found
