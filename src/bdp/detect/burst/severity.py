"""Severity of a burst, at the moment it crosses."""

from __future__ import annotations

from bdp.model.anomaly import SEVERITIES, Severity

_STEPS = ((10.0, 0), (3.0, 1), (1.5, 2))
_HIGH, _MEDIUM, _LOW = 1, 2, 3
_SHORTEST_SPAN = 60


def rate(*, count: float, span: int, window: int, bound: float, errors: float, never_seen: bool) -> Severity:
    """Return how bad a burst looks when it crosses.

    At the crossing the count itself says little: it has just passed the bound. So the size is what the window would
    hold at the pace seen so far, counted over at least 60 s.

    | size = max(count, count x window / max(span, 60 s)) | severity |
    |---|---|
    | >= 10 x bound | critical |
    | >= 3 x bound | high |
    | >= 1.5 x bound | medium |
    | less | low |

    | then | change |
    |---|---|
    | half or more are errors (ERROR, FATAL, status >= 500), key never seen before | one step worse, at most high |
    | fewer than half are errors | one step better |
    | none is an error (WARN only) | at most medium |

    Args:
        count: weighted events in the window.
        span: seconds from the first event of the window to the crossing.
        bound: the count that was crossed: the threshold, or the key's own band where that is higher.
        errors: share of errors among the events, 0..1.
    """
    size = max(count, count * window / max(span, _SHORTEST_SPAN))
    step = next((step for factor, step in _STEPS if size >= factor * bound), _LOW)
    if errors < 0.5:
        step += 1
    elif never_seen and step > _HIGH:
        step -= 1
    best = 0 if errors > 0 else _MEDIUM
    return SEVERITIES[min(max(step, best), _LOW)]
