"""VUS-PR: how well scores rank points, with tolerance for where a label's edge lies.

From Paparrizos et al., "Volume Under the Surface", PVLDB 15(11), 2022. Around each labelled segment a buffer of half a
window on each side counts in part, falling with the distance d as sqrt(1 - d / window). With these labels precision
and recall are computed at every threshold; recall is also multiplied by the share of segments, buffers included, that
have a detection at all. The area under this curve, averaged over windows from 0 to a longest one, is VUS-PR.

Every distinct score is a threshold here; the authors' code takes 250 of them, evenly by rank, which `thresholds` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks._detectors import Flags, Floats
from benchmarks._ranges import segments

PERIOD_POINTS = 20_000
PERIOD_LAGS = 400
PERIOD_SHORTEST, PERIOD_LONGEST = 6, 303
NO_PERIOD = 125


def vus_pr(truth: Flags, scores: Floats, buffer: int, *, windows: int = 21, thresholds: int | None = None) -> float:
    """Return the volume under the range precision-recall surface, 0 to 1.

    Args:
        truth: shape (n,), with an anomalous point at least.
        scores: shape (n,), the greater, the more abnormal.
        buffer: the longest window, in points.
        windows: how many windows from 0 to the longest are averaged; the authors take each whole number.
        thresholds: take so many ranks as thresholds, not every distinct score.
    """
    order = np.argsort(-scores, kind="stable")
    ends = _group_ends(scores[order], thresholds)
    widths = np.unique(np.linspace(0, buffer, min(windows, buffer + 1)).round().astype(int))
    return float(np.mean([_range_ap(truth, scores, order, ends, int(width)) for width in widths]))


def average_precision(truth: Flags, scores: Floats) -> float:
    """Return the area under the precision-recall curve of single points, in steps as is usual."""
    order = np.argsort(-scores, kind="stable")
    ends = _group_ends(scores[order], None)
    found = np.cumsum(truth[order])[ends]
    return float(np.diff(found, prepend=0) @ (found / (ends + 1)) / truth.sum())


def soft_labels(truth: Flags, window: int) -> Floats:
    """Return the labels with their buffers, each 0 to 1, shape (n,)."""
    labels = truth.astype(np.float64)
    distance = np.arange(1, window // 2 + 1)
    weights = np.sqrt(1 - distance / window) if window else np.zeros(0)
    for first, last in segments(truth):
        before, after = first - distance, last + distance
        labels[before[before >= 0]] += weights[before >= 0]
        labels[after[after < len(labels)]] += weights[after < len(labels)]
    return np.minimum(labels, 1.0)


def period(values: Floats) -> int:
    """Return the lag, in points, of the highest peak of the autocorrelation, or 125 where there is none up to 303.

    That is how TSB-AD (Liu and Paparrizos, NeurIPS 2024) chooses the longest window of a series.
    """
    centred = values[:PERIOD_POINTS] - values[:PERIOD_POINTS].mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    power = np.fft.irfft(spectrum * spectrum.conjugate())[: min(PERIOD_LAGS + 1, len(centred))]
    if power[0] <= 0:
        return NO_PERIOD
    peaks = np.flatnonzero((power[4:-1] > power[3:-2]) & (power[4:-1] > power[5:])) + 4
    if not len(peaks):
        return NO_PERIOD
    highest = int(peaks[np.argmax(power[peaks])])
    return highest if PERIOD_SHORTEST <= highest <= PERIOD_LONGEST else NO_PERIOD


def _group_ends(ranked: Floats, thresholds: int | None) -> NDArray[np.intp]:
    """Return the last index of each threshold's points among scores in falling order: equal scores go together."""
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    if thresholds is None:
        return ends
    ranks = np.linspace(0, len(ranked) - 1, thresholds).astype(int)
    return ends[np.searchsorted(ends, ranks)]


def _range_ap(truth: Flags, scores: Floats, order: NDArray[np.intp], ends: NDArray[np.intp], window: int) -> float:
    """Return the area under the range precision-recall curve for one window."""
    labels = soft_labels(truth, window)
    found = np.cumsum(labels[order])[ends]
    in_buffers = found - np.cumsum(truth[order])[ends]
    recall = np.minimum(found / (truth.sum() + in_buffers / 2), 1.0)
    tops = np.sort([scores[first : last + 1].max() for first, last in segments(labels > 0)])
    exist = 1 - np.searchsorted(tops, scores[order][ends]) / len(tops)
    return float(np.diff(recall * exist, prepend=0.0) @ (found / (ends + 1)))
