"""The clearest shift of one series: since when, how long, how far, how sure.

    where     without a known time: the stretch whose mean differs most from the rest (circular binary segmentation:
              Olshen, Venkatraman, Lucito, Wengler, Biostatistics 2004). With one: the run with the largest sum of
              deviations from the time before (CUSUM: Page, Biometrika 1954)
    ramp      a broken line is tried beside the step; where it fits clearly better, the shift begins at its bend
    strength  distance of the medians over the noise before it: 1.4826 times the median absolute deviation, or of a
              skewed series the 90th percentile on the side of the shift if that is more; of a mostly constant series
              the mean absolute deviation. At least 1 % of the shift, so 100 is the largest
    clear     strong, and by half farther out than 99 % of the stretches of the same length before it (95 % if strong)

A growing counter has to be turned into its growth first. All of it is linear in the points but the segmentation, which
looks at 240 bins; a series is copied a few times and nothing else is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_STRENGTH = 4.0
_SHORT_BASE = 12.0
"""A base of n points asks for a strength larger by this over n: its noise is known badly."""

_EXCURSION = 1.5
_USUAL = 0.99
_USUAL_IF_STRONG = 0.95
_STRONG = 20.0
_LONG_BASE = 200
"""A small part of a long base may have been an incident of its own: it hides nothing that is strong."""

_LONGEST_WINDOW = 5
_FLOOR = 0.01
_CLIP = 8.0
_DRIFT = 1.5
_BINS = 240
_BENDS = 48
_BETTER = 0.6
_FAR_BEYOND = {1: 3.0, 2: 2.0}
_LEAST_TOGETHER = 3
"""Of rare events so many must come together; their windows are compared by means, as medians would not see them."""

_MAD = 1.4826
_MEAN_DEVIATION = 1.2533
_TAIL = 1.2816


@dataclass(frozen=True)
class Onset:
    """A lasting or passing shift of one series.

    Attributes:
        at: epoch seconds of the first point of the shift.
        up: whether the values rose.
        before: median of the points before.
        after: median of the shifted points; of a ramp the level it reaches.
        strength: distance of `after` from `before` over the noise before, 0 to 100.
        until: epoch seconds of the last shifted point.
        points: how many points the shift has; 0 where that is not known.
    """

    at: float
    up: bool
    before: float
    after: float
    strength: float
    until: float
    points: int = 0

    @property
    def ratio(self) -> float:
        """How many times the larger level is the smaller one, 1 and more; infinite where one of them is 0."""
        low, high = sorted((abs(self.before), abs(self.after)))
        return high / low if low > 0 and self.before * self.after > 0 else float("inf")


def onset(times: Floats, values: Floats, *, least_before: int = 8, since: float | None = None) -> Onset | None:
    """Return the clearest shift of a series, or None where nothing shifts clearly.

    Args:
        times: epoch seconds, shape (n,), in any order.
        values: shape (n,); points that are no finite number are left out.
        least_before: so many points at least must lie before the shift.
        since: only shifts that begin at or after this time; what lies before is the base they are compared with.
    """
    t, v, scale = _clean(times, values)
    least = max(least_before, 1)
    first = max(least, int(np.searchsorted(t, since))) if since is not None else least
    if len(v) <= first or (since is not None and int(np.searchsorted(t, since)) < least):
        return None
    start, stop = _stretch(v, first) if since is None else _run(v, first)
    base = v[: first if since is not None else start]
    start, stop = _trim(v, base, first, start, stop)
    if since is not None and start == first and _begun(v, first, stop):
        return None
    bend = _bend(v, first, start, stop)
    base = v[: min(bend, first) if since is not None else bend]
    if since is None and not _stands_out(v, base, bend, stop):
        return None
    return _judge(t, v, scale, base, bend, stop, ramp=bend < start)


def noise_of(values: Floats) -> float:
    """Return the robust spread of values, in their unit; 0 for constant or no values."""
    if len(values) == 0:
        return 0.0
    apart = np.abs(values - np.median(values))
    middle = float(np.median(apart))
    return _MAD * middle if middle > 0 else _MEAN_DEVIATION * float(np.mean(apart))


def _clean(times: Floats, values: Floats) -> tuple[Floats, Floats, float]:
    """Return finite points in order, values divided by the largest of them so that nothing overflows."""
    n = min(len(times), len(values))
    t, v = np.asarray(times[:n], dtype=np.float64), np.asarray(values[:n], dtype=np.float64)
    good = np.isfinite(t) & np.isfinite(v)
    t, v = t[good], v[good]
    order = np.argsort(t, kind="stable")
    scale = float(np.max(np.abs(v), initial=0.0)) or 1.0
    return t[order], v[order] / scale, scale


def _stretch(v: Floats, first: int) -> tuple[int, int]:
    """Return the stretch [i, j), i >= first, whose mean lies farthest from the rest, by bins and then exactly."""
    middle, wide = float(np.median(v)), max(noise_of(v), _FLOOR * float(np.ptp(v)), 1e-12)
    clipped = np.clip((v - middle) / wide, -_CLIP, _CLIP)
    n = len(v)
    sums = np.concatenate(([0.0], np.cumsum(clipped)))
    edges = np.unique(np.linspace(first, n, min(_BINS, n - first) + 1).astype(np.intp))
    i, j = _best_pair(sums, edges[:-1], edges[1:])
    width = int(np.max(np.diff(edges)))
    near_i = np.arange(max(first, i - width), min(n - 1, i + width) + 1)
    near_j = np.arange(max(first + 1, j - width), min(n, j + width) + 1)
    return _best_pair(sums, _thinned(near_i), _thinned(near_j))


def _thinned(places: NDArray[np.intp]) -> NDArray[np.intp]:
    return places[:: max(1, len(places) // 1_000)]


def _best_pair(sums: Floats, starts: NDArray[np.intp], stops: NDArray[np.intp]) -> tuple[int, int]:
    n = len(sums) - 1
    length = stops[None, :] - starts[:, None]
    inside = sums[stops][None, :] - sums[starts][:, None]
    fits = (length > 0) & (length < n)
    many = np.where(fits, length, 1)
    apart = inside / many - (sums[-1] - inside) / np.maximum(n - many, 1)
    score = np.where(fits, apart**2 * many * (n - many), -1.0)
    row, column = divmod(int(np.argmax(score)), len(stops))
    return int(starts[row]), int(stops[column])


def _run(v: Floats, first: int) -> tuple[int, int]:
    """Return the run [i, j), i >= first, with the largest sum of deviations from the base, upward or downward."""
    base = v[:first]
    middle, wide = float(np.median(base)), max(noise_of(base), _FLOOR * float(np.ptp(v)), 1e-12)
    z = np.clip((v[first:] - middle) / wide, -_CLIP, _CLIP)
    up, down = _largest_run(z - _DRIFT), _largest_run(-z - _DRIFT)
    start, stop, _ = max(up, down, key=lambda run: run[2])
    return first + start, first + stop


def _largest_run(gains: Floats) -> tuple[int, int, float]:
    """Return (i, j, sum) of the run [i, j) with the largest sum (Kadane)."""
    sums = np.concatenate(([0.0], np.cumsum(gains)))
    lowest = np.minimum.accumulate(sums[:-1])
    stop = int(np.argmax(sums[1:] - lowest)) + 1
    start = int(np.argmin(sums[:stop]))
    return start, stop, float(sums[stop] - sums[start])


def _trim(v: Floats, base: Floats, first: int, start: int, stop: int) -> tuple[int, int]:
    """Move the edges to where the values leave and reach the base: not onto noise, not behind a point that belongs."""
    before, level = float(np.median(base)), float(np.median(v[start:stop]))
    sign = 1.0 if level >= before else -1.0
    apart = sign * (v - before)
    bar = max(0.3 * abs(level - before), min(3.0 * noise_of(base), 0.6 * abs(level - before)))
    while start < stop - 1 and apart[start] < bar:
        start += 1
    while start > first and apart[start - 1] >= bar > 0:
        start -= 1
    while stop > start + 1 and apart[stop - 1] < bar:
        stop -= 1
    while stop < len(v) and apart[stop] >= bar > 0:
        stop += 1
    return start, stop


def _begun(v: Floats, first: int, stop: int) -> bool:
    """Whether the points just before `first` were shifted already."""
    last = v[max(0, first - 3) : first]
    before, level = float(np.median(v[:first])), float(np.median(v[first:stop]))
    halfway = (before + level) / 2
    return len(last) == 3 and bool(np.all(last > halfway) if level > before else np.all(last < halfway))


def _bend(v: Floats, first: int, start: int, stop: int) -> int:
    """Return the first point of a ramp that the shift belongs to, or `start` where it is a step."""
    before = float(np.median(v[:start]))
    sign = 1.0 if float(np.median(v[start:stop])) >= before else -1.0
    apart = sign * (v[:stop] - before)
    goal = 0.9 * float(np.quantile(apart[start:], 0.9))
    top = _first_lasting(apart, start, goal)
    if top - start < 3 or goal <= 0:
        return start
    low = max(first, start - 3 * (top - start) - 3)
    left = max(0, low - 2 * (top - low))
    part = apart[left : top + 1]
    bends = np.unique(np.linspace(low, start, min(_BENDS, start - low + 1)).astype(np.intp)) - left
    misfits = np.array([_line_misfit(part, int(bend)) for bend in bends])
    best = int(np.argmin(misfits))
    step = _misfit(part[: start - left]) + _misfit(part[start - left :])
    return min(int(bends[best]) + left + 1, start) if misfits[best] < _BETTER * step else start


def _first_lasting(apart: Floats, start: int, goal: float) -> int:
    """Return the first place from `start` on where the median of three points reaches the goal."""
    part = apart[start:]
    if len(part) < 3:
        return start
    three = np.median(np.lib.stride_tricks.sliding_window_view(part, 3), axis=1)
    reached = np.flatnonzero(three >= goal)
    return start + int(reached[0]) if len(reached) else len(apart) - 1


def _misfit(part: Floats) -> float:
    return float(np.sum((part - np.mean(part)) ** 2)) if len(part) else 0.0


def _line_misfit(part: Floats, bend: int) -> float:
    """Return the squared error of a line that is level up to `bend` and straight after it."""
    x = np.maximum(np.arange(len(part)) - bend, 0).astype(np.float64)
    x -= x.mean()
    y = part - part.mean()
    square = float(x @ x)
    slope = float(x @ y) / square if square > 0 else 0.0
    return float(np.sum((y - slope * x) ** 2))


def _stands_out(v: Floats, base: Floats, start: int, stop: int) -> bool:
    """Whether a point or two that were sought in a whole series lie far beyond all others: some always lie farthest."""
    beyond = _FAR_BEYOND.get(stop - start)
    if beyond is None or len(base) == 0:
        return True
    before = float(np.median(base))
    others = np.concatenate((v[:start], v[stop:]))
    return bool(np.min(np.abs(v[start:stop] - before)) > beyond * np.max(np.abs(others - before)))


def _judge(t: Floats, v: Floats, scale: float, base: Floats, start: int, stop: int, *, ramp: bool) -> Onset | None:
    if len(base) == 0:
        return None
    part, before = v[start:stop], float(np.median(base))
    middle = float(np.median(part))
    up = middle > before
    after = float(np.quantile(part, 0.9 if up else 0.1)) if ramp else middle
    apart = abs(after - before)
    if apart <= 1e-9:
        return None
    tail = abs(float(np.quantile(base, 0.9 if up else 0.1)) - before) / _TAIL
    strength = apart / max(noise_of(base), tail, _FLOOR * apart)
    share = _USUAL_IF_STRONG if strength >= _STRONG and len(base) >= _LONG_BASE else _USUAL
    farthest = _farthest(base, before, len(part), share)
    if strength < _LEAST_STRENGTH + _SHORT_BASE / len(base) or apart <= _EXCURSION * farthest:
        return None
    return Onset(float(t[start]), up, before * scale, after * scale, strength, float(t[stop - 1]), stop - start)


def _farthest(base: Floats, before: float, length: int, share: float) -> float:
    """Return how far that share of the base's stretches of that length, five points at most, stays from its median."""
    rare = float(np.median(np.abs(base - before))) == 0.0
    window = max(1, min(length, _LONGEST_WINDOW, len(base) // 2))
    window = 1 if rare and window < _LEAST_TOGETHER else window
    windows = np.lib.stride_tricks.sliding_window_view(base, window)
    levels = np.mean(windows, axis=1) if rare else np.median(windows, axis=1)
    return float(np.quantile(np.abs(levels - before), share, method="higher"))
