"""When a service's messages broke out: the stretch of minutes in which there are far more than in the others.

The scan statistic of Kulldorff (1997) in one dimension, for counts a minute: of all stretches the one whose count is
the least likely if minutes were alike. What is said now and then all the time has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]
MINUTE: Final = 60
_LEAST_RATIO: Final = 3.0
_LEAST_EVIDENCE: Final = 6.0
"""Log-likelihood ratio; 6 is 1 in 400 for a stretch that was chosen beforehand."""
_MOST_OF_ALL: Final = 0.9
"""Of the minutes; what goes on nearly all the time has nothing to be held against."""
_MOST_MINUTES: Final = 1_000


@dataclass(frozen=True)
class Outbreak:
    """One stretch.

    Attributes:
        start: epoch seconds of its first minute.
        inside: messages a minute in it; outside: in the others.
    """

    start: float
    inside: float
    outside: float


def outbreak(counts: Iterable[Mapping[int, float]], first: float, end: float) -> Outbreak | None:
    """Return the stretch in which messages broke out; None where they did not.

    Args:
        counts: of shapes of messages, by epoch minute; what is out of the span does not count.
        first, end: epoch seconds of the span.
    """
    begin = int(first // MINUTE)
    size = min(_MOST_MINUTES, int(end // MINUTE) - begin + 1)
    level = np.zeros(max(1, size))
    for shape in counts:
        for minute, count in shape.items():
            if 0 <= minute - begin < size:
                level[minute - begin] += count
    if level.sum() <= 0 or size < 2:
        return None
    at, until = _stretch(level)
    inside, length = level[at:until].sum(), until - at
    outside = (level.sum() - inside) / max(1, size - length)
    rate = inside / length
    if _evidence(np.array([inside]), np.array([length]), level.sum(), size)[0] < _LEAST_EVIDENCE:
        return None
    return Outbreak(float((begin + at) * MINUTE), rate, outside) if rate >= _LEAST_RATIO * outside else None


def _stretch(level: Levels) -> tuple[int, int]:
    """Return the first minute of the stretch and the one behind its last; both have messages in them."""
    edges = np.flatnonzero(level)
    total = np.concatenate([[0.0], np.cumsum(level)])
    starts, ends = np.meshgrid(edges, edges + 1, indexing="ij")
    proper = (ends > starts) & (ends - starts <= _MOST_OF_ALL * len(level))
    inside = np.where(proper, total[ends] - total[starts], 0.0)
    found = _evidence(inside, np.where(proper, ends - starts, 1), level.sum(), len(level))
    place = np.unravel_index(int(np.argmax(np.where(proper, found, -1.0))), found.shape)
    return int(edges[place[0]]), int(edges[place[1]] + 1)


def _evidence(inside: Levels, length: Levels, total: float, size: int) -> Levels:
    """Return the log-likelihood ratio of stretches with more than their share; 0 for the others."""
    expected = total * length / size
    outside = total - inside
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.where(inside > 0, inside * np.log(inside / expected), 0.0)
        without = np.where(outside > 0, outside * np.log(outside / (total - expected)), 0.0)
    return np.where(inside > expected, within + without, 0.0)
