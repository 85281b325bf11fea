"""Novelty: how far a value lies from everything that was seen before.

Each signal keeps at most `PLACES` values that cover what was seen. When the set is full, a value enters only if it lies
farther from the set than the closest two in it lie from each other, and one of those two leaves: the set stays spread
out, as in the incremental clustering of Charikar et al. ("Incremental clustering and dynamic information retrieval",
STOC 1997), so the distance to it is close to the distance to all that was ever seen.

What was not met for a whole generation is forgotten (`renew`), so that trouble of long ago is news when it comes back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series.columns import Columns, Floats, Shape

PLACES = 96


def layout(signals: int) -> dict[str, Shape]:
    """Return what the sets of one series need."""
    return {
        "places": ((signals, PLACES), np.float32, np.inf),
        "met": ((signals, PLACES), np.bool_, False),
        "gap": ((signals,), np.float32, -1.0),
    }


def distance(
    columns: Columns, rows: NDArray[np.intp], signal: int, value: Floats, mark: NDArray[np.bool_] | None = None
) -> Floats:
    """Return the distance to the nearest value in the set; infinite while the set is empty.

    Args:
        mark: where to note which value was met; now and then is enough.
    """
    apart = np.abs(columns["places"][rows, signal] - value[:, None])
    least: Floats = apart.min(axis=1)
    if mark is not None and mark.any():
        columns["met"][rows[mark], signal, apart[mark].argmin(axis=1)] = True
    return least


def remember(columns: Columns, rows: NDArray[np.intp], signal: int, value: Floats, apart: Floats) -> None:
    """Add values that lie `apart` from their sets. A gap below 0 says that the set has room."""
    news = np.flatnonzero((apart > columns["gap"][rows, signal]) & (apart > 0))
    if not news.size:
        return
    at = rows[news]
    places = np.concatenate([columns["places"][at, signal], value[news, None]], axis=1)
    met = np.concatenate([columns["met"][at, signal], np.ones((at.size, 1), dtype=bool)], axis=1)
    order = np.argsort(places, axis=1)
    places, met = np.take_along_axis(places, order, axis=1), np.take_along_axis(met, order, axis=1)
    full = np.isfinite(places[:, -1])
    leaves = np.full(at.size, PLACES)
    if full.any():
        leaves[full] = _crowded(places[full], value[news][full])
    stay = np.arange(PLACES + 1)[None, :] != leaves[:, None]
    places, met = places[stay].reshape(-1, PLACES), met[stay].reshape(-1, PLACES)
    columns["places"][at, signal], columns["met"][at, signal] = places, met
    columns["gap"][at, signal] = _gap(places)


def renew(columns: Columns, rows: NDArray[np.intp]) -> None:
    """Begin a generation: forget what the last one did not meet."""
    places, met = columns["places"][rows], columns["met"][rows]
    places[~met] = np.inf
    places.sort(axis=2)
    columns["places"][rows] = places
    columns["met"][rows] = False
    columns["gap"][rows] = np.where(np.isfinite(places[:, :, -1]), _gap(places), -1.0)


def _crowded(places: Floats, value: Floats) -> NDArray[np.intp]:
    """Return which value leaves: one of the closest two, not the new one."""
    steps = np.diff(places, axis=1)
    new = places == value[:, None]
    touched = new[:, 1:] | new[:, :-1]
    lower: NDArray[np.intp] = np.where(touched, np.inf, steps).argmin(axis=1)
    leaving: NDArray[np.intp] = np.where(lower + 1 == PLACES, lower, lower + 1)
    return leaving


def _gap(places: Floats) -> Floats:
    """Return the smallest distance within full sets, -1 for others."""
    with np.errstate(invalid="ignore"):
        smallest = np.diff(places, axis=-1).min(axis=-1)
    full = np.isfinite(places[..., -1])
    return np.where(full, smallest, np.float32(-1.0)).astype(np.float32)
