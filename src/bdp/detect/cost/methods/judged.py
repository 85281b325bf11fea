"""What a method makes of many series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bdp.detect.cost.daily import Floats


@dataclass(frozen=True)
class Judged:
    """Each of shape (series,).

    Attributes:
        confidence: 0..1, 0.5 where the value is at its threshold, 1 from twice that on.
        value: the method's own figure; what it is, the method says.
    """

    confidence: Floats
    value: Floats
    threshold: Floats


def held(value: Floats, threshold: Floats | float, rest: float = 0.0) -> Judged:
    """Return values held against their thresholds.

    Args:
        rest: the value of a day like any other, which confidence counts from.
    """
    threshold = np.broadcast_to(np.asarray(threshold, np.float64), value.shape)
    share = np.nan_to_num((value - rest) / (threshold - rest), posinf=np.inf, neginf=0.0)
    return Judged(np.clip(0.5 * share, 0.0, 1.0), value, threshold)
