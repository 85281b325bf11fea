"""Rarity: how improbable a statistic is, given its own past.

    -log10 p = -log10 of the share of the past that was at least as large

The body of the past is a count over logarithmic bins. Beyond the largest `PEAKS` values the tail is a power law whose
index is Hill's estimate from them (Hill, "A simple general approach to inference about the tail of a distribution",
Annals of Statistics 3, 1975), so a series that often jumps by much needs a larger jump to surprise than a calm one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Rows, Shape

PEAKS = 15
BINS = 32
BIN_WIDTH = 0.45
"""Natural logarithm; 32 bins span a factor of 1.8 million."""
_FIRST_BIN = 0.4 * BINS
"""Where the reference scale lies."""
_PEAK_SHARE = 0.06
"""Peaks are at most this share of the past, so a short past has few."""
_SMALLEST_INDEX = 0.1
_FADING = 0.7
"""What is left of the peaks when half of the past is forgotten."""


def layout(signals: int) -> dict[str, Shape]:
    """Return what the pasts of one series need."""
    return {
        "peaks": ((signals, PEAKS), np.float32, 0.0),
        "counts": ((signals, BINS), np.float32, 0.0),
        "past": ((), np.float32, 0.0),
    }


def places(size: Floats, reference: Floats) -> Floats:
    """Return the places of sizes in the bins: the whole part is the bin. Without a reference all are in the first."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        place = np.log(size / reference) / np.float32(BIN_WIDTH) + np.float32(_FIRST_BIN)
    found: Floats = np.clip(np.nan_to_num(place, nan=0.0, neginf=0.0, posinf=0.0), 0, BINS - 1).astype(np.float32)
    return found


def surprise(columns: Columns, rows: Rows, signal: int, size: Floats, place: Floats) -> Floats:
    """Return -log10 of the probability of a statistic at least as large; 0 at the least."""
    past, peaks = columns["past"][rows], columns["peaks"][rows, signal]
    used = np.clip((past * _PEAK_SHARE).astype(np.intp), 3, PEAKS)
    least = np.take_along_axis(peaks, used[:, None] - 1, axis=1)[:, 0]
    rarest = np.log10((past + 1) / used)
    found = np.minimum(rarest, _body(columns["counts"][rows, signal], place, past))
    far = np.flatnonzero((size > least) & (least > 0))
    if far.size:
        found[far] = rarest[far] + _beyond(peaks[far], used[far], size[far])
    result: Floats = np.maximum(found, 0).astype(np.float32)
    return result


def learn(columns: Columns, rows: NDArray[np.intp], signal: int, size: Floats, place: Floats) -> None:
    """Add statistics to the past; `past` itself is counted once for all signals by the caller."""
    columns["counts"][rows, signal, place.astype(np.intp)] += 1
    peaks = columns["peaks"]
    high = np.flatnonzero(size > peaks[rows, signal, -1])
    if high.size:
        at = rows[high]
        new = np.concatenate([peaks[at, signal], size[high, None]], axis=1)
        new.sort(axis=1)
        peaks[at, signal] = new[:, :0:-1]


def fade(columns: Columns, rows: NDArray[np.intp]) -> None:
    """Forget half of the past."""
    columns["counts"][rows] *= 0.5
    columns["past"][rows] *= 0.5
    columns["peaks"][rows] *= _FADING


def _body(counts: Floats, place: Floats, past: Floats) -> Floats:
    """Return the surprise by the counts; within its bin a value lies evenly in the logarithm."""
    whole = place.astype(np.intp)
    above = np.where(np.arange(BINS)[None, :] > whole[:, None], counts, 0).sum(axis=1)
    own = np.take_along_axis(counts, whole[:, None], axis=1)[:, 0] * (1 - (place - whole))
    body: Floats = np.log10((past + 1) / (above + own + 1))
    return body


def _beyond(peaks: Floats, used: NDArray[np.intp], size: Floats) -> Floats:
    least = np.take_along_axis(peaks, used[:, None] - 1, axis=1)
    inside = np.arange(PEAKS)[None, :] < used[:, None]
    excess = np.log(np.where(inside, peaks, least) / least)
    index = np.maximum(excess.sum(axis=1) / used, _SMALLEST_INDEX)
    return np.asarray(np.log10(size / least[:, 0]) / index, dtype=np.float32)
