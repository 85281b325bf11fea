"""Luminol: LinkedIn's library (Apache-2.0), where it is installed; see `bdp-agent[luminol]`.

Its default detector (moving averages and derivatives) scores the days of one series at a time in plain Python, so only
days that the other methods find odd are shown to it. A day counts whose score is 1.5 times the highest before.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np

from bdp.detect.cost.daily import Floats
from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook

_THRESHOLD: Final = 1.5
_LEAST: Final = 1e-9
_MOST: Final = 10.0
_LEAST_DAYS: Final = 10


def absent() -> str:
    """Return why it cannot take part; empty if it can."""
    try:
        _detector()
    except ImportError:
        return "luminol is not installed: pip install 'bdp-agent[luminol]'"
    return ""


def judge(outlook: Outlook, strictness: float) -> Judged:
    """Return the day's score against the highest of the days before."""
    detector = _detector()
    value = np.array([_score(detector, row, miss) for row, miss in zip(outlook.misses, outlook.miss, strict=True)])
    return held(value, _THRESHOLD * strictness)


def _score(detector: Any, misses: Floats, miss: float) -> float:
    known = misses[~np.isnan(misses)]
    if len(known) < _LEAST_DAYS or miss <= 0:
        return 0.0
    days = dict(enumerate([*known.tolist(), float(miss)]))
    scores = list(detector(days, score_only=True).get_all_scores().values)
    return float(min(_MOST, scores[-1] / max(*scores[:-1], _LEAST)))


def _detector() -> Any:
    series: Any = importlib.import_module("luminol.modules.time_series")
    if not hasattr(series.numpy, "asscalar"):
        series.numpy = _Numpy()
    return importlib.import_module("luminol.anomaly_detector").AnomalyDetector


class _Numpy:
    """Numpy as luminol 0.4 knows it, for its own use: numpy 1.23 took `asscalar` away."""

    asscalar = staticmethod(lambda value: value.item())

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)
