"""The score of the Numenta Anomaly Benchmark, version 1.1, written from its paper (Lavin and Ahmad, arXiv:1510.03336).

A detector gives each point of each file a score; a detection is a point whose score reaches a threshold.

- Of the detections inside a window only the earliest counts, by a sigmoid of its place in the window: 1 at the left
  edge, near 0 at the right one. A window without one costs the weight of a miss.
- A detection outside of all windows costs the weight of a false alarm times the same sigmoid of its distance from the
  last window before it, in widths of that window: little right after the window, the whole beyond three widths, and
  the whole where there was no window before it.
- The first 15 % of a file, 750 points at most, are probation: what is detected there is not scored.
- One threshold holds for the whole corpus: the best one, for each profile of weights. Sums are given between 0 (a
  detector that says nothing) and 100 (each window found at its left edge, nothing else).

The threshold is searched among all scores given, exactly. The published figures come from a search by steps in older
versions, so a detector may score a little more here than in its publication.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._detectors import Floats

PROBATION_SHARE = 0.15
PROBATION_POINTS = 5_000  # of a longer file only so many count for the share
OUTSIDE = -1
PROBATION = -2


@dataclass(frozen=True, slots=True)
class Profile:
    """What a window found, a window missed and a false alarm weigh."""

    found: float
    missed: float
    false_alarm: float


@dataclass(frozen=True, slots=True)
class Places:
    """What a detection at each point of a file is worth, before the profile's weights; each of shape (n,).

    Attributes:
        worth: in a window 0 to 1, outside -1 to 0.
        window: index of the window, or OUTSIDE, or PROBATION.
    """

    worth: Floats
    window: NDArray[np.intp]

    @property
    def windows(self) -> int:
        """How many windows have a point beyond probation: the others cannot be scored."""
        return len(np.unique(self.window[self.window >= 0]))


@dataclass(frozen=True, slots=True)
class Score:
    """A score between 0 (says nothing) and 100 (perfect), may be negative; and what stands behind it.

    Attributes:
        threshold: a point whose score reaches it is a detection.
        false_alarms: detections outside of all windows, in points.
    """

    score: float
    threshold: float
    windows: int
    missed: int
    false_alarms: int


File = tuple[Places, Floats]


def read_profiles(path: Path) -> dict[str, Profile]:
    """Return the profiles of the corpus' `profiles.json` by name."""
    costs = {name: profile["CostMatrix"] for name, profile in json.loads(path.read_text(encoding="utf-8")).items()}
    return {name: Profile(cost["tpWeight"], cost["fnWeight"], cost["fpWeight"]) for name, cost in costs.items()}


def sigmoid(distance: Floats) -> Floats:
    """Return 1 down to -1 for a distance from a window's right edge, in widths; inside the distance is negative."""
    return np.where(distance > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(distance, 3.0))) - 1.0)


def probation(points: int) -> int:
    """Return how many points of a file are there to learn from."""
    return int(PROBATION_SHARE * min(points, PROBATION_POINTS))


def places(points: int, windows: Sequence[tuple[int, int]]) -> Places:
    """Return what a detection is worth at each point, windows by first and last index, in order and apart."""
    at, whole = np.arange(points), float(sigmoid(np.array(-1.0)))
    worth, window = np.full(points, -1.0), np.full(points, OUTSIDE, dtype=np.intp)
    for first, last in windows:
        worth[last + 1 :] = sigmoid((at[last + 1 :] - last) / max(last - first, 1))
    for number, (first, last) in enumerate(windows):
        inside = slice(first, last + 1)
        worth[inside] = sigmoid((at[inside] - last - 1) / (last - first + 1)) / whole
        window[inside] = number
    window[: probation(points)] = PROBATION
    return Places(worth, window)


def score_at(files: Sequence[File], profile: Profile, threshold: float) -> Score:
    """Score the points that reach a threshold, over several files as one sum."""
    total, missed, false_alarms, windows = 0.0, 0, 0, 0
    for place, scores in files:
        hit = scores >= threshold
        false = hit & (place.window == OUTSIDE)
        best = _best_by_window(place, hit)
        windows += place.windows
        missed += place.windows - len(best)
        false_alarms += int(false.sum())
        total += profile.found * sum(best) + profile.false_alarm * float(place.worth[false].sum())
    total -= profile.missed * missed
    return Score(_normalised(total, windows, profile), threshold, windows, missed, false_alarms)


def _best_by_window(place: Places, hit: NDArray[np.bool_]) -> list[float]:
    """Return the worth of the best detection of each window that has one."""
    inside = hit & (place.window >= 0)
    return [float(place.worth[inside & (place.window == one)].max()) for one in np.unique(place.window[inside])]


def sweep(files: Sequence[File], profile: Profile) -> Score:
    """Score at the best threshold for these files: one of their scores, or infinity where silence is best."""
    scores, worth, window = _pooled(files)
    order = np.argsort(-scores, kind="stable")
    scores, worth, window = scores[order], worth[order], window[order]
    change = np.where(window == OUTSIDE, worth * profile.false_alarm, 0.0)
    for one in np.unique(window[window >= 0]):
        inside = np.flatnonzero(window == one)
        reached = np.maximum.accumulate(worth[inside] * profile.found)
        change[inside] = np.diff(reached, prepend=-profile.missed)
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # equal scores are detected together
    totals = np.cumsum(change)[ends]
    best = int(np.argmax(totals))
    return score_at(files, profile, float(scores[ends[best]]) if totals[best] > 0 else np.inf)


def _pooled(files: Sequence[File]) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return score, worth and window of every point that is scored; windows numbered through all files."""
    kept = [place.window != PROBATION for place, _ in files]
    offsets = np.cumsum([0, *(place.window.max(initial=-1) + 1 for place, _ in files)])
    window = [
        np.where(place.window >= 0, place.window + offset, place.window)[keep]
        for (place, _), keep, offset in zip(files, kept, offsets, strict=False)
    ]
    scores = np.concatenate([scores[keep] for (_, scores), keep in zip(files, kept, strict=True)])
    if not np.isfinite(scores).all():
        raise ValueError("a detector's scores must be finite")
    worth = np.concatenate([place.worth[keep] for (place, _), keep in zip(files, kept, strict=True)])
    return scores, worth, np.concatenate(window)


def _normalised(total: float, windows: int, profile: Profile) -> float:
    if not windows:
        raise ValueError("without a window there is nothing to find, and so no score")
    silent, perfect = -windows * profile.missed, windows * profile.found
    return 100 * (total - silent) / (perfect - silent)
