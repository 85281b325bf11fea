"""Alarms against labelled segments, with a window for the delay; and alarms where nothing was wrong.

A segment is a run of anomalous points. Its zone is the segment and, where it is shorter, the points up to `delay`
after its start: an alarm often needs a few points, and a short anomaly may be over by then.

- recall: the share of segments with an alarm raised in their zone;
- precision: the share of alarms raised in some segment's zone;
- in time: the share of segments whose first alarm in the zone comes `delay` points after the start at the latest. That
  is the rule of Ren et al. (KDD 2019, arXiv:1906.03821), which allows 3 points for hourly series and 7 for those by
  the minute.

Only the point counts at which an alarm is raised, not how long it stays open: an alarm that never closes finds one
segment, and one that was raised before a segment does not find it. Sums go over all segments and alarms of a set.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks._detectors import Flags, Floats, rising


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted, over one series or several.

    Attributes:
        delays: points from a found segment's start to its first alarm, one for each segment found.
        true_alarms: alarms raised in some segment's zone.
    """

    segments: int = 0
    in_time: int = 0
    alarms: int = 0
    true_alarms: int = 0
    delays: tuple[int, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.segments + other.segments,
            self.in_time + other.in_time,
            self.alarms + other.alarms,
            self.true_alarms + other.true_alarms,
            self.delays + other.delays,
        )

    @property
    def recall(self) -> float:
        """Share of segments found; 0 where there are none."""
        return len(self.delays) / self.segments if self.segments else 0.0

    @property
    def precision(self) -> float:
        """Share of alarms in a zone; 0 where there are none."""
        return self.true_alarms / self.alarms if self.alarms else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0

    @property
    def timely(self) -> float:
        """Share of segments found in time."""
        return self.in_time / self.segments if self.segments else 0.0

    @property
    def delay(self) -> float | None:
        """Median delay in points of the segments found, None where none was."""
        return statistics.median(self.delays) if self.delays else None


def segments(truth: Flags) -> list[tuple[int, int]]:
    """Return the runs of true, first and last index."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], truth.astype(np.int8), [0]])))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def tally(truth: Flags, opened: Flags, delay: int) -> Tally:
    """Count one series; truth and alarms of shape (n,), delay in points."""
    alarms = np.flatnonzero(opened)
    runs = segments(truth)
    in_zone = np.zeros(len(truth), bool)
    delays = []
    for first, last in runs:
        end = max(last, first + delay) + 1
        in_zone[first:end] = True
        found = alarms[(alarms >= first) & (alarms < end)]
        if len(found):
            delays.append(int(found[0]) - first)
    in_time = sum(late <= delay for late in delays)
    return Tally(len(runs), in_time, len(alarms), int(in_zone[alarms].sum()), tuple(delays))


def best_threshold(scored: Sequence[tuple[Flags, Floats]], delay: int) -> float:
    """Return the threshold of the best F1 over some series, each truth and scores; an alarm is the score rising to it.

    Tried are a hundred quantiles of all scores, close to each other at the top; of equals the middle one is taken.
    """
    tails = np.geomspace(0.5, 1e-5, 100)
    tried = np.unique(np.quantile(np.concatenate([scores for _, scores in scored]), 1 - tails, method="higher"))
    f1 = np.array([sum((tally(truth, rising(s >= at), delay) for truth, s in scored), Tally()).f1 for at in tried])
    best = np.flatnonzero(f1 == f1.max())
    return float(tried[best[len(best) // 2]])
