"""Detectors as the yardsticks see them: a function from streams to what was told at each point, without look-ahead.

A stream is `(ts, values)`: float64 unix seconds and float64 values, both of shape (n,). What is told is
`(scores, is_anomaly, opened)`, each of shape (n,): how abnormal a point is (the greater, the more; finite), whether an
anomaly is open at it, and whether an alarm was raised at it. Streams are independent of each other.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Stream = tuple[Floats, Floats]

GAUSSIAN_WINDOW = 6400
GAUSSIAN_STEP = 100


class Told(NamedTuple):
    """What a detector said of one stream, each of shape (n,)."""

    scores: Floats
    is_anomaly: Flags
    opened: Flags


class Seen(Protocol):
    """What a bank says of one point each of some series, each of shape (rows,)."""

    @property
    def score(self) -> Floats: ...
    @property
    def is_anomaly(self) -> Flags: ...
    @property
    def opened(self) -> Flags: ...


Detector = Callable[[Sequence[Stream]], Sequence[tuple[Floats, Flags, Flags]]]
Observe = Callable[[Rows, Floats, Floats], Seen]


def lockstep(streams: Sequence[Stream], observe: Observe) -> list[Told]:
    """Play all streams side by side, one point of each per call of `observe`; row i is stream i.

    Streams may differ in length: one that has ended is left out of the rest.
    """
    if not streams:
        return []
    lengths = np.array([len(values) for _, values in streams])
    shape = (len(streams), int(lengths.max()))
    ts, values = np.zeros(shape), np.zeros(shape)
    for row, (times, points) in enumerate(streams):
        ts[row, : len(times)], values[row, : len(points)] = times, points
    scores, is_anomaly, opened = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool)
    for at in range(shape[1]):
        rows = np.flatnonzero(lengths > at)
        seen = observe(rows, ts[rows, at], values[rows, at])
        scores[rows, at], is_anomaly[rows, at], opened[rows, at] = seen.score, seen.is_anomaly, seen.opened
    return [Told(scores[row, :n], is_anomaly[row, :n], opened[row, :n]) for row, n in enumerate(lengths)]


def bank(streams: Sequence[Stream]) -> list[Told]:
    """Run our own detector at its default settings."""
    from bdp.detect.series.bank import SeriesBank
    from bdp.detect.series.settings import SeriesSettings

    return lockstep(streams, SeriesBank(SeriesSettings(), series=len(streams)).observe)


def windowed_gaussian(streams: Sequence[Stream]) -> list[Told]:
    """Run the windowed Gaussian of the NAB corpus: one minus the tail of a normal with the window's mean and spread.

    The window grows to 6,400 points and then moves by 100 points at a time, as in its published form. It has no alarms
    of its own: an alarm is raised here where the score passes one minus one in a million from below.
    """
    return [by_threshold(gaussian_scores(values), 1 - 1e-6) for _, values in streams]


def gaussian_scores(values: Floats) -> Floats:
    """Return the windowed Gaussian's score of each point against the points before it."""
    means, spreads = _window_moments(values)
    distance = np.abs(values - means) / spreads
    scores = np.array([1 - 0.5 * math.erfc(z / math.sqrt(2)) for z in distance])
    scores[:1] = 0.0
    return scores


def _window_moments(values: Floats) -> Sequence[Floats]:
    """Return mean and standard deviation of the window before each point; 0 and 1 before the first."""
    means, spreads = np.zeros(len(values)), np.ones(len(values))
    mean = squares = 0.0
    for at, value in enumerate(values[: GAUSSIAN_WINDOW - 1].tolist(), start=1):
        step = value - mean
        mean += step / at
        squares += step * (value - mean)
        if at < len(values):
            means[at], spreads[at] = mean, math.sqrt(squares / at)
    for end in range(GAUSSIAN_WINDOW, len(values), GAUSSIAN_STEP):
        window = values[end - GAUSSIAN_WINDOW : end]
        means[end : end + GAUSSIAN_STEP], spreads[end : end + GAUSSIAN_STEP] = window.mean(), window.std()
    return means, np.where(spreads == 0, 1e-6, spreads)


def chance(streams: Sequence[Stream]) -> list[Told]:
    """Score at random, the same at each run: the floor of every measure. One point in a thousand raises an alarm."""
    dice = np.random.default_rng(20261121)
    return [by_threshold(dice.random(len(values)), 0.999) for _, values in streams]


def by_threshold(scores: Floats, threshold: float) -> Told:
    """Return what a detector without alarms of its own says: an anomaly is open while the score is at the threshold."""
    above = scores >= threshold
    return Told(scores, above, rising(above))


def rising(above: Flags) -> Flags:
    """Return where a run of true begins."""
    begins = above.copy()
    begins[1:] &= ~above[:-1]
    return begins


DETECTORS: dict[str, Detector] = {"bdp": bank, "windowed Gaussian": windowed_gaussian, "random": chance}


def choose(names: Sequence[str]) -> dict[str, Detector]:
    """Return detectors by name, or by `package.module:function` for one from elsewhere; all for no names."""
    return {name: DETECTORS.get(name) or _imported(name) for name in names or list(DETECTORS)}


def short_name(name: str) -> str:
    """Return a detector's name for a table."""
    return name.rpartition(":")[2]


def _imported(name: str) -> Detector:
    module, _, function = name.partition(":")
    if not function:
        raise SystemExit(f"no detector {name!r}: give one of {', '.join(DETECTORS)}, or package.module:function")
    return cast(Detector, getattr(importlib.import_module(module), function))
