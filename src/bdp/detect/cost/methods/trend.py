"""Trend: whether the last days went on at another level than the weeks before and their trend foretold.

It sees what no single day shows: a step within the noise, a slow ramp.
"""

from __future__ import annotations

from typing import Final

from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook

_THRESHOLD: Final = 3.3


def judge(outlook: Outlook, strictness: float) -> Judged:
    """Return how far the run of the last days is above the level before, in standard deviations of such runs."""
    return held(outlook.run, _THRESHOLD * strictness)
