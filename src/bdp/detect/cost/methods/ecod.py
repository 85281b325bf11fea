"""ECOD: how rare such a day is by the empirical distribution of the days before.

Z. Li, Y. Zhao, X. Hu, N. Botta, C. Ionescu, G. H. Chen, "ECOD: Unsupervised Outlier Detection Using Empirical
Cumulative Distribution Functions", IEEE TKDE 2022 (arXiv:2201.00382). `ecod` is the method as published, for any
matrix; in numpy alone, for it runs where there is no room for SciPy.

Of one series the score of a day is minus the logarithm of the share of days that were at least as far above what was
expected of them. By ranks alone the dearest day of all scores the same however dear it is, so beyond the largest tenth
of the days the tail goes on as an exponential one (peaks over threshold; Balkema and de Haan 1974, Pickands 1975).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bdp.detect.cost.daily import Flags, Floats
from bdp.detect.cost.methods.judged import Judged, held
from bdp.detect.cost.outlook import Outlook

_RARITY: Final = 7.4
"""About one day in 1,600."""
_RUN: Final = 5.1
_TAIL: Final = 0.16
_LEAST_TAIL: Final = 3
_MOST_TAIL: Final = 12
_PRIOR_MISSES: Final = 8
_PRIOR_SCALE: Final = 0.5
_LEAST_SCALE: Final = 0.008


def ecod(matrix: Floats) -> Floats:
    """Return the outlier score of each row, larger for rarer ones.

    Args:
        matrix: shape (rows, columns), without nan.
    """
    left, right = -np.log(_ecdf(matrix)), -np.log(_ecdf(-matrix))
    sign = np.sign(_skewness(matrix))
    skewed = left * -np.sign(sign - 1) + right * np.sign(sign + 1)
    score: Floats = np.maximum(np.maximum(left, right), skewed).sum(axis=1)
    return score


def judge(outlook: Outlook, strictness: float) -> Judged:
    """Return the score of the day; a run of dear days counts beside it, in its own measure."""
    score = _tail(outlook.misses, outlook.miss / outlook.short, outlook.spread / outlook.short)
    day = held(score, _RARITY * strictness)
    run = held(outlook.run, _RUN * strictness)
    return Judged(np.maximum(day.confidence, run.confidence), day.value, day.threshold)


def _ecdf(matrix: Floats) -> Floats:
    """Return for each value the share of its column that is at most it."""
    found = np.empty_like(matrix, dtype=np.float64)
    for place, column in enumerate(matrix.T):
        found[:, place] = np.searchsorted(np.sort(column), column, side="right") / len(column)
    return found


def _skewness(matrix: Floats) -> Floats:
    """Return the biased skewness of each column; 0 for one that is constant to machine precision."""
    mean = matrix.mean(axis=0)
    off = matrix - mean
    second, third = (off**2).mean(axis=0), (off**3).mean(axis=0)
    constant: Flags = second <= (np.finfo(np.float64).eps * mean) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(constant, 0.0, third / second**1.5)
    return np.nan_to_num(found)


def _tail(misses: Floats, miss: Floats, spread: Floats) -> Floats:
    """Return minus the logarithm of the chance of a miss as far as this one or farther.

    The few largest misses of a series say little of its tail; half the spread counts beside them, as if that many more
    had that.
    """
    count = np.count_nonzero(~np.isnan(misses), axis=1)
    size = np.clip((_TAIL * count).astype(np.int64), _LEAST_TAIL, _MOST_TAIL)
    known = np.where(np.isnan(misses), -np.inf, misses)
    most = min(_MOST_TAIL + 1, known.shape[1])
    top = -np.sort(np.partition(-known, most - 1, axis=1)[:, :most], axis=1)
    edge = np.take_along_axis(top, np.minimum(size, most - 1)[:, None], 1)[:, 0]
    edge = np.where(np.isfinite(edge), edge, 0.0)
    inside = (np.arange(most) < size[:, None]) & np.isfinite(top)
    excess = np.where(inside, top - edge[:, None], 0.0).sum(axis=1)
    scale = np.maximum((excess + _PRIOR_MISSES * _PRIOR_SCALE * spread) / (size + _PRIOR_MISSES), _LEAST_SCALE)
    above = np.count_nonzero(known >= miss[:, None], axis=1)
    ranked = -np.log((above + 1) / (count + 1))
    beyond = -np.log(size / np.maximum(count, size)) + (miss - edge) / scale
    found: Floats = np.where(miss <= edge, ranked, np.where(above == 0, np.maximum(ranked, beyond), ranked))
    return found
